"""What wallets tells the apps above it.

`balances_moved` is sent once per transaction that moved balances, inside that transaction, with
`wallets` (locked; `ledger.Holding`, with the pots as they are now) and `kinds` (the kinds of the
entries). What has been read under the locks already comes with it, by name: `rates` (the history of
rates), and what a receiver gave its own app to read. A receiver that raises undoes the movement, so
receivers only write rows; anything slow or outside waits for `transaction.on_commit`. Campaigns
listens in `campaigns.receivers`.
"""

from django.dispatch import Signal

balances_moved = Signal()

"""What wallets tells the apps above it.

`balances_moved` is sent once per transaction that moved balances, inside that transaction, with
`wallets` (locked; `ledger.Holding`, with the pots as they are now), `kinds` (the kinds of the
entries) and `rates` (the history of rates, if it has been read in this transaction, or None). A
receiver that raises undoes the movement, so receivers only write rows; anything slow or outside
waits for `transaction.on_commit`. Campaigns listens in `campaigns.receivers`.
"""

from django.dispatch import Signal

balances_moved = Signal()

"""What a wallet holds and what moves it: the ledger, metering, Included minutes, corrections."""

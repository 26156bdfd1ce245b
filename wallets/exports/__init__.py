"""An account's ledger as files for programs that are not ours: whole, exact, and adding up."""

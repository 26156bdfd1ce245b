"""Wallets in one cell or the other."""

from accounts.cells.place import inside
from wallets.tests.worlds.builders import make_wallet


def wallet_in(cell, **pots):
    with inside(cell):
        wallet = make_wallet(**pots)
        # Read while it can be.
        assert wallet.account.agency is None
        return wallet

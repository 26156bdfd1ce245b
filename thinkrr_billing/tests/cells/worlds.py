"""Wallets in one cell or the other, and whoever asks both at once."""

import threading

from django.db import connection

from accounts.cells import place
from accounts.cells.place import inside
from wallets.tests.worlds.builders import make_wallet

# Seconds: nothing here takes so long unless it hangs.
PATIENCE = 20


def wallet_in(cell, **pots):
    with inside(cell):
        wallet = make_wallet(**pots)
        # Read while it can be.
        assert wallet.account.agency is None
        return wallet


def backend():
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return cursor.fetchone()[0]


class Together:
    """Lets nobody go on before so many have come."""

    def __init__(self, count):
        self.barrier = threading.Barrier(count, timeout=PATIENCE)
        self.seen = []

    def __call__(self, cell):
        self.barrier.wait()
        self.seen.append((cell, place.current(), backend()))
        return cell

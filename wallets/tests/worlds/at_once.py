"""The same thing several times at the same moment, for tests of races."""

from concurrent.futures import ThreadPoolExecutor

from django.db import connection

from wallets.errors import WalletError


def at_once(function, arguments):
    """Call it with each argument at the same time, each on a connection of its own."""

    def call(argument):
        try:
            return function(argument)
        except WalletError as refusal:
            return refusal.code
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=len(arguments)) as pool:
        return list(pool.map(call, arguments))

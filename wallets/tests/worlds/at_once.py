"""The same thing several times at the same moment, for tests of races."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

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


@contextmanager
def after_the_first_look(table, change):
    """Within it, somebody else changes something right after the first statement on the table."""
    looked = []

    def look(execute, sql, params, many, context):
        answer = execute(sql, params, many, context)
        if not looked and table in sql:
            looked.append(sql)
            change()
        return answer

    with connection.execute_wrapper(look):
        yield
    assert looked


@contextmanager
def before_the_lock(change):
    """Within it, somebody else changes something right before the first lock of a row."""
    came = []

    def look(execute, sql, params, many, context):
        if not came and "FOR NO KEY UPDATE" in sql:
            came.append(sql)
            change()
        return execute(sql, params, many, context)

    with connection.execute_wrapper(look):
        yield
    assert came

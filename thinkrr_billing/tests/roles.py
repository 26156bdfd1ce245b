"""A database role as the application's, made in the transaction of a test, like all its rights."""

import os
from contextlib import contextmanager

import pytest
from django.db import ProgrammingError, connection, transaction

from thinkrr_billing import database_role

# Test processes share a server: each has its own.
ROLE = f"thinkrr_tried_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
_REFUSED = "permission denied|must be (owner|superuser)"


def sql(*statements):
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def asked(query):
    """The one value that the query answers."""
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchone()[0]


def make_role():
    sql(f"CREATE ROLE {ROLE}")
    database_role.grant(ROLE)
    return ROLE


@contextmanager
def acting_as(name):
    """Foreign keys still to be checked would refuse some statements before the rights do."""
    with transaction.atomic():
        sql("SET CONSTRAINTS ALL IMMEDIATE", f"SET LOCAL ROLE {name}")
        yield
        sql("SET LOCAL ROLE NONE")


def refused(role, statement):
    with pytest.raises(ProgrammingError, match=_REFUSED), acting_as(role):
        sql(statement)

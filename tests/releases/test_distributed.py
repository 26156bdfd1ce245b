"""The triggers that there are, by what distributed tables would refuse of them."""

import pytest
from django.db import connection

from tests.releases import distributed

pytestmark = pytest.mark.django_db

TRIGGERS = """
SELECT t.tgname, p.prosrc, array_remove(ARRAY[t.tgnewtable, t.tgoldtable]::text[], NULL)
FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
WHERE t.tgnewtable IS NOT NULL OR t.tgoldtable IS NOT NULL
"""


def test_every_trigger_that_there_is_reads_its_rows_alone():
    with connection.cursor() as cursor:
        tables = set(connection.introspection.table_names(cursor))
        cursor.execute(TRIGGERS)
        found = cursor.fetchall()

    assert len(found) >= 5
    assert [name for name, body, rows in found if distributed.mixes(body, set(rows), tables)] == []

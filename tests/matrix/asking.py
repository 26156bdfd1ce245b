"""Asks as somebody would, tells what it wrote in the database, and undoes it."""

from dataclasses import dataclass

from django.apps import apps
from django.db import connection, transaction
from django.test import Client

# Who works where, since when, and the messages they read next: it says nothing about anybody else.
OWN = {"django_session", "accounts_opensession"}
_WRITTEN = """
SELECT one::oid::regclass::text,
    pg_stat_get_xact_tuples_inserted(one) + pg_stat_get_xact_tuples_updated(one)
    + pg_stat_get_xact_tuples_deleted(one)
FROM unnest(%s::oid[]) one
"""


@dataclass(frozen=True)
class Answer:
    status: int
    text: str
    location: str
    wrote: list[str]

    @property
    def to_login(self) -> bool:
        return self.status == 302 and self.location.startswith("/login/?next=")


class Asker:
    """Counts by PostgreSQL's own figures of the transaction: triggers and undone rows included."""

    def __init__(self) -> None:
        tables = {model._meta.db_table for model in apps.get_models(include_auto_created=True)}
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT array_agg(oid) FROM pg_class WHERE relname = ANY(%s)",
                [sorted(tables - OWN)],
            )
            self._oids = cursor.fetchone()[0]
        self.forget()

    def ask(self, client: Client, method: str, address: str, **sent: object) -> Answer:
        cookies = {name: one.value for name, one in client.cookies.items()}
        before = transaction.savepoint()
        response = getattr(client, method.lower())(address, **sent)
        body = response.getvalue() if response.streaming else response.content
        transaction.savepoint_rollback(before)
        transaction.savepoint_commit(before)
        client.cookies.clear()
        client.cookies.load(cookies)
        return Answer(
            response.status_code,
            body.decode("utf-8", "replace"),
            response.get("Location", ""),
            self._news(),
        )

    def forget(self) -> None:
        """What was written until now was no request's."""
        self._before = self._written()

    def _written(self) -> dict[str, int]:
        with connection.cursor() as cursor:
            cursor.execute(_WRITTEN, [self._oids])
            return dict(cursor.fetchall())

    def _news(self) -> list[str]:
        now = self._written()
        news = [name for name, count in now.items() if count != self._before[name]]
        self._before = now
        return sorted(news)

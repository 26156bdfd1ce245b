"""All state, in one SQLite file. One connection, one lock, one transaction a request.

`synchronous=OFF` still survives a killed process (not a power cut, which a sandbox may lose).
Private facts of an object (a card's number and behaviour) live under its key `_sandbox`.
"""

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS objects (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,
    created INTEGER NOT NULL, customer TEXT, payment_intent TEXT, charge TEXT, type TEXT,
    body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS objects_by_kind ON objects (kind, created, seq);
CREATE INDEX IF NOT EXISTS objects_by_customer ON objects (customer, kind, created, seq);
CREATE INDEX IF NOT EXISTS objects_by_intent ON objects (payment_intent, kind, created, seq);
CREATE INDEX IF NOT EXISTS objects_by_charge ON objects (charge, kind, created, seq);
CREATE TABLE IF NOT EXISTS idempotency (
    key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, at REAL NOT NULL, status INTEGER NOT NULL,
    body TEXT NOT NULL, request_id TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS idempotency_by_age ON idempotency (at);
CREATE TABLE IF NOT EXISTS faults (
    id INTEGER PRIMARY KEY AUTOINCREMENT, seen INTEGER NOT NULL DEFAULT 0,
    used INTEGER NOT NULL DEFAULT 0, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL, type TEXT NOT NULL,
    target TEXT NOT NULL, status TEXT NOT NULL, signature TEXT NOT NULL, grouping TEXT,
    attempts INTEGER NOT NULL DEFAULT 0, created REAL NOT NULL, next_at REAL,
    answer INTEGER, error TEXT);
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (status, next_at);
CREATE INDEX IF NOT EXISTS deliveries_by_event ON deliveries (event);
CREATE TABLE IF NOT EXISTS requests (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, request_id TEXT NOT NULL,
    method TEXT NOT NULL, path TEXT NOT NULL, idempotency_key TEXT, status INTEGER,
    replayed INTEGER NOT NULL, fault TEXT, ms REAL NOT NULL, params TEXT NOT NULL);
"""
_TABLES = ("meta", "objects", "idempotency", "faults", "deliveries", "requests")
_FILTERS = ("customer", "payment_intent", "charge", "type")
_BOUNDS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


class StateInUse(Exception):
    """Another process holds the state file."""


class Store:
    def __init__(self, path: str) -> None:
        self.lock = threading.RLock()
        self._depth = 0
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=2)
        self._db.row_factory = sqlite3.Row
        try:
            # Exclusive: a second sandbox on the same file would deliver every event twice.
            self._db.execute("PRAGMA locking_mode=EXCLUSIVE")
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=OFF")
            self._db.executescript(_SCHEMA)
        except sqlite3.OperationalError as error:
            raise StateInUse(str(error)) from None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Hold the lock; commit at the end, or roll everything back on an exception."""
        with self.lock:
            if self._depth:
                yield
                return
            self._db.execute("BEGIN")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            else:
                self._db.execute("COMMIT")
            finally:
                self._depth -= 1

    def query(self, sql: str, *values: object) -> list[sqlite3.Row]:
        with self.lock:
            return self._db.execute(sql, values).fetchall()

    def execute(self, sql: str, *values: object) -> sqlite3.Cursor:
        with self.lock:
            return self._db.execute(sql, values)

    def close(self) -> None:
        with self.lock:
            self._db.close()

    def clear(self) -> None:
        with self.transaction():
            for table in _TABLES:
                self._db.execute(f"DELETE FROM {table}")

    def meta(self, name: str, default: object = None) -> object:
        rows = self.query("SELECT value FROM meta WHERE name=?", name)
        return json.loads(rows[0]["value"]) if rows else default

    def set_meta(self, name: str, value: object) -> None:
        self.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", name, json.dumps(value))

    def find(self, *, kind: str, id: str) -> dict | None:
        rows = self.query("SELECT body FROM objects WHERE id=? AND kind=?", id, kind)
        return json.loads(rows[0]["body"]) if rows else None

    def find_any(self, id: str) -> dict | None:
        rows = self.query("SELECT body FROM objects WHERE id=?", id)
        return json.loads(rows[0]["body"]) if rows else None

    def save(self, obj: dict) -> None:
        """Insert or update. Order of creation is kept for lists."""
        columns = [_reference(obj, name) for name in _FILTERS]
        self.execute(
            "INSERT INTO objects (id, kind, created, customer, payment_intent, charge, type, body)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET"
            " customer=excluded.customer, payment_intent=excluded.payment_intent,"
            " charge=excluded.charge, type=excluded.type, body=excluded.body, kind=excluded.kind",
            obj["id"],
            _kind(obj),
            obj.get("created", 0),
            *columns,
            json.dumps(obj, separators=(",", ":")),
        )

    def list(
        self,
        *,
        kind: str,
        where: dict | None = None,
        created: dict | None = None,
        types: list[str] | None = None,
        after: str | None = None,
        before: str | None = None,
        limit: int = -1,
    ) -> list[dict]:
        """Newest first. `after` and `before` are ids of the same kind."""
        clauses, values = ["kind=?"], [kind]
        for name, value in (where or {}).items():
            assert name in _FILTERS, name
            clauses.append(f"{name}=?")
            values.append(value)
        for bound, moment in (created or {}).items():
            clauses.append(f"created{_BOUNDS[bound]}?")
            values.append(moment)
        if types:
            clauses.append(f"type IN ({','.join('?' * len(types))})")
            values.extend(types)
        for cursor, sign in ((after, "<"), (before, ">")):
            if cursor:
                clauses.append(
                    f"(created, seq) {sign} (SELECT created, seq FROM objects WHERE id=?)"
                )
                values.append(cursor)
        order = "ASC" if before else "DESC"
        rows = self.query(
            f"SELECT body FROM objects WHERE {' AND '.join(clauses)}"
            f" ORDER BY created {order}, seq {order} LIMIT ?",
            *values,
            limit,
        )
        found = [json.loads(row["body"]) for row in rows]
        return found[::-1] if before else found


def _kind(obj: dict) -> str:
    return f"deleted {obj['object']}" if obj.get("deleted") else obj["object"]


def _reference(obj: dict, name: str) -> str | None:
    value = obj.get(name)
    return value if isinstance(value, str) else None

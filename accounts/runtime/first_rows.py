"""The first rows of a list, read from their index and no further, whatever PostgreSQL expects.

Of a list with `LIMIT 25` it expects what is usual of whoever it is of. Where that is less than 25,
everything a busy one has looks to it like a page: it reads all of it and sorts it.
"""

from collections.abc import Collection
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db import connections
from django.db.models import BooleanField, F, Func, OuterRef, QuerySet
from django.db.models.sql import Query
from django.db.models.sql.compiler import SQLCompiler

from accounts.runtime.of_one import of_one


def first(rows: QuerySet, most: int) -> list[Any]:
    """At most so many, in their order, read by the index that has it and no further. One query.

    In SQL `WHERE id = ANY (ARRAY(SELECT … LIMIT (SELECT 25)))`: of a number it does not see
    PostgreSQL expects to want a tenth of what there is, and so sorts nothing as a whole; and what
    is joined with the few it finds row by row.
    """
    return list(_only(rows, _first_keys(rows, most)))


def first_of_several(rows: QuerySet, most: int, *, field: str, keys: Collection) -> list[Any]:
    """At most so many of those whose foreign key `field` is one of `keys`, in their order, of each
    read as by `first`. One query.

    Its index begins with that column, and has the order of the rows.
    """
    each = rows.filter(of_one(field, OuterRef("pk"))).order_by(f"{field}_id", *rows.query.order_by)
    owners = rows.model._meta.get_field(field).related_model._base_manager.filter(pk__in=keys)
    among = owners.values_list(Func(ArraySubquery(_first_keys(each, most)), function="unnest"))
    return list(_only(rows, among)[:most])


def _first_keys(rows: QuerySet, most: int) -> QuerySet:
    keys = rows.values_list(_FromItsPage(F("pk")))
    keys.query = keys.query.chain(_OfAnyLength)
    keys.query.set_limits(high=most)
    return keys


def _only(rows: QuerySet, keys: QuerySet) -> QuerySet:
    """These of them, which are asked nothing else."""
    found = rows.all()
    found.query.clear_where()
    return found.filter(_AnyOf(F("pk"), ArraySubquery(keys)))


class _FromItsPage(Func):
    """The same key, for which PostgreSQL has to look at the row: an index that has every column
    that is asked for, but another order, would look cheaper to read and sort than the right one."""

    def as_sql(self, compiler: SQLCompiler, *_: object, **__: object) -> tuple[str, list]:
        [column] = self.source_expressions
        key, values = compiler.compile(column)
        row = compiler.quote_name_unless_alias(column.alias)
        # No row stands there.
        return f"CASE WHEN {row}.ctid = '(0,0)' THEN NULL ELSE {key} END", values


class _AnyOf(Func):
    template = "%(expressions)s)"
    arg_joiner = " = ANY ("
    output_field = BooleanField()


class _Compiler(SQLCompiler):
    def as_sql(self, with_limits: bool = True, with_col_aliases: bool = False) -> tuple[str, tuple]:
        sql, values = super().as_sql(with_limits=False, with_col_aliases=with_col_aliases)
        limited = f"{sql} LIMIT (SELECT {self.query.high_mark:d})" if with_limits else sql
        return limited, values


class _OfAnyLength(Query):
    """A query that is cut after its `high_mark`, which the planner does not see."""

    def get_compiler(
        self, using: str | None = None, connection: Any = None, elide_empty: bool = True
    ) -> _Compiler:
        return _Compiler(self, connection or connections[using], using, elide_empty)

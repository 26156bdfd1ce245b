"""Rows of one account among those of all, in their order: read by the index that begins with it.

Of `wallet = 5 ORDER BY id DESC LIMIT 25` PostgreSQL knows that the wallet orders nothing. So it may
take the index of all ids instead, where few wallets have rows, and looks through everybody's for
one that has not moved for long. (`first_rows`: of one that has much, where most have little.)
"""

from django.db.models import BooleanField, F, Func, Q, QuerySet, Value
from django.db.models.expressions import Combinable


def of_one(field: str, key: object) -> Func | Q:
    """The condition that a foreign key is this one (or that of a Subquery or OuterRef), for
    `filter`. Of None there are no rows.

    Order by that column first, by its name with `_id`, and join nothing by it: only an index that
    begins with it has that order. In SQL:
    `WHERE e.wallet_id = ANY (ARRAY[5]) ORDER BY e.wallet_id, e.id DESC`.
    """
    if key is None:
        return Q(pk__in=[])
    one = key if isinstance(key, Combinable) else Value(key)
    return Func(
        F(field),
        one,
        arg_joiner=" = ANY (ARRAY[",
        template="%(expressions)s])",
        output_field=BooleanField(),
    )


def has_any(rows: QuerySet, field: str, key: object) -> bool:
    """Whether there is one. Where one has a third of all rows PostgreSQL reads the table from its
    beginning until it meets the first: it may have come last.
    """
    column = f"{field}_id"
    return bool(rows.filter(of_one(field, key)).order_by(column).values_list(column)[:1])

"""Which rows of a cell belong to an account, so that they can move with it.

Accounts that move stand in the temporary table `moving`, their customers at Stripe in
`moving_customers`; whatever leads to those by a key belongs to them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from django.db import models

from thinkrr_billing.cells import homes
from thinkrr_billing.cells.homes import MIGRATIONS, Home

ACCOUNTS = "accounts_account"
# Events for everybody who listens, of which each cell that has a delivery needs the row.
EVENTS, DELIVERIES = "accounts_webhookevent", "accounts_webhookdelivery"
ENDPOINTS = "accounts_webhookendpoint"

_MOVING = "IN (SELECT id FROM pg_temp.moving)"
_CUSTOMERS = "IN (SELECT id FROM pg_temp.moving_customers)"
# What no foreign key says.
SAID = {
    ACCOUNTS: f"id {_MOVING}",
    "accounts_auditentry": f"account_id {_MOVING}",
    "accounts_keptanswer": f"account_id {_MOVING}",
    "djstripe_customer": f"id {_CUSTOMERS}",
    "djstripe_paymentmethod": f"customer_id {_CUSTOMERS}",
}
# What is the cell's own. Of dj-stripe we write no tables but those above (`wallets.cards.mirror`).
STAYS = frozenset(
    {
        "accounts_jobrun",
        "accounts_numbering",
        "accounts_queueemptied",
        "accounts_staffalert",
        "wallets_creditnoteseries",
    }
)


@dataclass(frozen=True)
class Reference:
    """A column of a table that names rows of another, or of the same."""

    table: str
    column: str
    target: str
    key: str


def tables() -> list[str]:
    """Those with rows that move, each before those that say which of its rows do."""
    return sorted(_models(), key=lambda table: (-_depth(table), table))


def rows(table: str, schema: str) -> str:
    """The condition for the rows of a table in this schema that belong to the accounts."""
    if table in SAID:
        return SAID[table]
    leads = _leads(table)
    if leads.target == ACCOUNTS:
        return f"{leads.column} {_MOVING}"
    return (
        f"{leads.column} IN (SELECT {leads.key} FROM {schema}.{leads.target}"  # nosec B608 # names of ours
        f" WHERE {rows(leads.target, schema)})"
    )


def references() -> Iterator[Reference]:
    """Every column of what moves that names something which moves."""
    for table in _models():
        yield from _references(table)


@cache
def _models() -> dict[str, type[models.Model]]:
    return {
        model._meta.db_table: model
        for model in homes.kept()
        if homes.home_of(model) is not Home.GLOBAL and _moves(model)
    }


def _moves(model: type[models.Model]) -> bool:
    table = model._meta.db_table
    if model._meta.app_label == "djstripe":
        return table in SAID
    return table not in STAYS and table != MIGRATIONS


def _references(table: str) -> Iterator[Reference]:
    for field in _models()[table]._meta.concrete_fields:
        target = field.is_relation and field.related_model._meta.db_table
        if target in _models():
            yield Reference(table, field.column, target, field.target_field.column)


def _leads(table: str) -> Reference:
    """The way to the account: by the first column that is never empty, else the first. Raises
    LookupError for a table that leads to none."""
    ways = list(_references(table))
    filled = [one for one in ways if not _field(one).null]
    found = next(iter([*filled, *ways]), None)
    if found is None:
        raise LookupError(f"{table} leads to no account: say in {__name__} whether its rows move.")
    return found


def _field(one: Reference) -> models.Field:
    fields = _models()[one.table]._meta.concrete_fields
    return next(field for field in fields if field.column == one.column)


def _depth(table: str) -> int:
    return 0 if table in SAID else 1 + _depth(_leads(table).target)

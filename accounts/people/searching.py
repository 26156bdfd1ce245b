"""Finding accounts among a million: by words of the name, id, e-mail address or Stripe customer.

Words are found by PostgreSQL's own text search, which every server has."""

import re
from itertools import chain
from uuid import UUID

from django.contrib.postgres.search import SearchQuery, SearchVector
from django.db.models import Q, QuerySet

from accounts.cells import directory, place
from accounts.cells.directory import NoCell
from accounts.models import Account, Membership
from accounts.runtime import reachable

_WORD = re.compile(r"\w+")
MOST_WORDS = 8
MOST_FOUND = 200


def words_of(text: str) -> str:
    """A query for PostgreSQL: every word, each only begun. Empty when there is none."""
    return " & ".join(f"{word}:*" for word in _WORD.findall(text.lower())[:MOST_WORDS])


def accounts(rows: QuerySet[Account], text: str) -> QuerySet[Account]:
    """Accounts with this id, Stripe customer or person, or whose name has words beginning so."""
    text = text.strip()
    if found := as_uuid(text):
        return rows.filter(pk=found)
    if text.startswith("cus_"):
        return rows.filter(stripe_customer=text)
    if "@" in text:
        seats = Membership.objects.filter(user__email__startswith=text.lower())
        return rows.filter(pk__in=seats.values("account_id"))
    words = words_of(text)
    if not words:
        return rows.none()
    # Some of many hits, then sorted: sorting all of them would take the longer part of a second.
    return rows.filter(pk__in=list(_named(words).values_list("pk", flat=True)[:MOST_FOUND]))


def by_id(account_id: UUID) -> Account | None:
    """The account, from the cell it is in. Raises NoCell."""
    with place.inside(reachable.cell_of(account_id)):
        return Account.objects.filter(pk=account_id).first() if place.has_accounts() else None


def by_name(name: str) -> list[Account]:
    """Accounts of every cell with exactly this name; of very many the first. Raises NoCell while
    one cannot be asked: there may be another of this name."""
    rows = Account.objects.filter(name=name)
    found, away = reachable.ask_each(
        directory.with_accounts(), lambda _: list(rows.all()[:MOST_FOUND])
    )
    if away:
        raise NoCell(f"an account named “{name}” may be in {', '.join(away)}")
    return list(chain.from_iterable(found.values()))


def _named(words: str) -> QuerySet[Account]:
    # Written as the index accounts_by_words is.
    named = Account.objects.order_by().annotate(words=SearchVector("name", config="simple"))
    return named.filter(Q(words=SearchQuery(words, search_type="raw", config="simple")))


def as_uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None

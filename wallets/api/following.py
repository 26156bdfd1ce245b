"""Lists that are followed by `after`, a sequence: what changed since, and nothing is missed."""

from collections.abc import Callable, Iterable
from typing import Annotated, TypeVar
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param

from accounts.api.changes import Sequence
from accounts.api.rows import NextCursor, NextPage
from accounts.api.shapes import Answer
from accounts.models import Account, Change
from accounts.telling import changes
from wallets.api.fields import AccountsPageQuery

T = TypeVar("T")

ChangeNumber = Annotated[
    int | UnsetType,
    Meta(description="Of its last change, where `after` is sent. It only grows, with gaps."),
]


class FollowQuery(AccountsPageQuery):
    after: Annotated[
        Sequence | UnsetType,
        Meta(
            description="The `after` of the answer before, or 0: what changed since, in the order "
            "in which it changed, as it is now. Without `cursor`. Filters leave rows out, so a "
            "page may hold fewer than `limit`."
        ),
    ] = UNSET


class Followed(Answer):
    """A page of rows; where `after` is sent, with what to send the next time."""

    next: NextPage
    next_cursor: NextCursor
    after: Annotated[
        int | UnsetType, Meta(description="With `after`: send this the next time.")
    ] = UNSET
    more: Annotated[
        bool | UnsetType, Meta(description="With `after`: true when there is more already.")
    ] = UNSET


def changed(query: FollowQuery, *, accounts: Iterable[Account], kind: Change.Kind) -> changes.Page:
    """The page of changes that `after` asks for. Raises ValidationError beside a cursor."""
    if query.cursor:
        raise ValidationError({"cursor": "Send `after` or `cursor`, not both."})
    whose = [one.pk for one in accounts]
    return changes.page(kinds=[kind], accounts=whose, after=query.after, limit=query.limit)


def in_order(
    page: changes.Page, found: Iterable[T], *, id_of: Callable[[T], UUID]
) -> list[tuple[T, int]]:
    """What was found of a page of changes, in their order, each with its number."""
    by_id = {str(id_of(one)): one for one in found}
    numbers = page.sequences
    return [(by_id[name], numbers[name]) for name in numbers if name in by_id]


def followed(request: Request, page: changes.Page) -> dict[str, object]:
    """What goes beside the rows."""
    address = request.build_absolute_uri()
    following = replace_query_param(address, "after", page.after) if page.more else None
    return {"next": following, "next_cursor": None, "after": page.after, "more": page.more}

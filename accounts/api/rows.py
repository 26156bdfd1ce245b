"""Lists that are read page by page."""

import re
from typing import Annotated

from msgspec import UNSET, Meta, UnsetType
from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param

from accounts.api.shapes import Answer, Url, Wrong
from accounts.api.views import AccountQuery, page_limit

LARGEST_PAGE = 200

NextPage = Annotated[Url | None, Meta(description="The next page; null at the end.")]
NextCursor = Annotated[
    str | None, Meta(description="Send this as `cursor` for the same page; null at the end.")
]
Limit = Annotated[int, page_limit(LARGEST_PAGE, "Rows of a page.")]


def _read_id(given: object) -> int:
    if re.fullmatch(r"[1-9]\d{0,17}", str(given), re.ASCII):
        return int(str(given))
    raise Wrong("This cursor is not one of ours. Leave it out to start from the beginning.")


class RowsQuery(AccountQuery):
    """Of a list whose pages begin after a row's number."""

    cursor: Annotated[
        int | UnsetType,
        Meta(
            description="The `next_cursor` of the page before. Default: the first page.",
            extra={"read": _read_id},
            extra_json_schema={"as": {"type": "string", "pattern": r"^[1-9]\d{0,17}$"}},
        ),
    ] = UNSET
    limit: Limit = 50


class RowsPage(Answer):
    """What stands beside the rows of a page."""

    next: NextPage
    next_cursor: NextCursor


def next_page(request: Request, cursor: str) -> dict[str, str | None]:
    """What leads to the page that begins at `cursor`, with the same filters; "" at the end."""
    if not cursor:
        return {"next": None, "next_cursor": None}
    address = request.build_absolute_uri()
    return {"next": replace_query_param(address, "cursor", cursor), "next_cursor": cursor}


def beside(request: Request, rows: list, limit: int) -> dict[str, str | None]:
    """What goes beside the rows, of which one more than `limit` were read."""
    return next_page(request, str(rows[limit - 1].pk) if len(rows) > limit else "")

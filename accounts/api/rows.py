"""Lists that are read page by page, each page beginning after a row's number."""

import re
from typing import Annotated

from msgspec import UNSET, Meta, UnsetType
from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param

from accounts.api.shapes import Answer, Url, Wrong
from accounts.api.views import AccountQuery, page_limit

LARGEST_PAGE = 200


def _read_id(given: object) -> int:
    if re.fullmatch(r"[1-9]\d{0,17}", str(given), re.ASCII):
        return int(str(given))
    raise Wrong("This cursor is not one of ours. Leave it out to start from the beginning.")


class RowsQuery(AccountQuery):
    cursor: Annotated[
        int | UnsetType,
        Meta(
            description="The `next_cursor` of the page before. Default: the first page.",
            extra={"read": _read_id},
            extra_json_schema={"as": {"type": "string", "pattern": r"^[1-9]\d{0,17}$"}},
        ),
    ] = UNSET
    limit: Annotated[int, page_limit(LARGEST_PAGE, "Rows of a page.")] = 50


class RowsPage(Answer):
    """What stands beside the rows of a page."""

    next: Annotated[Url | None, Meta(description="The next page; null at the end.")]
    next_cursor: Annotated[
        str | None, Meta(description="Send this as `cursor` for the same page; null at the end.")
    ]


def beside(request: Request, rows: list, limit: int) -> dict[str, str | None]:
    """What goes beside the rows, of which one more than `limit` were read."""
    if len(rows) <= limit:
        return {"next": None, "next_cursor": None}
    cursor = str(rows[limit - 1].pk)
    address = request.build_absolute_uri()
    return {"next": replace_query_param(address, "cursor", cursor), "next_cursor": cursor}

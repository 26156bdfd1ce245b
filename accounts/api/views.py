"""The base of API views: a query is read as strictly as a body."""

import re
from typing import Annotated, Literal
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.shapes import Sent, Wrong, read_query


class AccountQuery(Sent):
    account: Annotated[
        UUID | UnsetType,
        Meta(
            description="The account meant: a sub-account of the key's agency, or any account for "
            "a platform key, which must send it. Default: the key's own."
        ),
    ] = UNSET


def page_limit(most: int, description: str = "") -> Meta:
    """Marks how many rows of a page are asked for, which a query sends as a text: 1 to `most`."""

    def read_limit(given: object) -> int:
        if re.fullmatch(r"[1-9]\d{0,3}", str(given), re.ASCII) and int(str(given)) <= most:
            return int(str(given))
        raise Wrong(f"Send a number from 1 to {most:,}.")

    said = description or None
    return Meta(ge=1, le=most, description=said, extra={"read": read_limit})


Include = Annotated[
    Literal["sub_accounts"] | UnsetType,
    Meta(description="Of an agency: itself and all of its sub-accounts."),
]


class AccountsQuery(AccountQuery):
    include: Include = UNSET


class Route(APIView):
    """The base of every route: its answers tell how much of the minute's requests is left."""

    def finalize_response(
        self, request: Request, response: Response, *args: object, **kwargs: object
    ) -> Response:
        response = super().finalize_response(request, response, *args, **kwargs)
        # Not counted: a platform's key, and who has none.
        if rate := getattr(request, "rate", None):
            response["RateLimit-Limit"] = str(rate.limit)
            response["RateLimit-Remaining"] = str(rate.remaining)
            response["RateLimit-Reset"] = str(rate.reset_seconds)
        return response


class ApiView(Route):
    """Refuses parameters that `query_shape` does not know, and those sent twice. A method that it
    does not have is refused before.

    What was read is in `self.query`; whose account it is, `accounts.api.whose` decides.
    """

    query_shape: type[Sent] = AccountQuery

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        super().initial(request, *args, **kwargs)
        if request.method not in self.allowed_methods:
            raise MethodNotAllowed(request.method)
        self.query = read_query(self.query_shape, request.query_params)

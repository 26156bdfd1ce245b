"""The header Idempotency-Key: one set of rules for every route that writes.

Keys belong to an API key and the account that the address means. The same request again is
answered as the first time, with the same status; another one with the same key is 422, and one
that comes while the first is at work 409. What was refused is not kept: nothing was done. Nor is an
answer that says `is_kept = False`, of which a part could not be done this time.
"""

import hashlib
import json
import re
from collections.abc import Callable
from functools import partial, wraps
from uuid import UUID

import msgspec
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.shapes import read_id
from accounts.cells import place
from accounts.runtime import kept_answers, reachable
from accounts.runtime.kept_answers import Asked, Given

HEADER = "Idempotency-Key"
# Says that this is the answer of the first time.
REPEATED = "Idempotency-Replayed"
_PATTERN = r"[!-~]([ -~]{0,253}[!-~])?"
_KEY = re.compile(_PATTERN, re.ASCII)
SCHEMA = {"type": "string", "pattern": f"^{_PATTERN}$"}

Handler = Callable[..., Response]

PARAMETER = OpenApiParameter(
    HEADER,
    SCHEMA,
    OpenApiParameter.HEADER,
    description="1 to 255 printable ASCII characters of your own, new for every request. For 24 "
    "hours at least, the same request with the same key is answered as the first time, and "
    "nothing is done twice; another request with it is 422.",
)


def key_of(request: Request) -> str:
    """The key that was sent. Raises ValidationError (400) for none and for one we do not take."""
    key = request.headers.get(HEADER, "")
    if not _KEY.fullmatch(key):
        raise ValidationError(
            {HEADER: "Send this header with 1 to 255 printable ASCII characters."}
        )
    return key


def once(handler: Handler) -> Handler:
    """A route whose effect and kept answer are one transaction."""
    return _once(handler, kept_answers.once)


def once_in_steps(handler: Handler) -> Handler:
    """A route that commits by itself, or speaks to Stripe. Repeating it must do nothing twice."""
    return _once(handler, kept_answers.once_in_steps)


def once_without(field: str) -> Callable[[Handler], Handler]:
    """A route that shows something a single time: in the answer to a repeat this field is null."""
    return partial(_once, keep=kept_answers.once, without=field)


def _once(
    handler: Handler, keep: Callable[[Asked, Callable[[], Given]], Given], without: str = ""
) -> Handler:
    @wraps(handler)
    def answer(view: APIView, request: Request, *args: object, **kwargs: object) -> Response:
        if HEADER not in request.headers:
            return handler(view, request, *args, **kwargs)
        done: list[Response] = []

        def do() -> Given:
            done.append(handler(view, request, *args, **kwargs))
            said = msgspec.to_builtins(done[0].data)
            if without:
                said |= {without: None}
            is_kept = getattr(done[0], "is_kept", True)
            return Given(done[0].status_code, json.dumps(said), is_kept=is_kept)

        asked = _asked(request, kwargs)
        named = asked.account_id or _account_in_body(request)
        _enter_the_cell(named)
        if named and not place.has_accounts():
            # There is no such account: the route says so, and nothing is kept.
            return handler(view, request, *args, **kwargs)
        given = keep(asked, do)
        if not given.is_repeat:
            return done[0]
        return Response(json.loads(given.body), given.status, headers={REPEATED: "true"})

    answer.takes_idempotency_key = True
    return answer


def _enter_the_cell(account_id: UUID | None) -> None:
    """Where what is done and its answer are kept, if it is about one account."""
    if not place.current() and account_id and (cell := reachable.cell_of(account_id)):
        place.enter(cell)


def _asked(request: Request, named: dict[str, object]) -> Asked:
    key = request.user.key
    query = sorted((name, values) for name, values in request.query_params.lists())
    # What could not be read of a batch of calls stands in it as what it is.
    facts = [request.method, request.path, query, request.data]
    said = json.dumps(facts, sort_keys=True, default=repr)
    return Asked(
        api_key_id=key.pk,
        account_id=named.get("account_id") or _account_in(request) or key.account_id,
        key=key_of(request),
        fingerprint=hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest(),
    )


def _account_in(request: Request) -> UUID | None:
    """The account of the query; one that cannot be read is refused by the route itself."""
    return _id_or_none(request.query_params.get("account"))


def _account_in_body(request: Request) -> UUID | None:
    """The same of a body that names one account, as of a call's hold."""
    return _id_or_none(request.data.get("account")) if isinstance(request.data, dict) else None


def _id_or_none(given: object) -> UUID | None:
    try:
        return read_id(given)
    except ValueError:
        return None

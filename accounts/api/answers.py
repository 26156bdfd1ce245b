"""How the API refuses: the error envelope, from our errors and the framework's."""

import logging
from typing import Annotated

import msgspec
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, JsonResponse
from msgspec import Meta
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler as default_handler
from rest_framework.views import set_rollback

from accounts.api.codes import CHOICES
from accounts.cells.directory import Moving
from accounts.runtime.outages import RETRY_AFTER, is_outage

logger = logging.getLogger(__name__)

_CODE = "For programs; it never changes its meaning. New ones may come: go by the status then."


class Refusal(msgspec.Struct):
    """Why a request was refused."""

    code: Annotated[str, Meta(description=_CODE, extra_json_schema={"choices": CHOICES})]
    message: Annotated[str, Meta(description="For people; it may change.")]
    fields: Annotated[dict[str, str], Meta(description="What is wrong, by the path of the field.")]


class Error(msgspec.Struct):
    """How every refusal looks. Nothing was changed."""

    error: Annotated[Refusal, Meta(description="Why, for programs and for people.")]


def exception_handler(error: Exception, context: dict) -> Response | None:
    """Every refusal as `{"error": {"code", "message", "fields"}}`; the unknown stays a 500."""
    if isinstance(error, exceptions.ValidationError):
        set_rollback()
        return Response(_envelope("invalid", *_flatten(error.detail)), status=400)
    if isinstance(error, (Http404, PermissionDenied, exceptions.APIException)):
        return _from_framework(error, context)
    if is_refusal(error):
        set_rollback()
        body = _envelope(error.code, str(error), getattr(error, "fields", None) or {})
        response = Response(body, status=getattr(error, "status", 409))
        if seconds := getattr(error, "retry_after", None):
            response["Retry-After"] = str(seconds)
        return response
    if is_outage(error):
        return _without_database(error)
    return None


def _without_database(error: Exception) -> Response:
    """PostgreSQL is away, full or too slow, and whether a commit was the last it did is not known;
    or the account is being moved, and nothing was done."""
    if isinstance(error, Moving):
        logger.warning("refused: %s", error)
        why = "This account is being moved to another place, and is back in seconds."
    else:
        logger.error("the database did not answer", exc_info=error)
        why = "The service is not answering."
    message = f"{why} Send the same request again in {RETRY_AFTER} seconds."
    response = Response(_envelope("unavailable", message), status=503)
    response["Retry-After"] = str(RETRY_AFTER)
    return response


def is_refusal(error: Exception) -> bool:
    """Whether this is one of our own errors, of whichever app."""
    return isinstance(getattr(error, "code", None), str) and hasattr(error, "fields")


def no_such_route(request: HttpRequest, *args: object, **kwargs: object) -> JsonResponse:  # noqa: ARG001
    """For addresses under /api/ that nothing answers."""
    return JsonResponse(_envelope("not_found", "There is nothing at this address."), status=404)


no_such_route.login_required = False
no_such_route.csrf_exempt = True


def _from_framework(error: Exception, context: dict) -> Response:
    response = default_handler(error, context)
    if isinstance(error, exceptions.APIException):
        code, message = error.get_codes(), str(error.detail)
    elif isinstance(error, Http404):
        code, message = "not_found", "There is nothing at this address."
    else:
        code, message = "forbidden", "This key may not do that."
    response.data = _envelope(str(code), message)
    return response


def _envelope(code: str, message: str, fields: dict[str, str] | None = None) -> dict:
    return msgspec.to_builtins(Error(Refusal(code, message, fields or {})))


def _flatten(detail: object) -> tuple[str, dict[str, str]]:
    """The first complaint as the message, and every complaint by the path of its field."""
    fields: dict[str, str] = {}
    _collect(detail, path="", into=fields)
    general = fields.pop("", None)
    first = next(iter(fields.items()), None)
    message = general or (f"{first[0]}: {first[1]}" if first else "This cannot be used.")
    return message, fields


def _collect(detail: object, *, path: str, into: dict[str, str]) -> None:
    if isinstance(detail, dict):
        for key, item in detail.items():
            name = "" if key == "non_field_errors" else str(key)
            _collect(item, path=".".join(filter(None, [path, name])), into=into)
    elif isinstance(detail, list):
        for index, item in enumerate(detail):
            nested = isinstance(item, (dict, list))
            at = ".".join(filter(None, [path, str(index)])) if nested else path
            _collect(item, path=at, into=into)
    else:
        into.setdefault(path, str(detail))

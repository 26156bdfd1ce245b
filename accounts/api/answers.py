"""What every API view shares: the error envelope, and whose account is meant."""

import logging
import re
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, JsonResponse
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import exception_handler as default_handler
from rest_framework.views import set_rollback

from accounts.errors import NotFound
from accounts.models import Account
from accounts.people import access
from accounts.people.access import Permission

logger = logging.getLogger(__name__)

_ACCOUNT_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)


def resolve_account(request: Request, *, permission: Permission = Permission.SEE) -> Account:
    """The account a request is about: `?account=<id>`, else the key's own."""
    given = request.query_params.getlist("account")
    if not given:
        return account_for(request, account_id=None, permission=permission)
    if len(given) > 1 or not _ACCOUNT_ID.fullmatch(given[0]):
        raise exceptions.ValidationError({"account": ["Send one account id."]})
    return account_for(request, account_id=UUID(given[0]), permission=permission)


def account_for(request: Request, *, account_id: UUID | None, permission: Permission) -> Account:
    """The account by its id (the key's own without one), if the key may do this in it."""
    key = request.user.key
    if account_id is None and key.is_platform:
        raise exceptions.ValidationError(
            {"account": ["A platform key belongs to no account: send ?account=<id>."]}
        )
    account = key.account
    if account_id is not None and account_id != key.account_id:
        account = Account.objects.select_related("agency").filter(pk=account_id).first()
    if account is None:
        raise NotFound("There is no such account.")
    access.require_key(key=key, account=account, permission=permission)
    return account


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
        return Response(body, status=getattr(error, "status", 409))
    if isinstance(error, (OperationalError, InterfaceError)):
        return _without_database(error)
    return None


def _without_database(error: Exception) -> Response:
    """PostgreSQL is away, full or too slow. Whether a commit was the last it did is not known."""
    logger.error("the database did not answer", exc_info=error)
    message = "The service is not answering. Send the same request again in a minute."
    response = Response(_envelope("unavailable", message), status=503)
    response["Retry-After"] = "60"
    return response


def is_refusal(error: Exception) -> bool:
    """Whether this is one of our own errors, of whichever app."""
    return isinstance(getattr(error, "code", None), str) and hasattr(error, "fields")


def no_such_route(request: HttpRequest, *args: object, **kwargs: object) -> JsonResponse:
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
    return {"error": {"code": code, "message": message, "fields": fields or {}}}


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

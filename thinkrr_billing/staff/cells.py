"""In which cell a page of support works: the one of the row it is about, or else the one it was
told by `?cell=`, which the session keeps. Without cells, nothing here does anything."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.admin.utils import unquote
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts.cells import directory, place
from accounts.errors import Unusable
from accounts.models import User
from accounts.runtime import reachable
from thinkrr_billing.cells import homes
from thinkrr_billing.cells.homes import Home

# In the address of a page and in the session; "-" stands for outside of all.
CELL = "cell"
OUTSIDE = "-"


def in_its_cell(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """The view, in the cell it is about. Raises Unusable for a cell that is not there."""

    @wraps(view)
    def there(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not settings.CELLS:
            return view(request, *args, **kwargs)
        names = request.cells = directory.names()
        if request.method == "GET" and (told := request.GET.get(CELL)) is not None:
            if told not in (*names, OUTSIDE):
                raise Unusable(f"There is no cell {told}.")
            request.session[CELL] = told
            # Lists take it for a filter of theirs.
            return redirect(_without_cell(request))
        place.enter(_cell_of(request, names))
        return view(request, *args, **kwargs)

    return there


def chooser(request: HttpRequest) -> dict[str, object] | None:
    """Where this page works, and the way to the others. None where it works in no cell."""
    if not (names := getattr(request, "cells", [])):
        return None
    is_list = request.resolver_match.view_name.endswith("_changelist")
    page = request.path if is_list else reverse("admin:index")
    names = names + ([OUTSIDE] if _may_be_outside(_model(request)) else [])
    ways = [{"name": _called(name), "link": f"{page}?{CELL}={name}"} for name in names]
    return {"here": _called(place.current() or OUTSIDE), "ways": ways}


def _called(name: str) -> str:
    return "no cell" if name == OUTSIDE else name


def _without_cell(request: HttpRequest) -> str:
    rest = request.GET.copy()
    del rest[CELL]
    return f"{request.path}?{rest.urlencode()}" if rest else request.path


def _cell_of(request: HttpRequest, names: list[str]) -> str:
    model = _model(request)
    chosen = request.session.get(CELL, "")
    if chosen not in names:
        here = place.current() or names[0]
        chosen = "" if chosen == OUTSIDE and _may_be_outside(model) else here
    pk = request.resolver_match.kwargs.get("object_id")
    if model is None or pk is None:
        return chosen
    found = _cell_of_row(model, unquote(pk), chosen, names)
    if found is None:
        return chosen
    # What is looked at next is in the same cell.
    request.session[CELL] = found or OUTSIDE
    return found


def _cell_of_row(model: type[Model], pk: str, chosen: str, names: list[str]) -> str | None:
    """None where there is no such row, as far as cells can be asked."""
    if homes.home_of(model) is Home.GLOBAL:
        owners = _cells_of_owner(model, pk)
        return chosen if chosen in owners or not owners else owners[0]
    for name in dict.fromkeys([chosen, *names, ""]):
        if name or _may_be_outside(model):
            found, _ = reachable.ask_each([name], lambda _: _row(model, pk))
            if found.get(name):
                return name
    return None


def _cells_of_owner(model: type[Model], pk: str) -> list[str]:
    """Of whom something is that is seen from everywhere."""
    row = _row(model, pk)
    if isinstance(row, User):
        return directory.of_person(row.pk)
    cell = directory.of_account(account) if (account := getattr(row, "account_id", None)) else ""
    return [cell] if cell else []


def _row(model: type[Model], pk: str) -> Model | None:
    try:
        return model._base_manager.filter(pk=pk).first()
    except (ValueError, ValidationError):
        return None


def _may_be_outside(model: type[Model] | None) -> bool:
    return model is not None and homes.home_of(model) is Home.BOTH


def _model(request: HttpRequest) -> type[Model] | None:
    """What a page of the admin is about: admin/app/model/…"""
    parts = request.resolver_match.route.split("/")
    try:
        return apps.get_model(*parts[1:3])
    except (LookupError, TypeError, ValueError):
        return None

"""What the views of every app share: asking for a permission, paths back, numbered pages."""

from collections.abc import Callable
from functools import wraps

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.http import url_has_allowed_host_and_scheme

from accounts.people import access
from accounts.people.access import Permission

View = Callable[..., HttpResponse]

PAGE_SIZE = 25


def require(request: HttpRequest, permission: Permission) -> None:
    """Pass, or raise what the middleware answers with 403 or 404. No query."""
    access.check(granted=request.permissions, account=request.account, permission=permission)


def needs(permission: Permission) -> Callable[[View], View]:
    """Let only those into a view who may do this in the account they work in."""

    def decorate(view: View) -> View:
        @wraps(view)
        def checked(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
            require(request, permission)
            return view(request, *args, **kwargs)

        return checked

    return decorate


def may(request: HttpRequest, permission: Permission) -> bool:
    return permission in request.permissions


def next_path(request: HttpRequest, default: str = "/") -> str:
    """The `next` of a form when it is a path of this site, else `default`."""
    wanted = request.POST.get("next", "")
    ours = wanted.startswith("/") and url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if ours else default


def numbered(request: HttpRequest, rows: QuerySet, name: str = "page") -> Page:
    """The page of a list that the parameter `name` asks for; one that is not there is the last."""
    return Paginator(rows, PAGE_SIZE).get_page(request.GET.get(name))

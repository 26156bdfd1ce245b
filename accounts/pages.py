"""What the views of every app share: asking for a permission, paths back, numbered pages."""

from collections.abc import Callable, Collection
from functools import wraps

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.http import url_has_allowed_host_and_scheme

from accounts.errors import Unusable
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


def once(given: QueryDict) -> None:
    """Pass, or raise Unusable for a parameter sent twice: whichever counted would be a guess."""
    for name, values in given.lists():
        if len(values) > 1:
            raise Unusable(f"“{name[:20]}” is there {len(values)} times. Send it once.")


def only(given: QueryDict, names: Collection[str]) -> None:
    """As `once`; and raise Unusable for other names, so that no file is silently another one."""
    once(given)
    for name in given:
        if name not in names:
            known = f"It knows {', '.join(names)}." if names else "It takes none."
            raise Unusable(f"“{name[:20]}” is nothing this file can be asked for. {known}")


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

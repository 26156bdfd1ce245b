"""Switching accounts, and the notifications behind the bell."""

from uuid import UUID

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.errors import Forbidden, NotFound
from accounts.middleware import SESSION_KEY
from accounts.pages import needs, next_path
from accounts.people import access
from accounts.people.access import Permission
from accounts.telling import notifications

ACCOUNTS_PER_PAGE = 25
MAX_ID_DIGITS = 18  # What surely fits a bigint.


@require_http_methods(["GET", "POST"])
def switch(request: HttpRequest) -> HttpResponse:
    """GET lists the accounts the user may see; POST goes to one of them."""
    if request.method == "POST":
        wanted = _account_id(request.POST.get("account", ""))
        account = access.visible_account(user=request.user, account_id=wanted)
        if account is None:
            raise NotFound("There is no such account.")
        request.session[SESSION_KEY] = str(account.pk)
        return redirect(next_path(request))
    search = request.GET.get("q", "").strip()[:120]
    visible = access.switchable(user=request.user, named=search)
    accounts = Paginator(visible, ACCOUNTS_PER_PAGE).get_page(request.GET.get("page"))
    facts = {"accounts": accounts, "search": search, "is_incomplete": visible.is_incomplete}
    return render(request, "accounts/switch.html", facts)


@require_GET
@needs(Permission.SEE)
def notification_list(request: HttpRequest) -> HttpResponse:
    rows, before = notifications.page(
        account_id=request.account.pk, before=_row_id(request.GET.get("before", ""))
    )
    context = {"notifications": rows, "before": before, "may_mark": bool(request.role)}
    return render(request, "accounts/notifications.html", context)


@require_POST
def mark_read(request: HttpRequest) -> HttpResponse:
    """Mark one (`notification`) or all as read. What one's agency saw stays unread."""
    if not request.role:
        raise Forbidden(f"Only people of {request.account} may mark its notifications as read.")
    given = request.POST.get("notification", "")
    wanted = _row_id(given)
    if given and wanted is None:
        raise NotFound("There is no such notification.")
    ids = None if wanted is None else [wanted]
    notifications.mark_read(account_id=request.account.pk, ids=ids)
    return redirect("accounts:notifications")


def _account_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound("There is no such account.") from None


def _row_id(text: str) -> int | None:
    is_id = text.isascii() and text.isdigit() and len(text) <= MAX_ID_DIGITS
    return int(text) if is_id else None

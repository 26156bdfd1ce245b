"""Which account a request works in, and what becomes of refusals that reach the top.

Sets `request.account`, `request.permissions` and `request.role`: None, nothing and empty for
whoever is signed out, and on pages that ask for no log-in."""

import json
import logging
import re
import uuid
from collections.abc import Callable
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.urls import is_valid_path
from structlog.contextvars import bound_contextvars

from accounts.audit import requests
from accounts.cells import directory, place
from accounts.cells.directory import Moving
from accounts.errors import Conflict, Forbidden, NotFound, TooMany, Unusable
from accounts.people import access
from accounts.runtime.just_changed import SAFE_METHODS
from accounts.runtime.outages import is_outage

logger = logging.getLogger(__name__)

SESSION_KEY = "account"

LOOKING = "You are looking as a customer, so nothing can be changed. Stop looking first."
THEIRS_ALONE = "Only the customer sees how they log in, and where. Stop looking first."
# What support may send while looking as a customer: none of it changes anything of theirs.
LOOKING_MAY = frozenset({"accounts:switch", "accounts:logout", "hijack:release"})

# Support's site, and the way out of looking as a customer.
NOT_OF_AN_ACCOUNT = frozenset({"admin", "hijack"})
# The element of base.html that holds a dialog.
DIALOG = "dialog-body"
# The account a page was made for, as its forms and its script name it.
PAGE_ACCOUNT = "page_account"
PAGE_ACCOUNT_HEADER = "X-Page-Account"
STALE = (
    "You work in {account} now, and this page is of another account. Nothing was changed and "
    "nothing was charged. Reload the page, or switch back first."
)
UNNAMED = (
    "This page was open for too long: it does not say which account it is of. Nothing was changed "
    "and nothing was charged. Reload the page and try again."
)
# Of the person as well, and to be had without any account. Nobody who looks as them sees it.
SECURITY = frozenset(
    {
        "accounts:security",
        "accounts:second_factor",
        "accounts:turn_off_second_factor",
        "accounts:recovery_codes",
        "accounts:end_session",
        "accounts:end_other_sessions",
    }
)
# About the person alone, whichever account they work in. The first two lead out of a stale page.
PERSONAL = frozenset(
    {
        "accounts:switch",
        "accounts:logout",
        "accounts:profile",
        "accounts:mails",
        "accounts:password",
        *SECURITY,
    }
)

WAYS_OUT = frozenset({"accounts:switch", "accounts:logout"})

_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}", re.ASCII)


class CurrentAccountMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        request.id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        with requests.of(request), bound_contextvars(request=request.id):
            response = self._answer(request) or self._answer(request)
            if response is None:
                raise Moving("an account has moved twice while it was read")
        response = _lead_above(request, response)
        response["X-Request-ID"] = request.id
        return _send_htmx_to_login(request, response)

    def _answer(self, request: HttpRequest) -> HttpResponse | None:
        """None when what was read has moved to another cell meanwhile, where it may be read again.
        Raises Moving for a file of an account on the move: nobody knows where its end will be."""
        request.account, request.permissions, request.role = None, access.NOTHING, ""
        with place.of_a_request(only_reads=request.method in SAFE_METHODS) as movers:
            response = self.get_response(request)
            if movers and response.streaming:
                raise Moving("a file is read, and its account is being moved")
            if response.streaming and (cell := place.current()):
                response.streaming_content = place.each(response.streaming_content, cell)
        return None if movers and directory.have_moved(movers) else response

    def process_view(self, request: HttpRequest, view: Callable, *_: object) -> HttpResponse | None:
        # Pages that ask for no log-in write, too: an invitation is accepted there.
        if not _may_be_sent_while_looking(request) and _is_looking(request):
            logger.warning("refused %s %s: looking", request.method, request.path)
            context = {"reason": LOOKING}
            return render(request, "403.html", context, status=403)
        if request.resolver_match.view_name in SECURITY and _is_looking(request):
            return render(request, "403.html", {"reason": THEIRS_ALONE}, status=403)
        if not getattr(view, "login_required", True) or not request.user.is_authenticated:
            return None
        standing = _standing(request)
        if standing:
            place.enter(standing.cell)
            request.account = standing.account
            request.permissions = standing.permissions
            if _is_looking(request):
                request.permissions &= {access.Permission.SEE}
            request.role = standing.role
            if _is_of_another_account(request):
                return _stale(request)
        elif not (_needs_no_account(request) or _is_way_out(request)):
            return render(request, "accounts/no_account.html", status=403)
        return None

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, (Unusable, NotFound, Forbidden, TooMany, Conflict)):
            logger.warning(
                "refused %s %s status=%s user=%s account=%s",
                request.method,
                request.resolver_match.view_name,
                error.status,
                request.user.pk,
                request.account and request.account.pk,
            )
            context = {"reason": str(error)}
            return render(request, f"{error.status}.html", context, status=error.status)
        return None


def _standing(request: HttpRequest) -> access.Standing | None:
    """As `access.standing`; also None on the way out of an account whose cell is away."""
    try:
        return access.standing(user=request.user, account_id=_chosen(request))
    except Exception as error:
        if not (_is_way_out(request) and is_outage(error)):
            raise
        return None


def _is_way_out(request: HttpRequest) -> bool:
    """Whether this leads to another account, or out of all."""
    return settings.CELLS and request.resolver_match.view_name in WAYS_OUT


def _is_looking(request: HttpRequest) -> bool:
    """Whether support looks at the pages as this user (thinkrr_billing/staff/looking.py)."""
    return getattr(request.user, "is_hijacked", False)


def _may_be_sent_while_looking(request: HttpRequest) -> bool:
    return request.method in SAFE_METHODS or request.resolver_match.view_name in LOOKING_MAY


def _is_of_another_account(request: HttpRequest) -> bool:
    """Whether the page that asks was made for another account: another tab has switched since.

    What writes must name its account. A fragment of a page names it, too, so that no page shows
    two accounts at once; a whole page that is only read need not.
    """
    match = request.resolver_match
    if match.app_name in NOT_OF_AN_ACCOUNT or match.view_name in PERSONAL:
        return False
    named = _named(request)
    if not named:
        # Where no token is asked for, no account is: Django's own test client asks for neither.
        asks = not getattr(request, "_dont_enforce_csrf_checks", False)
        return asks and request.method not in SAFE_METHODS
    return named != {str(request.account.pk)}


def _stale(request: HttpRequest) -> HttpResponse:
    writes = request.method not in SAFE_METHODS
    if writes:
        logger.warning(
            "refused %s %s: a page of another account user=%s account=%s",
            request.method,
            request.resolver_match.view_name,
            request.user.pk,
            request.account.pk,
        )
    reason = STALE.format(account=request.account) if _named(request) else UNNAMED
    response = render(request, "409.html", {"reason": reason}, status=409)
    if writes and request.headers.get("HX-Target") != DIALOG:
        # Only the dialog shows the answer to a refused fragment.
        toast = {"toast": {"text": reason, "tone": "danger"}}
        response["HX-Trigger"] = json.dumps(toast)
    return response


def _named(request: HttpRequest) -> set[str]:
    """The accounts that the page says it is of: one, unless somebody made them up."""
    return {request.headers.get(PAGE_ACCOUNT_HEADER), request.POST.get(PAGE_ACCOUNT)} - {None}


def _chosen(request: HttpRequest) -> uuid.UUID | None:
    try:
        return uuid.UUID(request.session.get(SESSION_KEY, ""))
    except ValueError:
        return None


def _needs_no_account(request: HttpRequest) -> bool:
    match = request.resolver_match
    return match.app_name in NOT_OF_AN_ACCOUNT or match.view_name in {
        "accounts:logout",
        "accounts:profile",
        "accounts:accept_invitation",
        *SECURITY,
    }


def _lead_above(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """To the page above an address that only takes forms. Whoever opens it was answered there:
    they come back from a log-in, or load that answer anew."""
    is_opened = request.method == "GET" and "HX-Request" not in request.headers
    is_opened = is_opened and "text/html" in request.headers.get("Accept", "")
    if response.status_code != 405 or not is_opened or request.account is None:
        return response
    above = request.path
    while above != "/":
        above = f"{above.rstrip('/').rpartition('/')[0]}/"
        if is_valid_path(above):
            break
    return redirect(above)


def _send_htmx_to_login(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """A log-in page must never be swapped into a fragment: let the whole page go there."""
    login = resolve_url(settings.LOGIN_URL)
    location = urlsplit(response.get("Location", ""))
    # Who has just logged out is not sent anywhere next.
    if location.path != login or "next=" not in location.query:
        return response
    writes = request.method not in SAFE_METHODS
    if request.headers.get("HX-Request") != "true":
        if writes:
            back = _path_of(request.headers.get("Referer", ""))
            response["Location"] = f"{login}?{urlencode({'next': back, 'ended': 1})}"
        return response
    query = {"next": _where(request, writes=writes)} | ({"ended": 1} if writes else {})
    answer = HttpResponse(status=204)
    answer["HX-Redirect"] = f"{login}?{urlencode(query)}"
    answer["X-Request-ID"] = response["X-Request-ID"]
    return answer


def _where(request: HttpRequest, *, writes: bool) -> str:
    """Where somebody was when their session ended: in a dialog, as they left it, or on the page."""
    if not writes and request.headers.get("HX-Target") == DIALOG:
        return request.get_full_path()
    left = request.headers.get("X-Dialog-URL") if writes else ""
    return _path_of(left or request.headers.get("HX-Current-URL", ""))


def _path_of(url: str) -> str:
    """The path and query alone: only pages of ours are gone back to."""
    page = urlsplit(url)
    return f"{page.path or '/'}{'?' + page.query if page.query else ''}"

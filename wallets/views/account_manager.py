"""Account Manager: which of an agency's sub-accounts needs it today, as page and file, and adding
one."""

import csv
from collections.abc import Iterator
from uuid import UUID

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_safe

from accounts import clock
from accounts.errors import AccountError
from accounts.models import Account
from accounts.pages import needs
from accounts.people import access
from accounts.people.access import Permission
from accounts.runtime import exports
from accounts.views.dialogs import add_errors, dialog, done
from wallets.agencies import listing
from wallets.agencies.listing import Asked, Row
from wallets.agencies.need import lasts
from wallets.allocations import sub_accounts
from wallets.balances import opening
from wallets.views.forms import SubAccountForm
from wallets.views.sub_account import may_allocate, next_charge

# More would weigh over 150 KB.
PAGE_SIZE = 20


@require_safe
@needs(Permission.SEE)
def account_manager(request: HttpRequest) -> HttpResponse:
    access.require_agency(account=request.account)
    asked = asked_for(request.GET)
    found = listing.listing(agency=request.account, asked=asked)
    page = Paginator(found.rows, PAGE_SIZE).get_page(request.GET.get("page"))
    rows = {row.client.pk: row for row in page}
    page.object_list = _accounts(request, rows)
    named = {"search": asked.search, "status": asked.status, "sort": asked.sort}
    context = {
        "page": page,
        "counts": found.counts,
        "totals": found.totals,
        "statuses": [
            {"name": name, "label": label, "count": found.counts[name or "all"]}
            for name, (label, _) in listing.STATUSES.items()
        ],
        "sorts": [(name, label) for name, (label, _) in listing.SORTS.items()],
        "asked": named,
        "query": urlencode({name: value for name, value in named.items() if value}),
        "may_add": Permission.MONEY in request.permissions,
        "may_allocate": may_allocate(request),
    }
    return render(request, "wallets/account_manager.html", context)


@require_safe
@needs(Permission.SEE)
def csv_file(request: HttpRequest) -> StreamingHttpResponse:
    """The rows of the page, on all its pages, with the filters of its address."""
    access.require_agency(account=request.account)
    exports.note(user=request.user, name="sub-accounts")
    found = listing.listing(agency=request.account, asked=asked_for(request.GET))
    answer = StreamingHttpResponse(_lines(found.rows), content_type="text/csv; charset=utf-8")
    day = request.account.local_date(clock.now())
    answer["Content-Disposition"] = f'attachment; filename="sub-accounts-{day}.csv"'
    return answer


def asked_for(given: QueryDict) -> Asked:
    """The filters of an address or a form."""
    search, status, sort = (given.get(name, "").strip() for name in ("search", "status", "sort"))
    return Asked(search=search[:100], status=status, sort=sort)


def _accounts(request: HttpRequest, rows: dict[UUID, Row]) -> list[Account]:
    """The accounts of these rows in their order, with all that a row of the table shows."""
    found = Account.objects.filter(pk__in=rows).select_related(
        "wallet__auto_recharge", "auto_allocation"
    )
    found = {one.pk: one for one in sub_accounts.with_latest(found)}
    now = clock.now()
    today = request.account.local_date(now)
    for pk, account in found.items():
        client = rows[pk].client
        for name in ("payment_failed", "tried_again_at", "open_purchase", "open_state"):
            setattr(account, name, getattr(client, name))
        account.row = rows[pk]
        account.lasts = lasts(client, now=now)
        account.next_charge = next_charge(account, today)
        account.may_allocate = may_allocate(request)
    return [found[pk] for pk in rows]


class _Echo:
    """What the csv module writes to, one line at a time."""

    def write(self, line: str) -> str:
        return line


def _lines(rows: list[Row]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    for cells in listing.table(rows):
        yield writer.writerow([_plain(cell) for cell in cells])


# A spreadsheet runs what begins with these; an apostrophe makes it a text.
_RISKY = ("=", "+", "-", "@", "\t", "\r", "\n")


def _plain(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_RISKY) else cell


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Permission.MONEY)
def add_sub_account(request: HttpRequest) -> HttpResponse:
    access.require_agency(account=request.account)
    back = reverse("wallets:account_manager")
    form = SubAccountForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            account = opening.add_sub_account(
                agency=request.account, invited_by=request.user, **form.cleaned_data
            )
        except AccountError as error:
            add_errors(form, error)
        else:
            email = form.cleaned_data["owner_email"]
            return done(request, back=back, text=f"{account.name} added. {email} was invited.")
    return dialog(
        request,
        partial="wallets/_add_sub_account.html",
        title="Add sub-account",
        back=back,
        context={"form": form},
        status=422 if request.method == "POST" else 200,
    )

"""A month's statement: the list of months, one of them, its PDF and its CSV."""

import csv
import io
from datetime import date, timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts import clock
from accounts.pages import needs, only
from accounts.people.access import Permission
from accounts.runtime import exports
from wallets import limits
from wallets.statements import monthly, papers, ranges, receipt_pdf
from wallets.statements.monthly import Month

COLUMNS = ("month", "balance", "unit", "what", "amount")


@require_safe
@needs(Permission.SEE)
def months(request: HttpRequest) -> HttpResponse:
    """The months there are, newest first: from the account's first one."""
    account = request.account
    today = account.local_date(clock.now())
    first = account.local_date(account.created_at).replace(day=1)
    shown, month = [], today.replace(day=1)
    while month >= first and len(shown) < limits.MONTHS_LISTED:
        shown.append(month)
        month = (month - timedelta(days=1)).replace(day=1)
    return render(request, "wallets/statements/months.html", {"months": shown})


@require_safe
@needs(Permission.SEE)
def statement(request: HttpRequest, month: str) -> HttpResponse:
    """Raises Unusable for a month that is none, or that is to come."""
    found = _month(request, month)
    return render(request, "wallets/statements/month.html", {"month": found})


@require_safe
@needs(Permission.SEE)
def pdf(request: HttpRequest, month: str) -> HttpResponse:
    only(request.GET, ())
    found = _month(request, month)
    exports.note(user=request.user, name=f"statement {month}")
    address = request.build_absolute_uri(reverse("wallets:statement", args=[month]))
    printed = receipt_pdf.draw(papers.statement(found, address=address))
    return _file(printed, "application/pdf", f"statement-{month}.pdf")


@require_safe
@needs(Permission.SEE)
def csv_file(request: HttpRequest, month: str) -> HttpResponse:
    """A row for each opening, group and closing: dollars to the millionth, whole seconds."""
    only(request.GET, ())
    found = _month(request, month)
    exports.note(user=request.user, name=f"statement {month}")
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for row in _rows(found):
        writer.writerow(row)
    return _file(text.getvalue(), "text/csv; charset=utf-8", f"statement-{month}.csv")


def _rows(found: Month) -> list[tuple[str, ...]]:
    rows = []
    for one in found.pots:
        unit, pattern = ("USD", "{:.6f}") if one.pot == "credit" else ("seconds", "{:.0f}")
        figures = [
            ("opening", one.opening),
            *((str(group), amount) for group, amount in one.moved.items()),
            ("closing", one.closing),
        ]
        rows += [
            (f"{found.first:%Y-%m}", str(one.pot), unit, what, pattern.format(amount))
            for what, amount in figures
        ]
    return rows


def _month(request: HttpRequest, text: str) -> Month:
    today: date = request.account.local_date(clock.now())
    return monthly.month_of(account=request.account, first=ranges.read_month(text, today=today))


def _file(content: bytes | str, kind: str, name: str) -> HttpResponse:
    response = HttpResponse(content, content_type=kind)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response

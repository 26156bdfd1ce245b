"""The statement: this wallet's entries and what this account's card paid, filtered and exported."""

import csv
from collections.abc import Iterator

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.http import urlencode
from django.utils.text import slugify
from django.views.decorators.http import require_safe

from accounts import clock
from accounts.models import Account
from accounts.pages import needs
from accounts.people.access import Permission
from accounts.runtime import exports
from wallets.errors import InvalidAmount
from wallets.statements import statements
from wallets.statements.rows import Row
from wallets.views.forms import KINDS, TransactionsForm

PAGE_SIZE = 25

COLUMNS = (
    "date",
    "description",
    "note",
    "status",
    "amount",
    "unit",
    "of",
    "balance_after",
    "reference",
)
# A spreadsheet takes a cell that begins like this for a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@require_safe
@needs(Permission.SEE)
def transactions(request: HttpRequest) -> HttpResponse:
    form, filters = _filters(request)
    cursor = request.GET.get("cursor") or None
    try:
        page = statements.transactions(
            account=request.account, cursor=cursor, limit=PAGE_SIZE, **filters
        )
    except InvalidAmount:
        return redirect("wallets:transactions")
    asked = {name: request.GET.get(name, "") for name in form.fields}
    query = urlencode({name: value for name, value in asked.items() if value})
    context = {"statement": page, "form": form, "query": query, "filtered": bool(query)}
    return render(request, "wallets/statements/transactions.html", context)


@require_safe
@needs(Permission.SEE)
def export(request: HttpRequest) -> StreamingHttpResponse:
    """The same rows as a CSV file: plain figures, moments with their offset."""
    exports.note(user=request.user, name="transactions")
    _, filters = _filters(request)
    rows = statements.iterate(account=request.account, **filters)
    response = StreamingHttpResponse(
        _lines(request.account, rows), content_type="text/csv; charset=utf-8"
    )
    name = _file_name(request.account, filters)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _filters(request: HttpRequest) -> tuple[TransactionsForm, dict[str, object]]:
    """The form, and what of it makes sense. Days are the account's, both included."""
    form = TransactionsForm(request.GET)
    form.is_valid()
    chosen = form.cleaned_data
    return form, {
        "kinds": KINDS.get(chosen.get("type") or ""),
        "statuses": [chosen["status"]] if chosen.get("status") else None,
        "since": chosen.get("since"),
        "until": chosen.get("until"),
    }


class _Echo:
    """What the csv module writes to, one line at a time."""

    def write(self, line: str) -> str:
        return line


def _lines(account: Account, rows: Iterator[Row]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield writer.writerow(COLUMNS)
    for row in rows:
        yield writer.writerow(
            [
                row.at.astimezone(account.zone).isoformat(timespec="seconds"),
                _plain(row.description),
                _plain(row.note),
                row.status.label,
                f"{row.amount:f}",
                "USD" if row.unit == "usd" else "seconds",
                row.pot,
                "" if row.balance_after is None else f"{row.balance_after:f}",
                _plain(row.reference),
            ]
        )


def _plain(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _file_name(account: Account, filters: dict[str, object]) -> str:
    until = filters["until"] or account.local_date(clock.now())
    since = f"{filters['since']}--" if filters["since"] else "until-"
    return f"transactions-{slugify(account.name) or 'account'}-{since}{until}.csv"

"""The statement: this wallet's entries and what this account's card paid, filtered and exported."""

import csv
from collections.abc import Iterator
from datetime import datetime, time, timedelta

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from accounts import clock
from accounts.access import Permission
from accounts.models import Account
from wallets import statements
from wallets.errors import InvalidAmount
from wallets.forms import KINDS, TransactionsForm
from wallets.views.dialogs import needs

PAGE_SIZE = 25


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
    return render(request, "wallets/transactions.html", context)


def _filters(request: HttpRequest) -> tuple[TransactionsForm, dict[str, object]]:
    """The form, and what of it makes sense. Days are the account's; the last one counts whole."""
    form = TransactionsForm(request.GET)
    form.is_valid()
    chosen = form.cleaned_data
    since, until = chosen.get("since"), chosen.get("until")
    return form, {
        "kinds": KINDS.get(chosen.get("type") or ""),
        "statuses": [chosen["status"]] if chosen.get("status") else None,
        "since": since and _midnight(request.account, since),
        "until": until and _midnight(request.account, until + timedelta(days=1)),
    }


def _midnight(account: Account, day) -> datetime:
    return datetime.combine(day, time.min, tzinfo=account.zone)

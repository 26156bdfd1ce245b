"""The statement: this wallet's entries and what this account's card paid, filtered."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from accounts import clock
from accounts.pages import needs, once
from accounts.people.access import Permission
from wallets.statements import statements
from wallets.views.forms import KINDS, TransactionsForm

PAGE_SIZE = 25


@require_safe
@needs(Permission.SEE)
def transactions(request: HttpRequest) -> HttpResponse:
    once(request.GET)
    form = _form(request)
    asked = {name: request.GET.get(name, "") for name in form.fields}
    query = urlencode({name: value for name, value in asked.items() if value})
    context = {"form": form, "query": query, "filtered": bool(query)}
    if not form.is_valid():
        return render(request, "wallets/statements/transactions.html", context, status=400)
    cursor = request.GET.get("cursor") or None
    context["statement"] = statements.transactions(
        account=request.account, cursor=cursor, limit=PAGE_SIZE, **_filters(form)
    )
    context["pots"] = statements.pots_moved(account=request.account)
    return render(request, "wallets/statements/transactions.html", context)


def _form(request: HttpRequest) -> TransactionsForm:
    return TransactionsForm(request.GET, today=request.account.local_date(clock.now()))


def _filters(form: TransactionsForm) -> dict[str, object]:
    """What a form without errors asks for. Days are the account's, both included."""
    chosen = form.cleaned_data
    return {
        "kinds": KINDS.get(chosen["type"]),
        "statuses": [chosen["status"]] if chosen["status"] else None,
        "since": chosen["since"],
        "until": chosen["until"],
    }

"""The statement: this wallet's entries and what this account's card paid, filtered."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from accounts.pages import needs
from accounts.people.access import Permission
from wallets.errors import InvalidAmount
from wallets.statements import statements
from wallets.views.forms import KINDS, TransactionsForm

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
    context = {
        "statement": page,
        "pots": statements.pots_moved(account=request.account),
        "form": form,
        "query": query,
        "filtered": bool(query),
    }
    return render(request, "wallets/statements/transactions.html", context)


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

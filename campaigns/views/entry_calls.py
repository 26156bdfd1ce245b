"""The calls behind a row of the statement: what each took, adding up to the row."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.pages import needs, once
from accounts.people.access import Permission
from campaigns import history
from wallets.statements import statements


@require_safe
@needs(Permission.SEE)
def entry_calls(request: HttpRequest, entry_id: int) -> HttpResponse:
    once(request.GET)
    debit = statements.debit(account=request.account, entry_id=entry_id)
    if debit is None:
        raise Http404("There is no such row of calls.")
    page = history.of_batch(
        account_id=request.account.pk,
        batch=debit.batch,
        cursor=request.GET.get("cursor") or None,
    )
    context = {"row": debit.row, "page": page, "query": ""}
    return render(request, "campaigns/entry_calls.html", context)

"""Why?: the whole decision log of the account's wallet, by subject."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from accounts.pages import needs
from accounts.people.access import Permission
from wallets.balances.opening import open_wallet
from wallets.cursors import BadCursor
from wallets.why import decisions
from wallets.why.decisions import Subject

PAGE_SIZE = 25


@require_safe
@needs(Permission.SEE)
def why(request: HttpRequest) -> HttpResponse:
    asked = request.GET.get("about", "")
    subject = asked if asked in Subject.values else ""
    wallet = open_wallet(account=request.account)
    cursor = request.GET.get("cursor") or None
    try:
        page = decisions.page(wallet_id=wallet.pk, subject=subject, cursor=cursor, limit=PAGE_SIZE)
    except BadCursor:
        return redirect("wallets:why")
    context = {
        "decisions": page,
        "subject": subject,
        "subjects": [("", "All"), *Subject.choices],
    }
    return render(request, "wallets/why/why.html", context)

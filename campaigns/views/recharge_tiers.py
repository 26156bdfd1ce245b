"""What campaigns adds to the Recharge dialog: which tier resumes how many paused campaigns."""

from decimal import Decimal, InvalidOperation

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.pages import needs
from accounts.people.access import Permission
from campaigns import outlook
from campaigns.models import Campaign
from wallets import limits
from wallets.balances.opening import open_wallet


@require_safe
@needs(Permission.SEE)
def tiers(request: HttpRequest) -> HttpResponse:
    """Say under each tier what it resumes; with `choose`, also choose the one that resumes most.

    204 when nothing is paused, or the amount is not one.
    """
    amount = _amount(request.GET.get("amount", ""))
    waiting = Campaign.objects.filter(account=request.account).paused_for_low_balance()
    campaigns = list(waiting.select_related("account"))
    if amount is None or not campaigns:
        return HttpResponse(status=204)
    wallet = open_wallet(account=request.account)
    resumed = outlook.resumes(campaigns=campaigns, wallet=wallet, amount=amount)
    chosen = request.GET.get("buys", "")
    best = outlook.best_tier(resumed=resumed, preferred=chosen)
    chooses = "choose" in request.GET and best != chosen
    context = {
        "resumed": resumed.items(),
        "total": len(campaigns),
        "chosen": best if chooses else "",
    }
    response = render(request, "campaigns/_recharge_tiers.html", context)
    if chooses:
        # Not before the chosen tier stands in the form, from which the quote is asked.
        response["HX-Trigger-After-Settle"] = "tier-chosen"
    return response


def _amount(text: str) -> Decimal | None:
    try:
        amount = Decimal(text.strip().removeprefix("$").replace(",", ""))
    except InvalidOperation:
        return None
    in_range = amount.is_finite() and limits.RECHARGE_LEAST <= amount <= limits.RECHARGE_MOST
    return amount if in_range else None

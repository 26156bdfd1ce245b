"""The list of campaigns, one of them, and pausing it; and what the other pages need of these."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from accounts.pages import needs
from accounts.people.access import Permission
from accounts.views.dialogs import done, refused
from campaigns import lifecycle, listing, outlook, resuming
from campaigns.errors import CampaignError
from campaigns.forms import number
from campaigns.models import Campaign
from wallets.balances.opening import open_wallet
from wallets.why import decisions

DECISIONS_SHOWN = 8


@require_safe
@needs(Permission.SEE)
def campaigns(request: HttpRequest) -> HttpResponse:
    tab = request.GET.get("show", "all")
    tab = tab if tab in listing.TABS else "all"
    rows, more = listing.page(
        account=request.account,
        wallet=open_wallet(account=request.account),
        tab=tab,
        before=number(request.GET.get("before", "")),
    )
    context = {
        "rows": rows,
        "more": more,
        "tab": tab,
        "tabs": listing.tabs(account=request.account),
        "can_resume": resuming.can_resume_any(account=request.account),
        **may(request),
    }
    return render(request, "campaigns/list.html", context)


@require_safe
@needs(Permission.SEE)
def campaign(request: HttpRequest, campaign_id: int) -> HttpResponse:
    found = of_account(request, campaign_id)
    wallet = open_wallet(account=request.account)
    (row,) = listing.rows(campaigns=[found], account=request.account, wallet=wallet)
    context = {
        "row": row,
        "campaign": found,
        "use": outlook.uses(campaigns=[found])[found.pk]
        if found.is_started or found.is_paused
        else None,
        "calls": listing.last_calls(campaign=found),
        "decisions": decisions.page(
            wallet_id=wallet.pk,
            subject=decisions.Subject.AUTOPAUSE,
            about=found.external_id,
            limit=DECISIONS_SHOWN,
        ),
        **may(request),
    }
    return render(request, "campaigns/detail.html", context)


@require_POST
@needs(Permission.CAMPAIGNS)
def pause(request: HttpRequest, campaign_id: int) -> HttpResponse:
    back = back_from(request, of_account(request, campaign_id))
    try:
        paused = lifecycle.pause(
            campaign_id=campaign_id, account=request.account, actor=request.user
        )
    except CampaignError as error:
        return refused(request, back=back, error=error)
    return done(request, back=back, text=f"{paused.name} is paused. Calls in progress finish.")


def may(request: HttpRequest) -> dict[str, bool]:
    return {
        "may_run": Permission.CAMPAIGNS in request.permissions,
        "may_pay": Permission.MONEY in request.permissions,
    }


def of_account(request: HttpRequest, campaign_id: int) -> Campaign:
    mine = Campaign.objects.select_related("account")
    return get_object_or_404(mine, pk=campaign_id, account=request.account)


def back_from(request: HttpRequest, campaign: Campaign) -> str:
    """Where the button was pressed: on the campaign's own page, or in the list."""
    if request.POST.get("from") == "detail":
        return reverse("campaigns:detail", args=[campaign.pk])
    return reverse("campaigns:list")

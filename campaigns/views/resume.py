"""The pages of campaigns, the resume dialog, and the banner on every page."""

from collections.abc import Set

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.pages import needs
from accounts.people.access import Permission
from accounts.views.dialogs import add_errors, dialog, done, refused, triggered
from campaigns import banners, lifecycle, limits, listing, notices, outlook, pausing
from campaigns.errors import CampaignError
from campaigns.forms import ResumeForm, number, purchase_id
from campaigns.models import Campaign
from wallets.balances.opening import open_wallet
from wallets.models import Purchase
from wallets.texts import holds
from wallets.why import decisions

DISMISSED = "dismissed_banners"
# Enough for every message there is; the oldest may come back.
MOST_DISMISSED = 10
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
        "can_resume": pausing.can_resume_any(account=request.account),
        **_may(request),
    }
    return render(request, "campaigns/list.html", context)


@require_safe
@needs(Permission.SEE)
def campaign(request: HttpRequest, campaign_id: int) -> HttpResponse:
    found = _of_account(request, campaign_id)
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
        **_may(request),
    }
    return render(request, "campaigns/detail.html", context)


@require_POST
@needs(Permission.CAMPAIGNS)
def pause(request: HttpRequest, campaign_id: int) -> HttpResponse:
    back = _back(request, _of_account(request, campaign_id))
    try:
        paused = lifecycle.pause(
            campaign_id=campaign_id, account=request.account, actor=request.user
        )
    except CampaignError as error:
        return refused(request, back=back, error=error)
    return done(request, back=back, text=f"{paused.name} is paused. Calls in progress finish.")


@require_POST
@needs(Permission.CAMPAIGNS)
def resume_one(request: HttpRequest, campaign_id: int) -> HttpResponse:
    back = _back(request, _of_account(request, campaign_id))
    try:
        resumed = pausing.resume_one(
            campaign_id=campaign_id, account=request.account, actor=request.user
        )
    except CampaignError as error:
        return refused(request, back=back, error=error)
    return done(request, back=back, text=f"{resumed.name} is running again.")


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Permission.SEE)
def resume(request: HttpRequest) -> HttpResponse:
    """The paused campaigns, and which of them to resume: a dialog, or a page by itself."""
    if request.method == "POST":
        return _resume_chosen(request)
    if "cost" in request.GET:
        return _cost_of_chosen(request)
    purchase = _purchase(request)
    waiting = _waiting(request)
    if purchase and not waiting:
        # Nothing to resume after this payment: the receipt stays where it is.
        receipt = redirect("wallets:receipt", purchase.pk)
        return HttpResponse(status=204) if request.htmx else receipt
    form = ResumeForm(waiting=waiting)
    return _resume_dialog(request, form, waiting=waiting, purchase=purchase)


def _cost_of_chosen(request: HttpRequest) -> HttpResponse:
    """What the checked campaigns use a day against the balance; the button counts them."""
    waiting = _waiting(request)
    chosen = ResumeForm(request.GET, waiting=waiting).chosen()
    used = outlook.uses(campaigns=[one.campaign for one in waiting if one.campaign.pk in chosen])
    wallet = open_wallet(account=request.account)
    ahead = outlook.outlook(
        chosen=used.values(), running=outlook.running(account=request.account), wallet=wallet
    )
    context = {"outlook": ahead, "holds": holds(wallet), "swap_button": True}
    return render(request, "campaigns/_resume_cost.html", context)


@needs(Permission.CAMPAIGNS)
def _resume_chosen(request: HttpRequest) -> HttpResponse:
    waiting = _waiting(request)
    form = ResumeForm(request.POST, waiting=waiting)
    purchase = _purchase(request)
    if not form.is_valid():
        return _resume_dialog(request, form, waiting=waiting, purchase=purchase, status=422)
    try:
        answer = pausing.resume(
            campaign_ids=form.cleaned_data["campaign"],
            account=request.account,
            actor=request.user,
        )
    except CampaignError as error:
        add_errors(form, error)
        return _resume_dialog(request, form, waiting=waiting, purchase=purchase, status=422)
    text = f"{notices.counted(len(answer.resumed))} resumed."
    if not answer.refused:
        return done(request, back=reverse("campaigns:list"), text=text)
    return _some_refused(request, answer, purchase)


def _some_refused(
    request: HttpRequest, answer: pausing.Resumed, purchase: Purchase | None
) -> HttpResponse:
    """The balance was used meanwhile: show what is left, with the refused ones marked."""
    waiting = _waiting(request)
    response = _resume_dialog(
        request,
        ResumeForm(waiting=waiting),
        waiting=waiting,
        purchase=purchase,
        problem=_refusal(answer),
        marked={one.campaign.pk for one in answer.refused},
        status=422,
    )
    return triggered(response, {"balance-changed": {}}) if answer.resumed else response


def _refusal(answer: pausing.Resumed) -> str:
    refusals = "; ".join(f"{one.campaign.name}: {one.reason.lower()}" for one in answer.refused)
    resumed = f"{notices.counted(len(answer.resumed))} resumed. " if answer.resumed else ""
    return f"{resumed}Not resumed: {refusals}."


def _resume_dialog(
    request: HttpRequest,
    form: ResumeForm,
    *,
    waiting: list[pausing.Resumable],
    purchase: Purchase | None,
    problem: str = "",
    marked: Set[int] = frozenset(),
    status: int = 200,
) -> HttpResponse:
    wallet = open_wallet(account=request.account)
    # Those just refused come first, so that they are seen among however many.
    refused_first = sorted(waiting, key=lambda one: one.campaign.pk not in marked)
    shown = refused_first[: limits.RESUME_SHOWN]
    used = outlook.uses(campaigns=[one.campaign for one in shown])
    chosen = [pk for pk in form.chosen() if pk in used]
    context = {
        "form": form,
        "waiting": [(one, used[one.campaign.pk]) for one in shown],
        "not_shown": len(waiting) - len(shown),
        "chosen": chosen,
        "count": len(chosen),
        "outlook": outlook.outlook(
            chosen=[used[pk] for pk in chosen],
            running=outlook.running(account=request.account),
            wallet=wallet,
        ),
        "problem": problem,
        "marked": marked,
        "able": any(one.eligible for one in waiting),
        "needs": _they_need(waiting),
        "recharge": _recharge(waiting),
        "purchase": purchase,
        "holds": holds(wallet),
        **_may(request),
    }
    title = "Recharge complete" if purchase else "Resume campaigns"
    return dialog(
        request,
        partial="campaigns/_resume.html",
        title=title,
        back=reverse("campaigns:list"),
        context=context,
        status=status,
    )


def _waiting(request: HttpRequest) -> list[pausing.Resumable]:
    """What waits to be resumed: those that can run first, each kind by the age of its pause."""
    return sorted(pausing.resumable(account=request.account), key=lambda one: not one.eligible)


def _they_need(waiting: list[pausing.Resumable]) -> str:
    """What the campaigns that cannot run are missing, in one sentence."""
    reasons = {one.reason for one in waiting if not one.eligible}
    missing = sorted(reason.removeprefix("Needs ") for reason in reasons if reason[:6] == "Needs ")
    return f"They need {', or '.join(missing)}." if missing else ". ".join([*sorted(reasons), ""])


def _recharge(waiting: list[pausing.Resumable]) -> list[banners.Link]:
    """One link per kind of minutes that is missing."""
    links = {}
    for one in waiting:
        if not one.eligible and one.verdict.code == "low_balance":
            tier = "Basic" if one.campaign.minute_type == "basic" else "Premium"
            links[tier] = banners.recharge_link(campaign=one.campaign, text=f"Recharge {tier}")
    return [links[tier] for tier in sorted(links, reverse=True)]


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Permission.SEE)
def banner(request: HttpRequest) -> HttpResponse:
    """The banner's fragment; 204 when the page shows it already. POST dismisses a soft one."""
    current = banners.banner(account=request.account)
    if request.method == "POST":
        _dismiss(request, current)
        if not request.htmx:
            return redirect("/")
    if current and current.dismissible and current.mark in request.session.get(DISMISSED, []):
        current = None
    seen = request.GET.get("seen", "")
    if request.method != "POST" and seen == (current.mark if current else ""):
        return HttpResponse(status=204)
    return render(request, "campaigns/_banner.html", {"banner": current, **_may(request)})


def _dismiss(request: HttpRequest, current: banners.Banner | None) -> None:
    if current and current.dismissible and request.POST.get("mark") == current.mark:
        dismissed = [*request.session.get(DISMISSED, []), current.mark]
        request.session[DISMISSED] = dismissed[-MOST_DISMISSED:]


def _may(request: HttpRequest) -> dict[str, bool]:
    return {
        "may_run": Permission.CAMPAIGNS in request.permissions,
        "may_pay": Permission.MONEY in request.permissions,
    }


def _of_account(request: HttpRequest, campaign_id: int) -> Campaign:
    mine = Campaign.objects.select_related("account")
    return get_object_or_404(mine, pk=campaign_id, account=request.account)


def _back(request: HttpRequest, campaign: Campaign) -> str:
    """Where the button was pressed: on the campaign's own page, or in the list."""
    if request.POST.get("from") == "detail":
        return reverse("campaigns:detail", args=[campaign.pk])
    return reverse("campaigns:list")


def _purchase(request: HttpRequest) -> Purchase | None:
    """The payment this dialog follows, if it is the account's own and was received."""
    asked = purchase_id(request)
    if asked is None:
        return None
    mine = Purchase.objects.filter(payer=request.account, wallet__account=request.account)
    return mine.filter(pk=asked, state=Purchase.State.SUCCEEDED).first()

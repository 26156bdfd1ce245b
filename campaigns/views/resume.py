"""The resume dialog: which paused campaigns go on, what that costs, and what became of it."""

from collections.abc import Set

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from accounts.pages import needs
from accounts.people.access import Permission
from accounts.views.dialogs import add_errors, dialog, done, refused, triggered
from campaigns import banners, limits, notices, outlook, resuming
from campaigns.errors import CampaignError
from campaigns.forms import ResumeForm, purchase_id
from campaigns.views.lists import back_from, may, of_account
from wallets.balances.opening import open_wallet
from wallets.models import Purchase
from wallets.texts import holds


@require_POST
@needs(Permission.CAMPAIGNS)
def resume_one(request: HttpRequest, campaign_id: int) -> HttpResponse:
    back = back_from(request, of_account(request, campaign_id))
    try:
        resumed = resuming.resume_one(
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
        chosen=used.values(), running=outlook.running(wallet=wallet), wallet=wallet
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
        answer = resuming.resume(
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
    request: HttpRequest, answer: resuming.Resumed, purchase: Purchase | None
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


def _refusal(answer: resuming.Resumed) -> str:
    refusals = "; ".join(f"{one.campaign.name}: {one.reason.lower()}" for one in answer.refused)
    resumed = f"{notices.counted(len(answer.resumed))} resumed. " if answer.resumed else ""
    return f"{resumed}Not resumed: {refusals}."


def _resume_dialog(
    request: HttpRequest,
    form: ResumeForm,
    *,
    waiting: list[resuming.Resumable],
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
            running=outlook.running(wallet=wallet),
            wallet=wallet,
        ),
        "problem": problem,
        "marked": marked,
        "able": any(one.eligible for one in waiting),
        "needs": _they_need(waiting),
        "recharge": _recharge(waiting),
        "purchase": purchase,
        "holds": holds(wallet),
        **may(request),
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


def _waiting(request: HttpRequest) -> list[resuming.Resumable]:
    """What waits to be resumed: those that can run first, each kind by the age of its pause."""
    return sorted(resuming.resumable(account=request.account), key=lambda one: not one.eligible)


def _they_need(waiting: list[resuming.Resumable]) -> str:
    """What the campaigns that cannot run are missing, in one sentence."""
    reasons = {one.reason for one in waiting if not one.eligible}
    missing = sorted(reason.removeprefix("Needs ") for reason in reasons if reason[:6] == "Needs ")
    return f"They need {', or '.join(missing)}." if missing else ". ".join([*sorted(reasons), ""])


def _recharge(waiting: list[resuming.Resumable]) -> list[banners.Link]:
    """One link per kind of minutes that is missing."""
    links = {}
    for one in waiting:
        if not one.eligible and one.verdict.code == "low_balance":
            tier = "Basic" if one.campaign.minute_type == "basic" else "Premium"
            links[tier] = banners.recharge_link(campaign=one.campaign, text=f"Recharge {tier}")
    return [links[tier] for tier in sorted(links, reverse=True)]


def _purchase(request: HttpRequest) -> Purchase | None:
    """The payment this dialog follows, if it is the account's own and was received."""
    asked = purchase_id(request)
    if asked is None:
        return None
    mine = Purchase.objects.filter(payer=request.account, wallet__account=request.account)
    return mine.filter(pk=asked, state=Purchase.State.SUCCEEDED).first()

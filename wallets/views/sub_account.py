"""One sub-account as its agency sees it, and what every page about one needs."""

from collections.abc import Iterable
from datetime import date
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_POST, require_safe

from accounts import clock
from accounts.errors import Forbidden
from accounts.models import Account
from accounts.pages import needs
from accounts.people import access, seats
from accounts.people.access import Permission
from accounts.views.dialogs import done
from wallets import months
from wallets.allocations import asks, configure, sub_accounts
from wallets.balances.opening import open_wallet
from wallets.cards import payment_methods
from wallets.cards.payment_methods import Card
from wallets.forecasts import runway
from wallets.prices.amounts import dollars
from wallets.prices.estimates import estimate
from wallets.prices.rates import rates_now
from wallets.recharges import low_minutes
from wallets.statements import figures
from wallets.views.balance import balance
from wallets.why import decisions

RUNS_SHOWN = 12
DECISIONS_SHOWN = 8


@require_safe
@needs(Permission.SEE)
def sub_account(request: HttpRequest, account_id: UUID) -> HttpResponse:
    """One sub-account as its agency sees it: Auto-Recharge is read-only here."""
    account = sub_account_of(request, account_id)
    wallet = open_wallet(account=account)
    automatic, rates = wallet.auto_recharge, rates_now()
    lasts = runway.runway(wallet=wallet, automatic=automatic, rates=rates)
    context = {
        **allocation_facts(request, account, cards=payment_methods.cards(request.account)),
        "wallet": wallet,
        "seat": seats.seat_of(account=account),
        "minute_ask": asks.open_asks(agency=request.account).filter(account=account).first(),
        "balance": balance(wallet=wallet, automatic=automatic, rates=rates, runway=lasts),
        "automatic": automatic,
        # From the agency's own log: its sub-account's is not its business.
        "decisions": decisions.page(
            wallet_id=open_wallet(account=request.account).pk,
            subject=decisions.Subject.ALLOCATION,
            about=str(account.pk),
            limit=DECISIONS_SHOWN,
        ),
        "usage": [
            month
            for month in figures.usage_by_month(wallet=wallet)
            if month.credit or month.premium_seconds or month.basic_seconds
        ],
        "now": clock.now(),
    }
    return render(request, "wallets/sub_account.html", context)


@require_POST
@needs(Permission.SEE)
def notices(request: HttpRequest, account_id: UUID) -> HttpResponse:
    """Whether the agency hears of this sub-account's low balance."""
    account = sub_account_of(request, account_id)
    require_allocate(request, account)
    hears = "hear" in request.POST
    low_minutes.let_agency_hear(wallet_id=open_wallet(account=account).pk, hears=hears)
    text = f"You {'will' if hears else 'no longer'} hear when {account.name} runs low."
    return done(request, back=request.path.removesuffix("notices/"), text=text)


def allocation_facts(
    request: HttpRequest, account: Account, *, cards: list[Card]
) -> dict[str, object]:
    """How the monthly allocation stands: its card, its coming charges, and its latest months."""
    allocation = getattr(account, "auto_allocation", None)
    facts = {
        "account": account,
        "allocation": allocation,
        "may_allocate": may_allocate(request) and not account.is_closed,
    }
    if allocation is None:
        return facts
    runs = list(allocation.runs.all()[:RUNS_SHOWN])
    is_running = not (account.is_closed or request.account.is_closed)
    return facts | {
        "card": next((card for card in cards if card.id == allocation.payment_method), None),
        "runs": runs,
        "latest": runs[0] if runs else None,
        "retry_charge": dollars(runs[0].amount_cents) if runs else None,
        "next_charge": next_charge(account, request.account.local_date(clock.now())),
        "monthly": estimate(
            basic_minutes=allocation.basic_minutes, premium_minutes=allocation.premium_minutes
        ).total,
        "charges": charges(configure.upcoming(allocation), allocation.anchor_date)
        if is_running
        else [],
    }


def sub_account_of(request: HttpRequest, account_id: UUID) -> Account:
    """One of the agency's own sub-accounts, else 404."""
    access.require_agency(account=request.account)
    rows = Account.objects.select_related("agency", "auto_allocation")
    rows = sub_accounts.with_payments(rows, agency=request.account)
    return get_object_or_404(rows, pk=account_id, agency=request.account)


def require_allocate(request: HttpRequest, account: Account) -> None:
    """Owners and admins of the agency may; a seat in the sub-account itself decides first."""
    access.require(user=request.user, account=account, permission=Permission.ALLOCATE)
    if request.account.is_closed:
        raise Forbidden(f"{request.account.name} is closed, so nothing in it can be changed.")


def next_charge(account: Account, today: date) -> date | None:
    """The next day on which the allocation is charged, or None when nothing is allocated. Of an
    account from `sub_accounts.with_latest`."""
    allocation = getattr(account, "auto_allocation", None)
    if allocation is None or not allocation.active or account.is_closed:
        return None
    return configure.next_charge(allocation, latest=account.latest_period, today=today)


def charges(days: Iterable[date], anchor: date | None) -> list[dict[str, object]]:
    """The days of coming charges, and which of them end a month too short for the anchor."""
    return [{"day": day, "is_clamped": months.is_clamped(day, anchor)} for day in days]


def may_allocate(request: HttpRequest) -> bool:
    return Permission.MONEY in request.permissions

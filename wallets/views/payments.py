"""The Payments page: balance, Auto-Recharge, chart, cards, and the latest transactions."""

from datetime import timedelta
from decimal import Decimal

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts import clock
from accounts.audit.seen import mark
from accounts.errors import Unusable
from accounts.pages import needs, once
from accounts.people.access import Permission
from wallets.balances.opening import open_wallet
from wallets.cards import payment_methods
from wallets.cards.payment_methods import Card
from wallets.charging import backups, switch
from wallets.forecasts import ahead, runway, standing
from wallets.forecasts.ahead import Ahead
from wallets.models import AutoRecharge, Purchase, Wallet
from wallets.prices.rates import rates_now
from wallets.recharges import auto_recharge, spending, which_card
from wallets.statements import figures, statements
from wallets.views.asks import ask_facts
from wallets.views.balance import balance
from wallets.views.chart import balance_chart
from wallets.views.purchases import retry_of
from wallets.why import decisions

CHART_DAYS = (7, 30, 90)
# A third of what is shown of the past, but until the same weekday of next week.
FORECAST_DAYS_LEAST = 7
LATEST_TRANSACTIONS = 10
LATEST_DECISIONS = 3


@require_safe
@needs(Permission.SEE)
@switch.asked_once()
def payments(request: HttpRequest) -> HttpResponse:
    account = request.account
    wallet = open_wallet(account=account)
    automatic, rates = wallet.auto_recharge, rates_now()
    wallet.seen = mark(wallet, fields=payment_methods.CHOSEN)
    automatic.seen = mark(automatic, fields=["minutes_level"])
    lasts = runway.runway(wallet=wallet, automatic=automatic, rates=rates)
    coming = ahead.ahead(wallet=wallet, automatic=automatic, runway=lasts)
    latest_recharge = _latest_recharge(wallet)
    context = {
        "wallet": wallet,
        "balance": balance(wallet=wallet, automatic=automatic, rates=rates, runway=lasts),
        "automatic": automatic,
        "runway": lasts,
        "ahead": coming,
        "used": _used(wallet=wallet, automatic=automatic),
        "is_new": standing.is_new(wallet),
        "latest_recharge": latest_recharge,
        # None is begun while another is open, so an open one is the latest.
        "open_purchase": latest_recharge if latest_recharge and latest_recharge.is_open else None,
        "cards": payment_methods.cards(account),
        "statement": statements.transactions(account=account, limit=LATEST_TRANSACTIONS),
        "pots": statements.pots_moved(account=account),
        "decisions": decisions.page(wallet_id=wallet.pk, limit=LATEST_DECISIONS),
        "now": clock.now(),
        "retry": retry_of(automatic),
        "charges_stopped": switch.are_stopped(),
        **ask_facts(account),
        **_chart(wallet=wallet, automatic=automatic, coming=coming, days=_days(request)),
    }
    context["charged_card"] = next(
        (card for card in context["cards"] if card.id == automatic.effective_payment_method), None
    )
    context |= _backup(automatic, context["charged_card"])
    return render(request, "wallets/payments.html", context)


def _backup(automatic: AutoRecharge, first: Card | None) -> dict[str, object]:
    """The card that stands in for the first, if any, and whether it does so now."""
    backup = first and backups.card_of(account_id=automatic.wallet.account_id, first=first)
    return {"backup_card": backup, "stand_in": backup and which_card.to_charge(automatic)}


def _latest_recharge(wallet: Wallet) -> Purchase | None:
    return wallet.purchases.recharges().exclude(state="canceled").order_by("-created_at").first()


def _days(request: HttpRequest) -> int:
    """Raises Unusable for days that the chart does not know."""
    once(request.GET)
    asked = request.GET.get("days") or "30"
    if asked not in {str(days) for days in CHART_DAYS}:
        raise Unusable("The chart shows 7, 30 or 90 days. Choose one of them.")
    return int(asked)


def _used(*, wallet: Wallet, automatic: AutoRecharge) -> dict[str, Decimal] | None:
    """What automatic charges of this day and month took of what they may take."""
    if not automatic.enabled:
        return None
    terms = auto_recharge.terms_of(automatic)
    spent = spending.spent(wallet=wallet, now=clock.now())
    return {
        "today": spent.today,
        "ceiling": terms.ceiling,
        "month": spent.month,
        "limit": terms.monthly_limit,
    }


def _chart(
    *, wallet: Wallet, automatic: AutoRecharge, coming: Ahead | None, days: int
) -> dict[str, object]:
    threshold: Decimal | None = automatic.threshold.amount if automatic.enabled else None
    history = figures.balance_history(wallet=wallet, days=days)
    recharges = figures.recharges_by_day(wallet=wallet, days=days)
    chart = balance_chart(
        history=history,
        threshold=threshold,
        recharges=recharges,
        ahead=coming.days(max(FORECAST_DAYS_LEAST, days // 3)) if coming else (),
    )
    return {
        "chart": chart,
        "chart_days": CHART_DAYS,
        "days": days,
        "chart_since": clock.now() - timedelta(days=days),
    }

"""Auto-Recharge: when to recharge, and how much.

Compared is credit, strictly below the threshold. Level, not edge: `run` looks at the state as it
is, after every movement, change of settings or card, purchase outcome, and by a sweep.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from math import floor

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.expressions import RawSQL

from accounts import clock
from accounts.models import User
from accounts.runtime import crash_points, statements
from accounts.runtime.columns import column
from accounts.runtime.queues import Queue, awake
from wallets import limits
from wallets.balances import ledger
from wallets.charging import purchases, switch
from wallets.models import AutoRecharge, Purchase, Wallet
from wallets.models.auto_recharge import default_ceiling
from wallets.prices.amounts import cents
from wallets.recharges import (
    daily_ceiling,
    monthly_limit,
    notices,
    spending,
    suspensions,
    which_card,
)
from wallets.recharges.which_card import Rest
from wallets.why import decisions
from wallets.why.codes import Code, Recharge
from wallets.why.decisions import Decision

Hold = AutoRecharge.Hold
Suspended = AutoRecharge.Suspended

# Holds that only time ends; the others are worked out anew at every look.
STORED_HOLDS = (Hold.DECLINED, Hold.GATEWAY, Hold.TOO_MANY_TRIES)


# In SQL, because the end of a batch of calls asks it: to build and compile the same as a QuerySet
# takes Django longer than PostgreSQL takes to answer it.
COMING = """
SELECT ar.wallet_id FROM wallets_autorecharge ar
JOIN wallets_wallet w ON w.id = ar.wallet_id
JOIN accounts_account a ON a.id = w.account_id
WHERE ar.enabled AND ar.suspended_at IS NULL AND w.blocked_at IS NULL AND a.status = 'active'
  AND ar.due_since > %s
  AND NOT (ar.payment_method = '' AND w.default_payment_method = '')
  AND (ar.not_before IS NULL OR ar.not_before <= %s OR ar.hold_reason = 'cooldown')
  AND NOT EXISTS (
      SELECT FROM wallets_purchase p WHERE p.wallet_id = ar.wallet_id
      AND p.purpose IN ('recharge', 'auto_recharge') AND p.state = 'requires_action')
  AND NOT EXISTS (SELECT 1 FROM wallets_chargeswitch s WHERE s.stopped)
"""
COMING_AMONG = f"{COMING} AND ar.wallet_id = ANY(%s::bigint[])"


@dataclass(frozen=True)
class Terms:
    """The settings a charge is worked out from: the saved ones, or those of a form."""

    enabled: bool
    threshold: Decimal
    amount: Decimal
    monthly_limit: Decimal | None
    daily_ceiling: Decimal | None = None

    @property
    def ceiling(self) -> Decimal:
        """Dollars of automatic charges in one day, whether the account set it or not."""
        if self.daily_ceiling is None:
            return default_ceiling(amount=self.amount)
        return self.daily_ceiling

    def fits_no_month(self, spent: Decimal) -> bool:
        """Whether the monthly limit leaves no room for one more amount."""
        return self.monthly_limit is not None and self.monthly_limit - spent < self.amount


def terms_of(automatic: AutoRecharge) -> Terms:
    return Terms(
        enabled=automatic.enabled,
        threshold=automatic.threshold.amount,
        amount=automatic.amount.amount,
        monthly_limit=automatic.monthly_limit and automatic.monthly_limit.amount,
        daily_ceiling=automatic.daily_ceiling and automatic.daily_ceiling.amount,
    )


def charge_for(
    *, credit: Decimal, terms: Terms, spent: Decimal = Decimal(0), today: Decimal = Decimal(0)
) -> Decimal:
    """Dollars of the one charge that lands strictly above the threshold, in whole amounts.

    The smallest multiple that lands above it, else the largest that fits the per-charge limit,
    what the monthly limit leaves after `spent` and what the daily ceiling leaves after `today`.
    0 when not even one amount fits.
    """
    wanted = floor((terms.threshold - credit) / terms.amount) + 1
    room = min(limits.AUTO_CHARGE_MOST, terms.ceiling - today)
    if terms.monthly_limit is not None:
        room = min(room, terms.monthly_limit - spent)
    return terms.amount * max(0, min(wanted, floor(room / terms.amount)))


def decide(
    *,
    wallet: Wallet,
    automatic: AutoRecharge,
    terms: Terms | None = None,
    at: datetime | None = None,
) -> Decision:
    """Whether to charge this wallet now, why, and the figures. Writes nothing.

    Call with the wallet locked when the answer is acted on. `at` asks for a moment to come, as far
    as it is known today: what ends by itself until then has ended.
    """
    terms = terms or terms_of(automatic)
    credit, now = wallet.credit.amount, at or clock.now()
    figures: dict[str, object] = {"credit": credit, "threshold": terms.threshold}
    if refusal := standing_refusal(wallet, automatic, terms):
        return Decision(False, refusal, figures)
    if credit >= terms.threshold:
        return Decision(False, Recharge.BALANCE_FINE, figures)
    if not automatic.effective_payment_method:
        return Decision(False, Recharge.NO_CARD, figures)
    if waits(automatic, now):
        why = Recharge.of(automatic.hold_reason)
        return Decision(False, why, figures | {"until": automatic.not_before})
    return _decide_charge(wallet, terms, figures, now)


def standing_refusal(wallet: Wallet, automatic: AutoRecharge, terms: Terms) -> Code | None:
    """The code of what forbids any charge whatever the balance, or None."""
    if not terms.enabled:
        return Recharge.OFF
    if wallet.account.is_closed:
        return Recharge.CLOSED
    if wallet.blocked_at:
        return Recharge.BLOCKED
    if switch.are_stopped():
        return Recharge.ON_HOLD
    return Recharge.SUSPENDED if automatic.suspended_at else None


def waits(automatic: AutoRecharge, now: datetime) -> bool:
    """Whether a hold that only time ends lasts beyond this moment."""
    return automatic.hold_reason in STORED_HOLDS and automatic.not_before > now


def _decide_charge(wallet: Wallet, terms: Terms, figures: dict, now: datetime) -> Decision:
    if wallet.purchases.recharges().open().exists():
        return Decision(False, Recharge.PURCHASE_PENDING, figures)
    if brake := _brake(wallet, now):
        why, until = brake
        return Decision(False, why, figures | {"until": until})
    decided = spending.spent(wallet=wallet, now=now)
    spent, today = decided.month, decided.today
    charge = charge_for(credit=figures["credit"], terms=terms, spent=spent, today=today)
    figures |= {"spent": spent, "limit": terms.monthly_limit, "amount": terms.amount}
    if not charge and terms.fits_no_month(spent):
        until = monthly_limit.starts_anew(wallet=wallet, now=now)
        return Decision(False, Recharge.MONTHLY_LIMIT, figures | {"until": until})
    if not charge:
        until = daily_ceiling.starts_anew(wallet=wallet, now=now)
        figures |= {"spent": today, "limit": terms.ceiling, "until": until}
        return Decision(False, Recharge.DAILY_CEILING, figures)
    return Decision(True, Recharge.CHARGE, figures | {"charge": charge})


def _brake(wallet: Wallet, now: datetime) -> tuple[Code, datetime] | None:
    """Why the latest charges of this wallet let the next one wait, and until when."""
    window = wallet.purchases.filter(
        purpose=Purchase.Purpose.AUTO_RECHARGE, created_at__gt=now - limits.CHARGE_WINDOW
    )
    tried = list(window.order_by("-created_at").values_list("state", "created_at"))
    if len(tried) >= limits.INTENTS_PER_WINDOW:
        return Recharge.TOO_MANY_TRIES, now + limits.BRAKE_HOLD
    paid = wallet.purchases.recharges().filter(
        state="succeeded", closed_at__gt=now - limits.COOLDOWN
    )
    if latest := paid.order_by("-closed_at").first():
        return Recharge.COOLDOWN, latest.closed_at + limits.COOLDOWN
    recent = [created_at for state, created_at in tried if state == "succeeded"]
    if len(recent) >= limits.CHARGES_PER_WINDOW:
        return Recharge.TOO_MANY, recent[limits.CHARGES_PER_WINDOW - 1] + limits.CHARGE_WINDOW
    return None


def run(*, wallet_id: int) -> Decision:
    """Look at a wallet and charge it if the rule wants it. Safe to repeat and to race.

    Call with no transaction open. The decision tells why nothing was charged.
    """
    crash_points.reach("before_claim")
    decision, purchase = claim(wallet_id=wallet_id)
    crash_points.reach("after_claim_commit")
    if purchase:
        purchases.drive(purchase_id=purchase.pk)
    return decision


@transaction.atomic(durable=True)
def claim(*, wallet_id: int) -> tuple[Decision, Purchase | None]:
    """Decide under the wallet's lock, and write down the purchase to be charged, if any."""
    wallet = ledger.lock_one(wallet_id=wallet_id)
    return claim_locked(wallet=wallet, automatic=suspensions.locked_settings(wallet))


def claim_locked(
    *,
    wallet: Wallet,
    automatic: AutoRecharge,
    requested_by: User | None = None,
    whatever_the_wait: bool = False,
) -> tuple[Decision, Purchase | None]:
    """The same for a caller that holds both locks. The charge itself waits for the commit.

    Who asks for it, or tries again, does not wait for a declined card's rest.
    """
    decision = decide(wallet=wallet, automatic=automatic)
    _note(automatic, decision)
    if not decision.wanted:
        _log(automatic, decision)
        return decision, None
    by_person = whatever_the_wait or requested_by is not None
    choice = which_card.to_charge(automatic, by_person=by_person)
    card = choice.card
    if card is None or card.is_expired:
        fingerprint = card.fingerprint if card else ""
        suspensions.mark_suspended(automatic, Suspended.NO_CARD, fingerprint)
        notices.tell_suspended(automatic, "The card can no longer be charged. Choose another card.")
        decision = replace(decision, wanted=False, code=Recharge.NO_CARD)
        _log(automatic, decision)
        return decision, None
    if choice.must_wait:
        decision = _let_card_rest(automatic, choice.rest, decision)
        _log(automatic, decision)
        return decision, None
    _log(automatic, decision)
    purchase = Purchase.objects.create(
        payer=wallet.account,
        wallet=wallet,
        purpose=Purchase.Purpose.AUTO_RECHARGE,
        amount_cents=cents(decision.figures["charge"]),
        buys=Purchase.Buys.CREDIT,
        payment_method=card.id,
        card=card.label,
        card_fingerprint=card.fingerprint,
        instead_of=choice.instead_of,
        requested_by=requested_by,
    )
    return decision, purchase


def _let_card_rest(automatic: AutoRecharge, rest: Rest, decision: Decision) -> Decision:
    """The backup card that stood in is gone or declined, too: what the declines of the first card
    would have meant without one."""
    if rest.until:
        suspensions.hold(automatic, Hold.DECLINED, rest.until)
        figures = decision.figures | {"until": rest.until}
        return replace(decision, wanted=False, code=Recharge.DECLINED, figures=figures)
    fingerprint = automatic.failed_fingerprint
    suspensions.mark_suspended(automatic, Suspended.PAYMENT_FAILED, fingerprint)
    notices.tell_suspended(automatic, rest.declined.error_text)
    return replace(decision, wanted=False, code=Recharge.SUSPENDED)


def _log(automatic: AutoRecharge, decision: Decision) -> None:
    """Write down for people what was decided, and on which figures."""
    figures = decision.figures | {"reason": automatic.suspended_reason or None}
    decisions.record(
        decisions.Entry(
            wallet_id=automatic.wallet_id,
            code=decision.code,
            figures=figures,
        )
    )


def _note(automatic: AutoRecharge, decision: Decision) -> None:
    """Keep why the rule has to wait, for people and for campaigns, and tell what must be told."""
    until = decision.figures.get("until")
    hold = decision.code if until else ""
    is_new = (automatic.hold_reason, automatic.not_before) != (hold, until)
    if is_new and not waits(automatic, clock.now()):
        suspensions.hold(automatic, hold, until)
    if hold == Hold.TOO_MANY:
        notices.tell_too_many(automatic, until)
    if hold == Hold.TOO_MANY_TRIES:
        notices.tell_too_many_tries(automatic, until)
    if hold == Hold.MONTHLY_LIMIT:
        spent, limit, amount = (decision.figures[name] for name in ("spent", "limit", "amount"))
        notices.tell_limit_reached(automatic, spent=spent, limit=limit, amount=amount, until=until)
    if hold == Hold.DAILY_CEILING:
        spent, ceiling = decision.figures["spent"], decision.figures["limit"]
        notices.tell_ceiling_reached(automatic, spent=spent, ceiling=ceiling, until=until)


def _chargeable(now: datetime) -> QuerySet[AutoRecharge]:
    """Settings of the wallets whose rule wants a charge, and that could be charged now.

    What waits for somebody, or for a known moment, is left out until that has come.
    """
    if switch.are_stopped():
        return AutoRecharge.objects.none()
    pending = Purchase.objects.recharges().open().filter(wallet=OuterRef("wallet"))
    return (
        AutoRecharge.objects.filter(
            awake(now),
            due_since__isnull=False,
            enabled=True,
            suspended_at=None,
            wallet__blocked_at=None,
            wallet__account__status="active",
            wallet__credit__lt=F("threshold"),
        )
        .exclude(payment_method="", wallet__default_payment_method="")
        .filter(Q(not_before=None) | Q(not_before__lte=now))
        .exclude(Exists(pending))
    )


DUE = Queue(kind="recharge", rows=_chargeable, key="wallet_id", since="due_since")


def coming(now: datetime) -> QuerySet[AutoRecharge]:
    """Settings of the wallets whose recharge is on its way, so that campaigns need not pause yet.

    Campaigns uses it as a subquery by `wallet_id`; a cooldown after a success does not end it.
    """
    on_its_way = RawSQL(COMING, coming_values(now))  # nosec B611 # a constant, and parameters
    return AutoRecharge.objects.filter(wallet__in=on_its_way)


def without_coming(wallets: str, now: datetime) -> RawSQL:
    """Of the wallets whose ids this statement finds, those without a recharge on its way.

    A set less another: as a condition on each wallet PostgreSQL would rather read all of them.
    """
    return RawSQL(f"({wallets}) EXCEPT ({COMING})", coming_values(now))  # nosec B608 B611 # constants of ours, and parameters


def coming_among(*, wallet_ids: Iterable[int], now: datetime) -> set[int]:
    """Those of these wallets whose recharge is on its way."""
    values = [*coming_values(now), column(wallet_ids)]
    return {wallet_id for (wallet_id,) in statements.rows(COMING_AMONG, values)}


def coming_values(now: datetime) -> list[datetime]:
    """What COMING asks for."""
    return [now - limits.GRACE, now]


def payment_method_changed(*, wallet_id: int) -> None:
    """Look again after a card was chosen: only another card than the failed one lifts anything."""
    with transaction.atomic():
        wallet = ledger.lock_one(wallet_id=wallet_id)
        automatic = suspensions.locked_settings(wallet)
        suspensions.consider_card(automatic)
    run(wallet_id=wallet_id)

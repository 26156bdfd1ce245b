"""What the actors can do. Each draws its figures from the world's dice and does one thing.

A refusal (AccountError) is an answer like any other; every other error fails the run.
"""

import json
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

from django.conf import settings

from accounts import clock
from accounts.models import Account
from campaigns import calls, holds, resuming
from campaigns.models import Campaign
from campaigns.reports import Report
from campaigns.tests.builders import make_report
from tests.simulation.world import World
from thinkrr_billing.sandbox.stripe.process import SandboxError
from thinkrr_billing.sandbox.stripe.state.webhooks import sign
from wallets import inbox
from wallets.allocations import configure as allocations
from wallets.allocations import retries
from wallets.balances import adjustments, included
from wallets.cards import backup, keeping
from wallets.charging import purchases
from wallets.models import Purchase, Wallet
from wallets.recharges import by_hand, configure
from wallets.reversals import catching_up, refunds
from wallets.stripe import answers

ACTIONS: dict[str, tuple[int, Callable[[World], object]]] = {}

CONFIRM = r"/v1/payment_intents/\w+/confirm"
PATHS = (
    CONFIRM,
    CONFIRM,
    "/v1/payment_intents",
    r"/v1/payment_intents/\w+/cancel",
    "/v1/refunds",
    "/v1/",
)
KINDS = ("reset_before", "reset_after", "500_before", "500_after", "429", "409")
BEHAVIOURS = (
    None,
    None,
    "processing",
    "authentication_required",
    {"decline_code": "insufficient_funds"},
    {"decline_code": "lost_card"},
    {"decline_code": "a_brand_new_code"},
)
WAITS = (
    timedelta(seconds=1),
    timedelta(seconds=31),
    timedelta(seconds=61),
    timedelta(minutes=3),
    timedelta(minutes=16),
    timedelta(hours=1, minutes=1),
    timedelta(hours=7),
    timedelta(hours=25),
    timedelta(days=3),
    timedelta(days=30),
)


def action(weight: int) -> Callable:
    """How often it happens beside the others."""

    def register(function: Callable[[World], object]) -> Callable[[World], object]:
        ACTIONS[function.__name__] = (weight, function)
        return function

    return register


@action(16)
def report_calls(world: World) -> object:
    rng = world.rng
    reports = []
    for _ in range(rng.randint(1, 3)):
        account = rng.choice(world.accounts)
        campaigns = [one for one in world.campaigns if one.account_id == account.pk]
        reports.append(
            make_report(
                account,
                # Few ids, so that some are reported twice, and some with other facts.
                id=f"call-{rng.randrange(60)}",
                seconds=rng.choice((0, 1, 59, 60, 61, 600, 3600, 7200)),
                campaign=rng.choice(campaigns) if rng.random() < 0.7 else None,
                minute_type=None,
                outcome=rng.choice(("completed", "completed", "no_answer", "failed")),
            )
        )
    reports = [
        one
        if one.campaign
        else make_report(one.account, id=one.id, seconds=one.seconds, minute_type="basic")
        for one in reports
    ]
    held = [_hold(one) for one in reports]
    return held, [result.status for result in calls.record(reports=reports, reporter=None)]


def _hold(report: Report) -> list[str]:
    """Of every other call: a hold of its own, often too short, and one of a call that runs on.

    Without dice, so that seeds that once failed play what they played then.
    """
    number = int(report.id.removeprefix("call-"))
    if number % 2:
        return []
    account = Account.objects.get(pk=report.account)
    campaign = Campaign.objects.filter(account=account, external_id=report.campaign).first()
    return [
        holds.hold(
            account=account,
            call=call,
            seconds=number * 10 + 1,
            reporter=None,
            campaign=campaign,
            minute_type=report.minute_type,
        ).reason
        for call in (report.id, f"{report.id}-next")
    ]


@action(6)
def recharge_by_hand(world: World) -> object:
    rng = world.rng
    wallet = rng.choice(world.wallets)
    purchase = by_hand.recharge(
        wallet_id=wallet.pk,
        actor=None,
        amount=Decimal(rng.choice(("5", "19.99", "50", "333.33", "10000"))),
        buys=rng.choice(("credit", "premium", "basic")),
        # Few keys: the same form is sent again, sometimes with other facts.
        form_key=f"form-{rng.randrange(6)}",
        payment_method=rng.choice(("", *world.cards[wallet.account_id])),
    )
    return purchase.state


@action(6)
def save_auto_recharge(world: World) -> object:
    rng = world.rng
    wallet = rng.choice(world.wallets)
    saved = configure.save(
        wallet_id=wallet.pk,
        settings=configure.Settings(
            enabled=rng.random() < 0.85,
            threshold=Decimal(rng.choice(("1", "10", "25", "100"))),
            amount=Decimal(rng.choice(("5", "20", "50", "2500"))),
            payment_method=rng.choice(("", "", *world.cards[wallet.account_id])),
            monthly_limit=rng.choice((None, None, Decimal(2500), Decimal(3000))),
            resume_campaigns=rng.random() < 0.5,
        ),
        actor=None,
    )
    return saved.decision.code


@action(2)
def try_again(world: World) -> object:
    return configure.try_again(
        wallet_id=world.rng.choice(world.wallets).pk, actor=None
    ).decision.code


@action(6)
def save_allocation(world: World) -> object:
    rng = world.rng
    allocations.save(
        account=rng.choice(world.subs),
        agency=world.agency,
        actor=None,
        basic_minutes=rng.choice((0, 0, 5, 6, 500)),
        premium_minutes=rng.choice((0, 1, 4, 1000)),
        payment_method=rng.choice(world.cards[world.agency.pk]),
    )
    return "saved"


@action(3)
def change_allocation(world: World) -> object:
    change = world.rng.choice(
        (
            allocations.stop,
            allocations.skip_next,
            allocations.unskip,
            retries.retry_now,
            retries.retry_now,
        )
    )
    change(account=world.rng.choice(world.subs), agency=world.agency, actor=None)
    return change.__name__


@action(10)
def beat(world: World) -> object:
    found = world.find_work()
    for piece in found:
        world.send(*piece)
    return len(found)


@action(14)
def work(world: World) -> object:
    """A worker takes a message; sometimes another one gets the same."""
    if not world.queue:
        return "nothing"
    place = world.rng.randrange(len(world.queue))
    name, args = world.queue[place]
    if not world.chance(0.1):
        world.queue.pop(place)
    world.note(f"works on {name}{args}")
    if name in TASKS_TOLD:
        return "told"
    try:
        return run_task(name, args)
    except answers.GatewayError as error:
        return f"logged: {error}"


# Mails are no money.
TASKS_TOLD = frozenset({"accounts.send_mail", "accounts.mail"})


def run_task(name: str, args: tuple) -> object:
    from celery import current_app

    return current_app.tasks[name](*args)


@action(1)
def flush_broker(world: World) -> object:
    world.queue.clear()
    return "empty"


@action(10)
def deliver_event(world: World) -> object:
    """Stripe's events arrive late, in any order, twice or never."""
    events = world.stripe.events()
    world.undelivered += events[world.events_seen :]
    world.events_seen = len(events)
    if not world.undelivered:
        return "nothing"
    event = world.rng.choice(world.undelivered)
    if not world.chance(0.15):
        world.undelivered.remove(event)
    if world.chance(0.2):
        return "lost"
    deliver(event)
    return event["type"]


def deliver(event: dict) -> None:
    import time

    body = json.dumps(event).encode()
    signature = sign(secret=settings.STRIPE_WEBHOOK_SECRET, body=body, kind="good", now=time.time())
    inbox.record(payload=body, signature=signature)


@action(10)
def time_passes(world: World) -> object:
    world.move(world.rng.choice(WAITS))
    return "…"


@action(8)
def stripe_has_trouble(world: World) -> object:
    rng = world.rng
    kind, path = rng.choice(KINDS), rng.choice(PATHS)
    method = None if path == "/v1/" else "POST"
    world.stripe.fault(kind=kind, path=path, method=method, times=rng.choice((1, 1, 2, 3)))
    return f"{kind} {path}"


@action(4)
def stripe_recovers(world: World) -> object:
    world.stripe.clear_faults()
    return "ok"


@action(6)
def card_changes(world: World) -> object:
    card = world.rng.choice(world.rng.choice(list(world.cards.values())))
    behaviour = world.rng.choice(BEHAVIOURS)
    world.stripe.set_card(card, behaviour=behaviour)
    return behaviour


@action(2)
def choose_default_card(world: World) -> object:
    account = world.rng.choice(world.accounts)
    keeping.make_default(account=account, card_id=world.rng.choice(world.cards[account.pk]))
    return "chosen"


@action(3)
def choose_backup_card(world: World) -> object:
    """One that stands in for a declined card, mostly; sometimes none."""
    account = world.rng.choice(world.accounts)
    if world.chance(0.15):
        return backup.clear(account=account)
    backup.choose(account=account, card_id=world.rng.choice(world.cards[account.pk]))
    return "chosen"


@action(1)
def remove_card(world: World) -> object:
    account = world.rng.choice(world.accounts)
    keeping.remove(account=account, card_id=world.rng.choice(world.cards[account.pk]))
    return "removed"


@action(5)
def bank_answers(world: World) -> object:
    """A payment in processing ends, or the bank's question is answered, or asked at last."""
    intents = world.stripe.intents()
    processing = [one for one in intents if one["status"] == "processing"]
    asked = [one for one in intents if one["status"] == "requires_action"]
    if processing and world.chance(0.5):
        outcome = world.rng.choice(("succeeded", "failed"))
        world.stripe.finish(world.rng.choice(processing)["id"], outcome)
        return outcome
    if asked:
        world.stripe.answer_bank(world.rng.choice(asked)["id"], approved=world.chance(0.7))
        return "answered"
    return "nothing"


@action(3)
def follow_link_to_bank(world: World) -> object:
    waiting = list(Purchase.objects.filter(state="requires_action").order_by("created_at"))
    if not waiting:
        return "nothing"
    purchase = world.rng.choice(waiting)
    if world.chance(0.25):
        return by_hand.cancel_waiting(purchase_id=purchase.pk).state
    return by_hand.confirm_with_bank(purchase_id=purchase.pk, return_url="http://127.0.0.1/back")


def _paid(world: World) -> Purchase | None:
    paid = world.purchases().filter(state="succeeded").order_by("created_at", "closed_at")
    return world.rng.choice(found) if (found := list(paid)) else None


@action(4)
def refund_by_support(world: World) -> object:
    purchase = _paid(world)
    if purchase is None:
        return "nothing"
    cents = world.rng.choice((1, 100, 333, purchase.amount_cents, purchase.amount_cents // 2 or 1))
    reversal = refunds.refund(
        purchase_id=purchase.pk,
        amount_cents=cents,
        actor=None,
        reason="asked for",
        form_key=f"refund-{world.rng.randrange(5)}",
    )
    return reversal.state


@action(2)
def refund_in_dashboard(world: World) -> object:
    purchase = _paid(world)
    if purchase is None:
        return "nothing"
    amount = world.rng.choice((50, 777))
    return world.stripe.api(
        "POST", "/v1/refunds", {"payment_intent": purchase.payment_intent, "amount": amount}
    )


@action(2)
def refund_changes(world: World) -> object:
    refunds = world.stripe.machine.store.list(kind="refund")[::-1]
    if not refunds:
        return "nothing"
    try:
        return world.stripe.set_refund(world.rng.choice(refunds)["id"], "failed")["status"]
    except SandboxError as error:
        return str(error)


@action(3)
def dispute(world: World) -> object:
    disputes = world.stripe.machine.store.list(kind="dispute")[::-1]
    try:
        if disputes and world.chance(0.6):
            action = world.rng.choice(("withdraw", "win", "lose", "close"))
            world.stripe.move_dispute(world.rng.choice(disputes)["id"], action)
            return action
        purchase = _paid(world)
        if purchase is None:
            return "nothing"
        status = world.rng.choice(("needs_response", "needs_response", "warning_needs_response"))
        amount = world.rng.choice(_disputable(world, purchase))
        world.stripe.dispute(purchase.payment_intent, status=status, amount=amount)
        return f"{status} {amount}"
    except SandboxError as error:
        return str(error)


def _disputable(world: World, purchase: Purchase) -> tuple[int, ...]:
    """What a bank may take: what other disputes left, all or in part, refunded or not."""
    found = next(
        one
        for one in world.stripe.truth()["payment_intents"]
        if one["id"] == purchase.payment_intent
    )
    left = found["amount"] - sum(one["amount"] for one in found["disputes"])
    return left, left, left - found["amount_refunded"], left // 2


@action(2)
def support_acts(world: World) -> object:
    """Lifts a block, or corrects a balance."""
    wallet = world.rng.choice(world.wallets)
    if world.chance(0.5):
        Wallet.objects.filter(pk=wallet.pk).update(blocked_at=None, blocked_reason="")
        return "unblocked"
    amount = Decimal(world.rng.choice(("-30", "-3.5", "0.01", "15")))
    adjustments.post(
        wallet_id=wallet.pk,
        pot="credit",
        amount=amount,
        note="goodwill",
        actor=None,
        form_key=f"adjust-{world.rng.randrange(10**9)}",
    )
    return amount


@action(2)
def resume_campaigns(world: World) -> object:
    account = world.rng.choice(world.accounts)
    mine = Campaign.objects.filter(account=account).order_by("pk")
    answer = resuming.resume(campaign_ids=[one.pk for one in mine], account=account, actor=None)
    return len(answer.resumed)


@action(2)
def night(world: World) -> object:  # noqa: ARG001
    """The nightly task, but for the books, which are checked at the end."""
    granted = included.reset_due()
    try:
        return granted, catching_up.catch_up(since=clock.now() - timedelta(days=120))
    except answers.GatewayError as error:
        return granted, f"logged: {error}"


@action(1)
def close_or_open_account(world: World) -> object:
    account = world.rng.choice(world.accounts)
    status = "closed" if world.chance(0.4) else "active"
    Account.objects.filter(pk=account.pk).update(status=status)
    return status


@action(2)
def drive_again(world: World) -> object:
    """A second worker looks at an open purchase, as after a redelivery."""
    waiting = list(world.purchases().open().order_by("created_at"))
    if not waiting:
        return "nothing"
    return purchases.drive(purchase_id=world.rng.choice(waiting).pk).state

"""Celery's door into wallets. Tasks take ids, call one function, and may run twice or never."""

import logging
from collections.abc import Callable, Iterator
from functools import partial
from uuid import UUID

from celery import current_app, shared_task

from accounts import clock
from accounts.audit import job_runs
from accounts.cells import place
from accounts.runtime.messages import useful_for
from accounts.runtime.queues import MESSAGE_SECONDS, Queue
from accounts.telling.notifications import alert_staff
from wallets import inbox, limits, sweeps
from wallets.alerts import crossing, sending, telling
from wallets.allocations import planning, retries, runs
from wallets.balances import included
from wallets.books import checking, comparing
from wallets.cards import expiry
from wallets.charging import purchases
from wallets.recharges import auto_recharge, low_balance, low_minutes, suspensions
from wallets.reversals import catching_up, refunds
from wallets.statements import mailing
from wallets.stripe import answers
from wallets.why import decisions

logger = logging.getLogger(__name__)


@shared_task(name="wallets.tick")
def tick() -> None:
    """Once a minute: find what is due and send each piece to a worker."""
    with job_runs.noted("wallets.tick"):
        for task, arguments in sweeps.work():
            headers = useful_for(MESSAGE_SECONDS)
            current_app.send_task(task, args=arguments, headers=headers)


def _try(queue: Queue, key: object, work: Callable[[], object]) -> None:
    """Do it unless it has killed too many workers; support hears of that."""
    queue.attempt(
        key,
        work,
        tell=lambda text: alert_staff(
            kind="killed_workers", text=text, data={"kind": queue.kind, "id": str(key)}
        ),
    )


@shared_task(name="wallets.recharge_wallet")
def recharge_wallet(wallet_id: int) -> None:
    _try(auto_recharge.DUE, wallet_id, partial(auto_recharge.run, wallet_id=wallet_id))


@shared_task(name="wallets.payment_method_changed")
def payment_method_changed(wallet_id: int) -> None:
    look = partial(auto_recharge.payment_method_changed, wallet_id=wallet_id)
    _try(suspensions.ANOTHER_CARD, wallet_id, look)
    retries.payment_method_changed(wallet_id=wallet_id)


@shared_task(name="wallets.revive_month")
def revive_month(run_id: int) -> None:
    _try(retries.UNTRIED, run_id, partial(retries.revive, run_id=run_id))


@shared_task(name="wallets.tell_low_balance")
def tell_low_balance(wallet_id: int) -> None:
    _try(low_balance.UNTOLD, wallet_id, partial(low_balance.tell, wallet_id=wallet_id))


@shared_task(name="wallets.tell_low_minutes")
def tell_low_minutes(wallet_id: int) -> None:
    _try(low_minutes.UNTOLD, wallet_id, partial(low_minutes.tell, wallet_id=wallet_id))


@shared_task(name="wallets.tell_alert")
def tell_alert(alert_id: int) -> None:
    _try(crossing.UNTOLD, alert_id, partial(telling.tell, alert_id=alert_id))


@shared_task(name="wallets.look_at_runway")
def look_at_runway(alert_id: int) -> None:
    _try(crossing.RUNWAYS, alert_id, partial(crossing.look_at_runway, alert_id=alert_id))


@shared_task(name="wallets.send_slack")
def send_slack(message_id: int) -> None:
    _try(sending.WAITING, message_id, partial(sending.send, message_id=message_id))


@shared_task(name="wallets.drive_purchase")
def drive_purchase(purchase_id: str) -> None:
    pk = UUID(purchase_id)
    _try(purchases.OPEN, pk, partial(purchases.drive, purchase_id=pk))


@shared_task(name="wallets.apply_event")
def apply_event(event_pk: int) -> None:
    inbox.apply(event_pk=event_pk)


@shared_task(name="wallets.run_allocation")
def run_allocation(run_id: int) -> None:
    _try(planning.DUE, run_id, partial(runs.charge_run, run_id=run_id))


@shared_task(name="wallets.drive_refund")
def drive_refund(reversal_id: str) -> None:
    pk = UUID(reversal_id)
    _try(refunds.WAITING, pk, partial(refunds.drive_refund, reversal_id=pk))


@shared_task(name="wallets.mail_paper")
def mail_paper(paper_id: int) -> None:
    _try(mailing.TO_MAIL, paper_id, partial(mailing.mail, paper_id))


@shared_task(name="wallets.reset_included")
def reset_included() -> None:
    """At each midnight of the world: Included minutes of those whose month begins there."""
    with job_runs.noted("wallets.reset_included"):
        if place.has_accounts():
            included.reset_due()


def _ask_stripe(look: Callable[[], object]) -> None:
    try:
        look()
    # The next hour asks again; the books must be checked all the same.
    except answers.GatewayError as error:
        logger.warning("refunds and disputes were not caught up: %s", error)


_LONG = {
    "soft_time_limit": limits.LONG_TASK_SECONDS,
    "time_limit": limits.LONG_TASK_KILLED_SECONDS,
}


@shared_task(name="wallets.check_books", **_LONG)
def check_books() -> None:
    """Hourly: what is broken is frozen; then the refunds and disputes that no event told."""
    with job_runs.noted("wallets.check_books") as found:
        found += map(str, checking.check_and_freeze())
        if place.has_everybodys():
            since = clock.now() - limits.CATCH_UP_HOURLY
            _ask_stripe(partial(catching_up.catch_up, since=since))


@shared_task(name="wallets.nightly", **_LONG)
def nightly() -> None:
    """Cards that expire, old decisions and messages, refunds and disputes that no event told.

    What of the last does not fit into this task is gone on with.
    """
    with job_runs.noted("wallets.nightly"):
        if place.has_accounts():
            expiry.tell()
            decisions.delete_old()
            sending.forget_old()
        if place.has_everybodys():
            _ask_stripe(partial(catching_up.go_on, catch_up_id=catching_up.begin().pk))


@shared_task(name="wallets.catch_up", **_LONG)
def catch_up(catch_up_id: int) -> None:
    """Go on with a look at Stripe's refunds and disputes that nobody is at."""
    _ask_stripe(partial(catching_up.go_on, catch_up_id=catch_up_id))


@shared_task(name="wallets.compare", **_LONG)
def compare() -> None:
    """The books with Stripe, every night. What does not fit into this task is gone on with."""
    with job_runs.noted("wallets.compare") as found:
        if place.has_everybodys():
            found += _compare()


def _compare() -> Iterator[str]:
    """What somebody should read of it."""
    comparison = comparing.begin()
    try:
        comparison = comparing.go_on(comparison_id=comparison.pk)
    except answers.GatewayError as error:
        checking.tell_not_compared(error)
        yield f"Stripe did not answer: {error}"
    if comparison.found:
        yield f"{comparison.found} differences"
    if comparison.finished_at is None:
        yield f"not complete yet: {comparison}"
    for cell in comparing.left_out():
        yield f"cell {cell} was away, and is compared when it is back"


@shared_task(name="wallets.compare_stripe", **_LONG)
def compare_stripe(comparison_id: int) -> None:
    """Go on with a comparison that nobody is at."""
    comparing.go_on(comparison_id=comparison_id)

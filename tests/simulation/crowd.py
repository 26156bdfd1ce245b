"""Hostile rows: they stand in front of a list, more of them than one batch, and never leave it.

Made once a process, in SQL; each seed wakes some. What a worker is told of them is lost, but for
some messages that are really worked on.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.db import connection
from django.db.models import Model, Q, QuerySet
from djstripe.models import Customer, PaymentMethod

from accounts import clock
from accounts.models import Account
from accounts.runtime.queues import Queue
from accounts.tests.builders import make_agency, make_individual, make_sub_account
from wallets import inbox
from wallets.allocations import month_runs, planning, retries
from wallets.balances.opening import open_wallet
from wallets.charging import purchases
from wallets.models import (
    AllocationRun,
    AutoAllocation,
    AutoRecharge,
    Purchase,
    Reversal,
    StripeEvent,
    Wallet,
)
from wallets.recharges import auto_recharge, low_balance, low_minutes, suspensions
from wallets.reversals import refunds

NAME = "Hostile"
ASLEEP = datetime(2900, 1, 1, tzinfo=UTC)
AWAKE = timedelta(days=30)

# One of them, of the crowd `which`, as an id that tells who it is.
_ID = "md5('{which}-' || each.n)::uuid"


@dataclass(frozen=True, kw_only=True)
class Crowd:
    """Those in front of one list: what a worker is told of them, and which rows they are."""

    task: str
    queue: Queue
    model: type[Model]
    mine: Q
    grow: Callable[[int, int], None]

    def rows(self) -> QuerySet:
        return self.model._base_manager.filter(self.mine)

    def wake(self, now: datetime) -> None:
        self.rows().update(**{self.queue.column: now - AWAKE})

    def keys(self) -> set[tuple[str, str]]:
        """What is theirs among the messages to workers."""
        return {(self.task, str(key)) for key in self.rows().values_list(self.queue.key, flat=True)}


def clone(template: Model, first: int, last: int, **columns: str) -> None:
    """Copies of a row, `each.n` from `first` to `last`; columns as SQL of it."""
    table, pk = template._meta.db_table, template._meta.pk.column
    names = [field.column for field in template._meta.concrete_fields]
    wanted = [name for name in names if name != pk or name in columns]
    values = ", ".join(columns.get(name, f'one."{name}"') for name in wanted)
    quoted = ", ".join(f'"{name}"' for name in wanted)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({quoted}) SELECT {values} FROM {table} AS one, "
            f'generate_series(%s, %s) AS each(n) WHERE one."{pk}" = %s',
            [first, last, template.pk],
        )


def _accounts(which: str, template: Account, first: int, last: int, **columns: str) -> None:
    """Accounts with wallets, one in three of them closed."""
    account = _ID.format(which=which)
    clone(
        template,
        first,
        last,
        id=account,
        name=f"'{NAME} {which} ' || each.n",
        status="CASE WHEN each.n %% 3 = 0 THEN 'closed' ELSE 'active' END",
        stripe_customer=f"'cus_none_{which}_' || each.n",
        **columns,
    )
    clone(
        Wallet.objects.get(account=template),
        first,
        last,
        account_id=account,
        default_payment_method=f"'pm_none_{which}_' || each.n",
    )


def _wallet(which: str) -> str:
    return f"(SELECT id FROM wallets_wallet WHERE account_id = {_ID.format(which=which)})"


def crowds(*, card: str) -> dict[str, Crowd]:
    """One crowd for each list that sends messages, by its kind. `card` is one that exists."""
    template = make_individual(f"{NAME} template")
    open_wallet(account=template)
    made = [
        _of_settings(auto_recharge.DUE, "wallets.recharge_wallet", template, enabled="true"),
        _of_settings(
            suspensions.ANOTHER_CARD,
            "wallets.payment_method_changed",
            template,
            enabled="true",
            payment_method=f"'{card}'",
            suspended_at="one.due_since",
            suspended_reason="'payment_failed'",
            failed_fingerprint="'another'",
        ),
        _of_settings(low_balance.UNTOLD, "wallets.tell_low_balance", template, enabled="false"),
        _of_settings(low_minutes.UNTOLD, "wallets.tell_low_minutes", template, enabled="false"),
        _of_purchases(template),
        _of_refunds(template),
        _of_runs(planning.DUE, "wallets.run_allocation", state="due"),
        _of_runs(
            retries.UNTRIED,
            "wallets.revive_month",
            state="failed",
            closed_at=clock.now() - AWAKE,
        ),
        _of_events(),
    ]
    return {crowd.queue.kind: crowd for crowd in made}


def _of_settings(queue: Queue, task: str, template: Account, **columns: str) -> Crowd:
    which = queue.kind
    AutoRecharge.objects.filter(wallet__account=template).update(
        due_since=clock.now() - AWAKE, look_at=ASLEEP, low_look_at=ASLEEP, minutes_look_at=ASLEEP
    )
    settings = AutoRecharge.objects.get(wallet__account=template)
    columns = {"due_since": "NULL", queue.since: "one.due_since"} | columns

    def grow(first: int, last: int) -> None:
        _accounts(which, template, first, last)
        clone(settings, first, last, wallet_id=_wallet(which), **columns)

    mine = Q(wallet__account__name__startswith=f"{NAME} {which} ")
    return Crowd(task=task, queue=queue, model=AutoRecharge, mine=mine, grow=grow)


def _a_purchase(template: Account, **facts: object) -> Purchase:
    return Purchase.objects.create(
        payer=template,
        wallet=template.wallet,
        purpose="recharge",
        amount_cents=5000,
        buys="credit",
        payment_method="pm_none",
        look_at=ASLEEP,
        created_at=clock.now() - AWAKE,
        **facts,
    )


def _of_purchases(template: Account) -> Crowd:
    purchase = _a_purchase(template)
    which = {"payer_id": _ID.format(which="purchase"), "wallet_id": _wallet("purchase")}

    def grow(first: int, last: int) -> None:
        _accounts("purchase", template, first, last)
        clone(purchase, first, last, id=_ID.format(which="bought"), **which)

    return Crowd(
        task="wallets.drive_purchase",
        queue=purchases.OPEN,
        model=Purchase,
        mine=Q(payer__name__startswith=f"{NAME} purchase "),
        grow=grow,
    )


def _of_refunds(template: Account) -> Crowd:
    """Each of a payment that Stripe does not know."""
    paid = _a_purchase(template, state="succeeded", payment_intent="pi_none", closed_at=clock.now())
    refund = Reversal.objects.create(
        purchase=paid, kind="refund", amount_cents=1, look_at=ASLEEP, reason="hostile"
    )
    bought = _ID.format(which="refunded")

    def grow(first: int, last: int) -> None:
        clone(paid, first, last, id=bought, payment_intent="'pi_none_' || each.n")
        clone(refund, first, last, id=_ID.format(which="refund"), purchase_id=bought)

    return Crowd(
        task="wallets.drive_refund",
        queue=refunds.WAITING,
        model=Reversal,
        mine=Q(reason="hostile"),
        grow=grow,
    )


def _of_runs(queue: Queue, task: str, **facts: object) -> Crowd:
    """Months whose day lies ahead: they wait for it, and are looked at. Their card is there."""
    which = queue.kind
    agency = make_agency(f"{NAME} agency")
    agency.stripe_customer = f"cus_none_{which}"
    agency.save(update_fields=["stripe_customer"])
    open_wallet(account=agency)
    Customer.objects.create(id=agency.stripe_customer, stripe_data={})
    PaymentMethod.objects.create(
        id=f"pm_none_{which}",
        customer_id=agency.stripe_customer,
        stripe_data={"id": f"pm_none_{which}", "card": {"exp_year": 2900}},
    )
    template = make_sub_account(f"{NAME} template", agency=agency)
    open_wallet(account=template)
    allocation = AutoAllocation.objects.create(
        agency=agency,
        account=template,
        basic_minutes=100,
        payment_method=f"pm_none_{which}",
        anchor_date=date(2900, 1, 1),
        failed_at=facts.get("closed_at"),
    )
    run = AllocationRun(allocation=allocation, period=date(2900, 1, 1), look_at=ASLEEP, **facts)
    month_runs.freeze(run)
    run.save()

    def grow(first: int, last: int) -> None:
        _accounts(which, template, first, last)
        account = _ID.format(which=which)
        clone(allocation, first, last, account_id=account)
        its = f"(SELECT id FROM wallets_autoallocation WHERE account_id = {account})"
        clone(run, first, last, allocation_id=its)

    return Crowd(
        task=task,
        queue=queue,
        model=AllocationRun,
        mine=Q(allocation__account__name__startswith=f"{NAME} {which} "),
        grow=grow,
    )


def _of_events() -> Crowd:
    """About what Stripe does not know, or about nothing at all."""
    event = StripeEvent.objects.create(
        event_id="evt_template",
        type="payment_intent.succeeded",
        payload={},
        received_at=clock.now() - AWAKE,
        applied_at=clock.now(),
        look_at=ASLEEP,
        next_attempt_at=clock.now() - AWAKE,
    )

    def grow(first: int, last: int) -> None:
        clone(
            event,
            first,
            last,
            event_id="'evt_hostile_' || each.n",
            applied_at="NULL",
            type="CASE each.n %% 2 WHEN 0 THEN one.type ELSE 'charge.dispute.created' END",
            payload="CASE each.n %% 4 WHEN 0 THEN one.payload ELSE jsonb_build_object('data', "
            "jsonb_build_object('object', jsonb_build_object('id', 'none_' || each.n))) END",
        )

    return Crowd(
        task="wallets.apply_event",
        queue=inbox.WAITING,
        model=StripeEvent,
        mine=Q(event_id__startswith="evt_hostile_"),
        grow=grow,
    )

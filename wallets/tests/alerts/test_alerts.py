"""Own alerts: crossed once, told once, armed again above."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.core import mail

from accounts import clock
from accounts.models import AuditEntry, Notification
from accounts.telling import mails
from accounts.tests.builders import close, owner_of
from campaigns import calls
from campaigns.tests.builders import make_campaign, make_report
from wallets import limits
from wallets.alerts import crossing, keeping, telling, words
from wallets.alerts.keeping import Terms
from wallets.errors import InvalidAmount, Refused
from wallets.models import Alert, Purchase, Wallet
from wallets.prices.rates import set_rate
from wallets.tests.worlds.allocation_world import make_world, moment
from wallets.tests.worlds.builders import fill, make_wallet

pytestmark = pytest.mark.django_db


@pytest.fixture
def wallet():
    return make_wallet(credit="30", premium=7_200)


def add(wallet, kind="balance", level="25", **facts):
    level = None if level is None else Decimal(level)
    terms = Terms(kind=kind, level=level, **facts)
    return keeping.add(wallet_id=wallet.pk, terms=terms, actor=owner_of(wallet.account))


def tick() -> None:
    """What a minute does: look, then tell what was crossed."""
    with clock.at(clock.now() + limits.ALERT_SETTLED):
        crossing.look()
    for alert_id in list(crossing.UNTOLD.rows(clock.now()).values_list("pk", flat=True)):
        telling.tell(alert_id=alert_id)


def told(wallet) -> list[str]:
    notes = Notification.objects.filter(account=wallet.account, kind="own_alert").order_by("pk")
    return list(notes.values_list("text", flat=True))


def test_a_balance_that_falls_below_is_told_once_and_again_only_after_it_was_above(wallet):
    add(wallet)
    tick()
    assert told(wallet) == []

    fill(wallet, credit="-5.01")
    tick()
    fill(wallet, credit="-1")
    tick()
    assert told(wallet) == ["Your balance is $24.99, below $25.00."]

    fill(wallet, credit="1.01")
    tick()
    fill(wallet, credit="-0.01")
    tick()
    assert told(wallet)[1:] == ["Your balance is $24.99, below $25.00."]


def test_exactly_at_its_level_nobody_is_told(wallet):
    add(wallet)

    fill(wallet, credit="-5")
    tick()

    assert told(wallet) == []


def test_what_is_below_already_is_told_once_it_has_been_above(wallet):
    assert add(wallet, level="50").armed is False
    tick()
    assert told(wallet) == []

    fill(wallet, credit="30")
    tick()
    fill(wallet, credit="-30")
    tick()

    assert told(wallet) == ["Your balance is $30.00, below $50.00."]


def test_minutes_of_all_types_count_together(wallet):
    add(wallet, "minutes", "120")

    fill(wallet, premium=-60)
    tick()

    assert told(wallet) == ["119 minutes of all types are left, below 120 minutes."]


def test_a_balance_that_is_above_again_before_it_was_told_is_told_to_nobody(wallet):
    alert = add(wallet)
    fill(wallet, credit="-10")
    crossing.look()
    fill(wallet, credit="10")

    telling.tell(alert_id=alert.pk)

    alert.refresh_from_db()
    assert told(wallet) == []
    assert (alert.armed, alert.crossed_at) == (True, None)


def test_a_worker_that_dies_before_it_tells_loses_nothing_and_two_tell_once(wallet):
    alert = add(wallet)
    fill(wallet, credit="-10")
    crossing.look()

    assert list(crossing.UNTOLD.rows(clock.now())) == [alert]
    telling.tell(alert_id=alert.pk)
    telling.tell(alert_id=alert.pk)

    assert len(told(wallet)) == 1


def test_days_are_compared_with_the_pace_of_the_last_week(wallet):
    campaign = make_campaign(wallet.account, minute_type="premium")
    alert = add(wallet, "runway", "7")
    with clock.at(clock.now() - timedelta(hours=1)):
        calls.record(
            reports=[
                make_report(wallet.account, seconds=6_000, campaign=campaign, minute_type=None)
            ],
            reporter=None,
        )

    crossing.look_at_runway(alert_id=alert.pk)
    tick()

    [text] = told(wallet)
    assert text.startswith("At the pace of the last 7 days your balance and minutes last ")
    assert text.endswith(", less than 7 days.")


def test_without_calls_a_balance_lasts_and_nobody_is_told(wallet):
    alert = add(wallet, "runway", "365")

    crossing.look_at_runway(alert_id=alert.pk)
    tick()

    assert told(wallet) == []


def charge(wallet, state, at, **facts):
    return Purchase.objects.create(
        payer=wallet.account,
        wallet=wallet,
        purpose="auto_recharge",
        amount_cents=5_000,
        buys="credit",
        payment_method="pm_1",
        card="Visa •••• 4242",
        state=state,
        payment_intent=f"pi_{state}_{at.isoformat()}",
        created_at=at,
        closed_at=at,
        **facts,
    )


def test_the_first_of_declines_in_a_row_is_told_and_a_payment_arms_it(wallet):
    add(wallet, "decline", None)
    now = clock.now()
    error = {"error_text": "Visa •••• 4242 was declined. You were not charged."}
    for minute in (1, 2):
        with clock.at(now + timedelta(minutes=minute)):
            charge(wallet, "declined", clock.now(), **error)
            tick()
    assert told(wallet) == [
        "Auto-Recharge of $50.00: Visa •••• 4242 was declined. You were not charged."
    ]

    with clock.at(now + timedelta(minutes=3)):
        charge(wallet, "succeeded", clock.now())
        tick()
    with clock.at(now + timedelta(minutes=4)):
        charge(wallet, "declined", clock.now(), **error)
        tick()
    assert len(told(wallet)) == 2


def test_a_decline_that_is_committed_behind_a_later_payment_is_told(wallet):
    """Of two that close at once the first may be the last whose transaction ends."""
    add(wallet, "decline", None)
    now = clock.now() + timedelta(minutes=1)
    charge(wallet, "succeeded", now)
    with clock.at(now + limits.ALERT_SETTLED - timedelta(milliseconds=1)):
        crossing.look()

    charge(wallet, "declined", now - timedelta(milliseconds=1), error_text="Declined.")
    with clock.at(now):
        tick()

    assert told(wallet) == ["Auto-Recharge of $50.00: Declined."]


def test_a_rate_that_will_rise_is_told_once_and_one_that_falls_is_not(wallet):
    add(wallet, "rate", None)
    begins = datetime(2099, 1, 1, tzinfo=UTC)
    for name, price in (("premium", "0.18"), ("basic", "0.05")):
        set_rate(minute_type=name, price=Decimal(price), effective_from=begins, actor=None)

    tick()
    tick()

    assert told(wallet) == [
        "A Premium minute costs $0.18 from 1 Jan 2099, 00:00 UTC on, now $0.16."
    ]


def test_a_rate_that_falls_for_a_while_and_rises_again_is_told_before_others_that_rise(wallet):
    add(wallet, "rate", None)
    for name, price, year in (("premium", "0.10", 2098), ("premium", "0.16", 2099)):
        begins = datetime(year, 1, 1, tzinfo=UTC)
        set_rate(minute_type=name, price=Decimal(price), effective_from=begins, actor=None)
        tick()
    set_rate(minute_type="basic", price=Decimal("0.12"), effective_from=begins, actor=None)
    tick()
    with clock.at(datetime(2098, 1, 2, tzinfo=UTC)):
        tick()

    assert told(wallet) == [
        "A Premium minute costs $0.16 from 1 Jan 2099, 00:00 UTC on, until then $0.10.",
        "A Basic minute costs $0.12 from 1 Jan 2099, 00:00 UTC on, now $0.09.",
    ]


def test_a_month_charged_above_what_its_terms_showed_is_told_once(stripe):
    world = make_world(stripe)
    agency = Wallet.objects.get(account=world.agency)
    with clock.at(moment("2026-11-14 10:00")):
        world.save(basic=500, premium=0)
        add(agency, "estimate", None)
        begins, dearer = moment("2026-12-01"), Decimal("0.108")
        set_rate(minute_type="basic", price=dearer, effective_from=begins, actor=None)
    world.run_at("2026-11-14 10:01")
    with clock.at(moment("2026-11-14 10:02")):
        tick()
    assert told(agency) == []

    world.run_at("2026-12-14 10:00")
    with clock.at(moment("2026-12-14 10:02")):
        tick()
        tick()

    assert told(agency) == [
        "The monthly allocation for Northside Dental was charged $54.00. Its estimate was $45.00."
    ]


def test_a_month_is_compared_with_the_terms_it_was_charged_by_not_with_later_ones(stripe):
    world = make_world(stripe)
    agency = Wallet.objects.get(account=world.agency)
    with clock.at(moment("2026-11-14 10:00")):
        world.save(basic=500, premium=0)
        add(agency, "estimate", None)
        begins, cheaper = moment("2026-12-01"), Decimal("0.05")
        set_rate(minute_type="basic", price=cheaper, effective_from=begins, actor=None)
    assert world.run_at("2026-11-14 10:01") == ["charge"]
    with clock.at(moment("2026-11-14 10:02")):
        tick()

    with clock.at(moment("2026-12-05 10:00")):
        world.save(basic=600, premium=0)
        tick()

    assert told(agency) == []


def test_it_goes_to_whom_it_names_and_addresses_outside_see_no_other(wallet):
    add(wallet, people="nobody", addresses=("books@example.com", "pager@example.com"))
    fill(wallet, credit="-10")
    tick()

    mails.mail_due()

    [sent] = mail.outbox
    assert sent.to == []
    assert sent.bcc == ["books@example.com", "pager@example.com"]
    assert sent.subject == f"Balance below $25.00: {wallet.account.name}"
    assert "Your balance is $20.00, below $25.00." in sent.body
    mails.mail_due()
    assert len(mail.outbox) == 1


def test_the_people_of_the_account_hear_unless_nobody_is_chosen(wallet):
    add(wallet)
    fill(wallet, credit="-10")
    tick()

    mails.mail_due()

    assert [sent.to for sent in mail.outbox] == [[owner_of(wallet.account).email]]


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"level": None}, "level"),
        ({"level": Decimal(0)}, "level"),
        ({"level": Decimal("0.001")}, "level"),
        ({"kind": "minutes", "level": Decimal("1.5")}, "level"),
        ({"kind": "runway", "level": Decimal(366)}, "level"),
        ({"addresses": ("no address",)}, "addresses"),
        ({"addresses": tuple(f"{n}@example.com" for n in range(6))}, "addresses"),
        ({"people": "nobody"}, "people"),
        ({"slack": True}, "slack"),
    ],
)
def test_what_cannot_be_told_is_refused_at_its_field_and_nothing_is_kept(wallet, facts, field):
    terms = Terms(**({"kind": "balance", "level": Decimal(25)} | facts))

    with pytest.raises(InvalidAmount) as refused:
        keeping.add(wallet_id=wallet.pk, terms=terms, actor=None)

    assert list(refused.value.fields) == [field]
    assert not Alert.objects.exists()


def test_the_same_twice_is_refused_and_so_is_the_twenty_first(wallet):
    add(wallet)
    with pytest.raises(InvalidAmount, match="There is such an alert already"):
        add(wallet)
    for level in range(1, 20):
        add(wallet, level=str(level))

    with pytest.raises(Refused, match="at most 20 alerts"):
        add(wallet, level="21")

    assert Alert.objects.count() == 20


def test_a_closed_account_is_told_nothing(wallet):
    add(wallet)
    fill(wallet, credit="-10")
    close(wallet.account)

    tick()

    assert told(wallet) == []


def test_beyond_the_bound_of_a_day_only_the_bell_rings(wallet):
    add(wallet, people="nobody", addresses=("pager@example.com",))
    for number in range(50):
        Notification.objects.create(
            account=wallet.account, kind="own_alert", title="x", text="x", dedupe_key=f"k{number}"
        )
    fill(wallet, credit="-10")

    tick()

    last = Notification.objects.latest("pk")
    assert (last.also_to, last.mail_due_at) == ([], None)


def test_another_level_begins_anew(wallet):
    alert = add(wallet)
    fill(wallet, credit="-10")
    tick()

    terms = Terms(kind="balance", level=Decimal(15))
    keeping.change(wallet_id=wallet.pk, alert_id=alert.pk, terms=terms)
    fill(wallet, credit="-6")
    tick()

    assert told(wallet)[-1] == "Your balance is $14.00, below $15.00."


def test_what_is_set_and_taken_away_is_in_the_audit_log(wallet):
    alert = add(wallet)
    keeping.remove(wallet_id=wallet.pk, alert_id=alert.pk)

    rows = AuditEntry.objects.filter(table="wallets_alert").order_by("pk")
    assert [row.account_id for row in rows] == [wallet.account_id] * 2


def test_each_example_is_of_its_own_level():
    alert = Alert(kind="minutes", level=Decimal("120.00"))

    assert words.example(alert).text == "119 minutes of all types are left, below 120 minutes."

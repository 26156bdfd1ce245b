"""Invitations, mails, campaigns, jobs, and what waits for support: every way out."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.test import Client

from accounts import clock
from accounts.models import Account, Invitation, JobRun, Notification, SecurityMail, StaffAlert
from accounts.people import closing, resets
from accounts.people.members import invite
from accounts.runtime import waits
from accounts.tasks import tick as send_mails
from accounts.telling import security
from accounts.telling.notifications import alert_staff, notify
from accounts.tests.builders import log_in_staff, make_individual, make_staff, owner_of
from campaigns.tasks import tick as tick_campaigns
from campaigns.tests.builders import make_campaign
from tests.waiting.ways import later, post, recharge, support, tick, waits_for, way_out
from thinkrr_billing.celery import canary
from thinkrr_billing.staff.groups import BILLING
from thinkrr_billing.staff.tests.phone import press, staff_client
from wallets import limits, tasks
from wallets.cards import trying
from wallets.cards.trying import Who
from wallets.charging import parties, switch
from wallets.models import (
    AdjustmentRequest,
    AutoRecharge,
    BillingAddress,
    PaperMail,
    StripeComparison,
)
from wallets.reversals import catching_up
from wallets.statements import addresses
from wallets.tests.worlds.builders import add_card, make_wallet, set_auto_recharge
from wallets.tests.worlds.histories import buy

pytestmark = [pytest.mark.django_db, pytest.mark.journey, pytest.mark.usefixtures("nudges")]


# --- Invitations and mails.


@pytest.fixture
def invitation():
    account = make_individual()
    row = invite(
        account=account, email="new@example.com", role="admin", invited_by=owner_of(account)
    )
    assert waits_for("invitation")
    return row


@way_out("invitation", "invitation_mail", by="customer", how="accepting")
def test_the_invited_person_joins(invitation):
    answer = Client().post(invitation.path, {"name": "New", "password": "nine-green-lamps"})

    assert answer.status_code == 302
    assert not waits_for("invitation")
    assert Invitation.objects.get().mail_due_at is None


@way_out("invitation", "invitation_mail", by="customer", how="withdrawing")
def test_whoever_invited_takes_it_back(invitation):
    post(invitation.account, "accounts:withdraw_invitation", invitation.pk)

    assert not waits_for("invitation")
    assert not Invitation.objects.exists()


@way_out("invitation", by="time", how="7 days")
def test_an_invitation_ends_after_seven_days(invitation):
    with later(days=7):
        assert not waits_for("invitation")
    with later(days=6, hours=23):
        assert waits_for("invitation")
    assert Invitation.objects.get() == invitation


def mails():
    """A mail of each kind that is due."""
    account = make_individual()
    invite(account=account, email="new@example.com", role="admin", invited_by=owner_of(account))
    notify(account=account, kind="test", text="Hello.")
    alert_staff(kind="books", text="Look.")
    security.tell(user=owner_of(account), kind="turned_on", asker=None)


MAILS = ("notification_mail", "alert_mail", "invitation_mail", "security_mail")


def due():
    """Of which kinds a mail is due."""
    found = []
    models = (Notification, StaffAlert, Invitation, SecurityMail)
    for kind, model in zip(MAILS, models, strict=True):
        if model.objects.filter(mail_due_at__isnull=False, mailed_at=None).exists():
            assert waits_for(kind)
            found.append(kind)
    return found


@way_out(*MAILS, by="time", how="sent")
def test_mails_whose_message_was_lost_are_sent_by_the_tick(mailoutbox):
    mails()
    assert due() == list(MAILS)

    send_mails()

    assert due() == []
    assert len(mailoutbox) >= 2


@way_out("reset_mail", by="time", how="sent")
def test_a_link_for_a_new_password_whose_message_was_lost_is_sent_by_the_tick(mailoutbox):
    resets.ask(email=owner_of(make_individual()).email, ip="192.0.2.1")
    assert waits_for("reset_mail")

    send_mails()

    assert not waits_for("reset_mail")
    assert len(mailoutbox) == 1


@way_out("reset_mail", by="time", how="forgotten after a day")
def test_a_link_that_could_not_be_sent_for_a_day_is_forgotten(mailoutbox):
    resets.ask(email=owner_of(make_individual()).email, ip="192.0.2.1")

    with later(days=1, minutes=1):
        send_mails()

        assert not waits_for("reset_mail")
    assert mailoutbox == []


@way_out(*MAILS, by="time", how="given up after three days")
def test_mails_that_cannot_be_sent_are_given_up_after_three_days(mailoutbox):
    mails()

    with later(days=3, minutes=1):
        send_mails()

        # Support is told, by a mail of its own.
        assert due() == ["alert_mail"]
        assert StaffAlert.objects.filter(mailed_at=None, mail_due_at=None).count() == 1
    assert mailoutbox == []


# --- Papers.


@pytest.fixture
def address():
    """One whose month is over, and whose link was never sent."""
    row = addresses.add(
        account=make_individual(),
        email="books@example.com",
        receipts=True,
        statements=True,
        actor=None,
    )
    confirmed = clock.now() - timedelta(days=40)
    BillingAddress.objects.update(
        confirmed_at=confirmed,
        statement_month=confirmed.date().replace(day=1),
        statement_due_at=clock.now() - timedelta(minutes=1),
    )
    assert waits_for("paper_mail")
    assert waits_for("statement_unposted")
    return row


@way_out("paper_mail", "statement_unposted", by="customer", how="removing the address")
def test_a_removed_address_waits_for_nothing(address):
    post(address.account, "wallets:remove_billing_address", address.pk)

    assert not waits_for("paper_mail")
    assert not waits_for("statement_unposted")


@way_out("paper_mail", "statement_unposted", by="support", how="Stop papers")
def test_an_address_that_support_stopped_waits_for_nothing(address):
    support("wallets.billingaddress", "stop_papers", address.pk)

    assert not waits_for("paper_mail")
    assert not waits_for("statement_unposted")


@way_out("paper_mail", by="time", how="sent")
@way_out("statement_unposted", by="time", how="posted")
def test_a_mail_whose_message_was_lost_is_sent_and_a_statement_posted_by_the_tick(
    address, mailoutbox
):
    tick()

    assert not waits_for("statement_unposted")
    assert PaperMail.objects.filter(kind="statement", address=address).count() == 1
    assert [message.to for message in mailoutbox] == [["books@example.com"]]
    assert not PaperMail.objects.filter(kind="confirmation", mailed_at=None).exists()


@way_out("paper_mail", by="time", how="given up after 14 days")
def test_a_paper_that_cannot_be_sent_is_given_up_after_14_days(address, mailoutbox):
    BillingAddress.objects.update(wants_statements=False)

    with later(days=14, minutes=1):
        tick()

        assert not waits_for("paper_mail")
        assert StaffAlert.objects.filter(kind="mails_given_up").count() == 1
    assert PaperMail.objects.get(address=address).mailed_at is None
    assert mailoutbox == []


@way_out("seller_unset", by="support", how="Set the seller")
def test_a_receipt_without_a_seller_waits_until_one_is_set_for_its_buyer():
    wallet = make_wallet(account=make_individual())
    parties.freeze(buy(wallet))
    assert waits_for("seller_unset")

    facts = {"name": "Sellers Inc", "tax_sentence": "No tax charged"}
    staff = staff_client(BILLING)
    press(staff, "wallets.seller", "set_seller", country="DE", **facts)
    assert waits_for("seller_unset")
    press(staff, "wallets.seller", "set_seller", **facts)

    assert not waits_for("seller_unset")


# --- For support.


@way_out("staff_alert", by="support", how="Close")
def test_an_alert_waits_until_support_closes_it():
    alert_staff(kind="books", text="Look.")
    assert waits_for("staff_alert")

    support("accounts.staffalert", "close", StaffAlert.objects.get().pk)

    assert not waits_for("staff_alert")


@way_out("adjustment", by="support", how="Approve")
@way_out("adjustment", by="support", how="Reject")
@pytest.mark.parametrize(("button", "credit"), [("approve", 500), ("reject", 0)])
def test_an_adjustment_waits_for_a_second_person(button, credit):
    wallet = make_wallet()
    asked = AdjustmentRequest.objects.create(
        wallet=wallet, pot="credit", amount=500, note="x", form_key="a", asked_by=make_staff()
    )
    assert waits_for("adjustment")

    support("wallets.adjustmentrequest", button, asked.pk)

    assert not waits_for("adjustment")
    wallet.refresh_from_db()
    assert wallet.credit.amount == credit


@pytest.fixture
def stopped(low):
    """Nothing is charged, however low the balance."""
    AutoRecharge.objects.watch(wallet_ids=[low.pk], now=clock.now())
    switch.stop(reason="A restore", actor=None)
    tick()
    low.refresh_from_db()
    assert (low.credit.amount, waits_for("charges_stopped")) == (8, True)
    yield low
    tick()
    low.refresh_from_db()
    assert (low.credit.amount, waits_for("charges_stopped")) == (58, False)


@way_out("charges_stopped", by="support", how="Start automatic charges")
def test_a_superuser_starts_automatic_charges_again(stopped):  # noqa: ARG001
    press(log_in_staff(Client(), make_staff()), "wallets.chargeswitch", "start_charges")


@way_out("charges_stopped", by="support", how="manage.py charges start")
def test_a_command_starts_automatic_charges_again(stopped):  # noqa: ARG001
    call_command("charges", "start", "--reason", "The books are silent")


# --- For the clock.


@way_out("cards_tried", by="time", how="an hour after the tenth")
def test_whoever_tried_ten_cards_may_try_again_after_an_hour():
    who = Who(account=make_individual())
    for _ in range(limits.CARD_ATTEMPTS):
        trying.note(who)
    assert waits_for("cards_tried")

    with later(hours=1):
        trying.refuse_too_many(who)

        assert not waits_for("cards_tried")


@way_out("included", by="time", how="granted")
def test_minutes_that_come_with_a_plan_are_granted_by_the_next_run():
    make_individual(included_minutes=100)
    assert waits_for("included")

    tasks.reset_included()

    assert not waits_for("included")


def compared_last(days):
    at = clock.now() - timedelta(days=days)
    StripeComparison.objects.create(since=at, at=at, until=at, slice_seconds=60, finished_at=at)


def last_compared():
    return StripeComparison.objects.exclude(finished_at=None).latest("until").until


@way_out("comparison", by="time", how="the next night")
def test_the_next_night_compares_what_the_last_left(stripe):  # noqa: ARG001
    compared_last(days=2)

    tasks.compare()

    assert last_compared() > clock.now() - timedelta(minutes=1)


@way_out("comparison", by="time", how="gone on with")
def test_a_comparison_that_was_cut_off_is_gone_on_with(stripe):  # noqa: ARG001
    compared_last(days=2)
    tasks.comparing.begin()

    with later(minutes=16):
        tick()

        assert last_compared() > clock.now() - timedelta(minutes=17)


@way_out("comparison", by="support", how="manage.py compare_with_stripe")
def test_a_command_compares_at_once(stripe):  # noqa: ARG001
    compared_last(days=2)

    call_command("compare_with_stripe")

    assert last_compared() > clock.now() - timedelta(minutes=1)


@way_out("catching_up", by="time", how="the next night")
def test_the_next_night_catches_up_with_refunds_and_disputes(stripe):  # noqa: ARG001
    with later(days=-2):
        catching_up.go_on(catch_up_id=catching_up.begin().pk)
    before = waits.registered["catching_up"].oldest_overdue()

    tasks.nightly()

    assert before > timedelta(days=2) - timedelta(minutes=1)
    assert waits.registered["catching_up"].oldest_overdue() < timedelta(minutes=1)


@way_out("catching_up", by="time", how="gone on with")
def test_catching_up_that_was_cut_off_is_gone_on_with(stripe):  # noqa: ARG001
    begun = catching_up.begin()
    with later(minutes=16):
        tick()

    begun.refresh_from_db()
    assert begun.finished_at


@way_out("job", by="time", how="its next run")
def test_a_job_that_has_stopped_is_over_with_its_next_run():
    JobRun.objects.create(name="wallets.tick", started_at=clock.now() - timedelta(hours=1))
    assert waits_for("job")
    canary()
    assert StaffAlert.objects.filter(kind="job_unfinished").count() == 1

    tasks.tick()

    assert not waits_for("job")


@way_out("job", by="support", how="running its command")
def test_a_job_that_has_stopped_is_over_with_its_command():
    JobRun.objects.create(name="wallets.tick", started_at=clock.now() - timedelta(hours=1))
    assert waits_for("job")

    call_command("tick")

    assert not waits_for("job")


# --- Campaigns.


def campaign_of(credit, status="started"):
    wallet = make_wallet(credit=credit)
    return make_campaign(wallet.account, status=status, updated_at=clock.now())


def status(campaign):
    campaign.refresh_from_db()
    return campaign.status


@pytest.fixture
def unpayable():
    row = campaign_of("0")
    assert waits_for("unpayable_campaign")
    yield row
    assert not waits_for("unpayable_campaign")


@way_out("unpayable_campaign", by="time", how="paused")
def test_a_campaign_that_cannot_pay_is_paused_by_the_tick(unpayable):
    tick_campaigns()

    assert status(unpayable) == "paused"


@way_out("unpayable_campaign", by="customer", how="pausing")
def test_the_customer_pauses_a_campaign_that_cannot_pay(unpayable):
    post(unpayable.account, "campaigns:pause", unpayable.pk)

    assert status(unpayable) == "paused"


@way_out("unpayable_campaign", by="customer", how="recharging by hand")
def test_a_campaign_goes_on_once_it_can_pay(unpayable, stripe):
    add_card(stripe, unpayable.account.wallet)
    recharge(unpayable.account.wallet)

    assert status(unpayable) == "started"


@way_out("unpayable_campaign", by="support", how="Pause campaigns")
def test_support_pauses_a_campaign_that_cannot_pay(unpayable):
    support("accounts.account", "pause_campaigns", unpayable.account_id, campaigns=[unpayable.pk])

    assert status(unpayable) == "paused"


@pytest.fixture
def of_closed():
    row = campaign_of("20")
    closing.close(account=row.account)
    assert waits_for("campaign_of_closed_account")
    yield row
    assert not waits_for("campaign_of_closed_account")


@way_out("campaign_of_closed_account", by="time", how="paused")
def test_a_campaign_of_a_closed_account_is_paused_by_the_tick(of_closed):
    tick_campaigns()

    assert status(of_closed) == "paused"


@way_out("campaign_of_closed_account", by="support", how="Reopen the account")
def test_a_campaign_goes_on_when_its_account_is_opened_again(of_closed):
    support("accounts.account", "reopen", of_closed.account_id)

    assert Account.objects.get(pk=of_closed.account_id).status == "active"
    assert status(of_closed) == "started"


@pytest.fixture
def paused(stripe):
    row = campaign_of("0", status="low_balance")
    add_card(stripe, row.account.wallet)
    assert waits_for("campaign_paused")
    recharge(row.account.wallet)
    yield row
    assert status(row) == "started"
    assert not waits_for("campaign_paused")


@way_out("campaign_paused", by="customer", how="resuming after a recharge")
def test_the_customer_resumes_what_was_paused_for_low_balance(paused):
    post(paused.account, "campaigns:resume_one", paused.pk)


@way_out("campaign_paused", by="support", how="Resume campaigns")
def test_support_resumes_what_was_paused_for_low_balance(paused):
    support("accounts.account", "resume_campaigns", paused.account_id, campaigns=[paused.pk])


@way_out("campaign_paused", by="time", how="resumed by Auto-Recharge, if the account chose so")
def test_auto_recharge_resumes_what_was_paused_where_the_account_chose_so(low):
    set_auto_recharge(low, resume_campaigns=True)
    row = make_campaign(low.account, status="low_balance")
    AutoRecharge.objects.watch(wallet_ids=[low.pk], now=clock.now())
    assert waits_for("campaign_paused")

    tick()

    assert status(row) == "started"
    assert not waits_for("campaign_paused")

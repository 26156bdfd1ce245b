"""Pressing the buttons: each calls one function of the middle, once, and is written down."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.test import Client

from accounts import clock
from accounts.models import Account, Notification, SecurityMail, StaffAction
from accounts.people import second_factor
from accounts.telling import mails
from accounts.tests.authenticator import enter_password, turn_on
from accounts.tests.builders import (
    make_agency,
    make_individual,
    make_key,
    make_staff,
    make_sub_account,
    owner_of,
)
from campaigns.models import Campaign
from campaigns.tests.builders import make_campaign
from thinkrr_billing.staff.groups import BILLING, SUPPORT
from thinkrr_billing.staff.tests.phone import press, said, staff_client, url
from thinkrr_billing.staff.tests.test_groups import BUTTONS
from wallets.allocations import runs
from wallets.models import (
    AdjustmentRequest,
    AllocationRun,
    AutoRecharge,
    LedgerEntry,
    MinuteRate,
    Purchase,
    Reversal,
    StripeEvent,
    Wallet,
)
from wallets.recharges import auto_recharge, by_hand
from wallets.tests.worlds.allocation_world import make_world
from wallets.tests.worlds.builders import add_card, fill, make_wallet, set_auto_recharge
from wallets.tests.worlds.histories import buy, post

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

ACCOUNT = "accounts.account"
ADD_FIVE = {"pot": "credit", "direction": "add", "amount": "5"}


@pytest.fixture
def wallet() -> Wallet:
    return make_wallet(credit="20")


@pytest.fixture
def billing():
    return staff_client(BILLING)


def on_account(client, button, wallet, **fields):
    answer = press(client, ACCOUNT, button, wallet.account_id, **fields)
    wallet.refresh_from_db()
    return answer


BUTTONS_OF_ACCOUNT = sorted(name for page, name in BUTTONS if page == ACCOUNT)


@pytest.mark.parametrize("button", BUTTONS_OF_ACCOUNT)
def test_no_button_of_an_account_without_a_wallet_is_an_error_of_ours(button):
    account, client = make_individual(), staff_client()
    client.raise_request_exception = False

    shown = client.get(url(ACCOUNT, button, account.pk))
    pressed = press(client, ACCOUNT, button, account.pk)

    assert (shown.status_code, pressed.status_code < 500) == (200, True)


@pytest.mark.parametrize("button", BUTTONS_OF_ACCOUNT)
def test_no_button_that_has_nothing_to_do_any_more_is_an_error_of_ours(button, wallet):
    client = staff_client()
    client.raise_request_exception = False

    shown = client.get(url(ACCOUNT, button, wallet.account_id))
    pressed = press(client, ACCOUNT, button, wallet.account_id)

    assert (shown.status_code, pressed.status_code < 500) == (200, True)


def test_a_block_that_somebody_else_has_lifted_is_refused_with_a_sentence(billing, wallet):
    answer = on_account(billing, "unblock", wallet)

    assert answer.status_code == 200
    assert "The wallet is not blocked." in answer.content.decode()
    assert StaffAction.objects.filter(state="done").count() == 0


def test_an_adjustment_is_posted_with_its_reason_and_noted(billing, wallet):
    answer = on_account(billing, "adjust", wallet, **ADD_FIVE, reason="Dropped calls")

    entry = LedgerEntry.objects.latest("pk")
    action = StaffAction.objects.get()
    assert answer.status_code == 303
    assert said(answer) == "Posted: +$5.00 of Credit."
    assert wallet.credit.amount == Decimal(25)
    assert (entry.kind, entry.note, entry.actor_id) == (
        "adjustment",
        "Dropped calls",
        action.actor_id,
    )
    assert (action.kind, action.state, action.account_id) == ("adjust", "done", wallet.account_id)
    assert action.facts == ADD_FIVE | {"customer_note": ""}
    assert (action.address, len(action.request_id)) == ("127.0.0.1", 32)


def test_a_second_click_posts_nothing_and_says_so(billing, wallet):
    on_account(billing, "adjust", wallet, **ADD_FIVE, form="same")

    answer = on_account(billing, "adjust", wallet, **ADD_FIVE, form="same")

    assert "This was done already, by the first click: Posted: +$5.00" in said(answer)
    assert wallet.credit.amount == Decimal(25)
    assert StaffAction.objects.count() == 1


@pytest.mark.parametrize(
    "made_up",
    ["request:1", "request:", "adjust", "", "x" * 65, "{8d5f7a52-0a37-4f9e-9b0c}"],
)
def test_what_identifies_a_form_is_made_by_us_or_the_form_is_refused(billing, wallet, made_up):
    answer = on_account(billing, "adjust", wallet, **ADD_FIVE, form_key=made_up)

    assert answer.status_code == 200
    assert "was not made by us" in answer.content.decode()
    assert wallet.credit.amount == Decimal(20)
    assert not StaffAction.objects.exists()


def test_six_forms_of_a_hundred_dollars_do_not_pass_by_calling_themselves_approved(billing, wallet):
    for number in range(6):
        on_account(
            billing,
            "adjust",
            wallet,
            **(ADD_FIVE | {"amount": "100"}),
            form_key=f"request:{number}",
        )

    assert wallet.credit.amount == Decimal(20)


@pytest.mark.parametrize("another", [{"amount": "6"}, {"pot": "basic"}, {"direction": "take"}])
def test_a_form_that_was_used_does_nothing_else(billing, wallet, another):
    on_account(billing, "adjust", wallet, **ADD_FIVE, form="same")

    answer = on_account(billing, "adjust", wallet, **(ADD_FIVE | another), form="same")

    assert "already used for something else" in answer.content.decode()
    assert wallet.credit.amount == Decimal(25)
    assert wallet.basic_seconds == 0


def test_a_form_of_one_person_is_not_answered_to_another(billing, wallet):
    on_account(billing, "adjust", wallet, **ADD_FIVE, form="same")

    answer = on_account(staff_client(BILLING), "adjust", wallet, **ADD_FIVE, form="same")

    assert "already used for something else" in answer.content.decode()
    assert wallet.credit.amount == Decimal(25)


def test_what_is_refused_is_noted_shown_and_may_be_corrected_in_the_same_dialog(billing, wallet):
    sent = {"pot": "premium", "direction": "take", "amount": "5", "form": "same"}

    refused = on_account(billing, "adjust", wallet, **sent)
    corrected = on_account(billing, "adjust", wallet, **(sent | {"direction": "add"}))

    assert (refused.status_code, corrected.status_code) == (200, 303)
    assert "cannot go below zero" in refused.content.decode()
    assert wallet.premium_seconds == 300
    states = StaffAction.objects.order_by("pk").values_list("state", flat=True)
    assert list(states) == ["refused", "done"]


def test_a_dialog_leads_back_by_htmx_too(billing, wallet):
    answer = billing.post(
        url(ACCOUNT, "adjust", wallet.account_id),
        {"_form_submitted": "True", "reason": "x", "form_key": str(uuid4()), **ADD_FIVE},
        headers={"HX-Request": "true"},
    )

    assert answer.headers["HX-Redirect"] == url(ACCOUNT, "change", wallet.account_id)


def test_above_the_limit_a_second_person_approves(billing, wallet):
    sent = ADD_FIVE | {"amount": "500"}
    asked = on_account(billing, "adjust", wallet, **sent)
    row = AdjustmentRequest.objects.get()

    own = press(billing, "wallets.adjustmentrequest", "approve", row.pk)
    before = Wallet.objects.get(pk=wallet.pk).credit.amount
    other = press(staff_client(BILLING), "wallets.adjustmentrequest", "approve", row.pk)

    wallet.refresh_from_db()
    assert "another person must approve" in said(asked)
    assert "You asked for this yourself" in own.content.decode()
    assert before == Decimal(20)
    assert other.status_code == 303
    assert wallet.credit.amount == Decimal(520)


def test_the_second_person_reads_what_the_customer_will_read(billing, wallet):
    on_account(billing, "adjust", wallet, **ADD_FIVE | {"amount": "500"}, customer_note="Sorry!")
    row = AdjustmentRequest.objects.get()

    dialog = staff_client(BILLING).get(url("wallets.adjustmentrequest", "approve", row.pk))

    assert ("The customer reads", "Sorry!") in dialog.context["form"].facts()
    assert "Sorry!" in dialog.content.decode()


def test_minutes_of_a_plan_are_changed_by_their_button_and_not_in_the_form(billing):
    wallet = make_wallet(account=make_agency(included_minutes=10))
    page = url(ACCOUNT, "change", wallet.account_id)
    facts = {"name": "Brightline", "timezone": "UTC", "included_minutes": "100000"}

    saved = billing.post(page, facts | {"included_anchor_day": "28"})
    account = Account.objects.get(pk=wallet.account_id)
    kept = account.name, account.included_minutes, account.included_anchor_day
    changed = on_account(billing, "set_included", wallet, minutes="20", anchor_day="1")

    account.refresh_from_db()
    assert (saved.status_code, kept) == (302, ("Brightline", 10, 1))
    assert said(changed).endswith("20 minutes a month, on day 1.")
    assert account.included_minutes == 20


def test_a_plan_worth_more_than_one_person_decides_is_approved_by_another(billing):
    wallet = make_wallet(account=make_agency())
    asked = on_account(billing, "set_included", wallet, minutes="100000", anchor_day="9")
    row = AdjustmentRequest.objects.get()
    before = Account.objects.get(pk=wallet.account_id).included_minutes

    own = press(billing, "wallets.adjustmentrequest", "approve", row.pk)
    answer = press(staff_client(BILLING), "wallets.adjustmentrequest", "approve", row.pk)

    account = Account.objects.get(pk=wallet.account_id)
    assert "another person must approve" in said(asked)
    assert before == 0
    assert "You asked for this yourself" in own.content.decode()
    assert said(answer) == "100,000 minutes a month, on day 9."
    assert (account.included_minutes, account.included_anchor_day) == (100_000, 9)


def test_a_price_of_nearly_nothing_from_now_on_is_nobodys_alone(billing):
    soon = clock.now() + timedelta(minutes=5)
    rate = {"minute_type": "basic", "price": "0.000001", "effective_from": f"{soon:%Y-%m-%d %H:%M}"}
    shown = f"basic 0.000001 {soon:%Y-%m-%d %H:%M}:00+00:00"

    asked = press(billing, "wallets.minuterate", "set_rate", **rate, shown=shown)
    before = MinuteRate.objects.count()
    row = AdjustmentRequest.objects.get()
    dialog = billing.get(url("wallets.adjustmentrequest", "approve", row.pk)).content.decode()
    answer = press(staff_client(BILLING), "wallets.adjustmentrequest", "approve", row.pk)

    assert "another person must approve" in said(asked)
    assert before == 2
    assert "Basic minutes: $0.09 → $0.000001" in dialog
    assert "Everybody" in dialog
    assert answer.status_code == 303
    assert MinuteRate.objects.latest("pk").price.amount == Decimal("0.000001")


@pytest.mark.usefixtures("_large")
def test_requests_of_every_kind_are_listed_opened_and_rejected(billing):
    assert billing.get(url("wallets.adjustmentrequest", "changelist")).status_code == 200
    assert billing.get(url("wallets.adjustmentrequest", "export")).status_code == 200
    for row in AdjustmentRequest.objects.all():
        page = billing.get(url("wallets.adjustmentrequest", "change", row.pk))
        answer = press(billing, "wallets.adjustmentrequest", "reject", row.pk)
        assert row.what.split(":")[0][:20] in page.content.decode()
        assert said(answer).endswith("Rejected. Nothing was done.")
    assert set(AdjustmentRequest.objects.values_list("state", flat=True)) == {"rejected"}


@pytest.fixture
def _large(billing):
    """One request of each kind."""
    wallet = make_wallet(account=make_agency())
    purchase = buy(wallet, cents=90_000)
    on_account(billing, "adjust", wallet, **(ADD_FIVE | {"amount": "500"}))
    on_account(billing, "set_included", wallet, minutes="5000", anchor_day="1")
    press(billing, "wallets.purchase", "refund", purchase.pk, amount="900")
    rate = {"minute_type": "basic", "price": "0.5", "effective_from": "2099-01-01 00:00"}
    shown = "basic 0.5 2099-01-01 00:00:00+00:00"
    press(billing, "wallets.minuterate", "set_rate", **rate, shown=shown)
    kinds = AdjustmentRequest.objects.filter(state="asked").values_list("kind", flat=True)
    assert set(kinds) == {"adjustment", "included", "refund", "rate"}


def test_a_refund_above_the_limit_is_approved_by_another_person(billing):
    purchase = buy(make_wallet(), cents=90_000)
    asked = press(billing, "wallets.purchase", "refund", purchase.pk, amount="500.01")
    before = Reversal.objects.count()

    row = AdjustmentRequest.objects.get()
    answer = press(staff_client(BILLING), "wallets.adjustmentrequest", "approve", row.pk)

    assert "another person must approve" in said(asked)
    assert before == 0
    assert said(answer) == "$500.01 goes back to Visa •••• 4242."
    assert Reversal.objects.get().amount_cents == 50_001


def test_included_minutes_are_granted(billing):
    wallet = make_wallet(account=make_agency())

    on_account(billing, "grant_included", wallet, minutes="30")

    assert wallet.included_seconds == 1800


def test_auto_recharge_is_suspended_and_lifted(billing, wallet):
    set_auto_recharge(wallet)

    on_account(staff_client(SUPPORT), "suspend", wallet)
    suspended = AutoRecharge.objects.get(wallet=wallet).suspended_reason
    again = on_account(staff_client(SUPPORT), "suspend", wallet)
    on_account(billing, "lift", wallet)

    automatic = AutoRecharge.objects.get(wallet=wallet)
    assert suspended == "support"
    assert "suspended already" in again.content.decode()
    assert (automatic.suspended_at, automatic.enabled) == (None, True)
    assert wallet.account.notifications.filter(kind="auto_recharge_resumed").exists()


def test_a_note_for_the_customer_is_mailed_once_and_the_reason_stays_ours(billing, wallet):
    set_auto_recharge(wallet)
    note = "We stopped it while your bank looks into the payment."
    for _ in range(2):
        on_account(billing, "suspend", wallet, customer_note=note, reason="Fraud?", form="one")

    [told] = Notification.objects.filter(account=wallet.account, kind="support_note")
    assert told.text == note
    assert told.mail_due_at is not None
    assert "Fraud?" not in "".join(
        Notification.objects.filter(account=wallet.account).values_list("text", flat=True)
    )
    assert StaffAction.objects.get(kind="suspend").reason == "Fraud?"


def test_what_is_refused_tells_the_customer_nothing(billing, wallet):
    answer = on_account(billing, "lift", wallet, customer_note="It works again.")

    assert "Auto-Recharge is not suspended." in answer.content.decode()
    assert not Notification.objects.filter(kind="support_note").exists()


def test_a_block_is_lifted_but_not_the_suspension(billing, wallet):
    set_auto_recharge(wallet, suspended_at=clock.now(), suspended_reason="disputed")
    Wallet.objects.filter(pk=wallet.pk).update(blocked_at=clock.now(), blocked_reason="disputed")

    on_account(billing, "unblock", wallet)

    assert (wallet.blocked_at, wallet.blocked_reason) == (None, "")
    assert AutoRecharge.objects.get(wallet=wallet).suspended_reason == "disputed"


def test_campaigns_are_paused_and_resumed_one_by_one(wallet):
    client = staff_client(SUPPORT)
    chosen, other = (make_campaign(wallet.account) for _ in range(2))

    on_account(client, "pause_campaigns", wallet, campaigns=[chosen.pk])
    paused = list(Campaign.objects.filter(status="paused"))
    on_account(client, "resume_campaigns", wallet, campaigns=[chosen.pk])

    assert paused == [chosen]
    assert Campaign.objects.started().count() == 2


def test_a_campaign_of_another_account_cannot_be_chosen(wallet):
    theirs = make_campaign(make_wallet().account)

    answer = on_account(staff_client(SUPPORT), "pause_campaigns", wallet, campaigns=[theirs.pk])

    theirs.refresh_from_db()
    assert answer.status_code == 200
    assert theirs.is_started


def test_all_keys_of_an_account_are_revoked_at_once(wallet):
    keys = [make_key(wallet.account)[0] for _ in range(2)]
    theirs, _ = make_key(make_wallet().account)

    answer = on_account(staff_client(SUPPORT), "revoke_keys", wallet)

    assert said(answer) == "2 keys are revoked."
    assert all(type(key).objects.get(pk=key.pk).revoked_at for key in keys)
    assert type(theirs).objects.get(pk=theirs.pk).revoked_at is None


def test_an_account_is_closed_and_reopened(billing, wallet):
    on_account(billing, "close", wallet)
    closed = Account.objects.get(pk=wallet.account_id).is_closed
    on_account(billing, "reopen", wallet)

    assert closed
    assert not Account.objects.get(pk=wallet.account_id).is_closed


def test_an_event_given_up_gets_its_attempts_anew():
    event = StripeEvent.objects.create(
        event_id="evt_1", type="refund.updated", payload={}, attempts=10, given_up_at=clock.now()
    )

    press(staff_client(SUPPORT), "wallets.stripeevent", "apply_again", event.pk)

    event.refresh_from_db()
    assert (event.attempts, event.given_up_at) == (0, None)


def test_an_allocation_without_a_month_to_charge_says_so():
    wallet = make_wallet(account=make_sub_account())

    answer = on_account(staff_client(SUPPORT), "run_allocation", wallet)

    assert "has no monthly allocation" in answer.content.decode()
    assert not Purchase.objects.exists()


# What talks to Stripe keeps no transaction open.


@pytest.mark.parametrize("page", [ACCOUNT, "wallets.allocationrun"])
def test_a_month_is_charged_as_its_dialog_showed_or_it_shows_what_it_is_now(stripe, page):
    client, world = staff_client(SUPPORT), make_world(stripe)
    world.decline_with()
    world.save()
    [_] = runs.charge_due(now=clock.now())
    world.accept()
    pk = world.sub.pk
    button = "run_allocation"
    if page != ACCOUNT:
        pk, button = AllocationRun.objects.get().pk, "run"
    dialog = client.get(url(page, button, pk))
    shown = dialog.context["form"]["quoted_charge"].value()
    # The agency stops it and begins anew while the dialog stands open.
    world.stop()
    world.save(basic=0, premium=500)

    stale = press(client, page, button, pk, quoted_charge=f"{shown}")
    now = stale.context["form"]["quoted_charge"].value()
    between = world.taken()
    press(client, page, button, pk, quoted_charge=f"{now}")

    assert "$205.00" in dialog.content.decode()
    assert (shown, now, between) == (205, 80, [])
    assert "Nothing is charged yet: it is $80.00 now." in stale.content.decode()
    assert world.taken() == [8000]


@pytest.fixture
def paid(transactional_db, stripe) -> Purchase:  # noqa: ARG001
    wallet = make_wallet()
    add_card(stripe, wallet)
    purchase = by_hand.recharge(
        wallet_id=wallet.pk, actor=None, amount=Decimal(50), buys="credit", form_key="f"
    )
    assert purchase.state == "succeeded"
    return purchase


def test_a_purchase_is_refunded_in_part_once(paid):
    client = staff_client(BILLING)

    for _ in range(2):
        press(client, "wallets.purchase", "refund", paid.pk, amount="20", form="same")

    reversal = Reversal.objects.get()
    wallet = Wallet.objects.get(pk=paid.wallet_id)
    assert (reversal.amount_cents, reversal.reason) == (2000, "Asked on the phone")
    assert wallet.credit.amount == Decimal(30)


def test_more_than_was_paid_is_not_refunded(paid):
    answer = press(staff_client(BILLING), "wallets.purchase", "refund", paid.pk, amount="50.01")

    assert "between $0.01 and $50.00" in answer.content.decode()
    assert not Reversal.objects.exists()
    assert StaffAction.objects.get().state == "refused"


def test_asking_stripe_about_a_paid_purchase_changes_nothing(paid):
    before = LedgerEntry.objects.count()

    answer = press(staff_client(SUPPORT), "wallets.purchase", "resolve", paid.pk)

    assert said(answer) == "Stripe was asked: Paid."
    assert LedgerEntry.objects.count() == before


def test_a_purchase_in_quarantine_is_looked_at_afresh(paid):
    Purchase.objects.filter(pk=paid.pk).update(
        quarantined_at=clock.now(), quarantine_reason="Another amount"
    )

    press(staff_client(SUPPORT), "wallets.purchase", "resolve", paid.pk)

    paid.refresh_from_db()
    assert (paid.quarantined_at, paid.state) == (None, "succeeded")


def test_what_was_paid_cannot_be_canceled(paid):
    answer = press(staff_client(BILLING), "wallets.purchase", "give_up", paid.pk)

    paid.refresh_from_db()
    assert "It has ended already: paid." in answer.content.decode()
    assert paid.state == "succeeded"


@pytest.fixture
def declined(stripe) -> Wallet:
    """Auto-Recharge was declined once and waits an hour; the card is good again since."""
    wallet = make_wallet(credit="8")
    card = add_card(stripe, wallet)
    set_auto_recharge(wallet)
    stripe.set_card(card.id, behaviour={"decline_code": "insufficient_funds"})
    auto_recharge.run(wallet_id=wallet.pk)
    stripe.set_card(card.id, behaviour="ok")
    assert wallet.purchases.get().state == "declined"
    assert AutoRecharge.objects.get(wallet=wallet).hold_reason == "declined"
    wallet.card = card
    return wallet


def test_a_failed_auto_recharge_is_retried_at_once_by_one_purchase(declined):
    client = staff_client(SUPPORT)
    dialog = client.get(url(ACCOUNT, "retry", declined.account_id)).content.decode()

    for _ in range(2):
        answer = on_account(client, "retry", declined, form="same")

    paid = declined.purchases.latest("created_at")
    action = StaffAction.objects.get()
    assert "$50.00" in dialog
    assert declined.card.label in dialog
    assert "already" in said(answer)
    assert "$50.00" in said(answer)
    assert (paid.state, paid.requested_by_id) == ("succeeded", action.actor_id)
    assert declined.purchases.count() == 2
    assert declined.credit.amount == 58
    assert (action.kind, action.reason, action.account_id) == (
        "retry",
        "Asked on the phone",
        declined.account_id,
    )


@pytest.mark.parametrize("page", [ACCOUNT, "wallets.purchase"])
def test_a_retry_charges_what_its_dialog_showed_or_shows_what_it_is_now(declined, page):
    client, failed = staff_client(SUPPORT), declined.purchases.get()
    pk = declined.account_id if page == ACCOUNT else failed.pk
    shown = client.get(url(page, "retry", pk)).context["form"]["quoted_charge"].value()
    # Calls that ended while the dialog stood open.
    post(declined, "credit", "-60")

    stale = press(client, page, "retry", pk, quoted_charge=f"{shown}")
    now = stale.context["form"]["quoted_charge"].value()
    between = declined.purchases.count()
    press(client, page, "retry", pk, quoted_charge=f"{now}")

    assert (shown, now, between) == (50, 100, 1)
    assert "Nothing is charged yet: it is $100.00 now." in stale.content.decode()
    assert declined.purchases.latest("created_at").amount_cents == 10_000


def test_a_retry_from_the_failed_purchase_makes_a_new_one(declined):
    failed = declined.purchases.get()

    press(staff_client(SUPPORT), "wallets.purchase", "retry", failed.pk)

    failed.refresh_from_db()
    assert failed.state == "declined"
    assert declined.purchases.latest("created_at").state == "succeeded"


def test_a_retry_when_the_balance_is_fine_is_refused_and_nothing_changes(declined):
    fill(declined, credit="100")
    before = AutoRecharge.objects.filter(wallet=declined).values().get()

    answer = on_account(staff_client(SUPPORT), "retry", declined)

    assert "is not below" in answer.content.decode()
    assert declined.purchases.count() == 1
    assert AutoRecharge.objects.filter(wallet=declined).values().get() == before
    assert StaffAction.objects.get().state == "refused"


def test_retry_is_offered_only_where_something_failed(declined):
    client = staff_client(SUPPORT)
    failed = declined.purchases.get()

    def offered(page, pk):
        return "Retry Auto-Recharge" in client.get(url(page, "change", pk)).content.decode()

    before = offered(ACCOUNT, declined.account_id), offered("wallets.purchase", failed.pk)
    press(client, ACCOUNT, "retry", declined.account_id)
    after = offered(ACCOUNT, declined.account_id), offered("wallets.purchase", failed.pk)

    assert (before, after) == ((True, True), (False, False))


class TestRemovingASecondFactor:
    BUTTON = ("accounts.user", "remove_second_factor")
    TITLE = "Remove the second factor"

    @pytest.mark.outside_of_cells("mails about a person's log-in are everybody's")
    def test_it_is_gone_noted_with_its_reason_and_the_person_is_told(self, mailoutbox):
        account = make_agency()
        person = owner_of(account)
        codes = turn_on(person)
        SecurityMail.objects.update(mail_due_at=None)

        answer = press(staff_client(SUPPORT), *self.BUTTON, person.pk, reason="Lost the phone")
        mails.mail_due()

        action = StaffAction.objects.get()
        assert said(answer) == (
            f"The second factor of {person.email} is removed. They are told by mail."
        )
        assert (action.kind, action.reason) == ("remove_second_factor", "Lost the phone")
        assert (action.account, action.state) == (account, "done")
        assert not second_factor.is_on(user=person)
        [mail] = mailoutbox
        assert (mail.to, mail.subject) == ([person.email], "Support removed your second factor")
        assert "Lost the phone" not in mail.body
        client = Client()
        assert enter_password(client, person)["Location"] == "/"
        assert client.post("/login/code/", {"code": codes[0]})["Location"] == "/login/"

    def test_pressing_twice_removes_it_once(self):
        person = owner_of(make_agency())
        turn_on(person)
        client = staff_client(SUPPORT)
        press(client, *self.BUTTON, person.pk, form="same")

        answer = press(client, *self.BUTTON, person.pk, form="same")

        assert "This was done already, by the first click" in said(answer)
        assert SecurityMail.objects.filter(kind="removed").count() == 1

    def test_without_one_there_is_nothing_to_remove_and_no_button(self):
        person = owner_of(make_agency())
        client = staff_client(SUPPORT)

        page = client.get(url("accounts.user", "change", person.pk))
        refused = press(client, *self.BUTTON, person.pk)

        assert self.TITLE not in page.content.decode()
        assert "Two-factor log-in is off. Nothing was changed." in refused.content.decode()
        assert not SecurityMail.objects.exists()

    def test_that_of_staff_stays(self):
        colleague = make_staff(BILLING)
        turn_on(colleague)
        client = staff_client(SUPPORT)

        page = client.get(url("accounts.user", "change", colleague.pk))
        refused = press(client, *self.BUTTON, colleague.pk)

        assert self.TITLE not in page.content.decode()
        assert "Support staff cannot be without a second factor." in refused.content.decode()
        assert second_factor.is_on(user=colleague)

    def test_the_button_stands_on_the_persons_page(self):
        person = owner_of(make_agency())
        turn_on(person)

        page = staff_client(SUPPORT).get(url("accounts.user", "change", person.pk))

        assert self.TITLE in page.content.decode()

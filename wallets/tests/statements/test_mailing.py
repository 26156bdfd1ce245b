"""Papers by mail: who agreed gets each paper once, whatever dies or is repeated on the way."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from smtplib import SMTPRecipientsRefused, SMTPServerDisconnected
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from django.core import mail as outbox
from django.db import transaction

from accounts import clock
from accounts.models import Notification, StaffAlert
from accounts.tests.builders import (
    close,
    make_agency,
    make_individual,
    make_sub_account,
    owner_of,
)
from wallets import sweeps, tasks
from wallets.charging import parties
from wallets.models import BillingAddress, PaperMail, Reversal, Seller
from wallets.recharges import by_hand
from wallets.reversals import refunds
from wallets.statements import addresses, mailing
from wallets.tests.worlds.builders import add_card, make_wallet
from wallets.tests.worlds.histories import allocate, buy

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges"), pytest.mark.journey]

BOOKS = "books@example.com"


@pytest.fixture
def account():
    Seller.objects.create(name="Sellers Inc", tax_sentence="No tax charged")
    return make_individual(name="Ada Lovelace")


@pytest.fixture
def wallet(stripe, account):
    wallet = make_wallet(account=account, credit="5")
    add_card(stripe, wallet)
    return wallet


def confirmed(account, email=BOOKS, **chosen):
    chosen = {"receipts": True, "statements": True} | chosen
    added = addresses.add(account=account, email=email, actor=owner_of(account), **chosen)
    token = added.confirm_path.rstrip("/").rpartition("/")[2]
    PaperMail.objects.update(mail_due_at=None)
    return addresses.confirm(token=token)


def moment(text):
    return clock.at(datetime.fromisoformat(text).replace(tzinfo=UTC))


def pay(wallet, key="one"):
    return by_hand.recharge(
        wallet_id=wallet.pk, actor=None, amount=Decimal(50), buys="credit", form_key=key
    )


def refund(purchase, cents=1000):
    reversal = refunds.refund(
        purchase_id=purchase.pk,
        amount_cents=cents,
        actor=None,
        reason="Called twice",
        form_key=str(uuid4()),
    )
    refunds.drive_refund(reversal_id=reversal.pk)
    reversal.refresh_from_db()
    return reversal


def sweep():
    """What beat and a worker do in one minute."""
    for task, arguments in sweeps.work():
        if task == "wallets.mail_paper":
            tasks.mail_paper(*arguments)


def sent(to=BOOKS):
    return [message for message in outbox.outbox if message.to == [to]]


def test_a_payment_is_mailed_to_each_address_as_its_receipt_once(account, wallet):
    confirmed(account)
    confirmed(account, "boss@example.com")

    purchase = pay(wallet)
    sweep()
    sweep()

    [message] = sent()
    [(name, content, kind)] = message.attachments
    assert message.subject == f"Receipt {purchase.receipt_number}: Ada Lovelace"
    assert (name, kind) == (f"receipt-{purchase.receipt_number}.pdf", "application/pdf")
    assert content.startswith(b"%PDF-")
    assert "$50.00 paid" in message.body
    assert len(sent("boss@example.com")) == 1
    assert set(PaperMail.objects.exclude(kind="confirmation").values_list("kind", flat=True)) == {
        "receipt"
    }


def test_what_two_workers_are_given_is_sent_by_one_of_them(account, wallet):
    confirmed(account)
    pay(wallet)
    [paper] = PaperMail.objects.filter(kind="receipt")

    assert [mailing.mail(paper.pk) for _ in range(3)] == [True, False, False]
    assert len(sent()) == 1


def test_an_allocation_is_mailed_to_the_agency_that_pays_and_not_to_the_sub_account():
    agency = make_agency()
    sub = make_sub_account(agency=agency)
    confirmed(agency)
    confirmed(sub, "sub@example.com")
    bought = allocate(make_wallet(account=sub))

    parties.freeze(bought)

    posted = PaperMail.objects.filter(kind="receipt").values_list("address__email", flat=True)
    assert list(posted) == [BOOKS]


def test_what_is_rolled_back_is_not_mailed(account, wallet):
    confirmed(account)
    bought = buy(wallet)

    with pytest.raises(ZeroDivisionError), transaction.atomic():
        parties.freeze(bought)
        _ = 1 / 0

    assert not PaperMail.objects.filter(kind="receipt").exists()


def test_a_refund_is_mailed_as_its_credit_note_once(account, wallet):
    purchase = pay(wallet)
    confirmed(account)

    reversal = refund(purchase)
    sweep()
    sweep()

    [message] = sent()
    number = f"CN-{reversal.credit_note_number}"
    assert message.subject == f"Credit note {number}: Ada Lovelace"
    assert message.attachments[0][0] == f"credit-note-{number}.pdf"


def test_a_credit_note_that_became_void_is_mailed_once_more_and_says_so(account, wallet):
    confirmed(account, statements=False)
    reversal = refund(pay(wallet))

    Reversal.objects.filter(pk=reversal.pk).update(state="failed")
    sweep()

    [receipt, note, void] = sent()
    assert "Credit note" in note.subject
    assert "so this credit note is void" in void.body
    assert "void" not in receipt.body


def test_what_was_paid_before_the_address_was_confirmed_is_not_mailed(account, wallet):
    addresses.add(
        account=account, email=BOOKS, receipts=True, statements=True, actor=owner_of(account)
    )
    PaperMail.objects.update(mail_due_at=None)

    pay(wallet)
    sweep()

    assert sent() == []
    assert not PaperMail.objects.filter(kind="receipt").exists()


def test_who_chose_statements_only_gets_no_receipt(account, wallet):
    confirmed(account, receipts=False)

    pay(wallet)
    sweep()

    assert sent() == []


def test_a_worker_that_dies_before_it_sends_loses_nothing(account, wallet, monkeypatch):
    confirmed(account)
    pay(wallet)
    [paper] = PaperMail.objects.filter(kind="receipt")

    def die(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(mailing, "_message", die)
        mailing.mail(paper.pk)
    mailing.mail(paper.pk)
    too_soon = len(sent())
    with clock.at(clock.now() + timedelta(minutes=6)):
        sweep()

    assert (too_soon, len(sent())) == (0, 1)


def test_every_try_of_one_mail_has_the_same_message_id(account, wallet):
    confirmed(account)
    pay(wallet)
    [paper] = PaperMail.objects.filter(kind="receipt")

    mailing.mail(paper.pk)
    PaperMail.objects.filter(pk=paper.pk).update(mail_due_at=clock.now(), mailed_at=None)
    mailing.mail(paper.pk)

    first, second = sent()
    assert first.extra_headers["Message-ID"] == second.extra_headers["Message-ID"]
    assert first.extra_headers["Message-ID"].startswith(f"<paper-{paper.pk}@")


def test_a_mail_server_that_is_down_costs_time_and_no_paper(account, wallet, monkeypatch):
    confirmed(account)
    pay(wallet)

    def fail(_):
        raise SMTPServerDisconnected

    with monkeypatch.context() as patch:
        patch.setattr(mailing.EmailMultiAlternatives, "send", fail)
        sweep()
    with clock.at(clock.now() + timedelta(minutes=6)):
        sweep()

    assert len(sent()) == 1
    assert BillingAddress.objects.get().refused_at is None


def test_an_address_that_is_refused_three_times_is_left_alone_and_the_account_told(
    account, wallet, monkeypatch
):
    confirmed(account)
    pay(wallet)
    pay(wallet, "two")

    def refuse(_):
        raise SMTPRecipientsRefused({BOOKS: (550, b"No such user")})

    monkeypatch.setattr(mailing.EmailMultiAlternatives, "send", refuse)
    for minutes in (0, 6, 20):
        with clock.at(clock.now() + timedelta(minutes=minutes)):
            sweep()

    address = BillingAddress.objects.get()
    assert address.refused_at is not None
    assert not PaperMail.objects.filter(mail_due_at__isnull=False).exists()
    told = Notification.objects.filter(kind="billing_addresses_changed", level="warning")
    assert [one.text for one in told] == [
        f"No more papers are mailed to {BOOKS}. Its mail server says that there is no such "
        "address, or takes no mail for it. Mend the address, then send its link again; your "
        "papers are in Receipts."
    ]


def test_a_mailbox_that_is_full_is_tried_again_and_not_given_up(account, wallet, monkeypatch):
    confirmed(account)
    pay(wallet)

    def later(_):
        raise SMTPRecipientsRefused({BOOKS: (452, b"Mailbox full")})

    with monkeypatch.context() as patch:
        patch.setattr(mailing.EmailMultiAlternatives, "send", later)
        for minutes in (0, 6, 20, 45):
            with clock.at(clock.now() + timedelta(minutes=minutes)):
                sweep()
    with clock.at(clock.now() + timedelta(hours=3)):
        sweep()

    assert len(sent()) == 1


def test_what_nobody_can_send_for_two_weeks_is_given_up_and_support_told(account, wallet):
    confirmed(account, statements=False)
    pay(wallet)

    with clock.at(clock.now() + timedelta(days=14, minutes=1)):
        sweep()

    assert sent() == []
    alert = StaffAlert.objects.get(kind="mails_given_up")
    assert alert.text == "1 mails (paper_mail) could not be sent for 14 days."


def test_a_removed_address_gets_nothing_that_waited(account, wallet):
    address = confirmed(account)
    pay(wallet)

    addresses.remove(account=account, address_id=address.pk)
    pay(wallet, "two")
    sweep()

    assert sent() == []
    assert PaperMail.objects.filter(kind="receipt").count() == 1


def test_a_closed_account_still_gets_the_credit_note_of_what_it_is_given_back(account, wallet):
    purchase = pay(wallet)
    confirmed(account)
    close(account)

    refund(purchase)
    sweep()

    assert [message.subject.split()[0] for message in sent()] == ["Credit"]


def test_a_receipt_goes_to_the_addresses_of_whose_card_paid_and_to_no_other_account(
    account, wallet
):
    stranger = make_individual(name="Somebody else")
    confirmed(stranger, "stranger@example.com")
    confirmed(account)

    pay(wallet)
    sweep()

    assert sent("stranger@example.com") == []
    assert len(sent()) == 1


@pytest.mark.usefixtures("wallet")
def test_a_months_statement_is_mailed_once_when_the_month_is_over_where_the_account_is(account):
    account.timezone = "America/New_York"
    account.save()
    with moment("2027-01-20 12:00"):
        confirmed(account)
    with moment("2027-02-01 05:30"):
        sweep()
    before = len(sent())

    for when in ("2027-02-01 06:00", "2027-02-01 06:01", "2027-02-03 12:00"):
        with moment(when):
            sweep()

    [message] = sent()
    assert before == 0
    assert message.subject == "Statement 2027-01: Ada Lovelace"
    assert message.attachments[0][0] == "statement-2027-01.pdf"
    assert BillingAddress.objects.get().statement_month == date(2027, 2, 1)


@pytest.mark.usefixtures("wallet")
def test_statements_missed_through_an_outage_are_all_mailed(account):
    with moment("2027-01-20 12:00"):
        confirmed(account)

    with moment("2027-04-02 12:00"):
        sweep()

    assert [message.subject.split()[1] for message in sent()] == [
        "2027-01:",
        "2027-02:",
        "2027-03:",
    ]


def test_an_account_where_nothing_ever_moved_gets_no_statement(account):
    with moment("2027-01-20 12:00"):
        confirmed(account)

    with moment("2027-02-02 12:00"):
        sweep()

    assert sent() == []
    assert PaperMail.objects.get(kind="statement").mail_due_at is None


@pytest.mark.usefixtures("wallet")
def test_a_closed_account_gets_no_statement_of_a_month_in_which_nothing_moved(account):
    with moment("2099-01-20 12:00"):
        confirmed(account)
    close(account)

    with moment("2099-02-02 12:00"):
        sweep()

    assert sent() == []


def test_each_paper_can_be_stopped_with_one_click_of_the_mail_program(account, wallet, client):
    confirmed(account)
    pay(wallet)
    sweep()
    [message] = sent()
    link = message.extra_headers["List-Unsubscribe"].strip("<>")

    answer = client.post(urlsplit(link).path, {"List-Unsubscribe": "One-Click"})

    assert answer.status_code == 200
    assert message.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert BillingAddress.objects.get().removed_at is not None


def test_a_paper_that_names_no_seller_yet_waits_for_it_and_support_is_told_once(stripe):
    account = make_individual(name="No Seller Yet")
    wallet = make_wallet(account=account)
    add_card(stripe, wallet)
    confirmed(account)
    pay(wallet)
    sweep()
    with clock.at(clock.now() + timedelta(minutes=6)):
        sweep()
    before, alerts = len(sent()), StaffAlert.objects.filter(kind="seller_not_set").count()

    Seller.objects.create(name="Sellers Inc", tax_sentence="No tax charged")
    with clock.at(clock.now() + timedelta(minutes=30)):
        sweep()

    assert (before, alerts, len(sent())) == (0, 1, 1)

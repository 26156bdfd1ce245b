from datetime import UTC, datetime, timedelta
from itertools import count
from smtplib import SMTPServerDisconnected
from threading import Barrier, Thread

import pytest
from django.db import connection, transaction

from accounts import clock
from accounts.models import Notification, Role, StaffAlert
from accounts.runtime.crash_points import Crash
from accounts.telling import mails, notifications
from accounts.telling.notifications import alert_staff, notify, notify_each
from accounts.tests.builders import add_member, make_agency, make_individual, make_user

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def nudged(monkeypatch):
    nudges = []
    monkeypatch.setattr(notifications, "nudge", lambda *message: nudges.append(message))
    monkeypatch.setattr(notifications, "nudge_each", lambda *message: nudges.append(message))
    return nudges


def tell(account, **facts) -> Notification | None:
    return notify(account=account, kind="recharge_failed", text="Visa was declined.", **facts)


def test_telling_writes_a_row_and_nudges_the_mail(nudged):
    account = make_individual()
    with clock.at(NOON):
        row = tell(account, level="danger", link="/payments/", data={"cents": 5000})

    row.refresh_from_db()
    assert (row.title, row.level, row.data) == ("Recharge failed", "danger", {"cents": 5000})
    assert (row.created_at, row.mail_due_at, row.read_at) == (NOON, NOON, None)
    assert nudged == [("accounts.mail_notification", row.pk)]


def test_the_same_cause_is_told_once_per_account(nudged):
    account, other = make_individual(), make_agency()

    first = tell(account, dedupe_key="purchase:1")
    second = tell(account, dedupe_key="purchase:1")
    elsewhere = tell(other, dedupe_key="purchase:1")

    assert second is None
    assert {first.account, elsewhere.account} == {account, other}
    assert len(nudged) == 2


def test_many_are_told_at_once_each_cause_once_and_by_mail_where_it_is_due(
    nudged, django_capture_on_commit_callbacks
):
    agency, other = make_agency(), make_individual()
    notify(account=agency, kind="test", text="Told.", dedupe_key="cause")
    nudged.clear()

    def told(account, key, mail_due_at=None):
        return Notification(
            account=account, kind="test", text="Told.", dedupe_key=key, mail_due_at=mail_due_at
        )

    new = [told(agency, "cause"), told(other, "cause", clock.now()), told(agency, "another")]
    with django_capture_on_commit_callbacks(execute=True):
        notify_each(new)

    rows = Notification.objects.order_by("pk").values_list("account", "dedupe_key")
    assert list(rows) == [(agency.pk, "cause"), (other.pk, "cause"), (agency.pk, "another")]
    told = Notification.objects.get(account=other)
    assert nudged == [("accounts.mail_notification", [told.pk])]


def test_without_a_key_every_telling_counts():
    account = make_individual()

    assert tell(account).pk != tell(account).pk


def test_a_repeat_leaves_the_surrounding_transaction_usable():
    account = make_individual()
    with transaction.atomic():
        tell(account, dedupe_key="k")
        tell(account, dedupe_key="k")
        tell(account, dedupe_key="l")

    assert Notification.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_two_at_once_tell_once():
    account = make_individual()
    start, told = Barrier(2), []

    def work():
        start.wait()
        told.append(tell(account, dedupe_key="k"))
        connection.close()

    threads = [Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(row is None for row in told) == [False, True]
    assert Notification.objects.count() == 1


def test_without_mail_nothing_is_due(nudged, mailoutbox):
    tell(make_individual(), mail=False)

    assert mails.mail_due() == 0
    assert (nudged, mailoutbox) == ([], [])


def test_the_mail_goes_to_owners_and_admins_in_the_accounts_time(mailoutbox, settings):
    settings.SITE_URL = "https://billing.example"
    account = make_agency(
        owner=make_user("owner@example.com"), timezone="America/New_York", name="Brightline"
    )
    add_member(account, Role.ADMIN, user=make_user("admin@example.com"))
    add_member(account, Role.MEMBER, user=make_user("member@example.com"))
    add_member(account, Role.ADMIN, user=make_user("gone@example.com", is_active=False))
    with clock.at(NOON):
        row = tell(account, title="Payment failed", link="/payments/")
        assert mails.mail_notification(row.pk) is True

    [mail] = mailoutbox
    assert mail.to == ["admin@example.com", "owner@example.com"]
    assert mail.subject == "Payment failed: Brightline"
    assert "Visa was declined." in mail.body
    assert "Time: 1 Mar 2026, 07:00 EST" in mail.body
    assert "https://billing.example/payments/" in mail.body
    html = mail.alternatives[0].content
    assert 'href="https://billing.example/payments/"' in html
    row.refresh_from_db()
    assert (row.mailed_at, row.mail_due_at, row.mail_attempts) == (NOON, None, 1)


def test_the_names_in_a_mail_are_text_and_cannot_add_headers(mailoutbox):
    account = make_individual("<b>Evil</b>\nBcc: x@example.com")
    mails.mail_notification(tell(account).pk)

    [mail] = mailoutbox
    assert mail.subject == "Recharge failed: <b>Evil</b> Bcc: x@example.com"
    assert "&lt;b&gt;Evil" in mail.alternatives[0].content


def test_everyone_is_an_audience_too(mailoutbox):
    account = make_individual(owner=make_user("owner@example.com"))
    add_member(account, Role.MEMBER, user=make_user("member@example.com"))

    mails.mail_notification(tell(account, audience="everyone").pk)

    assert mailoutbox[0].to == ["member@example.com", "owner@example.com"]


def test_a_mail_is_sent_once_however_often_it_is_asked_for(mailoutbox):
    row = tell(make_individual())

    assert [mails.mail_notification(row.pk) for _ in range(3)] == [True, False, False]
    assert mails.mail_due() == 0
    assert len(mailoutbox) == 1


def test_a_mail_that_fails_is_tried_again_with_growing_pauses(mailoutbox, monkeypatch):
    def fail(*_):
        raise SMTPServerDisconnected("gone")

    with clock.at(NOON):
        row = tell(make_individual())
    with monkeypatch.context() as patch:
        patch.setattr(mails.EmailMultiAlternatives, "send", fail)
        for minutes in [0, 5, 15]:
            with clock.at(NOON + timedelta(minutes=minutes)):
                assert mails.mail_due() == 0
            row.refresh_from_db()
            assert row.mailed_at is None
    assert row.mail_due_at == NOON + timedelta(minutes=35)

    with clock.at(NOON + timedelta(minutes=34, seconds=59)):
        assert mails.mail_due() == 0
    with clock.at(NOON + timedelta(minutes=35)):
        assert mails.mail_due() == 1
    assert len(mailoutbox) == 1


def test_news_older_than_three_days_is_not_mailed(mailoutbox):
    with clock.at(NOON):
        row = tell(make_individual())
    with clock.at(NOON + timedelta(days=3)):
        assert mails.mail_notification(row.pk) is False
        assert mails.mail_due() == 0

    row.refresh_from_db()
    assert (row.mail_due_at, row.mailed_at) == (None, None)
    assert mailoutbox == []


@pytest.mark.parametrize("error", [TimeoutError(), KeyError("a bug of ours")])
def test_one_mail_that_fails_does_not_stop_the_others(mailoutbox, monkeypatch, error):
    send = mails.EmailMultiAlternatives.send

    def fail_for_ada(self):
        if "Ada" in self.subject:
            raise error
        return send(self)

    monkeypatch.setattr(mails.EmailMultiAlternatives, "send", fail_for_ada)
    tell(make_individual("Ada"))
    tell(make_individual("Bob"))

    assert mails.mail_due() == 1
    assert [mail.subject for mail in mailoutbox] == ["Recharge failed: Bob"]


def test_an_account_nobody_manages_is_told_only_in_the_app(mailoutbox):
    account = make_individual()
    account.memberships.all().delete()

    assert mails.mail_notification(tell(account).pk) is False
    assert mails.mail_due() == 0
    assert mailoutbox == []


def test_reading_one_and_reading_all():
    account, other = make_individual(), make_agency()
    first, second, foreign = tell(account), tell(account), tell(other)

    assert notifications.unread_count(account_id=account.pk) == 2
    assert notifications.mark_read(account_id=account.pk, ids=[first.pk, foreign.pk]) == 1
    assert notifications.unread_count(account_id=account.pk) == 1
    with clock.at(NOON):
        assert notifications.mark_read(account_id=account.pk) == 1
    second.refresh_from_db()
    assert second.read_at == NOON
    assert notifications.unread_count(account_id=other.pk) == 1


def test_pages_are_newest_first_and_stable_under_new_rows():
    account = make_individual()
    rows = [tell(account, mail=False) for _ in range(27)]

    first, before = notifications.page(account_id=account.pk)
    tell(account, mail=False)
    second, end = notifications.page(account_id=account.pk, before=before)

    assert [row.pk for row in first + second] == [row.pk for row in reversed(rows)]
    assert (len(first), len(second), end) == (25, 2, None)


def test_support_is_alerted_by_row_log_and_mail_once_per_cause(mailoutbox, caplog, settings):
    settings.ADMINS = [("On call", "oncall@example.com")]
    make_user("support@example.com", is_staff=True)
    make_user("customer@example.com")

    first = alert_staff(kind="unknown_payment", text="Ask Stripe.", dedupe_key="purchase:1")
    again = alert_staff(kind="unknown_payment", text="Ask Stripe.", dedupe_key="purchase:1")
    mails.mail_due()

    assert again is None
    assert StaffAlert.objects.get() == first
    assert f"staff alert id={first.pk} kind=unknown_payment" in caplog.text
    [mail] = mailoutbox
    assert mail.to == ["oncall@example.com", "support@example.com"]
    assert mail.subject == "[support] unknown_payment"


def test_a_crowd_of_mails_that_fail_keeps_no_other_waiting(mailoutbox, monkeypatch):
    send = mails.EmailMultiAlternatives.send

    def fail_for_ada(self):
        if "Ada" in self.subject:
            raise SMTPServerDisconnected("gone")
        return send(self)

    monkeypatch.setattr(mails.EmailMultiAlternatives, "send", fail_for_ada)
    broken = make_individual("Ada")
    with clock.at(NOON):
        for _ in range(mails.SWEEP_SIZE + 10):
            tell(broken)
    with clock.at(NOON + timedelta(seconds=1)):
        tell(make_individual("Bob"))
        assert mails.mail_due() == 1

    assert [mail.subject for mail in mailoutbox] == ["Recharge failed: Bob"]


def test_a_slow_mail_server_spends_each_kinds_own_time_only(mailoutbox, monkeypatch):
    seconds = count(step=10)
    monkeypatch.setattr(mails.time, "monotonic", lambda: next(seconds))
    with clock.at(NOON):
        for _ in range(3):
            tell(make_individual("Ada"))
        alert_staff(kind="unknown_payment", text="Ask Stripe.")
        make_user("support@example.com", is_staff=True)

        assert mails.mail_due() == 2

    assert [mail.subject for mail in mailoutbox] == [
        "Recharge failed: Ada",
        "[support] unknown_payment",
    ]


def test_support_hears_once_a_day_of_mails_that_are_given_up():
    with clock.at(NOON):
        tell(make_individual())
        tell(make_individual())
        alert_staff(kind="unknown_payment", text="Ask Stripe.")
    with clock.at(NOON + timedelta(days=3)):
        mails.mail_due()

    given_up = StaffAlert.objects.get(kind="mails_given_up")
    assert given_up.text == "2 mails (notification_mail) could not be sent for 3 days."


def test_a_mail_that_kills_its_process_is_behind_all_others_the_next_time(mailoutbox, monkeypatch):
    send = mails.EmailMultiAlternatives.send

    def die_for_ada(self):
        if "Ada" in self.subject:
            raise Crash
        return send(self)

    monkeypatch.setattr(mails.EmailMultiAlternatives, "send", die_for_ada)
    with clock.at(NOON):
        killer = tell(make_individual("Ada"))
        tell(make_individual("Bob"))
        with pytest.raises(Crash):
            mails.mail_due()

    with clock.at(NOON + timedelta(minutes=1)):
        assert mails.mail_due() == 1

    killer.refresh_from_db()
    assert (killer.mail_attempts, killer.mail_due_at) == (1, NOON + timedelta(minutes=5))
    assert [mail.subject for mail in mailoutbox] == ["Recharge failed: Bob"]

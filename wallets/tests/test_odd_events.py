"""Events that Stripe may send and that are not what our endpoint was made for: one answer each."""

import json
from decimal import Decimal

import pytest

from accounts.models import StaffAlert
from wallets import inbox
from wallets.inbox import EventRefused
from wallets.models import StripeEvent
from wallets.tests.test_inbox import event, receive
from wallets.tests.worlds.purchases import credit, taken_and_not_stored

pytestmark = pytest.mark.django_db


@pytest.fixture
def paid(stripe):
    """The purchase of $50 on a balance of $8, and its intent: paid, and nothing credited yet."""
    return taken_and_not_stored(stripe)


def intent_of(paid) -> dict:
    return {"id": paid[1], "object": "payment_intent"}


def credited(paid) -> bool:
    return credit(paid[0].wallet) == Decimal("58")


def told() -> list[str]:
    return list(StaffAlert.objects.values_list("kind", "text"))


# --- Of another account.


@pytest.mark.parametrize("livemode", [False, True])
def test_an_event_of_a_connected_account_is_kept_and_nothing_else(stripe, livemode, nudges):
    """A live endpoint gets its test events, too. Refusing would have Stripe repeat it for days."""
    stripe.clear_requests()

    row = receive(event(account="acct_1Connected", livemode=livemode))
    applied = inbox.apply(event_pk=row.pk)

    row.refresh_from_db()
    assert (row.not_ours, row.error) == (True, "Of the connected account acct_1Connected.")
    assert row.applied_at is not None
    assert (applied, nudges, stripe.requests(), told()) == (False, [], [], [])


@pytest.mark.parametrize("account", [None, ""])
def test_an_event_of_no_connected_account_is_applied(paid, account):
    row = receive(event(found=intent_of(paid), account=account))

    assert inbox.apply(event_pk=row.pk)
    assert credited(paid)


def test_what_an_event_names_as_its_context_is_decided_by_reading(paid):
    """Endpoints of an organization name each event's account there, ours as well."""
    row = receive(event(found=intent_of(paid), context="acct_1Ours"))

    assert inbox.apply(event_pk=row.pk)
    assert credited(paid)


# --- Of another version.


@pytest.mark.parametrize("version", ["2015-10-16", "2026-09-30.endive", None, "of tomorrow"])
def test_an_event_of_another_version_is_applied_by_reading_the_object_in_ours(paid, version):
    found = {**intent_of(paid), "status": "a word of that version", "charges": {"data": []}}

    row = receive(event(found=found, api_version=version))

    assert inbox.apply(event_pk=row.pk)
    assert credited(paid)


def test_endpoints_of_two_versions_tell_of_an_event_twice_and_it_counts_once(paid):
    first = receive(event(found=intent_of(paid), api_version="2024-06-20"))
    second = receive(event(found=intent_of(paid)))

    assert first.pk == second.pk
    assert (inbox.apply(event_pk=first.pk), inbox.apply(event_pk=second.pk)) == (True, False)
    assert credited(paid)


@pytest.mark.parametrize("of", [{"id": "pi_1", "object": "payment_intent"}, None, 5, []])
def test_a_refund_that_another_version_words_otherwise_is_none_of_ours(stripe, of):  # noqa: ARG001
    row = receive(event("refund.updated", {"id": "re_1", "object": "refund", "payment_intent": of}))

    for _ in range(3):
        StripeEvent.objects.update(next_attempt_at=row.received_at)
        inbox.apply(event_pk=row.pk)

    row.refresh_from_db()
    assert row.not_ours


# --- Of another mode, of none, and thin ones.


def test_an_event_of_the_other_mode_is_refused_and_told_once_an_hour():
    """Key and signing secret are of two modes: no event gets in until that is mended."""
    for number in range(2):
        with pytest.raises(EventRefused, match="belongs to the other mode"):
            receive(event(livemode=True, event_id=f"evt_{number}"))

    assert not StripeEvent.objects.exists()
    assert told() == [
        (
            "event_refused",
            "An event signed by Stripe was refused. This event belongs to the other mode of "
            "Stripe: STRIPE_SECRET_KEY and STRIPE_WEBHOOK_SECRET must be of one mode.",
        )
    ]


def test_a_test_event_is_refused_in_live_mode(settings):
    settings.STRIPE_LIVE_MODE = True

    with pytest.raises(EventRefused, match="belongs to the other mode"):
        receive(event(livemode=False))

    assert not StripeEvent.objects.exists()


def test_a_live_event_is_stored_in_live_mode(settings):
    settings.STRIPE_LIVE_MODE = True

    assert receive(event(livemode=True)).payload["livemode"] is True


def test_a_thin_event_is_refused_and_told():
    thin = {
        "id": "evt_1",
        "object": "v2.core.event",
        "type": "v1.payment_intent.succeeded",
        "livemode": False,
        "related_object": {"id": "pi_1", "type": "payment_intent", "url": "/v1/payment_intents"},
    }

    with pytest.raises(EventRefused, match="not an event as our endpoint gets them"):
        receive(json.dumps(thin).encode())

    assert not StripeEvent.objects.exists()
    assert [kind for kind, _ in told()] == ["event_refused"]

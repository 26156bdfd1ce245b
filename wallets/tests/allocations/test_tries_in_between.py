"""What a person's Retry now does while the next try of the month is promised: it moves nothing,
unless it is that one, or the last."""

import pytest

from accounts import clock
from accounts.tests.builders import owner_of
from wallets.allocations import retries
from wallets.charging import resolving
from wallets.models import LoggedDecision, Purchase
from wallets.tests.worlds.allocation_world import moment
from wallets.tests.worlds.purchases import CREATE

pytestmark = pytest.mark.django_db

PROMISED = moment("2026-11-14 11:00")


def retry(world, text) -> str:
    with clock.at(moment(text)):
        actor = owner_of(world.agency)
        return retries.retry_now(account=world.sub, agency=world.agency, actor=actor).state


def test_a_declined_try_in_between_keeps_the_promise_and_counts_as_none(failing):
    failing.decline_with("card_velocity_exceeded")

    assert retry(failing, "2026-11-14 10:30") == "declined"

    run = failing.run("2026-11-14")
    assert (run.state, run.attempts, run.next_attempt_at) == ("due", 1, PROMISED)
    assert run.error_text.startswith("Visa •••• 4242 was declined: the card is over its limit.")
    # The person read it at once.
    assert len(failing.told(failing.agency, "allocation_failed")) == 1
    assert failing.logged(failing.agency) == ["planned", "failed", "failed"]
    latest = LoggedDecision.objects.filter(code="failed").latest("first_at").figures
    assert (latest["error"], latest["until"]) == (run.error_text, PROMISED.isoformat())


def test_a_try_at_the_promised_moment_is_the_promised_one(failing):
    assert retry(failing, "2026-11-14 11:00") == "declined"

    run = failing.run("2026-11-14")
    assert (run.state, run.attempts) == ("due", 2)
    assert run.next_attempt_at == moment("2026-11-15 11:00")


def test_a_try_in_between_that_stripe_never_answered_keeps_the_promise(failing, stripe):
    stripe.fault(kind="500_before", path=CREATE, times=100)
    assert retry(failing, "2026-11-14 10:30") == "created"
    stripe.clear_faults()

    with clock.at(moment("2026-11-14 10:40")):
        tried = Purchase.objects.get(state="created")
        assert resolving.give_up(purchase_id=tried.pk).state == "canceled"

    run = failing.run("2026-11-14")
    assert (run.state, run.attempts, run.next_attempt_at) == ("due", 1, PROMISED)


def test_a_try_in_between_that_ends_the_card_for_good_gives_the_month_up(failing):
    failing.decline_with("lost_card")

    assert retry(failing, "2026-11-14 10:30") == "declined"

    run = failing.run("2026-11-14")
    assert (run.state, run.attempts, run.next_attempt_at) == ("failed", 2, None)
    assert failing.allocation.failed_at == moment("2026-11-14 10:30")

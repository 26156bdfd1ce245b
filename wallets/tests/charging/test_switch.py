"""All automatic charges stopped, and going on again."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts import clock
from accounts.models import AuditEntry
from accounts.tests.builders import make_staff
from wallets import sweeps
from wallets.allocations import retries
from wallets.charging import purchases, switch
from wallets.errors import InvalidAmount, Refused
from wallets.models import ChargeSwitch
from wallets.recharges import auto_recharge, configure
from wallets.tests.worlds.allocation_world import make_world, moment
from wallets.tests.worlds.auto_recharge_world import credit, logged, run, settings_of
from wallets.tests.worlds.builders import add_card, make_wallet, set_auto_recharge
from wallets.tests.worlds.purchases import claim, taken
from wallets.tests.worlds.reversal_world import buy

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]


def due_wallet(stripe):
    wallet = make_wallet(credit="5")
    add_card(stripe, wallet)
    set_auto_recharge(wallet, due_since=clock.now())
    return wallet


def stop() -> None:
    switch.stop(reason="Restored from a backup", actor=None)


def start() -> None:
    switch.start(reason="The books are silent", actor=None)


def test_while_stopped_auto_recharge_claims_nothing_and_says_so(stripe):
    wallet = due_wallet(stripe)
    stop()

    assert run(wallet) == "on_hold"
    assert list(auto_recharge.DUE.take()) == []
    assert not auto_recharge.coming(clock.now()).exists()
    assert wallet.purchases.count() == 0
    assert logged(wallet) == ["on_hold"]
    with pytest.raises(Refused, match="paused by support"):
        configure.try_again(wallet_id=wallet.pk, actor=None)
    assert settings_of(wallet).due_since


def test_what_was_claimed_before_is_not_confirmed(stripe):
    wallet = due_wallet(stripe)
    purchase = claim(wallet)
    stop()

    purchases.drive(purchase_id=purchase.pk)

    purchase.refresh_from_db()
    assert purchase.state == "canceled"
    assert taken(stripe) == []


def test_once_started_what_is_due_happens(stripe):
    wallet = due_wallet(stripe)
    stop()
    run(wallet)
    start()

    assert ("wallets.recharge_wallet", (wallet.pk,)) in sweeps.find_work()
    assert run(wallet) == "charge"
    assert credit(wallet) == 55
    assert taken(stripe) == [5000]


def test_while_stopped_a_person_still_pays_by_hand(stripe):
    wallet = due_wallet(stripe)
    stop()

    purchase = buy(wallet)

    assert purchase.state == "succeeded"
    assert taken(stripe) == [5000]


def test_a_month_waits_while_stopped_and_is_charged_afterwards(stripe):
    world = make_world(stripe)
    with clock.at(moment("2026-11-14")):
        world.save()
    stop()

    while_stopped = world.run_at("2026-11-14 00:01")
    with clock.at(moment("2026-11-14 00:02")), pytest.raises(Refused, match="paused by support"):
        retries.retry_now(account=world.sub, agency=world.agency, actor=None)
    start()
    afterwards = world.run_at("2026-11-14 00:03")

    assert (while_stopped, afterwards) == ([], ["charge"])
    assert len(world.taken()) == 1


def test_each_turn_has_a_reason_a_person_and_a_note_in_the_audit_log():
    boss = make_staff()
    switch.stop(reason="  A  restore ", actor=boss)

    row = switch.stopped()
    assert (row.reason, row.changed_by) == ("A restore", boss)
    assert AuditEntry.objects.filter(table="wallets_chargeswitch").exists()
    with pytest.raises(Refused, match="stopped already: A restore"):
        stop()
    with pytest.raises(InvalidAmount, match="Say why"):
        switch.start(reason=" ", actor=boss)
    assert switch.are_stopped()


def test_the_command_stops_starts_and_tells():
    out = StringIO()

    call_command("charges", stdout=out)
    call_command("charges", "stop", reason="A restore", stdout=out)
    with pytest.raises(CommandError, match="stopped already"):
        call_command("charges", "stop", reason="Again")
    with pytest.raises(CommandError, match="Say why"):
        call_command("charges", "start")
    call_command("charges", "start", reason="Books are silent", stdout=out)

    lines = out.getvalue().splitlines()
    assert lines[0] == lines[2] == "Automatic charges go on."
    assert lines[1].startswith("Automatic charges are stopped since ")
    assert lines[1].endswith(" UTC: A restore")
    assert ChargeSwitch.objects.get().reason == "Books are silent"


def test_a_page_asks_once_and_who_charges_asks_anew(django_assert_num_queries):
    with switch.asked_once(), django_assert_num_queries(1):
        assert [switch.are_stopped() for _ in range(3)] == [False] * 3
    switch.stop(reason="restored", actor=None)

    with django_assert_num_queries(2):
        assert (switch.are_stopped(), switch.are_stopped()) == (True, True)
    with switch.asked_once():
        assert switch.are_stopped()

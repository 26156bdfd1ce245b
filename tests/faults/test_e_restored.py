"""Yesterday's database is put back: Stripe has gone on, and nobody pays twice or for nothing."""

import subprocess
from io import StringIO
from pathlib import Path
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import connection

from tests import oracle
from tests.faults.harness import come_to_rest
from tests.faults.people import Situation, automatic, by_hand, low_balance, monthly, taken
from thinkrr_billing.sandbox import postgres
from wallets.books import checking
from wallets.models import AutoRecharge, Purchase, Reversal, Wallet
from wallets.recharges import auto_recharge
from wallets.reversals import refunds
from wallets.stripe import gateway

pytestmark = [pytest.mark.faults, pytest.mark.redis]

REASON = "Restored from a backup"


@pytest.fixture
def backup(plant, tmp_path) -> "Backup":
    return Backup(plant, tmp_path / "backup.dump")


class Backup:
    """What a nightly pg_dump keeps, and pg_restore puts back over everything."""

    def __init__(self, plant, file: Path) -> None:
        self.url, self.file = plant.postgres.url, file

    def make(self) -> None:
        self._run("pg_dump", "-Fc", "-f", self.file, self.url)

    def restore(self) -> None:
        connection.close()
        self._run("pg_restore", "--clean", "--if-exists", "-d", self.url, self.file)

    @staticmethod
    def _run(program: str, *arguments: object) -> None:
        command = [postgres._program(program), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def recover(*, apply: bool = False) -> list[str]:
    out = StringIO()
    call_command("recover_from_stripe", apply=apply, stdout=out)
    return out.getvalue().splitlines()


def nobody_pays_again(stripe, people: list[Situation], paid: list[int]) -> None:
    """The books are silent, and what was paid is not due once charges go on."""
    assert checking.check_all(stripe=True) == []
    call_command("charges", "start", reason="The books are silent")
    for person in people:
        person.trigger()
    come_to_rest(stripe)
    assert taken(stripe) == paid


def of(wallet: Wallet) -> tuple:
    wallet.refresh_from_db()
    return wallet.credit.amount, wallet.premium_seconds, wallet.basic_seconds


def test_f111_what_stripe_took_since_the_backup_is_credited_once_and_taken_once(stripe, backup):
    people = [by_hand(stripe), automatic(stripe), monthly(stripe)]
    backup.make()
    for person in people:
        person.trigger()
    refunded = Purchase.objects.get(purpose="recharge")
    refunds.refund(
        purchase_id=refunded.pk, amount_cents=600, actor=None, reason="Asked", form_key=str(uuid4())
    )
    refunds.drive_refund(reversal_id=Reversal.objects.get().pk)
    paid, before = taken(stripe), [of(person.wallet) for person in people]
    receipts = dict(Purchase.objects.values_list("pk", "receipt_number"))

    backup.restore()
    call_command("charges", "stop", reason=REASON)
    assert not Purchase.objects.exists()
    oracle.work_off()  # What workers find due meanwhile.
    assert taken(stripe) == paid
    dry, first, second = recover(), recover(apply=True), recover(apply=True)

    assert dry[:-1] == first
    assert len(first) == 4
    assert second == ["Nothing is missing."]
    assert [of(person.wallet) for person in people] == before
    assert dict(Purchase.objects.values_list("pk", "receipt_number")) == receipts
    nobody_pays_again(stripe, people, paid)


def test_f111_a_card_that_was_added_since_the_backup_is_there_again(stripe, backup):
    wallet = low_balance(stripe, credit="50")
    backup.make()
    card = stripe.add_card(wallet.account.stripe_customer, "5555555555554444")["id"]
    gateway.detach_card(card_id=wallet.default_payment_method)

    backup.restore()
    call_command("charges", "stop", reason=REASON)
    recover(apply=True)

    wallet.refresh_from_db()
    assert wallet.default_payment_method == card
    assert not AutoRecharge.objects.get(wallet=wallet).suspended_at


def test_f111_what_became_due_is_charged_once_they_go_on(stripe, backup):
    wallet = low_balance(stripe)
    backup.make()
    backup.restore()
    call_command("charges", "stop", reason=REASON)
    stopped = auto_recharge.run(wallet_id=wallet.pk).code
    recover(apply=True)

    call_command("charges", "start", reason="The books are silent")
    come_to_rest(stripe)

    assert stopped == "on_hold"
    assert taken(stripe) == [5000]

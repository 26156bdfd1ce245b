"""What the log says of a charge: each line by the purchase, and Stripe's by its own id as well."""

import json
import logging
from collections.abc import Iterator

import pytest

from thinkrr_billing.json_logs import JsonLine
from wallets.charging import purchases, rows
from wallets.tests.worlds.purchases import CONFIRM, claim

pytestmark = pytest.mark.django_db


@pytest.fixture
def lines(caplog) -> Iterator[list[dict]]:
    """Each record as it is written, at the moment it was made."""
    found: list[dict] = []

    class Reader(logging.Handler):
        def emit(self, made: logging.LogRecord) -> None:
            found.append(json.loads(JsonLine().format(made)))

    reader = Reader()
    logging.getLogger().addHandler(reader)
    caplog.set_level(logging.INFO)
    yield found
    logging.getLogger().removeHandler(reader)


def test_each_line_of_a_charge_names_purchase_wallet_and_payer(low, stripe, lines):  # noqa: ARG001
    purchase = claim(low)
    lines.clear()

    purchases.drive(purchase_id=purchase.pk)

    named = {(line["purchase"], line["wallet"], line["account"]) for line in lines}
    assert named == {(str(purchase.pk), str(low.pk), str(low.account_id))}
    assert [line["event"] for line in lines if line["logger"] == "wallets.charging.rows"] == [
        f"purchase {purchase.pk} is submitted",
        f"purchase {purchase.pk} is succeeded",
    ]


def test_each_question_to_stripe_is_a_line_with_stripes_own_id_also_a_refused_one(
    low, stripe, lines
):
    stripe.fault(kind="decline", path=CONFIRM, method="POST", times=1)
    purchase = claim(low)
    lines.clear()
    seen = len(stripe.requests())

    purchases.drive(purchase_id=purchase.pk)

    asked = [line for line in lines if line["event"].startswith("asked stripe")]
    made = stripe.requests()[seen:]
    assert [line["stripe_request"] for line in asked] == [one["request_id"] for one in made]
    [refused] = [line for line in lines if line["event"].startswith("stripe answered Declined")]
    assert refused["stripe_request"] in [one["request_id"] for one in made if one["status"] == 402]


def test_what_was_not_committed_is_not_said(low, lines, monkeypatch):
    def fail(*_: object) -> None:
        raise RuntimeError("the transaction ends here")

    purchase = claim(low)
    monkeypatch.setattr(rows, "_count_attempt_if_wanted", fail)

    with pytest.raises(RuntimeError):
        rows.submit(purchase.pk, "pi_1")

    purchase.refresh_from_db()
    assert purchase.state == "created"
    assert [line for line in lines if " is submitted" in line["event"]] == []

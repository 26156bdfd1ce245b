"""Money going back: refunds, and disputes with what the bank does."""

import pytest
import stripe

from thinkrr_billing.sandbox.stripe.process import SandboxError


@pytest.fixture
def paid(pay, sandbox, customer):
    return pay(sandbox.add_card(customer)["id"])


def _truth(sandbox):
    (intent,) = sandbox.truth()["payment_intents"]
    return intent


def test_refund_in_part_and_then_the_rest(client, sandbox, paid):
    part = client.v1.refunds.create(
        {
            "payment_intent": paid.id,
            "amount": 2000,
            "reason": "requested_by_customer",
            "metadata": {"reversal": "3"},
        }
    )
    rest = client.v1.refunds.create({"charge": paid.latest_charge})

    assert (part.status, part.amount, part.payment_intent) == ("succeeded", 2000, paid.id)
    assert rest.amount == 3000
    charge = client.v1.charges.retrieve(paid.latest_charge)
    assert (charge.amount_refunded, charge.refunded) == (5000, True)
    assert client.v1.balance_transactions.retrieve(part.balance_transaction).amount == -2000
    listed = client.v1.refunds.list({"payment_intent": paid.id}).data
    assert [one.id for one in listed] == [rest.id, part.id]
    assert _truth(sandbox)["amount_refunded"] == 5000


@pytest.mark.parametrize(
    ("before", "amount", "code", "message"),
    [
        (0, 5001, None, r"greater than unrefunded amount on charge \(\$50.00\)"),
        (4000, 1001, None, r"greater than unrefunded amount on charge \(\$10.00\)"),
        (5000, 1, "charge_already_refunded", "already been refunded"),
        (0, 0, "parameter_invalid_integer", "greater than or equal to 1"),
    ],
)
def test_more_than_was_taken_is_never_refunded(
    client, sandbox, paid, before, amount, code, message
):
    if before:
        client.v1.refunds.create({"payment_intent": paid.id, "amount": before})

    with pytest.raises(stripe.InvalidRequestError, match=message) as refusal:
        client.v1.refunds.create({"payment_intent": paid.id, "amount": amount})

    assert refusal.value.code == code
    assert _truth(sandbox)["amount_refunded"] == before


def test_unpaid_intent_cannot_be_refunded(client, customer):
    intent = client.v1.payment_intents.create(
        {"amount": 5000, "currency": "usd", "customer": customer}
    )

    with pytest.raises(stripe.InvalidRequestError, match="successful charge"):
        client.v1.refunds.create({"payment_intent": intent.id})


def test_refund_that_fails_later_gives_the_money_back_to_us(client, sandbox, paid):
    refund = client.v1.refunds.create({"payment_intent": paid.id, "amount": 2000})

    sandbox.set_refund(refund.id, "failed", failure_reason="expired_or_canceled_card")

    failed = client.v1.refunds.retrieve(refund.id)
    assert (failed.status, failed.failure_reason) == ("failed", "expired_or_canceled_card")
    assert (
        client.v1.balance_transactions.retrieve(failed.failure_balance_transaction).amount == 2000
    )
    assert _truth(sandbox)["amount_refunded"] == 0
    assert client.v1.refunds.create({"payment_intent": paid.id}).amount == 5000


def test_refund_that_is_pending_succeeds_when_told(client, sandbox, paid):
    sandbox.fault(kind="processing", method="POST", path="/v1/refunds")
    refund = client.v1.refunds.create({"payment_intent": paid.id})
    assert refund.status == "pending"

    sandbox.set_refund(refund.id, "succeeded")

    assert client.v1.refunds.retrieve(refund.id).status == "succeeded"


def test_refund_can_be_made_to_fail_at_once(client, sandbox, paid):
    sandbox.fault(kind="decline", method="POST", path="/v1/refunds")

    refund = client.v1.refunds.create({"payment_intent": paid.id})

    assert (refund.status, _truth(sandbox)["amount_refunded"]) == ("failed", 0)


def test_refund_metadata_can_be_changed(client, paid):
    refund = client.v1.refunds.create({"payment_intent": paid.id})

    assert client.v1.refunds.update(refund.id, {"metadata": {"a": "b"}}).metadata.to_dict() == {
        "a": "b"
    }


def test_formal_dispute_takes_the_money_and_blocks_refunds(client, sandbox, paid):
    dispute = sandbox.dispute(paid.id)

    found = client.v1.disputes.retrieve(dispute["id"])
    assert (found.status, found.amount, found.payment_intent) == ("needs_response", 5000, paid.id)
    (line,) = found.balance_transactions
    assert (line.amount, line.fee, line.net) == (-5000, 1500, -6500)
    assert client.v1.charges.retrieve(paid.latest_charge).disputed is True
    assert _truth(sandbox)["amount_disputed"] == 5000
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.refunds.create({"payment_intent": paid.id})
    assert refusal.value.code == "charge_disputed"


@pytest.mark.parametrize(
    ("action", "status", "held"),
    [("win", "won", 0), ("lose", "lost", 3000), ("close", "lost", 3000)],
)
def test_dispute_ends(client, sandbox, paid, action, status, held):
    dispute = sandbox.dispute(paid.id, amount=3000, reason="product_not_received")

    sandbox.move_dispute(dispute["id"], action)

    assert client.v1.disputes.retrieve(dispute["id"]).status == status
    assert _truth(sandbox)["amount_disputed"] == held
    with pytest.raises(SandboxError, match="already closed"):
        sandbox.move_dispute(dispute["id"], "win")


def test_inquiry_moves_nothing_until_it_becomes_a_dispute(client, sandbox, paid, listener):
    inquiry = sandbox.dispute(paid.id, status="warning_needs_response")
    assert (inquiry["status"], inquiry["is_charge_refundable"]) == ("warning_needs_response", True)
    assert _truth(sandbox)["amount_disputed"] == 0

    sandbox.move_dispute(inquiry["id"], "withdraw")

    listener.wait_for(lambda one: "charge.dispute.funds_withdrawn" in one.types())
    assert client.v1.disputes.retrieve(inquiry["id"]).status == "needs_response"
    assert _truth(sandbox)["amount_disputed"] == 5000


def test_inquiry_that_is_closed_moves_nothing(client, sandbox, paid):
    inquiry = sandbox.dispute(paid.id, status="warning_needs_response")

    sandbox.move_dispute(inquiry["id"], "close")

    assert client.v1.disputes.retrieve(inquiry["id"]).status == "warning_closed"
    assert client.v1.refunds.create({"payment_intent": paid.id}).amount == 5000


def test_dispute_can_wait_before_it_takes_the_money(sandbox, paid, listener):
    dispute = sandbox.dispute(paid.id, withdraw=False)
    listener.wait_for(lambda one: "charge.dispute.created" in one.types())
    assert _truth(sandbox)["amount_disputed"] == 0

    sandbox.move_dispute(dispute["id"], "withdraw")
    sandbox.move_dispute(dispute["id"], "win")

    ends = {"charge.dispute.funds_reinstated", "charge.dispute.closed"}
    listener.wait_for(lambda one: ends <= set(one.types()))


def test_evidence_puts_a_dispute_under_review(client, sandbox, paid):
    dispute = sandbox.dispute(paid.id)

    updated = client.v1.disputes.update(
        dispute["id"], {"evidence": {"product_description": "minutes"}}
    )

    assert updated.status == "under_review"
    assert [one.id for one in client.v1.disputes.list({"payment_intent": paid.id}).data] == [
        dispute["id"]
    ]


@pytest.mark.parametrize(
    ("card", "reason"),
    [
        ("pm_card_createDispute", "fraudulent"),
        ("pm_card_createDisputeProductNotReceived", "product_not_received"),
    ],
)
def test_a_card_that_is_disputed_by_its_number_takes_the_money_back(client, pay, card, reason):
    paid = pay(card)

    (dispute,) = client.v1.disputes.list({"payment_intent": paid.id}).data
    assert (paid.status, dispute.amount) == ("succeeded", 5000)
    assert (dispute.reason, dispute.status) == (reason, "needs_response")
    assert [one.amount for one in dispute.balance_transactions] == [-5000]


def test_a_card_whose_refunds_are_slow_by_its_number(client, sandbox, pay):
    paid = pay("pm_card_pendingRefund")

    refund = client.v1.refunds.create({"payment_intent": paid.id})

    assert refund.status == "pending"
    sandbox.set_refund(refund.id, "succeeded")
    assert client.v1.refunds.retrieve(refund.id).status == "succeeded"

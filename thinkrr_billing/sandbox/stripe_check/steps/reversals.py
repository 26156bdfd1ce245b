"""Refunds and a dispute."""

from thinkrr_billing.sandbox.stripe_check.steps.course import AMOUNT, Course, Step
from wallets.stripe import gateway


def _refund(course: Course, name: str, *, intent: str, amount: int) -> None:
    found = gateway.create_refund(
        key=course.key_of(f"refund-{name}"),
        intent_id=course[intent],
        amount=amount,
        metadata={"reversal": name},
    )
    course[f"refund {name}"] = found["id"]


def _full(course: Course) -> None:
    _refund(course, "in full", intent="auto-recharge", amount=AMOUNT)


def _again(course: Course) -> None:
    _refund(course, "once more", intent="auto-recharge", amount=1)


def _part(course: Course) -> None:
    _refund(course, "in part", intent="by-hand", amount=1000)


def _too_much(course: Course) -> None:
    _refund(course, "of too much", intent="by-hand", amount=1501)


def _rest(course: Course) -> None:
    _refund(course, "of the rest", intent="by-hand", amount=1500)


def _unpaid(course: Course) -> None:
    _refund(course, "of nothing", intent="declined: saved card", amount=100)


def _read(course: Course) -> None:
    gateway.retrieve_refund(refund_id=course["refund in part"])
    gateway.list_refunds(intent_id=course["by-hand"])


def _slow(course: Course) -> None:
    course.charge("slow refund", payment_method="pm_card_pendingRefund")
    _refund(course, "that is slow", intent="slow refund", amount=AMOUNT)


def _dispute(course: Course) -> None:
    course.charge("disputed", payment_method="pm_card_createDispute")


def _read_dispute(course: Course) -> None:
    asked = {"payment_intent": course["disputed"]}
    found = course.asked_until_there(lambda: course.sdk().disputes.list(asked).data)
    course["dispute"] = found[0].id if found else ""
    gateway.retrieve_dispute(dispute_id=course["dispute"])


def _refund_disputed(course: Course) -> None:
    course["dispute"]
    _refund(course, "of a disputed payment", intent="disputed", amount=AMOUNT)


STEPS = (
    Step("refund in full", _full),
    Step("refund what was refunded", _again),
    Step("refund in part", _part),
    Step("refund more than is left", _too_much),
    Step("refund the rest", _rest),
    Step("refund what was never paid", _unpaid),
    Step("read refunds", _read),
    Step("a refund that is slow", _slow),
    Step("charge a card whose owner disputes it", _dispute),
    Step("read the dispute", _read_dispute),
    Step("refund a disputed payment", _refund_disputed),
)

"""A sandbox without sockets in which every answer is checked, with something in every state."""

import json
import re
from urllib.parse import urlencode

from thinkrr_billing.sandbox.stripe.http import app
from thinkrr_billing.sandbox.stripe.state.machine import Sandbox
from thinkrr_billing.sandbox.stripe.tests.official import witness
from thinkrr_billing.sandbox.stripe.wire.messages import Answer, Request

_KEY = "Bearer sk_test_000000000000000000000000"
_BASE = "http://127.0.0.1:8420"
CARD = {"payment_method_types[]": "card"}


class World:
    """What was asked, what came, and what of it is not Stripe's."""

    def __init__(self, state: str) -> None:
        self.sandbox = Sandbox(state=state)
        self.answered: set[tuple[str, str]] = set()  # Routes that answered 200.
        self.differences: list[str] = []

    def send(
        self, method: str, path: str, form: dict | None = None, headers: dict | None = None
    ) -> Answer:
        """One request to the API; its answer is checked."""
        text = urlencode(form or {}, doseq=True)
        posted = method == "POST"
        request = Request(
            method=method,
            path=path,
            query="" if posted else text,
            headers={
                "authorization": _KEY,
                "content-type": "application/x-www-form-urlencoded",
                **(headers or {}),
            },
            body=text.encode() if posted else b"",
            base_url=_BASE,
        )
        answer = app.handle(self.sandbox, request)
        self.differences += witness.of_request(request, answer)
        if answer.status == 200:
            self.answered.add((method, witness.route_of(request)))
        return answer

    def get(self, path: str, /, **form: object) -> dict:
        return self._good(self.send("GET", f"/v1/{path}", form), path)

    def post(self, path: str, form: dict | None = None, /, **more: object) -> dict:
        return self._good(self.send("POST", f"/v1/{path}", {**(form or {}), **more}), path)

    def delete(self, path: str) -> dict:
        return self._good(self.send("DELETE", f"/v1/{path}"), path)

    def refused(self, path: str, status: int, form: dict | None = None, /, **more: object) -> dict:
        """A POST that is answered with this status; its error."""
        answer = self.send("POST", f"/v1/{path}", {**(form or {}), **more})
        assert answer.status == status, f"{path}: {answer.body}"
        return json.loads(answer.body)["error"]

    def control(self, path: str, /, **body: object) -> dict:
        request = Request(
            method="POST",
            path=f"/_sandbox/{path}",
            query="",
            headers={},
            body=json.dumps(body).encode(),
            base_url=_BASE,
        )
        return self._good(app.handle(self.sandbox, request), path)

    def page(self, url: str, **form: str) -> Answer:
        """Fill in a hosted page."""
        path = re.sub(r"^https?://[^/]+", "", url)
        request = Request(
            method="POST",
            path=path,
            query="",
            headers={},
            body=urlencode(form).encode(),
            base_url=_BASE,
        )
        return app.handle(self.sandbox, request)

    def _good(self, answer: Answer, path: str) -> dict:
        assert answer.status == 200, f"{path}: {answer.body}"
        return json.loads(answer.body)

    def stored(self, kind: str) -> list[str]:
        return [one["id"] for one in self.sandbox.store.list(kind=kind)]

    def customer(self) -> str:
        return self.post("customers", name="Bright Agency", email="pay@example.com")["id"]

    def card(self, customer: str, **fields: object) -> str:
        return self.control(f"customers/{customer}/cards", **fields)["id"]

    def intent(self, customer: str, card: str = "", **more: object) -> str:
        form = {"amount": 5000, "currency": "usd", "customer": customer, **CARD, **more}
        return self.post("payment_intents", form | ({"payment_method": card} if card else {}))["id"]

    def paid(self, customer: str, card: str) -> str:
        intent = self.intent(customer, card)
        self.post(f"payment_intents/{intent}/confirm", off_session="true")
        return intent


def fill(world: World) -> None:
    """Bring every kind of object into each of its states, by every route that writes."""
    world.control("account", branding={"icon": "file_icon", "logo": "file_logo"})
    customer = world.customer()
    _customers_and_cards(world, customer)
    _payments(world, customer)
    _setups(world, customer)
    _sessions(world, customer)
    _refunds(world, customer)
    _disputes(world, customer)
    _endpoints(world)


def _customers_and_cards(world: World, customer: str) -> None:
    card = world.card(customer)
    world.control(f"customers/{customer}/payment_methods", type="us_bank_account")
    world.control(f"customers/{customer}/payment_methods", type="link")
    default = {"invoice_settings[default_payment_method]": card, "metadata[account]": "1"}
    world.post(f"customers/{customer}", default)
    world.post(
        f"customers/{customer}",
        {"address[city]": "Cork", "shipping[name]": "A", "shipping[address][city]": "Cork"},
    )
    world.post(f"payment_methods/{card}", {"card[exp_year]": 2040, "billing_details[name]": "A"})
    world.control(f"cards/{card}", exp_year=2041)
    loose = world.post("payment_methods", {"type": "card", "card[token]": "tok_visa"})["id"]
    world.post(f"payment_methods/{loose}/attach", customer=customer)
    world.post(f"payment_methods/{loose}/detach")
    world.refused(f"payment_methods/{loose}/attach", 400, customer=customer)
    world.post("customers", payment_method="pm_card_visa")
    gone = world.customer()
    world.delete(f"customers/{gone}")
    assert world.get(f"customers/{gone}")["deleted"] is True
    world.refused("customers", 400, email="nobody at home")


def _payments(world: World, customer: str) -> None:
    card = world.card(customer)
    world.intent(customer)
    world.post(f"payment_intents/{world.intent(customer, card)}", description="Minutes", amount=900)
    world.post(f"payment_intents/{world.intent(customer, card)}/cancel")
    world.post("payment_intents", {"amount": 50, "currency": "usd"})
    world.paid(customer, card)
    for outcome in ("succeeded", "failed"):
        slow = world.paid(customer, world.card(customer, behaviour="processing"))
        world.refused(f"payment_intents/{slow}/cancel", 400)
        world.control(f"payment_intents/{slow}/finish", outcome=outcome)
    world.paid(customer, world.card(customer, behaviour="processing"))
    asks = world.card(customer, number="4000002760003184")
    for form in ({"return_url": "https://example.test"}, {}):
        for answer in (True, False, None):
            intent = world.intent(customer, asks)
            world.post(f"payment_intents/{intent}/confirm", form)
            if answer is not None:
                world.control(f"payment_intents/{intent}/bank", approved=answer)
    world.refused(
        f"payment_intents/{world.intent(customer, asks)}/confirm", 402, off_session="true"
    )
    for number in ("4000000000000341", "4000000000009995", "4000000000000069"):
        declined = world.card(customer, number=number)
        intent = world.intent(customer, declined)
        world.refused(f"payment_intents/{intent}/confirm", 402, off_session="true")
    advised = {"decline_code": "lost_card", "advice_code": "do_not_try_again"}
    intent = world.intent(customer, world.card(customer, behaviour=advised))
    assert world.refused(f"payment_intents/{intent}/confirm", 402)["advice_code"] == (
        "do_not_try_again"
    )


def _setups(world: World, customer: str) -> None:
    card = world.post("payment_methods", {"type": "card", "card[token]": "tok_visa"})["id"]
    setup = world.post("setup_intents", customer=customer)["id"]
    world.post(f"setup_intents/{setup}", {"description": "a card", "payment_method": card})
    world.post(f"setup_intents/{setup}/confirm")
    world.post(f"setup_intents/{world.post('setup_intents')['id']}/cancel")
    world.post("setup_intents", customer=customer)
    world.refused("setup_intents", 402, payment_method="pm_card_chargeDeclined", confirm="true")
    for _ in range(2):
        asks = {"payment_method": "pm_card_authenticationRequired", "confirm": "true"}
        asked = world.post("setup_intents", asks, return_url="https://example.test")
    assert world.page(asked["next_action"]["redirect_to_url"]["url"], action="fail").status == 303


def _sessions(world: World, customer: str) -> None:
    facts = {"mode": "setup", "currency": "usd", "success_url": "https://example.test/ok"}
    world.post("checkout/sessions", facts, customer=customer)
    done = world.post("checkout/sessions", facts, customer=customer)
    assert world.page(done["url"], number="4242424242424242", action="save").status == 303
    tried = world.post("checkout/sessions", facts, customer=customer)
    assert world.page(tried["url"], number="4000000000000002", action="save").status == 200
    ended = world.post("checkout/sessions", facts)["id"]
    world.post(f"checkout/sessions/{ended}/expire")


def _refunds(world: World, customer: str) -> None:
    intent = world.paid(customer, world.card(customer))
    refund = world.post("refunds", payment_intent=intent, amount=100, reason="duplicate")["id"]
    world.post(f"refunds/{refund}", {"metadata[reversal]": "1"})
    world.control(f"refunds/{refund}", status="pending")
    world.control(f"refunds/{refund}", status="succeeded")
    failed = world.post("refunds", payment_intent=intent, amount=200)["id"]
    world.control(f"refunds/{failed}", status="failed")
    world.control("faults", kind="processing", path="/v1/refunds")
    world.post("refunds", payment_intent=intent, amount=300)
    charge = world.get("charges", payment_intent=intent)["data"][0]["id"]
    world.post(f"charges/{charge}", {"description": "Minutes"})
    world.post("refunds", charge=charge)
    world.refused("refunds", 400, charge=charge)


def _disputes(world: World, customer: str) -> None:
    card = world.card(customer)
    for action in ("win", "lose", "close", "", "withdraw"):
        status = "warning_needs_response" if action == "withdraw" else "needs_response"
        dispute = world.control(
            "disputes", payment_intent=world.paid(customer, card), status=status
        )["id"]
        if action:
            world.control(f"disputes/{dispute}", action=action)
    sent = world.control("disputes", payment_intent=world.paid(customer, card))["id"]
    world.post(f"disputes/{sent}", {"evidence[customer_name]": "A"})
    for status in ("warning_needs_response", "needs_response"):
        given_up = world.control(
            "disputes", payment_intent=world.paid(customer, card), status=status
        )
        world.post(f"disputes/{given_up['id']}/close")
    unsure = world.control("disputes", payment_intent=world.paid(customer, card), withdraw=False)[
        "id"
    ]
    world.control(f"disputes/{unsure}", action="inquiry")


def _endpoints(world: World) -> None:
    form = {"url": "https://example.test", "enabled_events[]": "*"}
    kept = world.post("webhook_endpoints", form)["id"]
    world.post(f"webhook_endpoints/{kept}", {"disabled": "true", "description": "ours"})
    world.delete(f"webhook_endpoints/{world.post('webhook_endpoints', form)['id']}")

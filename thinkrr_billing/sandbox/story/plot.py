"""What happens in the story, chapter by chapter, as the guide tells it."""

from datetime import UTC, datetime
from itertools import count

from thinkrr_billing.sandbox.story.person import Page
from thinkrr_billing.sandbox.story.roles import Cast, Role
from thinkrr_billing.sandbox.story.stage import Stage
from thinkrr_billing.sandbox.story.teller import Teller, WentWrong

GOOD_CARD = "4242424242424242"
OTHER_CARD = "5555555555554444"
REFUSED_LATER = "4000000000000341"

_calls = count(1)


def play(stage: Stage, cast: Cast, tell: Teller) -> None:
    for chapter in (
        set_up,
        recharge_automatically,
        raise_threshold,
        allocate,
        decline,
        run_dry,
        recharge_and_resume,
    ):
        chapter(cast, tell)
    tell.chapter("The books")
    tell.step("verify_books --stripe compares every entry, purchase and charge")
    tell.figure("exit code and complaints", stage.command("verify_books", "--stripe"), (0, ""))


def set_up(cast: Cast, tell: Teller) -> None:
    tell.chapter("Auto-Recharge: Northside Dental, a sub-account, with $20.00 of credit")
    one = cast.northside
    tell.step("Payments, Add payment method: a card is typed on Stripe's hosted page")
    page = one.person.add_card(GOOD_CARD)
    tell.says("Payments", page.text, "Visa •••• 4242 added.")
    tell.figure("credit", one.credit(), "$20.00")
    tell.step("Configure: Minimum Threshold $10, Auto-Recharge Amount $50, on, Save")
    page = _opened(one, "/payments/auto-recharge/")
    page = one.person.submit(
        page.form("threshold"), enabled="on", threshold="10.00", amount="50.00"
    )
    saved = one.ask("GET", "wallet/auto-recharge")
    found = {name: saved[name] for name in ("enabled", "threshold", "amount", "status")}
    tell.figure(
        "saved",
        found,
        {"enabled": True, "threshold": "10.00", "amount": "50.00", "status": "on"},
    )
    tell.figure("charged at Stripe: the balance is not below", one.charged(), [])
    tell.step("What $50 buys: $0.16 a Premium minute, $0.09 a Basic minute")
    for buys, minutes in (("premium", "312"), ("basic", "555")):
        page = one.person.open("/payments/recharge/quote/", amount="50.00", buys=buys)
        tell.says("Quote", page.text, f"{minutes} {buys.capitalize()} minutes")


def recharge_automatically(cast: Cast, tell: Teller) -> None:
    one = cast.northside
    tell.step("The voice platform reports 64 Premium minutes of calls: $10.24")
    _call(cast, one, minute_type="premium", seconds=[60] * 64)
    tell.step("The balance, $9.76, is below $10.00: a worker charges the card $50.00")
    tell.wait("credit", one.credit, "$59.76")
    tell.figure("charged at Stripe, once", one.charged(), ["$50.00"])
    page = one.person.open("/payments/transactions/")
    tell.says("Transactions", page.text, "+$50.00")


def raise_threshold(cast: Cast, tell: Teller) -> None:
    tell.chapter("Threshold sync: Brightline Agency, with $15.00 of credit")
    one = cast.agency
    tell.step("A card, then a threshold above the balance: $20, amount $50")
    one.person.add_card(OTHER_CARD)
    saved = _set_auto_recharge(one, threshold="20.00", amount="50.00")
    tell.figure("charged while saving", saved["purchase"]["amount"], "50.00")
    tell.figure("that charge", saved["purchase"]["state"], "succeeded")
    tell.figure("credit, above the threshold", one.credit(), "$65.00")
    tell.figure("charged at Stripe, once", one.charged(), ["$50.00"])


def allocate(cast: Cast, tell: Teller) -> None:
    tell.chapter("Monthly allocation: Brightline Agency buys minutes for Northside Dental")
    agency, sub = cast.agency, cast.northside
    path = f"/account-manager/{sub.id}/auto-allocation/"
    tell.step("Account Manager, three-dot menu, Manage auto allocation: 200 Basic, 100 Premium")
    page = agency.person.open("/account-manager/")
    tell.says("Account Manager", page.text, "Manage auto allocation")
    page = _opened(agency, path)
    page = agency.person.submit(page.form(path), basic_minutes="200", premium_minutes="100")
    tell.says("Dialog", page.text, "Estimated monthly charge $34.00")
    tell.says("Dialog", page.text, "Final billing occurs at runtime.")
    tell.step("Save: the first month is due today")
    agency.person.submit(page.form(path))
    tell.wait("credited to Northside Dental", sub.minutes, "200 Basic, 100 Premium")
    tell.figure("charged at Stripe, the agency's card", agency.charged(), ["$50.00", "$34.00"])
    tell.figure("charged at Stripe, Northside's card", sub.charged(), ["$50.00"])
    tell.figure("Northside's credit, as before", sub.credit(), "$59.76")


def decline(cast: Cast, tell: Teller) -> None:
    tell.chapter("A payment fails: Jordan Blake, an individual, with $12.00 of credit")
    one = cast.jordan
    tell.step("A card that will be refused; threshold $10, amount $50; two campaigns start")
    one.person.add_card(REFUSED_LATER)
    _set_auto_recharge(one, threshold="10.00", amount="50.00")
    for name, minute_type in (("premium-run", "premium"), ("basic-run", "basic")):
        body = {"name": name.replace("-", " ").capitalize(), "minute_type": minute_type}
        one.ask("PUT", f"campaigns/{name}", body)
        one.ask("POST", f"campaigns/{name}/start")
    tell.figure("campaigns", one.campaigns(), {"premium-run": "started", "basic-run": "started"})
    tell.step("20 Premium minutes, $3.20: below the threshold, and the card is declined")
    _call(cast, one, campaign="premium-run", seconds=[60] * 20)

    def status() -> str:
        return one.ask("GET", "wallet/auto-recharge")["status"]

    tell.wait("Auto-Recharge", status, "waiting")
    tell.figure("credit", one.credit(), "$8.80")
    tell.figure("charged at Stripe", one.charged(), [])
    page = one.person.open("/notifications/")
    tell.says("Notifications", page.text, "Auto-Recharge failed: ")
    tell.says("Notifications", page.text, "We try again at")


def run_dry(cast: Cast, tell: Teller) -> None:
    tell.chapter("Campaign autopause")
    one = cast.jordan
    tell.step("Calls go on until $0.10 is left: Premium pauses, Basic costs less and goes on")
    _call(cast, one, campaign="premium-run", seconds=[600] * 5 + [262])
    tell.figure("credit", one.credit(), "$0.10")
    tell.figure(
        "campaigns", one.campaigns(), {"premium-run": "paused: low_balance", "basic-run": "started"}
    )
    tell.step("One more Basic minute: both are paused, and every page says so")
    _call(cast, one, campaign="basic-run", seconds=[60])
    tell.figure("credit", one.credit(), "$0.01")
    tell.figure(
        "campaigns",
        one.campaigns(),
        {"premium-run": "paused: low_balance", "basic-run": "paused: low_balance"},
    )
    page = one.person.open("/banner/")
    tell.says("Banner", page.text, "2 campaigns paused: balance too low.")


def recharge_and_resume(cast: Cast, tell: Teller) -> None:
    one = cast.jordan
    tell.step("Another card, then Recharge: $9.00 of Basic Minutes")
    one.person.add_card(GOOD_CARD)
    _recharge(one, amount="9.00", buys="basic")
    tell.figure("minutes", one.minutes(), "100 Basic, 0 Premium")
    page = one.person.open("/campaigns/resume/")
    tell.says("Resume campaigns", page.text, "Needs Premium minutes")
    form = page.form("/campaigns/resume/")
    tell.figure("eligible, unavailable", (len(form.fields["campaign"]), len(form.disabled)), (1, 1))
    tell.step("Resume what is eligible: the Premium-only campaign stays unavailable")
    page = one.person.submit(form)
    tell.says("Campaigns", page.text, "1 campaign resumed.")
    tell.figure(
        "campaigns", one.campaigns(), {"premium-run": "paused: low_balance", "basic-run": "started"}
    )
    refused = one.program.post("campaigns/premium-run/resume")
    tell.figure("resuming it through the API", refused.status, 409)
    tell.step("Recharge $16.00 of Premium Minutes, and resume it")
    _recharge(one, amount="16.00", buys="premium")
    tell.figure("minutes", one.minutes(), "100 Basic, 100 Premium")
    page = one.person.open("/campaigns/resume/")
    one.person.submit(page.form("/campaigns/resume/"))
    tell.figure("campaigns", one.campaigns(), {"premium-run": "started", "basic-run": "started"})
    tell.figure("charged at Stripe", one.charged(), ["$9.00", "$16.00"])


def _set_auto_recharge(one: Role, *, threshold: str, amount: str) -> dict:
    body = {
        "enabled": True,
        "threshold": threshold,
        "amount": amount,
        "monthly_limit": None,
        "payment_method": "",
        "resume_campaigns": False,
    }
    return one.ask("PUT", "wallet/auto-recharge", body)


def _call(cast: Cast, one: Role, *, seconds: list[int], **kind: str) -> None:
    """Report calls that just ended. Each must be charged."""
    ended_at = datetime.now(UTC).isoformat()
    calls = [
        {"id": f"story-{next(_calls)}", "account": one.id, "seconds": length, "ended_at": ended_at}
        | kind
        for length in seconds
    ]
    answer = cast.platform.post("calls", {"calls": calls})
    if answer.status != 200 or any(one["status"] != "charged" for one in answer.body["results"]):
        raise WentWrong(f"The calls of {one.name} were not charged: {answer.body}")


def _opened(one: Role, path: str, **query: str) -> Page:
    """A dialog as a page; whom to bill, which is asked before the first payment, is said first."""
    page = one.person.open(path, **query)
    if "Whom to bill" not in page.text:
        return page
    return one.person.submit(page.form("/payments/bill-to/"), billing_name=f"{one.name} Ltd")


def _recharge(one: Role, *, amount: str, buys: str) -> None:
    """Through the dialog as a page: amount, minute tier, the card that is not the default, Pay."""
    page = _opened(one, "/payments/recharge/", amount=amount, buys=buys)
    form = page.form("/payments/recharge/")
    default = form.fields["payment_method"]
    other = next(card for card in form.choices["payment_method"] if card not in default)
    page = one.person.submit(form, payment_method=other)
    if page.status != 200:
        raise WentWrong(f"The recharge of {one.name} was refused: {page.text[:1500]}")

"""Who plays in the demo: people, accounts, cards, campaigns and habits. Plain values."""

from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

DAYS = 90
# Who sells, on the demo's receipts.
SELLER = {
    "country": "",
    "name": "Example Voice Inc.",
    "address": "1 Example Street\nWilmington, DE 19801\nUnited States",
    "tax_id": "",
    "tax_sentence": "No tax charged",
}
PASSWORD = "brightline-demo"  # Of every demo log-in.
TIMEZONE = "America/New_York"

VISA = "4242424242424242"
MASTERCARD = "5555555555554444"
AMEX = "378282246310005"


class Login(NamedTuple):
    email: str
    password: str
    who: str


class Person(NamedTuple):
    email: str
    name: str


@dataclass(frozen=True)
class Run:
    """A campaign: its kind of minutes, the days it lives from and to, and how it ends.

    `end` is a status, or "manual" for one paused by hand; empty goes on to this day.
    """

    name: str
    minute_type: str
    first_day: int = 0
    last_day: int = DAYS
    end: str = ""
    starts: bool = True


@dataclass(frozen=True)
class Automatic:
    """Auto-Recharge as the account set it. Dollars."""

    threshold: Decimal
    amount: Decimal
    monthly_limit: Decimal | None = None
    resume_campaigns: bool = False


@dataclass(frozen=True)
class ByHand:
    """Somebody recharges `amount` dollars whenever credit falls below `below`, up to a day."""

    amount: Decimal
    buys: str
    below: Decimal = Decimal(8)
    last_day: int = DAYS


@dataclass(frozen=True)
class Actor:
    name: str
    owner: Person
    calls_a_day: int
    runs: tuple[Run, ...]
    card: str = VISA
    automatic: Automatic | None = None
    by_hand: ByHand | None = None
    # What it starts with: dollars of a first recharge by hand, and what they buy.
    first: tuple[int, str] = (50, "credit")


AGENCY_ADMIN = Person("admin@brightline.test", "Amir Hassan")
AGENCY_MEMBER = Person("member@brightline.test", "Mia Keller")
SUPPORT = Person("support@brightline.test", "Sam Support")

AGENCY = Actor(
    name="Brightline Agency",
    owner=Person("owner@brightline.test", "Olivia Bright"),
    calls_a_day=40,
    automatic=Automatic(Decimal(20), Decimal(150), resume_campaigns=True),
    first=(150, "credit"),
    runs=(
        Run("Partner outreach", "premium"),
        Run("Newsletter opt-ins", "basic", first_day=10),
        Run("Spring event invites", "premium_then_basic", last_day=35, end="complete"),
        Run("Webinar follow-up", "premium", first_day=20, last_day=60, end="ended"),
        Run("Client survey", "premium_then_basic", first_day=86, starts=False),
    ),
)
INCLUDED_MINUTES = 300

NORTHSIDE = Actor(
    name="Northside Dental",
    owner=Person("northside@brightline.test", "Nora Side"),
    calls_a_day=22,
    by_hand=ByHand(Decimal(60), "credit", below=Decimal(3), last_day=84),
    first=(60, "credit"),
    runs=(
        Run("New patient welcome", "premium"),
        Run("Six-month recall", "premium", first_day=15),
        Run("Appointment reminders", "basic"),
        Run("Whitening offer", "basic", first_day=5, last_day=30, end="complete"),
    ),
)
HARBOR = Actor(
    name="Harbor Yoga Studio",
    owner=Person("harbor@brightline.test", "Hana Bor"),
    calls_a_day=30,
    automatic=Automatic(Decimal(10), Decimal(50)),
    runs=(
        Run("Class reminders", "basic"),
        Run("Membership win-back", "premium", first_day=8),
        Run("Teacher training", "premium_then_basic", first_day=30, last_day=70, end="manual"),
    ),
)
SUMMIT = Actor(
    name="Summit Solar",
    owner=Person("summit@brightline.test", "Sonja Mitt"),
    calls_a_day=90,
    automatic=Automatic(Decimal(25), Decimal(250), Decimal(20_000), resume_campaigns=True),
    first=(250, "credit"),
    card=AMEX,
    runs=(
        Run("Roof check leads", "premium"),
        Run("Quote follow-up", "premium_then_basic"),
        Run("Installation survey", "basic", first_day=12),
        Run("Winter referral", "premium", last_day=40, end="complete"),
        Run("Battery upsell", "basic", first_day=45, last_day=66, end="ended"),
        Run("Permit updates", "premium", first_day=50, last_day=80, end="manual"),
        Run("Tax credit news", "basic", first_day=88, starts=False),
    ),
)
LAKEVIEW = Actor(
    name="Lakeview Realty",
    owner=Person("lakeview@brightline.test", "Lars Akeview"),
    calls_a_day=55,
    automatic=Automatic(Decimal(15), Decimal(100), resume_campaigns=True),
    first=(100, "credit"),
    card=MASTERCARD,
    runs=(
        Run("Open house invites", "basic"),
        Run("Seller valuations", "premium_then_basic", first_day=3),
        Run("Buyer check-ins", "premium", first_day=25),
        Run("Rental leads", "premium_then_basic", last_day=50, end="ended"),
    ),
)
CEDAR = Actor(
    name="Cedar Auto Repair",
    owner=Person("cedar@brightline.test", "Cem Dar"),
    calls_a_day=14,
    by_hand=ByHand(Decimal(40), "basic", below=Decimal(6)),
    first=(40, "credit"),
    runs=(
        Run("Service reminders", "basic"),
        Run("Tyre season", "basic", first_day=40, last_day=75, end="manual"),
        Run("Inspection due", "premium_then_basic", first_day=20),
    ),
)
BLUEBIRD = Actor(
    name="Bluebird Travel",
    owner=Person("bluebird@brightline.test", "Bea Bird"),
    calls_a_day=6,
    by_hand=ByHand(Decimal(25), "credit"),
    first=(25, "credit"),
    runs=(
        Run("Booking confirmations", "basic", first_day=55),
        Run("Cruise offers", "premium", first_day=85, starts=False),
    ),
)
SUB_ACCOUNTS = (NORTHSIDE, HARBOR, SUMMIT, LAKEVIEW, CEDAR, BLUEBIRD)

INDIVIDUAL = Actor(
    name="Jordan Blake",
    owner=Person("jordan@blake.test", "Jordan Blake"),
    calls_a_day=28,
    automatic=Automatic(Decimal(10), Decimal(50), resume_campaigns=True),
    runs=(
        Run("Coaching intro calls", "premium"),
        Run("Course waitlist", "basic", first_day=18),
        Run("Alumni check-in", "premium_then_basic", first_day=30, last_day=55, end="complete"),
    ),
)
INDIVIDUAL_INCLUDED_MINUTES = 60

ACTORS = (AGENCY, *SUB_ACCOUNTS, INDIVIDUAL)


@dataclass(frozen=True)
class Monthly:
    """What the agency buys for a sub-account each month, first due `months` before its last."""

    actor: Actor
    basic: int
    premium: int
    months: int
    # Days before today on which the last month was due.
    last_due_days_ago: int


ALLOCATIONS = (
    Monthly(LAKEVIEW, basic=500, premium=100, months=2, last_due_days_ago=11),
    Monthly(NORTHSIDE, basic=600, premium=0, months=1, last_due_days_ago=4),
)
# Its last month was due when the agency's second card was refused, until no retry was left.
FAILED_ALLOCATION = Monthly(CEDAR, basic=300, premium=50, months=1, last_due_days_ago=7)


def _logins() -> list[Login]:
    agency = AGENCY.name
    found = [
        (AGENCY.owner, f"owner of {agency}"),
        (AGENCY_ADMIN, f"admin of {agency}"),
        (AGENCY_MEMBER, f"member of {agency}"),
        *[(actor.owner, f"owner of {actor.name}") for actor in SUB_ACCOUNTS],
        (INDIVIDUAL.owner, "an individual"),
        (SUPPORT, "support: /admin/"),
    ]
    return [Login(person.email, PASSWORD, who) for person, who in found]


LOGINS = _logins()

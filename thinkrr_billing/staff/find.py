"""One box for whatever a customer can tell: each shape of text is looked up by its index."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, timedelta
from itertools import chain, islice
from uuid import UUID

import djstripe.models
from django.contrib import admin
from django.db.models import Model, Q, QuerySet
from django.db.models.fields.json import KeyTextTransform, KeyTransform
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts.cells import directory
from accounts.models import Account, User
from accounts.people import searching as account_search
from accounts.people.searching import MOST_FOUND
from accounts.runtime import reachable, threads
from campaigns import searching as campaign_search
from campaigns.models import Call, Campaign
from thinkrr_billing.staff import pasted
from thinkrr_billing.staff.pasted import Paper, Payment
from wallets.cards.payment_methods import BRANDS
from wallets.models import Purchase, Reversal, StripeEvent
from wallets.months import beginning
from wallets.prices.amounts import dollars
from wallets.statements.charge_line import moments
from wallets.texts import usd

MOST_HITS = 20
MOST_TEXT = 200
# Who may see a kind of hit: those who may see its page.
ACCOUNTS = ("accounts.view_account",)
CARDS = ("accounts.view_account", "djstripe.view_paymentmethod")
PURCHASES = ("wallets.view_purchase",)
REVERSALS = ("wallets.view_reversal",)
EVENTS = ("wallets.view_stripeevent",)
CAMPAIGNS = ("campaigns.view_campaign",)
CALLS = ("campaigns.view_call",)
LAST_FOUR = re.compile(r"\d{4}", re.ASCII)
# So many purchases of one amount within days are looked at for their payer's own day.
MOST_LOOKED_AT = 5_000
# From being decided to being confirmed with the bank.
LONGEST_OPEN = timedelta(days=8)
TWO_DAYS = timedelta(days=2)


@dataclass(frozen=True)
class Hit:
    title: str
    text: str
    link: str


# A title, the rights that show it, and what was found.
Kind = tuple[str, tuple[str, ...], Iterable[Hit]]


@dataclass(frozen=True)
class Section:
    title: str
    hits: list[Hit]
    more: bool


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Exactly one account found, and nothing else: its page opens at once."""
    text = request.GET.get("q", "").strip()[:MOST_TEXT]
    sections, away = look_up(text, user=request.user) if text else ([], [])
    if len(sections) == 1 and len(sections[0].hits) == 1 and not away:
        return redirect(sections[0].hits[0].link)
    context = {
        **admin.site.each_context(request),
        "title": "Search",
        "query": text,
        "sections": sections,
        "away": away,
    }
    return TemplateResponse(request, "staff/find.html", context)


def find(text: str, *, user: User) -> list[Section]:
    """What this text names, by kind; without those that have no hit or are not theirs to see."""
    return look_up(text, user=user)[0]


def look_up(text: str, *, user: User) -> tuple[list[Section], list[str]]:
    """The same, of every cell wherever the page works; and the cells that cannot be asked now."""
    cells = directory.with_accounts()
    answers, away = reachable.ask_each(cells, lambda _: _found(text, user), most=threads.MOST)
    found: dict[str, list[Hit]] = {}
    for title, hits in chain.from_iterable(answers.values()):
        found.setdefault(title, []).extend(hits)
    return [_section(title, hits) for title, hits in found.items() if hits], away


def _found(text: str, user: User) -> list[tuple[str, list[Hit]]]:
    return [
        (title, list(islice(hits, MOST_HITS + 1)))
        for title, seen_by, hits in _kinds(text)
        if user.has_perms(seen_by)
    ]


def _section(title: str, hits: list[Hit]) -> Section:
    # What is everybody's is found from within each cell.
    once = list(dict.fromkeys(hits))
    return Section(title, once[:MOST_HITS], len(once) > MOST_HITS)


def _kinds(text: str) -> Iterator[Kind]:
    accounts = account_search.accounts(Account.objects.all(), text)
    yield "Accounts", ACCOUNTS, map(_account, _few(accounts.select_related("agency")))
    if "@" in text:
        return
    if found := account_search.as_uuid(text):
        yield from _by_uuid(found)
    elif numbered := pasted.paper(pasted.plain(text)):
        yield from _by_number(numbered)
    elif asked := pasted.payment(pasted.plain(text)):
        yield "Purchases", PURCHASES, map(_purchase, _paid(asked))
    if LAST_FOUR.fullmatch(text):
        yield "Accounts with this card", CARDS, map(_account, _few(_with_card(text)))
        yield "Purchases with this card", PURCHASES, map(_purchase, _paid_with(text))
    elif re.match(r"[a-z]+_", text):
        yield from _by_stripe_id(text)
    campaigns = campaign_search.campaigns(Campaign.objects.all(), text)
    yield "Campaigns", CAMPAIGNS, map(_campaign, _few(campaigns.select_related("account")))
    calls = campaign_search.calls(Call.objects.all(), text)
    yield "Calls", CALLS, map(_call, _few(calls.select_related("account")))


def _few(rows: QuerySet) -> QuerySet:
    return rows[: MOST_HITS + 1]


def _by_uuid(found: UUID) -> Iterator[Kind]:
    purchases = Purchase.objects.filter(pk=found).select_related("payer")
    yield "Purchases", PURCHASES, map(_purchase, purchases)
    yield "Refunds and disputes", REVERSALS, map(_reversal, Reversal.objects.filter(pk=found))


def _by_number(asked: Paper) -> Iterator[Kind]:
    """A receipt or a credit note, as it is printed, or the bare number of either."""
    if asked.is_receipt:
        paid = Purchase.objects.filter(receipt_number=asked.number).select_related("payer")
        yield "Receipts", PURCHASES, map(_purchase, paid)
    if asked.is_credit_note:
        notes = Reversal.objects.filter(credit_note_number=asked.number)
        yield "Credit notes", REVERSALS, map(_reversal, notes)


def _paid(asked: Payment) -> Iterator[Purchase]:
    """Purchases of this amount, newest first; of these days where their payer is."""
    rows = Purchase.objects.filter(amount_cents=asked.cents).select_related("payer")
    if not asked.days:
        yield from _few(rows.order_by("-created_at"))
        return
    # A day begins up to 14 hours sooner or 12 later elsewhere, and a payment may end days later.
    near = Q()
    for begins in (beginning(day, UTC) for day in asked.days):
        near |= Q(created_at__gte=begins - LONGEST_OPEN, created_at__lt=begins + TWO_DAYS)
    for purchase in rows.filter(near).order_by("-created_at")[:MOST_LOOKED_AT]:
        stood = filter(None, (purchase.created_at, purchase.closed_at))
        if asked.days & {purchase.payer.local_date(moment) for moment in stood}:
            yield purchase


def _by_stripe_id(text: str) -> Iterator[Kind]:
    paid = Purchase.objects.filter(payment_intent=text).select_related("payer")
    yield "Purchases", PURCHASES, map(_purchase, paid)
    yield "Refunds and disputes", REVERSALS, map(_reversal, Reversal.objects.filter(stripe_id=text))
    yield "Events", EVENTS, map(_event, StripeEvent.objects.filter(event_id=text))
    owners = djstripe.models.PaymentMethod.objects.filter(id=text).values("customer_id")
    card = Account.objects.filter(stripe_customer__in=owners).select_related("agency")
    yield "Accounts with this card", CARDS, map(_account, card)


def _with_card(last_four: str) -> QuerySet[Account]:
    """Accounts that have saved a card with these digits."""
    # Written as the index wallets_cards_by_last_four is.
    digits = KeyTextTransform("last4", KeyTransform("card", "stripe_data"))
    cards = djstripe.models.PaymentMethod.objects.annotate(digits=digits)
    # Few, and looked up first: sorted by name in one query, every account would be read.
    owners = list(cards.filter(digits=last_four).values_list("customer_id", flat=True)[:MOST_FOUND])
    return Account.objects.filter(stripe_customer__in=owners).select_related("agency")


def _paid_with(last_four: str) -> list[Purchase]:
    """The newest purchases by cards with these digits; each brand by the index of cards."""
    found: list[Purchase] = []
    for brand in {*BRANDS.values(), "Card"}:
        paid = Purchase.objects.filter(card=f"{brand} •••• {last_four}").select_related("payer")
        found += _few(paid.order_by("-created_at"))
    return sorted(found, key=lambda purchase: purchase.created_at, reverse=True)


def _link(row: Model) -> str:
    meta = row._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[row.pk])


def _account(account: Account) -> Hit:
    of = f" of {account.agency}" if account.agency else ""
    closed = ", closed" if account.is_closed else ""
    return Hit(account.name, f"{account.get_kind_display()}{of}{closed}", _link(account))


def _purchase(purchase: Purchase) -> Hit:
    title = f"{purchase.get_purpose_display()} {usd(dollars(purchase.amount_cents))}"
    when = moments(purchase.closed_at or purchase.created_at, purchase.payer.zone)
    text = f"{purchase.payer}, {purchase.card}, {purchase.get_state_display()}, {when}"
    return Hit(title, text, _link(purchase))


def _reversal(reversal: Reversal) -> Hit:
    title = f"{reversal.get_kind_display()} {usd(dollars(reversal.amount_cents))}"
    return Hit(title, f"{reversal.get_state_display()}: {reversal.reason}", _link(reversal))


def _event(event: StripeEvent) -> Hit:
    return Hit(event.event_id, event.type, _link(event))


def _campaign(campaign: Campaign) -> Hit:
    return Hit(campaign.name, f"{campaign.account}, {campaign.status_label}", _link(campaign))


def _call(call: Call) -> Hit:
    text = f"{call.account}, {call.seconds} s, {call.get_outcome_display()}"
    return Hit(call.external_id, text, _link(call))

"""What stands on a receipt and on a credit note: their pages and their PDFs are made of this."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from accounts import countries
from accounts.models import Account
from wallets import texts
from wallets.charging import parties
from wallets.models import Parties, Purchase, Reversal
from wallets.statements.monthly import Month, PotMonth
from wallets.statements.receipt_pdf import Receipt
from wallets.texts import (
    cents,
    day,
    exact_minutes,
    exact_money,
    minutes,
    rate,
    signed_money,
    usd,
)

CREDIT_NOTE = "Credit note"
# What stands there until support has set a seller: nobody's name is made up.
UNNAMED = "Not named yet. Support can name it; load this paper again then."
UNSAID = "Not said yet"


def receipt(purchase: Purchase, *, address: str) -> Receipt:
    """The receipt of a paid purchase, as it stands now: with what was given back, and the net.

    `address` is where its page is.
    """
    both = parties.of(purchase)
    reversals = sorted(purchase.reversals.all(), key=lambda one: one.created_at)
    back = sum(one.amount_cents for one in reversals if one.state != Reversal.State.FAILED)
    amount, net = cents(purchase.amount_cents), cents(max(purchase.amount_cents - back, 0))
    return Receipt(
        number=str(purchase.receipt_number),
        amount=amount,
        state=f"paid, {net} after what was given back" if back else "paid",
        facts=[
            ("Paid on", _moment(purchase.closed_at, purchase.payer)),
            ("Payment method", purchase.paid_with),
            *_parties(both),
        ],
        title=_title(purchase),
        lines=[*_lines(purchase), ("Tax", both.tax_sentence or UNSAID)],
        total=f"{amount} USD",
        after=[("Given back", f"{cents(-back)} USD"), ("Net", f"{net} USD")] if back else [],
        notes=[_given_back(one, purchase.payer) for one in reversals],
        reference=str(purchase.pk),
        address=address,
    )


def credit_note(reversal: Reversal, *, address: str) -> Receipt:
    """The credit note of a refund that was made. Wants `purchase.payer` selected."""
    purchase = reversal.purchase
    both = parties.of(purchase)
    amount, paid = cents(reversal.amount_cents), cents(purchase.amount_cents)
    return Receipt(
        name=CREDIT_NOTE,
        number=number_of(reversal),
        amount=amount,
        state="refunded" if reversal.state != Reversal.State.FAILED else "not refunded",
        facts=[
            ("Refunded on", _moment(reversal.credit_note_at, purchase.payer)),
            ("To", purchase.card),
            ("Corrects receipt", str(purchase.receipt_number)),
            ("Paid", f"{paid}, {_moment(purchase.closed_at, purchase.payer)}"),
            *_parties(both),
        ],
        title=f"Refund: {_title(purchase)}",
        lines=[*_taken_back(reversal), ("Tax", both.tax_sentence or UNSAID)],
        total=f"{amount} USD",
        notes=[
            *filter(None, [reversal.customer_note]),
            *([VOID] if reversal.state == Reversal.State.FAILED else []),
        ],
        reference=str(reversal.pk),
        address=address,
    )


def statement(month: Month, *, address: str) -> Receipt:
    """A month's statement: each pot from its opening to its closing. Wants `account`."""
    account = month.account
    return Receipt(
        name="Statement",
        number=f"{month.first:%Y-%m}",
        amount=texts.month(month.first),
        state="" if month.is_complete else "until now",
        facts=_parties(parties.now(Purchase(payer=account))),
        title="What each balance opened with, what moved it, and what it closed with",
        lines=[line for one in month.pots for line in _pot_lines(one)]
        or [("Nothing moved until the end of this month", "")],
        total="",
        notes=[] if month.is_complete else ["This month goes on: its closing is as of now."],
        reference=f"{account.pk} {month.first:%Y-%m}",
        address=address,
    )


def _pot_lines(one: PotMonth) -> list[tuple[str, str]]:
    write = exact_money if one.pot == "credit" else exact_minutes
    moved = [
        (f"{one.pot.label}: {group.label.lower()}", amount) for group, amount in one.moved.items()
    ]
    rows = [
        (f"{one.pot.label}: opening", one.opening),
        *moved,
        (f"{one.pot.label}: closing", one.closing),
    ]
    return [(text, write(amount)) for text, amount in rows]


VOID = "The refund did not arrive and was put back: this credit note is void."


def number_of(reversal: Reversal) -> str:
    """How a credit note is numbered: apart from receipts."""
    return f"CN-{reversal.credit_note_number}" if reversal.credit_note_number else ""


def _parties(one: Parties) -> list[tuple[str, str]]:
    """Seller and buyer, with what they are known by to the tax office."""
    told = [
        ("Seller", f"{one.seller_name or UNNAMED}\n{one.seller_address}".strip()),
        ("Seller's tax ID", one.seller_tax_id),
        ("Billed to", "\n".join(filter(None, _buyer(one)))),
        ("Tax ID", one.buyer_tax_id),
    ]
    return [(label, text) for label, text in told if text]


def _buyer(one: Parties) -> tuple[str, ...]:
    country = countries.name_of(one.buyer_country) if one.buyer_country else ""
    return one.buyer_name, one.buyer_address, country


def _moment(moment: datetime, payer: Account) -> str:
    local = moment.astimezone(payer.zone)
    return f"{day(local)}, {local:%H:%M %Z}"


def _title(purchase: Purchase) -> str:
    if purchase.is_gift:
        return f"Minutes given to {purchase.wallet.account.name}"
    title = purchase.get_purpose_display()
    to = f" for {purchase.wallet.account.name}" if purchase.buys == "allocation" else ""
    return f"{title}{to}"


def _given_back(reversal: Reversal, payer: Account) -> str:
    made = day(reversal.created_at.astimezone(payer.zone))
    state = reversal.get_state_display().lower()
    text = f"{reversal.get_kind_display()} of {cents(reversal.amount_cents)}, {state}, {made}"
    number = number_of(reversal)
    return f"{text}, credit note {number}" if number else text


def _lines(purchase: Purchase) -> Sequence[tuple[str, str]]:
    """What the payment bought. An allocation's minutes, or the entries it was posted as."""
    if purchase.purpose == Purchase.Purpose.ALLOCATION:
        return [
            (f"{name}, {count:,} min × {rate(price)}", usd(count * price))
            for name, count, price in (
                ("Basic", purchase.basic_minutes, purchase.basic_rate),
                ("Premium", purchase.premium_minutes, purchase.premium_rate),
            )
            if count
        ]
    lines = []
    bought = [entry for entry in purchase.entries.all() if entry.reversal_id is None]
    for entry in sorted(bought, key=lambda one: one.pk):
        if entry.pot == "credit":
            lines.append(("Credit", signed_money(entry.amount)))
        else:
            price = purchase.premium_rate if entry.pot == "premium" else purchase.basic_rate
            text = f"{entry.get_pot_display()} at {rate(price)}"
            lines.append((text, f"{minutes(entry.amount)} min"))
    return lines or [(purchase.get_buys_display(), cents(purchase.amount_cents))]


def _taken_back(reversal: Reversal) -> list[tuple[str, str]]:
    lines = []
    for entry in reversal.entries.filter(kind="refund").order_by("pk"):
        taken: Decimal = -entry.amount
        figure = usd(taken) if entry.pot == "credit" else f"{minutes(taken)} min"
        lines.append((f"{entry.get_pot_display()} taken back", figure))
    return lines

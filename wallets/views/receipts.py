"""The receipt of a paid purchase, as a page and as a PDF."""

from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts.pages import needs
from accounts.people.access import Permission
from accounts.runtime import exports
from wallets.models import Purchase
from wallets.statements import receipt_pdf
from wallets.statements.receipt_pdf import Receipt
from wallets.texts import cents, day, minutes, rate, signed_money, usd
from wallets.views.purchases import of_account

SELLER = "thinkrr.ai"
NO_TAX = "No tax charged"


@require_safe
@needs(Permission.SEE)
def receipt(request: HttpRequest, purchase_id: UUID) -> HttpResponse:
    found = _paid(request, purchase_id)
    context = {
        "purchase": found,
        "seller": _seller(),
        "lines": _lines(found),
        "title": _title(found),
        "no_tax": NO_TAX,
        "reversals": found.reversals.order_by("created_at"),
    }
    return render(request, "wallets/statements/receipt.html", context)


@require_safe
@needs(Permission.SEE)
def pdf(request: HttpRequest, purchase_id: UUID) -> HttpResponse:
    found = _paid(request, purchase_id)
    exports.note(user=request.user, name=f"receipt {found.pk}")
    printed = receipt_pdf.draw(_printed(request, found))
    response = HttpResponse(printed, content_type="application/pdf")
    name = f"receipt-{found.receipt_number}.pdf"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _paid(request: HttpRequest, purchase_id: UUID) -> Purchase:
    found = of_account(request, purchase_id)
    if found.state != Purchase.State.SUCCEEDED:
        raise Http404("Only paid purchases have a receipt.")
    return found


def _seller() -> str:
    return getattr(settings, "SELLER", SELLER)


def _title(found: Purchase) -> str:
    title = found.get_purpose_display()
    return f"{title} for {found.wallet.account.name}" if found.buys == "allocation" else title


def _printed(request: HttpRequest, found: Purchase) -> Receipt:
    payer = found.payer
    paid_at = found.closed_at.astimezone(payer.zone)
    billed_to = f"{payer.billing_name or payer.name}\n{payer.billing_address}".strip()
    facts = [
        ("Paid on", f"{day(paid_at)}, {paid_at:%H:%M %Z}"),
        ("Payment method", found.card),
        ("Seller", _seller()),
        ("Billed to", billed_to),
    ]
    if payer.tax_id:
        facts.append(("Tax ID", payer.tax_id))
    amount = cents(found.amount_cents)
    return Receipt(
        number=found.receipt_number,
        amount=amount,
        facts=facts,
        title=_title(found),
        lines=[(line["text"], line["figure"]) for line in _lines(found)] + [("Tax", NO_TAX)],
        total=f"{amount} USD",
        notes=[
            f"{one.get_kind_display()} of {cents(one.amount_cents)}, "
            f"{one.get_state_display().lower()}, {day(one.created_at.astimezone(payer.zone))}"
            for one in found.reversals.order_by("created_at")
        ],
        reference=str(found.pk),
        address=request.build_absolute_uri(reverse("wallets:receipt", args=[found.pk])),
    )


def _lines(found: Purchase) -> list[dict[str, str]]:
    """What the payment bought. An allocation's minutes, or the entries it was posted as."""
    if found.purpose == Purchase.Purpose.ALLOCATION:
        return [
            {
                "text": f"{name}, {count:,} min × {rate(price)}",
                "figure": usd(count * price),
            }
            for name, count, price in (
                ("Basic", found.basic_minutes, found.basic_rate),
                ("Premium", found.premium_minutes, found.premium_rate),
            )
            if count
        ]
    lines = []
    for entry in found.entries.filter(reversal=None).order_by("pk"):
        if entry.pot == "credit":
            lines.append({"text": "Credit", "figure": signed_money(entry.amount)})
        else:
            price = found.premium_rate if entry.pot == "premium" else found.basic_rate
            text = f"{entry.get_pot_display()} at {rate(price)}"
            lines.append({"text": text, "figure": f"{minutes(entry.amount)} min"})
    return lines or [{"text": found.get_buys_display(), "figure": cents(found.amount_cents)}]

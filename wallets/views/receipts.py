"""The receipt of a paid purchase and the credit note of a refund, as pages and as PDFs."""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts import clock
from accounts.errors import Unusable
from accounts.pages import needs, once, only
from accounts.people.access import Permission
from accounts.runtime import exports
from wallets import limits
from wallets.models import Purchase, Reversal
from wallets.statements import filed, papers, receipt_pdf
from wallets.statements.receipt_pdf import Receipt
from wallets.views.purchases import of_account


@require_safe
@needs(Permission.SEE)
def receipt(request: HttpRequest, purchase_id: UUID) -> HttpResponse:
    found = _paid(request, purchase_id)
    context = {
        "purchase": found,
        "paper": papers.receipt(found, address=request.build_absolute_uri()),
        "credit_notes": [
            (papers.number_of(one), one.pk)
            for one in found.reversals.order_by("created_at")
            if one.credit_note_number
        ],
    }
    return render(request, "wallets/statements/receipt.html", context)


@require_safe
@needs(Permission.SEE)
def pdf(request: HttpRequest, purchase_id: UUID) -> HttpResponse:
    only(request.GET, ())
    found = _paid(request, purchase_id)
    exports.note(user=request.user, name=f"receipt {found.pk}")
    address = request.build_absolute_uri(reverse("wallets:receipt", args=[found.pk]))
    return _printed(papers.receipt(found, address=address))


@require_safe
@needs(Permission.SEE)
def receipts(request: HttpRequest) -> HttpResponse:
    """The papers of a year or a month, newest first; of a busy year its months. Raises Unusable."""
    once(request.GET)
    span, found, crowded = _span(request), [], ""
    try:
        found = filed.filed(account=request.account, span=span, most=limits.PAPERS_LISTED)
    except filed.TooMany as error:
        crowded = str(error)
    paid = sum(one.amount_cents for one in found)
    today = request.account.local_date(clock.now())
    months = [span.first.replace(month=number, day=1) for number in range(1, 13)]
    this_year = today.year
    first_year = request.account.local_date(request.account.created_at).year
    years = range(this_year, max(first_year, this_year - limits.YEARS_LISTED) - 1, -1)
    context = {
        "span": span,
        "papers": found[::-1],
        "crowded": crowded,
        "net_cents": paid,
        "years": years,
        "months": [month for month in months if month <= today],
    }
    return render(request, "wallets/statements/receipts.html", context)


@require_safe
@needs(Permission.SEE)
def receipts_pdf(request: HttpRequest) -> HttpResponse:
    """All of them as one file, in the order they were issued. Raises Unusable."""
    only(request.GET, ("period",))
    span = _span(request)
    found = filed.filed(account=request.account, span=span, most=limits.PAPERS_IN_A_FILE)
    if not found:
        raise Unusable(f"There are no receipts of {span.title}.")
    exports.note(user=request.user, name=f"receipts {span.name}")

    def address_of(purchase_id: UUID) -> str:
        return request.build_absolute_uri(reverse("wallets:receipt", args=[purchase_id]))

    pages = filed.printed(found, address_of=address_of)
    content = receipt_pdf.draw_all(pages, title=f"Receipts {span.title}")
    response = HttpResponse(content, content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="receipts-{span.name}.pdf"'
    return response


def _span(request: HttpRequest) -> filed.Span:
    today = request.account.local_date(clock.now())
    return filed.read_span(request.GET.get("period", "").strip(), today=today)


@require_safe
@needs(Permission.SEE)
def credit_note(request: HttpRequest, reversal_id: UUID) -> HttpResponse:
    """The credit note, or how far the refund is while it has none."""
    found = _refund(request, reversal_id)
    paper = None
    if found.credit_note_number:
        paper = papers.credit_note(found, address=request.build_absolute_uri())
    context = {"reversal": found, "purchase": found.purchase, "paper": paper}
    return render(request, "wallets/statements/credit_note.html", context)


@require_safe
@needs(Permission.SEE)
def credit_note_pdf(request: HttpRequest, reversal_id: UUID) -> HttpResponse:
    only(request.GET, ())
    found = _refund(request, reversal_id)
    if found.credit_note_number is None:
        raise Http404("Only a refund that was made has a credit note.")
    exports.note(user=request.user, name=f"credit note {found.pk}")
    address = request.build_absolute_uri(reverse("wallets:credit_note", args=[found.pk]))
    return _printed(papers.credit_note(found, address=address))


def _printed(paper: Receipt) -> HttpResponse:
    response = HttpResponse(receipt_pdf.draw(paper), content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="{paper.file_name}"'
    return response


def _paid(request: HttpRequest, purchase_id: UUID) -> Purchase:
    found = of_account(request, purchase_id)
    if found.state != Purchase.State.SUCCEEDED:
        raise Http404("Only paid purchases have a receipt.")
    return found


def _refund(request: HttpRequest, reversal_id: UUID) -> Reversal:
    """A refund of a payment of this account's card."""
    rows = Reversal.objects.select_related("purchase__payer", "purchase__wallet__account")
    return get_object_or_404(
        rows, pk=reversal_id, kind=Reversal.Kind.REFUND, purchase__payer=request.account
    )

"""Refunds and disputes; asking Stripe about one."""

import re

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from accounts.admin.dialogs import ReasonForm, staff_action
from accounts.models import Account
from accounts.people import searching
from wallets.admin.base import ReadOnly, in_dollars
from wallets.models import CreditNoteSeries, Reversal
from wallets.reversals import asking, refunds


class ReversalForm(ReasonForm):
    def facts(self) -> list[tuple[str, object]]:
        reversal: Reversal = self.subject
        return [
            ("Account", reversal.purchase.payer),
            ("Kind", reversal.get_kind_display()),
            ("Amount", in_dollars(reversal.amount_cents)),
            ("State", reversal.get_state_display()),
            ("At Stripe", reversal.stripe_id or "Not known there yet"),
        ]


@admin.register(CreditNoteSeries)
class CreditNoteSeriesAdmin(ReadOnly):
    list_display = ["last"]


@admin.register(Reversal)
class ReversalAdmin(ReadOnly):
    list_display = ["created_at", "account", "kind", "amount", "state", "reason", "stripe_id"]
    list_filter = ["kind", "state"]
    list_select_related = ["purchase__payer"]
    search_fields = ["stripe_id__exact"]
    search_help_text = "Account, id, Stripe's id or the purchase's"

    actions_detail = ["ask"]

    def offered(self, name: str, reversal: Reversal) -> bool:
        return reversal.state in refunds.OPEN

    @staff_action(
        title="Ask Stripe",
        permission="wallets.resolve_purchase",
        button="Ask Stripe now",
        text="Reads what became of it and makes our row agree. A refund that Stripe has not heard "
        "of is sent again, once.",
        form=ReversalForm,
        icon="sync",
        account_of=lambda reversal: reversal.purchase.payer,
    )
    def ask(self, reversal: Reversal, form: ReversalForm, request: HttpRequest) -> str:
        found = asking.ask_stripe(reversal_id=reversal.pk)
        return f"Stripe was asked: {found.get_state_display()}. {found.error_text}".strip()

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str):
        wanted = search_term.strip()
        if not wanted:
            return queryset, False
        if found := searching.as_uuid(wanted):
            return queryset.filter(Q(pk=found) | Q(purchase=found)), False
        if re.match(r"(re|du|dp)_", wanted):
            return queryset.filter(stripe_id=wanted), False
        payers = searching.accounts(Account.objects.all(), wanted).order_by()
        ids = list(payers.values_list("pk", flat=True)[: searching.MOST_FOUND])
        return queryset.filter(purchase__payer__in=ids), False

    @admin.display(description="amount", ordering="amount_cents")
    def amount(self, reversal: Reversal) -> str:
        return in_dollars(reversal.amount_cents)

    @admin.display(description="account", ordering="purchase__payer__name")
    def account(self, reversal: Reversal) -> str:
        return str(reversal.purchase.payer)

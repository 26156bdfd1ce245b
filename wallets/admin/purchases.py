"""Purchases and what gives their money back; the buttons of a purchase."""

from decimal import Decimal

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminDecimalFieldWidget

from accounts.admin.dialogs import DecimalField, NotedForm, ReasonForm, staff_action
from accounts.admin.ranges import Cents, Days, Marked
from accounts.models import Account, User
from accounts.people import searching
from wallets import limits
from wallets.admin.base import (
    QuotedForm,
    ReadOnly,
    ReadOnlyInline,
    ToldForm,
    amount_of,
    in_dollars,
)
from wallets.balances.opening import open_wallet
from wallets.charging import resolving
from wallets.models import AdjustmentRequest, LedgerEntry, Purchase, Reversal, Wallet
from wallets.prices.amounts import cents, dollars
from wallets.recharges import configure
from wallets.reversals import pots
from wallets.statements.charge_line import charge_line
from wallets.stripe.dashboard import dashboard_url
from wallets.support import policy, refunding
from wallets.texts import usd
from wallets.why import sentences

# As many as a receipt number may have.
MOST_DIGITS = 18


class EntriesInline(ReadOnlyInline):
    model = LedgerEntry
    fields = ["created_at", "wallet", "kind", "pot", "moved", "left"]
    readonly_fields = fields
    ordering = ["created_at", "pk"]

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("wallet__account")

    @admin.display(description="amount")
    def moved(self, entry: LedgerEntry) -> str:
        return amount_of(entry.pot, entry.amount, signed=True)

    @admin.display(description="then held")
    def left(self, entry: LedgerEntry) -> str:
        return amount_of(entry.pot, entry.balance_after)


class ReversalsInline(ReadOnlyInline):
    model = Reversal
    fields = ["created_at", "kind", "state", "amount", "reason"]
    readonly_fields = fields
    ordering = ["created_at"]

    @admin.display(description="amount")
    def amount(self, reversal: Reversal) -> str:
        return in_dollars(reversal.amount_cents)


class PurchaseForm(ReasonForm):
    def facts(self) -> list[tuple[str, object]]:
        purchase: Purchase = self.subject
        return [
            ("Payer", purchase.payer),
            ("Amount", in_dollars(purchase.amount_cents)),
            ("Card", purchase.card),
            ("State", purchase.get_state_display()),
            ("Quarantined", purchase.quarantine_reason or "No"),
        ]


class CancelForm(NotedForm, PurchaseForm):
    """What was not paid is given up: whoever asked for it may be told."""


class RefundForm(ToldForm):
    amount = DecimalField(
        min_value=Decimal("0.01"),
        max_digits=9,
        decimal_places=2,
        widget=UnfoldAdminDecimalFieldWidget,
        help_text="Dollars: all that is left, or a part.",
    )

    def prepare(self) -> None:
        self.left = pots.refundable(self.subject)
        self.fields["amount"].initial = dollars(self.left.cents)

    def facts(self) -> list[tuple[str, object]]:
        unused = [
            (f"Unused {pot} minutes taken first", f"{seconds // 60:,} min {seconds % 60} s")
            for pot, seconds in self.left.unused.items()
        ]
        return [
            ("Paid", in_dollars(self.subject.amount_cents)),
            ("Goes back to", self.subject.card),
            ("Still refundable", usd(dollars(self.left.cents))),
            *unused,
        ]

    def warning(self) -> str:
        return (
            "Auto-Recharge is suspended by a refund, so that the money is not charged again. Above "
            f"{usd(limits.REFUNDED_ALONE)} a day, another person must approve."
        )


class RetryForm(NotedForm, QuotedForm):
    """One attempt now: shown first is what it charges. About a purchase, or about an account."""

    def prepare(self) -> None:
        is_account = isinstance(self.subject, Account)
        self.wallet = open_wallet(account=self.subject) if is_account else self.subject.wallet
        self.coming = configure.preview_try_again(wallet_id=self.wallet.pk)
        self.charge = self.coming.charge
        super().prepare()

    def facts(self) -> list[tuple[str, object]]:
        wallet, card = self.wallet, self.coming.card
        return [
            ("Account", wallet.account),
            ("Credit now", usd(wallet.credit.amount)),
            ("Charges now", usd(self.coming.charge)),
            ("Card", card.label if card else "None"),
            ("State", wallet.auto_recharge.get_suspended_reason_display() or "Not suspended"),
        ]

    def warning(self) -> str:
        return "" if self.coming.charge else sentences.preview(self.coming.decision)


def is_latest_failure(purchase: Purchase) -> bool:
    """Whether this Auto-Recharge failed, and nothing was tried or paid since."""
    failed = purchase.state in (Purchase.State.DECLINED, Purchase.State.CANCELED)
    if not failed or purchase.purpose != Purchase.Purpose.AUTO_RECHARGE:
        return False
    later = purchase.wallet.purchases.recharges().filter(created_at__gt=purchase.created_at)
    return not later.exists()


def retry_auto_recharge(*, wallet: Wallet, actor: User, quoted_charge: Decimal | None) -> str:
    saved = configure.try_again(
        wallet_id=wallet.pk, actor=actor, by_support=True, quoted_charge=quoted_charge
    )
    tried = saved.purchase
    text = f"{in_dollars(tried.amount_cents)} from {tried.card}: {tried.get_state_display()}."
    return f"{text} {tried.error_text}".strip()


@admin.register(Purchase)
class PurchaseAdmin(ReadOnly):
    list_display = [
        "created_at",
        "payer",
        "wallet",
        "purpose",
        "amount",
        "buys",
        "state",
        "card",
        "decline_code",
        "receipt_number",
        "quarantined_at",
    ]
    list_filter = [
        "state",
        "purpose",
        ("quarantined_at", Marked),
        ("amount_cents", Cents),
        ("created_at", Days),
    ]
    list_select_related = ["payer", "wallet__account"]
    search_fields = ["payment_intent__exact"]
    search_help_text = "Id, payment intent or receipt number. By amount and day: Search"
    readonly_fields = ["line", "at_stripe", "amount"]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "line",
                    "payer",
                    "wallet",
                    "purpose",
                    "amount",
                    "buys",
                    "state",
                    "card",
                    "error_text",
                    "decline_code",
                    "at_stripe",
                    "quarantine_reason",
                    "receipt_number",
                    "requested_by",
                    "created_at",
                    "submitted_at",
                    "closed_at",
                ]
            },
        ),
        (
            "Everything else",
            {
                "classes": ["collapse"],
                "fields": [
                    "id",
                    "premium_rate",
                    "basic_rate",
                    "premium_minutes",
                    "basic_minutes",
                    "allocation_run",
                    "payment_method",
                    "card_fingerprint",
                    "attempts",
                    "form_key",
                    "quarantined_at",
                    "reported_unknown_at",
                ],
            },
        ),
    ]
    inlines = [EntriesInline, ReversalsInline]
    led_to_by = ("payer__id__exact", "wallet__id__exact", "created_at__gte", "created_at__lt")
    actions_detail = ["refund", "retry", "resolve", "give_up"]

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str):
        """By the one index that fits what was typed: all of them in one query would use none."""
        wanted = search_term.strip()
        if not wanted:
            return queryset, False
        if found := searching.as_uuid(wanted):
            return queryset.filter(pk=found), False
        if wanted.isdecimal() and len(wanted) <= MOST_DIGITS:
            return queryset.filter(receipt_number=int(wanted)), False
        return queryset.filter(payment_intent=wanted), False

    def offered(self, name: str, purchase: Purchase) -> bool:
        if name == "refund":
            return pots.refundable(purchase).cents > 0
        if name == "retry":
            return is_latest_failure(purchase)
        if name == "give_up":
            return purchase.is_open
        return purchase.is_open or bool(purchase.payment_intent)

    @staff_action(
        title="Refund",
        permission="wallets.refund_purchase",
        button="Refund",
        form=RefundForm,
        icon="undo",
        variant=ActionVariant.WARNING,
        account_of=lambda purchase: purchase.payer,
    )
    def refund(self, purchase: Purchase, form: RefundForm, request: HttpRequest) -> str:
        made = refunding.refund(
            purchase_id=purchase.pk,
            amount_cents=cents(form.cleaned_data["amount"]),
            actor=request.user,
            reason=form.cleaned_data["reason"],
            customer_note=form.cleaned_data["customer_note"],
            form_key=str(form.cleaned_data["form_key"]),
        )
        if isinstance(made, AdjustmentRequest):
            return policy.ASKED
        return f"{in_dollars(made.amount_cents)} goes back to {purchase.card}."

    @staff_action(
        title="Retry Auto-Recharge",
        permission="wallets.retry_autorecharge",
        button="Charge now",
        text="One attempt now, a purchase of its own. Its outcome decides what follows.",
        form=RetryForm,
        icon="restart_alt",
        account_of=lambda purchase: purchase.payer,
    )
    def retry(self, purchase: Purchase, form: RetryForm, request: HttpRequest) -> str:
        return retry_auto_recharge(
            wallet=purchase.wallet,
            actor=request.user,
            quoted_charge=form.cleaned_data["quoted_charge"],
        )

    @staff_action(
        title="Ask Stripe",
        permission="wallets.resolve_purchase",
        button="Ask Stripe now",
        text="Reads what became of it and makes our row agree. One in quarantine is looked at "
        "again. Nothing is charged twice.",
        form=PurchaseForm,
        icon="sync",
        account_of=lambda purchase: purchase.payer,
    )
    def resolve(self, purchase: Purchase, form: PurchaseForm, request: HttpRequest) -> str:
        found = resolving.resolve(purchase_id=purchase.pk)
        return f"Stripe was asked: {found.get_state_display()}. {found.quarantine_reason}".strip()

    @staff_action(
        title="Cancel",
        permission="wallets.cancel_purchase",
        button="Cancel this purchase",
        text="At Stripe first. If it was paid meanwhile, it is credited instead.",
        form=CancelForm,
        icon="cancel",
        variant=ActionVariant.DANGER,
        account_of=lambda purchase: purchase.payer,
    )
    def give_up(self, purchase: Purchase, form: PurchaseForm, request: HttpRequest) -> str:
        ended = resolving.give_up(purchase_id=purchase.pk)
        return f"It ended: {ended.get_state_display()}."

    @admin.display(description="in one line")
    def line(self, purchase: Purchase) -> str:
        """With a button that copies it, as an answer to the customer."""
        text = charge_line(purchase)
        return format_html(
            '{} <button type="button" class="{}" data-copy="{}">Copy</button> '
            '<span role="status" data-copied></span>',
            text,
            "cursor-pointer font-medium ml-2 text-primary-600 dark:text-primary-500",
            text,
        )

    @admin.display(description="at Stripe")
    def at_stripe(self, purchase: Purchase) -> str:
        address = dashboard_url(purchase.payment_intent)
        if not address:
            return purchase.payment_intent or "-"
        return format_html(
            '<a href="{}" rel="noreferrer" target="_blank">{}</a>', address, purchase.payment_intent
        )

    @admin.display(description="amount", ordering="amount_cents")
    def amount(self, purchase: Purchase) -> str:
        return in_dollars(purchase.amount_cents)

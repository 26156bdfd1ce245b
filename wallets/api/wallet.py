"""GET wallet and its entries: what an account has, and every movement."""

from decimal import Decimal

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import clock
from accounts.api.schema import refusals
from accounts.api.strict import StrictChoiceField
from accounts.api.views import ApiView
from accounts.api.whose import resolve_account
from accounts.models import Account
from wallets.api.fields import (
    CurrencyField,
    DayOrMomentField,
    DollarsField,
    PageQuery,
    Units,
    next_page,
    page_of,
)
from wallets.models import AutoRecharge, LedgerEntry, Pot, Wallet
from wallets.prices import payable
from wallets.prices.amounts import minutes_for
from wallets.prices.rates import rates_now
from wallets.statements import statements
from wallets.statements.rows import of_entry

BALANCE_STATUSES = ("healthy", "low", "negative")
AUTO_RECHARGE_STATUSES = ("off", "on", "waiting", "suspended", "blocked")


def wallet_of(account: Account) -> Wallet:
    """The account's wallet with its settings, empty if it was never used. Writes nothing."""
    wallet = (
        Wallet.objects.select_related("account", "auto_recharge").filter(account=account).first()
    )
    if wallet is None:
        wallet = Wallet(account=account)
        wallet.auto_recharge = AutoRecharge(wallet=wallet)
    return wallet


def balance_status(wallet: Wallet) -> str:
    if wallet.credit.amount < 0:
        return "negative"
    return "low" if wallet.credit < wallet.auto_recharge.threshold else "healthy"


def auto_recharge_status(automatic: AutoRecharge) -> str:
    if not automatic.enabled:
        return "off"
    if automatic.wallet.blocked_at:
        return "blocked"
    if automatic.suspended_at:
        return "suspended"
    cools_down = automatic.hold_reason == AutoRecharge.Hold.COOLDOWN
    return "waiting" if waits(automatic) and not cools_down else "on"


def waits(automatic: AutoRecharge) -> bool:
    return automatic.not_before is not None and automatic.not_before > clock.now()


class MinutesByTypeSerializer(serializers.Serializer):
    premium = serializers.IntegerField()
    basic = serializers.IntegerField()


class RatesByTypeSerializer(serializers.Serializer):
    premium = DollarsField(decimal_places=6)
    basic = DollarsField(decimal_places=6)


class WalletSerializer(serializers.Serializer):
    account = serializers.UUIDField(source="account_id")
    credit = DollarsField(decimal_places=6, help_text="May be negative.")
    currency = CurrencyField()
    premium_seconds = serializers.IntegerField()
    basic_seconds = serializers.IntegerField()
    included_seconds = serializers.IntegerField()
    credit_minutes = MinutesByTypeSerializer(
        help_text="Whole minutes that the credit alone is worth, if all were used for one type."
    )
    payable_seconds = MinutesByTypeSerializer(
        help_text="Seconds of a type that minutes and credit together can pay now."
    )
    rates = RatesByTypeSerializer(help_text="Dollars per minute in force now.")
    status = serializers.ChoiceField(
        choices=BALANCE_STATUSES,
        help_text="low: below the threshold of Auto-Recharge, whether it is on or off.",
    )
    auto_recharge = serializers.ChoiceField(choices=AUTO_RECHARGE_STATUSES)
    blocked = serializers.BooleanField(help_text="Support stopped automatic charges.")

    def to_representation(self, wallet: Wallet) -> dict[str, object]:
        rates = rates_now()
        credit = max(wallet.credit.amount, Decimal(0))
        shown = {
            "account_id": wallet.account_id,
            "credit": wallet.credit,
            "premium_seconds": wallet.premium_seconds,
            "basic_seconds": wallet.basic_seconds,
            "included_seconds": wallet.included_seconds,
            "credit_minutes": {
                name: minutes_for(amount=credit, rate=rate) for name, rate in rates.items()
            },
            "payable_seconds": {
                name: payable.payable_seconds(wallet=wallet, usable=name, rates=rates)
                for name in rates
            },
            "rates": rates,
            "status": balance_status(wallet),
            "auto_recharge": auto_recharge_status(wallet.auto_recharge),
            "blocked": wallet.blocked_at is not None,
        }
        return super().to_representation(shown)


class EntriesQuery(PageQuery):
    kind = serializers.ListField(
        child=StrictChoiceField(choices=LedgerEntry.Kind.choices),
        required=False,
        help_text="May be sent several times.",
    )
    pot = serializers.ListField(
        child=StrictChoiceField(choices=Pot.choices),
        required=False,
        help_text="May be sent several times.",
    )

    def get_fields(self) -> dict[str, serializers.Field]:
        # `from` cannot be the name of an attribute in Python.
        days = {
            "from": DayOrMomentField(
                required=False,
                source="since",
                help_text="A day of the account, from its beginning, or a moment.",
            ),
            "to": DayOrMomentField(
                required=False,
                source="until",
                help_text="A day of the account, to its end, or a moment, itself excluded.",
            ),
        }
        return super().get_fields() | days


class EntrySerializer(serializers.Serializer):
    id = serializers.IntegerField(source="entry.pk")
    kind = serializers.ChoiceField(source="entry.kind", choices=LedgerEntry.Kind.choices)
    pot = serializers.ChoiceField(source="entry.pot", choices=Pot.choices)
    amount = serializers.CharField(
        help_text="Positive adds, negative takes: dollars of credit, or whole seconds."
    )
    unit = serializers.ChoiceField(choices=Units.choices)
    balance_after = serializers.CharField(help_text="Of the pot, in `unit`.")
    description = serializers.CharField(source="row.description")
    note = serializers.CharField(source="row.note")
    purchase = serializers.UUIDField(
        source="row.purchase_id",
        allow_null=True,
        help_text="The account's own purchase behind it; never its agency's.",
    )
    occurred_at = serializers.DateTimeField(source="entry.occurred_at")
    created_at = serializers.DateTimeField(source="entry.created_at")

    def to_representation(self, entry: LedgerEntry) -> dict[str, object]:
        is_credit = entry.pot == Pot.CREDIT
        pattern = "{:.6f}" if is_credit else "{:.0f}"
        shown = {
            "entry": entry,
            "row": of_entry(entry),
            "amount": pattern.format(entry.amount),
            "balance_after": pattern.format(entry.balance_after),
            "unit": Units.USD if is_credit else Units.SECONDS,
        }
        return super().to_representation(shown)


EntriesSerializer = page_of(EntrySerializer, name="Entries")

_WALLET_EXAMPLE = OpenApiExample(
    "A wallet below its threshold",
    value={
        "account": "3f0c1d7e-5b1a-4a52-9c38-0d9f0c1f7a11",
        "credit": "8.200000",
        "currency": "USD",
        "premium_seconds": 7200,
        "basic_seconds": 0,
        "included_seconds": 0,
        "credit_minutes": {"premium": 51, "basic": 91},
        "payable_seconds": {"premium": 10275, "basic": 5466},
        "rates": {"premium": "0.160000", "basic": "0.090000"},
        "status": "low",
        "auto_recharge": "on",
        "blocked": False,
    },
    response_only=True,
)

_ENTRIES_EXAMPLE = OpenApiExample(
    "Calls paid with credit",
    value={
        "results": [
            {
                "id": 48211,
                "kind": "calls",
                "pot": "credit",
                "amount": "-0.218667",
                "unit": "USD",
                "balance_after": "8.200000",
                "description": "Calls",
                "note": "",
                "purchase": None,
                "occurred_at": "2026-11-22T09:14:03Z",
                "created_at": "2026-11-22T09:14:03Z",
            }
        ],
        "next": None,
    },
    response_only=True,
)


class WalletView(ApiView):
    @extend_schema(
        operation_id="wallet",
        summary="Balances, what they are worth, rates and status",
        tags=["Wallet"],
        parameters=[ApiView.query_serializer],
        responses={200: WalletSerializer, **refusals()},
        examples=[_WALLET_EXAMPLE],
    )
    def get(self, request: Request) -> Response:
        return Response(WalletSerializer(wallet_of(resolve_account(request))).data)


class EntriesView(ApiView):
    query_serializer = EntriesQuery

    @extend_schema(
        operation_id="wallet_entries",
        summary="Every movement of the wallet, newest first",
        tags=["Wallet"],
        parameters=[EntriesQuery],
        responses={200: EntriesSerializer, **refusals()},
        examples=[_ENTRIES_EXAMPLE],
    )
    def get(self, request: Request) -> Response:
        page = statements.entries(
            account=resolve_account(request),
            kinds=self.query.get("kind"),
            pots=self.query.get("pot"),
            since=self.query.get("since"),
            until=self.query.get("until"),
            cursor=self.query.get("cursor"),
            limit=self.query["limit"],
        )
        body = {"results": page.rows, "next": next_page(request, page.next_cursor)}
        return Response(EntriesSerializer(body).data)

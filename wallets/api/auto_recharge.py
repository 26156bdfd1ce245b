"""GET and PUT wallet/auto-recharge: the settings, and what saving them charged."""

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.schema import refusals
from accounts.api.strict import AmountField, StrictBooleanField, StrictCharField, StrictSerializer
from accounts.api.views import AccountQuery, ApiView
from accounts.api.whose import resolve_account
from accounts.people.access import Permission
from wallets import limits
from wallets.api.fields import CurrencyField, DollarsField
from wallets.api.recharges import PurchaseSerializer
from wallets.api.wallet import AUTO_RECHARGE_STATUSES, auto_recharge_status, waits, wallet_of
from wallets.balances.opening import open_wallet
from wallets.models import AutoRecharge
from wallets.recharges import configure
from wallets.recharges.configure import Saved, Settings
from wallets.why import sentences


class SettingsSerializer(serializers.Serializer):
    enabled = serializers.BooleanField()
    threshold = DollarsField()
    amount = DollarsField()
    monthly_limit = DollarsField(allow_null=True)
    currency = CurrencyField()
    payment_method = serializers.CharField(help_text="Empty: the wallet's default card.")
    resume_campaigns = serializers.BooleanField()
    status = serializers.ChoiceField(choices=AUTO_RECHARGE_STATUSES)
    reason = serializers.CharField(
        help_text="Why it is suspended or waits, in a few words; empty otherwise."
    )
    not_before = serializers.DateTimeField(
        allow_null=True, help_text="No automatic charge before this moment."
    )
    updated_at = serializers.DateTimeField()

    def to_representation(self, automatic: AutoRecharge) -> dict[str, object]:
        holds = waits(automatic)
        hold = automatic.get_hold_reason_display() if holds else ""
        automatic.status = auto_recharge_status(automatic)
        automatic.reason = automatic.get_suspended_reason_display() or hold
        automatic.not_before = automatic.not_before if holds else None
        return super().to_representation(automatic)


class DecisionSerializer(serializers.Serializer):
    code = serializers.CharField(
        help_text="`charge`, or why not: `off`, `balance_fine`, `purchase_pending`, `suspended` …"
    )
    text = serializers.CharField()

    def to_representation(self, decision: object) -> dict[str, object]:
        text = "" if decision.wanted else sentences.preview(decision)
        return {"code": decision.code, "text": text}


class SavedSerializer(serializers.Serializer):
    settings = SettingsSerializer()
    decision = DecisionSerializer(help_text="Whether saving started a charge, and why.")
    purchase = PurchaseSerializer(allow_null=True, help_text="The charge that saving started.")


class NewSettingsSerializer(StrictSerializer):
    """All settings together: what is left out would be a guess about money."""

    enabled = StrictBooleanField()
    threshold = AmountField(min_value=limits.THRESHOLD_LEAST, max_value=limits.THRESHOLD_MOST)
    amount = AmountField(min_value=limits.AUTO_AMOUNT_LEAST, max_value=limits.AUTO_AMOUNT_MOST)
    monthly_limit = AmountField(
        min_value=limits.AUTO_AMOUNT_LEAST,
        allow_null=True,
        help_text="At least `amount`; null for none.",
    )
    payment_method = StrictCharField(
        allow_blank=True, help_text="A card's id; empty follows the wallet's default."
    )
    resume_campaigns = StrictBooleanField(
        help_text="Campaigns paused for low balance resume after an automatic recharge."
    )
    quoted_charge = AmountField(
        required=False,
        help_text="What you expect to be charged now. Another figure is refused with 422.",
    )


_BODY = {
    "enabled": True,
    "threshold": "10.00",
    "amount": "50.00",
    "monthly_limit": None,
    "payment_method": "",
    "resume_campaigns": False,
}
_SETTINGS = {
    "enabled": True,
    "threshold": "10.00",
    "amount": "50.00",
    "monthly_limit": None,
    "currency": "USD",
    "payment_method": "",
    "resume_campaigns": False,
    "status": "on",
    "reason": "",
    "not_before": None,
    "updated_at": "2026-11-22T09:14:03Z",
}
_SAVED = {
    "settings": _SETTINGS,
    "decision": {
        "code": "balance_fine",
        "text": "Your balance ($58.20) is not below $10.00. Nothing is charged now.",
    },
    "purchase": None,
}


class AutoRechargeView(ApiView):
    @extend_schema(
        operation_id="auto_recharge",
        summary="Auto-Recharge as it is set",
        tags=["Auto-Recharge"],
        parameters=[AccountQuery],
        responses={200: SettingsSerializer, **refusals()},
        examples=[OpenApiExample("On", value=_SETTINGS, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        wallet = wallet_of(resolve_account(request))
        return Response(SettingsSerializer(wallet.auto_recharge).data)

    @extend_schema(
        operation_id="set_auto_recharge",
        summary="Set Auto-Recharge, and charge at once when the balance is below the threshold",
        description="The settings stay saved whatever becomes of the charge. Only the account "
        "itself sets them: an agency's key gets 403 for its sub-accounts.",
        tags=["Auto-Recharge"],
        parameters=[AccountQuery],
        request=NewSettingsSerializer,
        responses={200: SavedSerializer, **refusals(409, 413, 422)},
        examples=[
            OpenApiExample("Turn it on", value=_BODY, request_only=True),
            OpenApiExample("Saved", value=_SAVED, response_only=True, status_codes=["200"]),
        ],
    )
    def put(self, request: Request) -> Response:
        account = resolve_account(request, permission=Permission.MONEY)
        body = NewSettingsSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        values = dict(body.validated_data)
        quoted = values.pop("quoted_charge", None)
        saved: Saved = configure.save(
            wallet_id=open_wallet(account=account).pk,
            settings=Settings(**values),
            actor=None,
            quoted_charge=quoted,
        )
        shown = {
            "settings": saved.automatic,
            "decision": saved.decision,
            "purchase": saved.purchase,
        }
        return Response(SavedSerializer(shown, context={"request": request}).data)

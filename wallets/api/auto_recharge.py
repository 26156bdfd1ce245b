"""GET and PUT wallet/auto-recharge: the settings, and what saving them charged."""

from decimal import Decimal
from typing import Annotated

from drf_spectacular.utils import OpenApiExample, extend_schema
from msgspec import UNSET, Meta, UnsetType
from msgspec.structs import asdict
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.idempotency import once_in_steps
from accounts.api.schema import refusals
from accounts.api.shapes import Answer, Moment, Sent, dollars, read
from accounts.api.views import ApiView
from accounts.api.whose import resolve_account
from accounts.people.access import Permission
from wallets import limits
from wallets.api.fields import CURRENCY, CardId, Currency, Dollars, dollars_text, quoted
from wallets.api.purchases import Purchase, shown
from wallets.api.wallet import AutoRechargeStatus, auto_recharge_status, waits, wallet_of
from wallets.balances.opening import open_wallet
from wallets.models import AutoRecharge, Wallet
from wallets.recharges import configure
from wallets.why import sentences

THRESHOLD = Meta(description="Below this balance a card is charged.")
AMOUNT = Meta(description="What one automatic recharge charges and credits.")
Enabled = Annotated[bool, Meta(description="Whether it charges by itself.")]
ResumeCampaigns = Annotated[
    bool, Meta(description="Campaigns paused for low balance resume after an automatic recharge.")
]


class Settings(Answer):
    """Auto-Recharge of one wallet as it is set, and whether it works."""

    enabled: Enabled
    threshold: Annotated[Dollars, THRESHOLD]
    amount: Annotated[Dollars, AMOUNT]
    monthly_limit: Annotated[
        Dollars | None, Meta(description="Of automatic charges in a calendar month; null: none.")
    ]
    daily_ceiling: Annotated[
        Dollars | None,
        Meta(description="Of one local day; null: ten times `amount`, at least $500."),
    ]
    currency: Currency
    payment_method: Annotated[str, Meta(description="Empty: the wallet's default card.")]
    resume_campaigns: ResumeCampaigns
    status: AutoRechargeStatus
    reason: Annotated[
        str,
        Meta(description="Why it is suspended or waits, in a few words; empty otherwise."),
    ]
    not_before: Annotated[
        Moment | None, Meta(description="No automatic charge before this moment.")
    ]
    updated_at: Annotated[Moment, Meta(description="When the settings were last saved.")]


class Decision(Answer):
    """Whether saving started a charge, and why."""

    code: Annotated[
        str,
        Meta(
            description="`charge`, or why not: `off`, `balance_fine`, `purchase_pending`, "
            "`suspended` …"
        ),
    ]
    text: Annotated[str, Meta(description="The same for people; empty after `charge`.")]


class Saved(Answer):
    """The settings as saved, and what saving them charged."""

    settings: Annotated[Settings, Meta(description="As they are now.")]
    decision: Annotated[Decision, Meta(description="Whether saving started a charge, and why.")]
    purchase: Annotated[Purchase | None, Meta(description="The charge that saving started.")]


class NewSettings(Sent):
    """All settings together: what is left out would be a guess about money."""

    enabled: Enabled
    threshold: Annotated[
        Decimal, dollars(least=limits.THRESHOLD_LEAST, most=limits.THRESHOLD_MOST), THRESHOLD
    ]
    amount: Annotated[
        Decimal, dollars(least=limits.AUTO_AMOUNT_LEAST, most=limits.AUTO_AMOUNT_MOST), AMOUNT
    ]
    monthly_limit: Annotated[
        Decimal | None,
        dollars(least=limits.AUTO_AMOUNT_LEAST),
        Meta(description="At least `amount`; null for none."),
    ]
    payment_method: Annotated[
        CardId, Meta(description="A card's id; empty follows the wallet's default.")
    ]
    resume_campaigns: ResumeCampaigns
    daily_ceiling: Annotated[
        Decimal | UnsetType | None,
        dollars(least=limits.CEILING_LEAST, most=limits.CEILING_MOST),
        Meta(
            description="Automatic charges of one local day stop here until midnight. At least "
            "`amount`; null: ten times `amount`, at least $500; left out: as it is."
        ),
    ] = UNSET
    quoted_charge: Annotated[
        Decimal | UnsetType,
        dollars(),
        Meta(description="What you expect to be charged now. Another figure is refused with 422."),
    ] = UNSET


def _settings(automatic: AutoRecharge) -> Settings:
    limit, ceiling = automatic.monthly_limit, automatic.daily_ceiling
    holds = waits(automatic)
    hold = automatic.get_hold_reason_display() if holds else ""
    return Settings.of(
        automatic,
        threshold=dollars_text(automatic.threshold),
        amount=dollars_text(automatic.amount),
        monthly_limit=None if limit is None else dollars_text(limit),
        daily_ceiling=None if ceiling is None else dollars_text(ceiling),
        currency=CURRENCY,
        status=auto_recharge_status(automatic),
        reason=automatic.get_suspended_reason_display() or hold,
        not_before=automatic.not_before if holds else None,
    )


def _decision(decision: configure.Decision) -> Decision:
    return Decision(str(decision.code), "" if decision.wanted else sentences.preview(decision))


def settings_of(body: NewSettings, wallet: Wallet) -> configure.Settings:
    """The settings that were sent; a ceiling that was left out stays as it is."""
    values = asdict(body)
    del values["quoted_charge"]
    if values["daily_ceiling"] is UNSET:
        as_it_is = wallet.auto_recharge.daily_ceiling
        values["daily_ceiling"] = as_it_is and as_it_is.amount
    return configure.Settings(**values)


def saved_shown(saved: configure.Saved, request: Request) -> Saved:
    """What was saved or tried, and the charge that this made."""
    purchase = saved.purchase and shown(saved.purchase, request)
    return Saved(_settings(saved.automatic), _decision(saved.decision), purchase)


BODY = {
    "enabled": True,
    "threshold": "10.00",
    "amount": "50.00",
    "monthly_limit": None,
    "daily_ceiling": "1000.00",
    "payment_method": "",
    "resume_campaigns": False,
}
_SETTINGS = {
    "enabled": True,
    "threshold": "10.00",
    "amount": "50.00",
    "monthly_limit": None,
    "daily_ceiling": "1000.00",
    "currency": "USD",
    "payment_method": "",
    "resume_campaigns": False,
    "status": "on",
    "reason": "",
    "not_before": None,
    "updated_at": "2026-11-22T09:14:03Z",
}
SAVED = {
    "settings": _SETTINGS,
    "decision": {
        "code": "balance_fine",
        "text": "Your balance ($58.20) is not below $10.00. Nothing is charged now.",
    },
    "purchase": None,
}


class AutoRechargeView(ApiView):
    @extend_schema(
        operation_id="get_auto_recharge",
        summary="Auto-Recharge as it is set",
        description="The settings, and whether it works, waits or is suspended, and why.",
        tags=["Auto-Recharge"],
        responses={200: Settings, **refusals()},
        examples=[OpenApiExample("On", value=_SETTINGS, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        wallet = wallet_of(resolve_account(request))
        return Response(_settings(wallet.auto_recharge))

    @extend_schema(
        operation_id="set_auto_recharge",
        summary="Set Auto-Recharge, and charge at once when the balance is below the threshold",
        description="The settings stay saved whatever becomes of the charge. Only the account "
        "itself sets them: an agency's key gets 403 for its sub-accounts.",
        tags=["Auto-Recharge"],
        request=NewSettings,
        responses={200: Saved, **refusals(409, 413, 422)},
        examples=[
            OpenApiExample("Turn it on", value=BODY, request_only=True),
            OpenApiExample("Saved", value=SAVED, response_only=True, status_codes=["200"]),
        ],
    )
    @once_in_steps
    def put(self, request: Request) -> Response:
        account = resolve_account(request, permission=Permission.MONEY)
        body = read(NewSettings, request.data)
        wallet = open_wallet(account=account)
        saved = configure.save(
            wallet_id=wallet.pk,
            settings=settings_of(body, wallet),
            actor=None,
            quoted_charge=quoted(body.quoted_charge),
        )
        return Response(saved_shown(saved, request))

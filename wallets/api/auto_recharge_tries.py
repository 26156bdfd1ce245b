"""Auto-Recharge beside its settings: dry run, trying a failed one again, the level of minutes."""

from decimal import Decimal
from typing import Annotated

from drf_spectacular.utils import OpenApiExample, extend_schema
from msgspec import UNSET, Meta, UnsetType
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.idempotency import once, once_in_steps
from accounts.api.schema import refusals
from accounts.api.shapes import Answer, Sent, dollars, read
from accounts.api.views import ApiView
from accounts.api.whose import resolve_account
from accounts.people.access import Permission
from accounts.runtime.addresses import client_ip
from wallets import limits
from wallets.api.auto_recharge import BODY, SAVED, NewSettings, Saved, saved_shown, settings_of
from wallets.api.fields import CURRENCY, Currency, Dollars, dollars_text, quoted
from wallets.api.wallet import wallet_of
from wallets.balances.opening import open_wallet
from wallets.errors import QuoteChanged
from wallets.forecasts import replay
from wallets.models import Wallet
from wallets.recharges import configure, low_minutes, preview_words
from wallets.recharges.auto_recharge import Terms
from wallets.texts import usd


class Replay(Answer):
    """What these settings would have done."""

    days: Annotated[int, Meta(description="How many days were looked at.")]
    charges: Annotated[int, Meta(description="How often a card would have been charged.")]
    charged: Annotated[Dollars, Meta(description="What it would have been charged in all.")]
    lowest_balance: Annotated[Dollars, Meta(description="The lowest the credit would have been.")]
    still_seconds: Annotated[int, Meta(description="Time without a minute that can be paid.")]
    limit_reached: Annotated[bool, Meta(description="Whether `monthly_limit` would have ended it.")]
    ceiling_reached: Annotated[
        bool, Meta(description="Whether `daily_ceiling` would have ended a day.")
    ]


class AutoRechargePreview(Answer):
    """What saving these settings would do."""

    charge_now: Annotated[Dollars, Meta(description="What saving would charge.")]
    currency: Currency
    code: Annotated[str, Meta(description="`charge`, or why nothing would be charged.")]
    text: Annotated[str, Meta(description="For people.")]
    warning: Annotated[str, Meta(description="Why it may not do what is wanted; or empty.")]
    card: Annotated[str, Meta(description="Which card would be charged; empty: none.")]
    backup_card: Annotated[str, Meta(description="Tried once if that is declined; or empty.")]
    past: Annotated[Replay | None, Meta(description="Of the last days; null: nothing was used.")]


_PREVIEW = {
    "charge_now": "50.00",
    "currency": "USD",
    "code": "charge",
    "text": "Your balance ($8.20) is already below $10.00. Visa •••• 4242 will be charged $50.00 "
    "now.",
    "warning": "",
    "card": "Visa •••• 4242",
    "backup_card": "",
    "past": {
        "days": 30,
        "charges": 3,
        "charged": "150.00",
        "lowest_balance": "4.10",
        "still_seconds": 0,
        "limit_reached": False,
        "ceiling_reached": False,
    },
}


class PreviewView(ApiView):
    @extend_schema(
        operation_id="preview_auto_recharge",
        summary="Dry run: what saving these settings would charge, and would have done for a month",
        description="By the rules of saving; nothing is written or charged. What could not be "
        "saved is refused in the same way.",
        tags=["Auto-Recharge"],
        request=NewSettings,
        responses={200: AutoRechargePreview, **refusals(409, 413, 422)},
        examples=[
            OpenApiExample("On", value=BODY, request_only=True),
            OpenApiExample("A charge", value=_PREVIEW, response_only=True),
        ],
    )
    def post(self, request: Request) -> Response:
        account = resolve_account(request, permission=Permission.MONEY)
        body = read(NewSettings, request.data)
        wallet = open_wallet(account=account)
        settings = settings_of(body, wallet)
        found = configure.preview(wallet_id=wallet.pk, settings=settings)
        if body.quoted_charge is not UNSET and body.quoted_charge != found.charge:
            raise QuoteChanged(f"Saving would charge {usd(found.charge)} now.")
        return Response(
            AutoRechargePreview(
                charge_now=dollars_text(found.charge),
                currency=CURRENCY,
                code=str(found.decision.code),
                text=preview_words.sentence(found, settings),
                warning=preview_words.warning(found, settings),
                card=found.card.label if found.card else "",
                backup_card=found.backup.label if found.backup else "",
                past=_replayed(wallet, settings),
            )
        )


def _replayed(wallet: Wallet, settings: configure.Settings) -> Replay | None:
    past = replay.past(wallet=wallet)
    if not past.used:
        return None
    limit, ceiling = settings.monthly_limit, settings.daily_ceiling
    terms = Terms(True, settings.threshold, settings.amount, limit, ceiling)
    done = replay.replay(past=past, terms=terms)
    return Replay(
        days=limits.REPLAY_DAYS,
        charges=done.charges,
        charged=dollars_text(done.charged),
        lowest_balance=dollars_text(done.lowest),
        still_seconds=round(done.still.total_seconds()),
        limit_reached=done.limit_reached,
        ceiling_reached=done.ceiling_reached,
    )


class TryAgain(Sent):
    """One try."""

    quoted_charge: Annotated[
        Decimal | UnsetType,
        dollars(),
        Meta(description="What you expect to be charged. Another figure is refused with 422."),
    ] = UNSET


class RetryView(ApiView):
    @extend_schema(
        operation_id="retry_auto_recharge",
        summary="Try a failed automatic charge again, now",
        description="At most five times an hour. A decline is not an error: read the purchase.",
        tags=["Auto-Recharge"],
        request=TryAgain,
        responses={200: Saved, **refusals(409, 413, 422)},
        examples=[
            OpenApiExample("At this price", value={"quoted_charge": "50.00"}, request_only=True),
            OpenApiExample("Tried", value=SAVED, response_only=True),
        ],
    )
    @once_in_steps
    def post(self, request: Request) -> Response:
        account = resolve_account(request, permission=Permission.MONEY)
        body = read(TryAgain, request.data or {})
        saved = configure.try_again(
            wallet_id=open_wallet(account=account).pk,
            actor=None,
            address=client_ip(request),
            quoted_charge=quoted(body.quoted_charge),
        )
        return Response(saved_shown(saved, request))


_LEVEL = Meta(description="Of all types together; 0: never; null: our own level.")


class LowMinutes(Sent):
    """The level to tell at."""

    minutes: Annotated[
        Annotated[int, Meta(ge=0, le=limits.MINUTES_LEVEL_MOST)] | None,
        _LEVEL,
    ]


class LowMinutesShape(Answer):
    """The level that is told at."""

    minutes: Annotated[int | None, _LEVEL]


class LowMinutesView(ApiView):
    @extend_schema(
        operation_id="get_low_minutes",
        summary="From how many minutes on the account is told that they run out",
        description="It is told once when they fall, and only while its credit is low, too.",
        tags=["Alerts"],
        responses={200: LowMinutesShape, **refusals()},
        examples=[OpenApiExample("Our own", value={"minutes": None}, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        wallet = wallet_of(resolve_account(request))
        return Response(LowMinutesShape(wallet.auto_recharge.minutes_level))

    @extend_schema(
        operation_id="set_low_minutes",
        summary="Choose from how many minutes on the account is told that they run out",
        description="Nobody is told at once: from the next call on, it counts.",
        tags=["Alerts"],
        request=LowMinutes,
        responses={200: LowMinutesShape, **refusals(409, 413, 422)},
        examples=[
            OpenApiExample("Below 200", value={"minutes": 200}, request_only=True),
            OpenApiExample("Saved", value={"minutes": 200}, response_only=True),
        ],
    )
    @once
    def put(self, request: Request) -> Response:
        account = resolve_account(request, permission=Permission.MONEY)
        minutes = read(LowMinutes, request.data).minutes
        low_minutes.set_level(wallet_id=open_wallet(account=account).pk, minutes=minutes)
        return Response(LowMinutesShape(minutes))

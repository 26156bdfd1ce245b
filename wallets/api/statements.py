"""GET statements/<month>: a month of the wallet, for the bookkeeper."""

from typing import Annotated

from drf_spectacular.utils import OpenApiExample, extend_schema
from msgspec import Meta
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import clock
from accounts.api.schema import in_path, refusals
from accounts.api.shapes import AccountId, Answer
from accounts.api.views import AccountsQuery, ApiView
from accounts.api.whose import resolve_accounts
from accounts.errors import Unusable
from wallets.api.fields import Units, renamed
from wallets.models import Pot
from wallets.statements import monthly, ranges


class StatementPot(Answer):
    """What one pot of the wallet did in a month."""

    pot: Annotated[Pot, Meta(description="Credit, or the minutes of one type.")]
    unit: Annotated[Units, Meta(description="Of the figures beside it.")]
    opening: Annotated[str, Meta(description="What the month before closed with.")]
    moved: Annotated[
        dict[str, str], Meta(description="By what moved it; with `opening` it is `closing`.")
    ]
    closing: Annotated[str, Meta(description="What it held at the end, or holds now.")]


class StatementOf(Answer):
    """A month of one account's wallet."""

    account: AccountId
    month: Annotated[
        str, Meta(pattern=r"^\d{4}-\d{2}$", description="Where the account is, like 2026-10.")
    ]
    is_complete: Annotated[bool, Meta(description="false: the month goes on.")]
    pots: Annotated[list[StatementPot], Meta(description="Each pot that held anything or moved.")]


class Statement(StatementOf):
    """A month of an account's wallet, and of its sub-accounts' if they were asked for."""

    sub_accounts: Annotated[
        list[StatementOf],
        Meta(
            description="With `include=sub_accounts`: of each sub-account, in the month where it "
            "is. Otherwise empty."
        ),
    ]


_STATEMENT = OpenApiExample(
    "A month",
    value={
        "account": "3f0c1d7e-5b1a-4a52-9c38-0d9f0c1f7a11",
        "month": "2026-10",
        "is_complete": True,
        "pots": [
            {
                "pot": "credit",
                "unit": "USD",
                "opening": "7.150000",
                "moved": {"bought": "50.000000", "used": "-12.480000"},
                "closing": "44.670000",
            }
        ],
        "sub_accounts": [],
    },
    response_only=True,
)


class StatementView(ApiView):
    query_shape = AccountsQuery

    @extend_schema(
        operation_id="get_statement",
        summary="A month of the wallet: opening, what moved each pot, closing",
        description="The month is one of the account's, like 2026-10. One that is to come is "
        "refused (400); of one that goes on, `closing` is what there is now.",
        tags=["Papers"],
        parameters=[
            in_path(
                "month",
                "A month of the account that has begun.",
                "2026-10",
                {"type": "string", "pattern": r"^20\d{2}-(0[1-9]|1[0-2])$"},
            ),
        ],
        responses={200: Statement, **refusals()},
        examples=[_STATEMENT],
    )
    def get(self, request: Request, month: str) -> Response:
        accounts = resolve_accounts(request, with_sub_accounts=bool(self.query.include))
        try:
            first = ranges.read_month(month, today=accounts[0].local_date(clock.now()))
        except Unusable as error:
            raise renamed(error) from None
        own, *others = monthly.months_of(accounts=accounts, first=first)
        below = [StatementOf(**_month(one)) for one in others]
        return Response(Statement(**_month(own), sub_accounts=below))


def _month(one: monthly.Month) -> dict[str, object]:
    return {
        "account": one.account.pk,
        "month": f"{one.first:%Y-%m}",
        "is_complete": one.is_complete,
        "pots": [_pot(each) for each in one.pots],
    }


def _pot(one: monthly.PotMonth) -> StatementPot:
    is_credit = one.pot == Pot.CREDIT
    pattern = "{:.6f}" if is_credit else "{:.0f}"
    return StatementPot(
        pot=one.pot,
        unit=Units.USD if is_credit else Units.SECONDS,
        opening=pattern.format(one.opening),
        moved={str(group): pattern.format(amount) for group, amount in one.moved.items()},
        closing=pattern.format(one.closing),
    )

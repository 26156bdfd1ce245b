"""Own alerts: what an account wants to hear of, and who hears it."""

from decimal import Decimal
from typing import Annotated

from drf_spectacular.utils import OpenApiExample, extend_schema
from msgspec import Meta
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.idempotency import once
from accounts.api.schema import in_path, leads_to, refusals
from accounts.api.shapes import Answer, Moment, Sent, dollars, read
from accounts.api.views import ApiView
from accounts.api.whose import resolve_account
from accounts.errors import NotFound
from accounts.models import Account
from accounts.people.access import Permission
from wallets import limits
from wallets.alerts import keeping, telling, words
from wallets.api.fields import dollars_text
from wallets.balances.opening import open_wallet
from wallets.models import Alert as Row

Kind = Annotated[Row.Kind, Meta(description="What it tells of.")]
LEVEL = Meta(
    description="Dollars, whole minutes of all types, or days; null of what happens at once."
)
People = Annotated[
    Row.People,
    Meta(
        description="Who of the account hears of it, by mail. `nobody` only beside an address "
        "or Slack."
    ),
]
ADDRESSES = Meta(description="Of people who need not work here; none of them sees another.")


class Alert(Answer):
    """One thing that the account wants to hear of."""

    id: Annotated[int, Meta(description="Ask for it again with this.")]
    kind: Kind
    name: Annotated[str, Meta(description="For people.")]
    level: Annotated[str | None, LEVEL]
    people: People
    addresses: Annotated[list[str], ADDRESSES]
    slack: Annotated[bool, Meta(description="Whether the account's Slack is told.")]
    armed: Annotated[bool, Meta(description="false: told, until it has been above again.")]
    told_at: Annotated[Moment | None, Meta(description="When it was last told.")]


class Alerts(Answer):
    """All alerts of an account."""

    results: Annotated[list[Alert], Meta(description="By kind, the highest level first.")]


class NewAlert(Sent):
    """All of an alert together."""

    kind: Kind
    level: Annotated[Decimal | None, dollars(), LEVEL] = None
    people: People = Row.People.MANAGERS
    addresses: Annotated[list[Annotated[str, Meta(max_length=254)]], ADDRESSES] = []
    slack: Annotated[bool, Meta(description="Once Slack is connected in Settings.")] = False

    def terms(self) -> keeping.Terms:
        return keeping.Terms(
            kind=self.kind,
            level=self.level if self.kind in keeping.LEVELS else None,
            people=self.people,
            addresses=tuple(one.strip() for one in self.addresses),
            slack=self.slack,
        )


_BODY = {
    "kind": "balance",
    "level": "25.00",
    "people": "managers",
    "addresses": ["books@northside.example"],
    "slack": False,
}
_ALERT = _BODY | {"id": 50021, "name": "Balance below $25.00", "armed": True, "told_at": None}
_PATH = in_path("alert_id", "The alert's id.", _ALERT["id"], int)
_EXAMPLES = [
    OpenApiExample("Below $25", value=_BODY, request_only=True),
    OpenApiExample("Saved", value=_ALERT, response_only=True, status_codes=["200", "201"]),
]


def _shown(alert: Row) -> Alert:
    level = None if alert.level is None else dollars_text(alert.level)
    return Alert.of(alert, name=words.name(alert), level=level)


class AlertsView(ApiView):
    @extend_schema(
        operation_id="list_alerts",
        summary="What the account wants to hear of",
        description="All of them, whoever set them up. What is told without asking, like a low "
        "balance, is not among them.",
        extensions=leads_to(
            get_alert={"alert_id": "results/0/id"}, set_alert={"alert_id": "results/0/id"}
        ),
        tags=["Alerts"],
        responses={200: Alerts, **refusals()},
        examples=[OpenApiExample("One", value={"results": [_ALERT]}, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        found = Row.objects.filter(wallet__account=resolve_account(request))
        rows = found[: limits.ALERTS_MOST]
        return Response(Alerts([_shown(one) for one in rows]))

    @extend_schema(
        operation_id="create_alert",
        extensions=leads_to(
            get_alert={"alert_id": "id"},
            set_alert={"alert_id": "id"},
            test_alert={"alert_id": "id"},
            delete_alert={"alert_id": "id"},
        ),
        summary="Hear of something from now on",
        description="What is below already is told once it has been above.",
        tags=["Alerts"],
        request=NewAlert,
        responses={201: Alert, **refusals(409, 413, 422)},
        examples=_EXAMPLES,
    )
    @once
    def post(self, request: Request) -> Response:
        account = resolve_account(request, permission=Permission.MONEY)
        terms = read(NewAlert, request.data).terms()
        wallet = open_wallet(account=account)
        alert = keeping.add(wallet_id=wallet.pk, terms=terms, actor=None)
        return Response(_shown(alert), status=201)


class AlertView(ApiView):
    @extend_schema(
        operation_id="get_alert",
        summary="An alert as it is set",
        description="With when it was last told, and whether it is told again when it happens.",
        parameters=[_PATH],
        tags=["Alerts"],
        responses={200: Alert, **refusals()},
        examples=_EXAMPLES[1:],
    )
    def get(self, request: Request, alert_id: int) -> Response:
        return Response(_shown(_found(resolve_account(request), alert_id)))

    @extend_schema(
        operation_id="set_alert",
        summary="Give an alert another level or other readers",
        description="What is left out becomes its default. What is below the new level already is "
        "told once it has been above.",
        parameters=[_PATH],
        tags=["Alerts"],
        request=NewAlert,
        responses={200: Alert, **refusals(409, 413, 422)},
        examples=_EXAMPLES,
    )
    @once
    def put(self, request: Request, alert_id: int) -> Response:
        found = _found(resolve_account(request, permission=Permission.MONEY), alert_id)
        terms = read(NewAlert, request.data).terms()
        changed = keeping.change(wallet_id=found.wallet_id, alert_id=found.pk, terms=terms)
        if changed is None:
            raise _no_alert()
        return Response(_shown(changed))

    @extend_schema(
        operation_id="delete_alert",
        summary="Hear of it no more",
        description="It is answered as it was.",
        parameters=[_PATH],
        tags=["Alerts"],
        request=None,
        responses={200: Alert, **refusals(409, 422)},
        examples=_EXAMPLES[1:],
    )
    @once
    def delete(self, request: Request, alert_id: int) -> Response:
        found = _found(resolve_account(request, permission=Permission.MONEY), alert_id)
        was = _shown(found)
        keeping.remove(wallet_id=found.wallet_id, alert_id=found.pk)
        return Response(was)


class AlertTestView(ApiView):
    @extend_schema(
        operation_id="test_alert",
        summary="Send what an alert would say, marked as a test, to everybody it names",
        description="It stays as it is: a test counts as nothing told.",
        parameters=[_PATH],
        tags=["Alerts"],
        request=None,
        responses={200: Alert, **refusals(409, 413, 422)},
        examples=_EXAMPLES[1:],
    )
    @once
    def post(self, request: Request, alert_id: int) -> Response:
        found = _found(resolve_account(request, permission=Permission.MONEY), alert_id)
        telling.test(alert=found, actor=None)
        return Response(_shown(found))


def _found(account: Account, alert_id: int) -> Row:
    rows = Row.objects.select_related("wallet__account")
    found = rows.filter(pk=alert_id, wallet__account=account).first()
    if found is None:
        raise _no_alert()
    return found


def _no_alert() -> NotFound:
    return NotFound("There is no such alert.")

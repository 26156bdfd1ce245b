"""The story with the client of openapi-python-client, which is there as the package `billing`.

Run with the address of the API and the keys as JSON; prints what it met, as JSON.
"""

import json
import sys
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from billing import AuthenticatedClient
from billing.api.auto_recharge import set_auto_recharge
from billing.api.calls import authorize_call, report_calls
from billing.api.campaigns import move_campaign
from billing.api.recharges import create_recharge, get_recharge
from billing.api.wallet import get_wallet, list_wallet_entries
from billing.models import (
    AuthorizeRequest,
    CampaignMinuteTypeEnum,
    Error,
    MoveCampaignStep,
    NewRecharge,
    NewRechargeBuysEnum,
    NewSettings,
    Purchase,
    ReportBatch,
    ReportShape,
)

base, keys = sys.argv[1], json.loads(sys.argv[2])


def client(key: str) -> AuthenticatedClient:
    return AuthenticatedClient(base_url=base, token=key, raise_on_unexpected_status=True)


def code(answer: object) -> str:
    assert isinstance(answer, Error), answer
    return answer.error.code.value


own = client(keys["own"])
account = get_wallet.sync(client=own).account
ended = datetime.now(UTC) - timedelta(minutes=1)


def call(name: str, campaign: str) -> ReportShape:
    return ReportShape(id=name, account=account, seconds=60, ended_at=ended, campaign=campaign)


batch = ReportBatch(calls=[call("call-1", "spring-1"), call("call-2", "autumn-1")])
reported = report_calls.sync(client=own, body=batch).results

entries, pages, cursor = [], 0, None
while pages == 0 or cursor:
    page = list_wallet_entries.sync(client=own, limit=2, **({"cursor": cursor} if cursor else {}))
    entries, pages, cursor = [*entries, *page.results], pages + 1, page.next_cursor

settings = NewSettings(
    enabled=True,
    threshold="10.00",
    amount="50.00",
    monthly_limit=None,
    payment_method="",
    resume_campaigns=True,
)
saved = set_auto_recharge.sync(client=own, body=settings)

order = NewRecharge(amount="50.00", buys=NewRechargeBuysEnum.CREDIT)
twice = [
    create_recharge.sync_detailed(client=own, body=order, idempotency_key="order-1")
    for _ in range(2)
]
assert all(isinstance(one.parsed, Purchase) for one in twice)

both = AuthorizeRequest(
    account=account, campaign="spring-1", minute_type=CampaignMinuteTypeEnum.PREMIUM
)
other = NewRecharge(amount="60.00", buys=NewRechargeBuysEnum.CREDIT)
step = MoveCampaignStep.START
refused = {
    "400": code(authorize_call.sync(client=own, body=both)),
    "401": code(get_wallet.sync(client=client("tb_unknown"))),
    "403": code(set_auto_recharge.sync(client=client(keys["read"]), body=settings)),
    "404": code(get_recharge.sync(client=own, purchase_id=uuid4())),
    "409": code(move_campaign.sync(client=own, external_id="over-1", step=step)),
    "422": code(create_recharge.sync(client=own, body=other, idempotency_key="order-1")),
}
for _ in range(keys["patience"]):
    answer = get_wallet.sync(client=client(keys["hasty"]))
    if isinstance(answer, Error):
        refused["429"] = code(answer)
        break

assert isinstance(account, UUID)
print(
    json.dumps(
        {
            "reported": [
                [one.id, one.status.value, one.error.code.value if one.error else None]
                for one in reported
            ],
            "entries": [one.id for one in entries],
            "pages": pages,
            "auto_recharge": [saved.settings.enabled, saved.decision.code],
            "recharges": [[one.status_code.value, str(one.parsed.id)] for one in twice],
            "refused": refused,
        }
    )
)

"""The story with the models of datamodel-code-generator, which are there as the module `models`.

Run with the address of the API and the keys as JSON; prints what it met, as JSON.
"""

import json
import sys
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import models
from pydantic import BaseModel

base, keys = sys.argv[1], json.loads(sys.argv[2])


def ask(
    method: str,
    path: str,
    answer: type[BaseModel],
    *,
    key: str = keys["own"],
    body: BaseModel | None = None,
    query: dict | None = None,
    headers: dict | None = None,
) -> tuple[int, BaseModel]:
    """What is answered, as the model of it; what is sent has to be one."""
    response = httpx.request(
        method,
        f"{base}/api/v1/{path}",
        params=query,
        json=body and body.model_dump(mode="json", exclude_unset=True),
        headers={"Authorization": f"Bearer {key}"} | (headers or {}),
    )
    model = answer if response.is_success else models.Error
    return response.status_code, model.model_validate(response.json())


def refusal(method: str, path: str, **more: object) -> str:
    _, answer = ask(method, path, models.Wallet, **more)
    assert isinstance(answer, models.Error)
    return answer.error.code.value


account = ask("GET", "wallet", models.Wallet)[1].account
ended = datetime.now(UTC) - timedelta(minutes=1)
calls = [
    models.ReportShape(id=name, account=account, seconds=60, ended_at=ended, campaign=campaign)
    for name, campaign in (("call-1", "spring-1"), ("call-2", "autumn-1"))
]
reported = ask("POST", "calls", models.ResultBatch, body=models.ReportBatch(calls=calls))[1]

entries, pages, cursor = [], 0, None
while pages == 0 or cursor:
    query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
    page = ask("GET", "wallet/entries", models.Entries, query=query)[1]
    entries, pages, cursor = [*entries, *page.results], pages + 1, page.next_cursor

settings = models.NewSettings(
    enabled=True,
    threshold="10.00",
    amount="50.00",
    monthly_limit=None,
    payment_method="",
    resume_campaigns=True,
)
saved = ask("PUT", "wallet/auto-recharge", models.Saved, body=settings)[1]

order = models.NewRecharge(amount="50.00", buys="credit")
once = {"Idempotency-Key": "order-1"}
twice = [
    ask("POST", "wallet/recharges", models.Purchase, body=order, headers=once) for _ in range(2)
]

both = models.AuthorizeRequest(account=account, campaign="spring-1", minute_type="premium")
other = models.NewRecharge(amount="60.00", buys="credit")
refused = {
    "400": refusal("POST", "calls/authorize", body=both),
    "401": refusal("GET", "wallet", key="tb_unknown"),
    "403": refusal("PUT", "wallet/auto-recharge", key=keys["read"], body=settings),
    "404": refusal("GET", f"wallet/recharges/{uuid4()}"),
    "409": refusal("POST", "campaigns/over-1/start"),
    "422": refusal("POST", "wallet/recharges", body=other, headers=once),
}
for _ in range(keys["patience"]):
    _, answer = ask("GET", "wallet", models.Wallet, key=keys["hasty"])
    if isinstance(answer, models.Error):
        refused["429"] = answer.error.code.value
        break

print(
    json.dumps(
        {
            "reported": [
                [one.id, one.status.value, one.error.code.value if one.error else None]
                for one in reported.results
            ],
            "entries": [one.id for one in entries],
            "pages": pages,
            "auto_recharge": [saved.settings.enabled, saved.decision.code],
            "recharges": [[status, str(answer.id)] for status, answer in twice],
            "refused": refused,
        }
    )
)

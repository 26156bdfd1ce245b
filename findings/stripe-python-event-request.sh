#!/bin/bash
# stripe 15.6.2: `event.request` is a method of the SDK's base class, not the request that caused
# the event, which the class Event declares (`request: Optional[Request]`) and Stripe sends.
#
# StripeObject has a method `request`, and Python looks there first; fields are found by
# `__getattr__`, only when nothing else has the name. `event["request"]` and `to_dict()` have it.
#
# Seen on 2026-11-28:
#   declared: typing.Optional[stripe._event.Event.Request]
#   event.request: method
#   event["request"]["id"]: req_1
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check stripe==15.6.2
cd "$folder"
venv/bin/python - <<'PYTHON' | tee seen
import stripe

sent = {
    "id": "evt_1",
    "object": "event",
    "type": "customer.created",
    "request": {"id": "req_1", "idempotency_key": None},
}
event = stripe.Event.construct_from(sent, "sk_test_1")
print("declared:", stripe.Event.__annotations__["request"])
print("event.request:", type(event.request).__name__)
print('event["request"]["id"]:', event["request"]["id"])
PYTHON
diff seen - <<'SEEN'
declared: typing.Optional[stripe._event.Event.Request]
event.request: method
event["request"]["id"]: req_1
SEEN

#!/bin/bash
# stripe 15.6.2: of an answer whose body is no JSON (a proxy's page, a cut answer) the error has no
# headers: they stand in `json_body` instead, so `request_id` is None and `headers` is empty, and
# nobody can tell Stripe support which request it was, or whether it was replayed.
#
# `_interpret_response` raises APIError(message, body, status, headers): the fourth is `json_body`.
#
# Seen on 2026-11-28:
#   headers {}
#   request_id None
#   json_body {'request-id': 'req_1', 'idempotent-replayed': 'true'}
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check stripe==15.6.2 requests
cd "$folder"
venv/bin/python - <<'PYTHON' | tee seen
import stripe


class Page(stripe.HTTPClient):
    """Answers with a page, as a proxy between us and Stripe does."""

    name = "page"

    def request_with_retries(self, method, url, headers, post_data=None, **_):
        told = {"request-id": "req_1", "idempotent-replayed": "true"}
        return "<html>Bad gateway</html>", 502, told


client = stripe.StripeClient("sk_test_1", http_client=Page(), max_network_retries=0)
try:
    client.v1.customers.create({})
except stripe.APIError as error:
    print("headers", error.headers)
    print("request_id", error.request_id)
    print("json_body", error.json_body)
PYTHON
diff seen - <<'SEEN'
headers {}
request_id None
json_body {'request-id': 'req_1', 'idempotent-replayed': 'true'}
SEEN

#!/bin/bash
# stripe 15.6.2: an error with status 429, 409, 401 or 403 has the attribute `code`, and it is None
# although Stripe's body names a code (`rate_limit`, `lock_timeout`, `idempotency_key_in_use`,
# `api_key_expired` ...). Only 400, 402 and 404 carry it over; `error.error.code` has it always.
#
# `specific_v1_api_error` gives `code` to InvalidRequestError and CardError alone, while the class
# StripeError declares it for all.
#
# Seen on 2026-11-28:
#   400 InvalidRequestError: code parameter_missing, in the body parameter_missing
#   401 AuthenticationError: code None, in the body api_key_expired
#   403 PermissionError: code None, in the body account_invalid
#   409 APIError: code None, in the body idempotency_key_in_use
#   429 RateLimitError: code None, in the body lock_timeout
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check stripe==15.6.2 requests
cd "$folder"
venv/bin/python - <<'PYTHON' | tee seen
import json

import stripe

ANSWERS = {
    400: "parameter_missing",
    401: "api_key_expired",
    403: "account_invalid",
    409: "idempotency_key_in_use",
    429: "lock_timeout",
}


class Answering(stripe.HTTPClient):
    """Answers as Stripe does, without a network."""

    name = "answering"

    def request(self, method, url, headers, post_data=None):
        error = {"type": "invalid_request_error", "code": ANSWERS[self.status], "message": "No."}
        return json.dumps({"error": error}), self.status, {"request-id": "req_1"}

    def request_with_retries(self, method, url, headers, post_data=None, **_):
        return self.request(method, url, headers, post_data)


answering = Answering()
client = stripe.StripeClient("sk_test_1", http_client=answering, max_network_retries=0)
for answering.status in ANSWERS:
    try:
        client.v1.customers.create({})
    except stripe.StripeError as error:
        kind = type(error).__name__
        body = error.error.code
        print(f"{answering.status} {kind}: code {error.code}, in the body {body}")
PYTHON
diff seen - <<'SEEN'
400 InvalidRequestError: code parameter_missing, in the body parameter_missing
401 AuthenticationError: code None, in the body api_key_expired
403 PermissionError: code None, in the body account_invalid
409 APIError: code None, in the body idempotency_key_in_use
429 RateLimitError: code None, in the body lock_timeout
SEEN

#!/bin/bash
# localstripe 1.15.10 (with stripe 15.6.2): a customer that was deleted is not found (404), where Stripe
# answers 200 with `deleted: true`, and with no code, where Stripe's 404s say `resource_missing`. So
# whether a program knows a deleted customer from one of another account cannot be tested against it.
#
# Stripe's documentation of "Retrieve a customer": of one that has been deleted, a subset of the
# customer's information, including a `deleted` property that is true.
#
# Seen on 2026-11-28:
#   deleting it: True
#   reading it: InvalidRequestError 404 None
#   reading what never was: InvalidRequestError 404 None
set -euo pipefail
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check localstripe==1.15.10 \
    stripe==15.6.2 requests
cd "$folder"
port=$(venv/bin/python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
TMPDIR="$folder" venv/bin/localstripe --port "$port" --from-scratch >log 2>&1 &
server=$!
venv/bin/python - "$port" <<'PYTHON' | tee seen
import socket
import sys
import time

import stripe

port = int(sys.argv[1])
for _ in range(100):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        break
    except OSError:
        time.sleep(0.1)
client = stripe.StripeClient(
    "sk_test_12345", base_addresses={"api": f"http://127.0.0.1:{port}"}, max_network_retries=0
)
customer = client.v1.customers.create({"name": "A"}).id
print("deleting it:", client.v1.customers.delete(customer).deleted)
for asked, what in ((customer, "it"), ("cus_never", "what never was")):
    try:
        print(f"reading {what}:", client.v1.customers.retrieve(asked))
    except stripe.StripeError as error:
        print(f"reading {what}:", type(error).__name__, error.http_status, error.code)
PYTHON
diff seen - <<'SEEN'
deleting it: True
reading it: InvalidRequestError 404 None
reading what never was: InvalidRequestError 404 None
SEEN

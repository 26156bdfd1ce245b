#!/bin/bash
# localstripe 1.15.10 (with stripe 15.6.2): the Idempotency-Key of a request is ignored. A payment that
# is sent again under its key, as Stripe's own library does after a lost answer, is a second payment;
# the same key with another amount is a third, where Stripe refuses it. So a test against it cannot
# see whether a program charges twice.
#
# Stripe's documentation: the first answer is kept under the key and repeated, with the header
# `Idempotent-Replayed: true`; other parameters under the same key are an `idempotency_error`.
#
# Seen on 2026-11-28:
#   same id: False
#   replayed header: None
#   other amount: succeeded 700
#   taken from the card: 1700
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
card = client.v1.payment_methods.create(
    {"type": "card", "card": {"number": "4242424242424242", "exp_month": 12, "exp_year": 2034, "cvc": "123"}}
).id
client.v1.payment_methods.attach(card, {"customer": customer})


def pay(amount):
    return client.v1.payment_intents.create(
        {
            "amount": amount,
            "currency": "usd",
            "customer": customer,
            "payment_method": card,
            "confirm": True,
            "off_session": True,
        },
        {"idempotency_key": "order-1"},
    )


first, again = pay(500), pay(500)
print("same id:", first.id == again.id)
print("replayed header:", again.last_response.headers.get("Idempotent-Replayed"))
other = pay(700)
print("other amount:", other.status, other.amount)
charges = client.v1.charges.list({"customer": customer}).data
print("taken from the card:", sum(one.amount for one in charges if one.status == "succeeded"))
PYTHON
diff seen - <<'SEEN'
same id: False
replayed header: None
other amount: succeeded 700
taken from the card: 1700
SEEN

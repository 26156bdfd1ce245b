#!/bin/bash
# dj-stripe 2.11.0, stripe 15.6.2: `sync_from_stripe_data` of an object one has already been given
# asks Stripe by itself when it has not met the API key: GET /v1/account, twice, and the files of the
# account's branding. It asks inside the caller's transaction, with the SDK's 80 seconds.
#
# A restricted key gets 403 for /v1/account, so it stores nothing at all, the exception is the SDK's,
# and each further object asks again. `Account.get_default_account` returns None for such keys
# instead, but is not what this way uses.
#
# Seen on 2026-11-28:
#   secret key, first object: stored, in a transaction: True, asked: /v1/account /v1/account /v1/files/file_1
#   secret key, second object: stored, in a transaction: -, asked: nothing
#   restricted key, first object: PermissionError, in a transaction: True, asked: /v1/account
#   restricted key, second object: PermissionError, in a transaction: True, asked: /v1/account
#   patience of the SDK's module: 80 seconds
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    dj-stripe==2.11.0 stripe==15.6.2 Django==5.2.19 requests
cd "$folder"
venv/bin/python - <<'PYTHON' | tee seen
import json
from urllib.parse import urlsplit

import django
import stripe
from django.conf import settings

SECRET, RESTRICTED = "_".join(["sk", "test", "1" * 24]), "_".join(["rk", "test", "2" * 24])
settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    DJSTRIPE_FOREIGN_KEY_TO_FIELD="id",
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "djstripe"],
    MIGRATION_MODULES={"djstripe": None},
    STRIPE_LIVE_MODE=False,
    STRIPE_TEST_SECRET_KEY=SECRET,
    USE_TZ=True,
)
django.setup()
from django.core.management import call_command
from django.db import connection, transaction
from djstripe.models import Customer

call_command("migrate", run_syncdb=True, verbosity=0)
ACCOUNT = {"id": "acct_1", "object": "account", "settings": {"branding": {"icon": "file_1"}}}
FILE = {"id": "file_1", "object": "file", "purpose": "business_icon", "size": 1, "links": {}}
FILE |= {"created": 1, "filename": "a", "type": "png", "url": "https://files.example/1"}
asked, inside = [], []


class Answering(stripe.HTTPClient):
    """Answers as Stripe does, without a network."""

    name = "answering"

    def request(self, method, url, headers, post_data=None):
        path = urlsplit(url).path
        asked.append(path)
        inside.append(connection.in_atomic_block)
        if path == "/v1/account" and RESTRICTED in headers["Authorization"]:
            error = {"type": "invalid_request_error", "message": "rak_accounts_kyc_basic_read"}
            return json.dumps({"error": error}), 403, {}
        return json.dumps(ACCOUNT if path == "/v1/account" else FILE), 200, {}


stripe.default_http_client = Answering()
stripe.max_network_retries = 0


def sync(word, key, number):
    asked.clear()
    inside.clear()
    data = {"id": f"cus_{number}", "object": "customer", "created": 1, "metadata": {}}
    try:
        with transaction.atomic():
            Customer.sync_from_stripe_data(data, api_key=key)
        end = "stored"
    except stripe.StripeError as error:
        end = type(error).__name__
    where = inside[0] if inside else "-"
    print(f"{word}: {end}, in a transaction: {where}, asked: {' '.join(asked) or 'nothing'}")


sync("secret key, first object", SECRET, 1)
sync("secret key, second object", SECRET, 2)
sync("restricted key, first object", RESTRICTED, 3)
sync("restricted key, second object", RESTRICTED, 4)
print(f"patience of the SDK's module: {stripe.new_default_http_client()._timeout} seconds")
PYTHON
diff seen - <<'SEEN'
secret key, first object: stored, in a transaction: True, asked: /v1/account /v1/account /v1/files/file_1
secret key, second object: stored, in a transaction: -, asked: nothing
restricted key, first object: PermissionError, in a transaction: True, asked: /v1/account
restricted key, second object: PermissionError, in a transaction: True, asked: /v1/account
patience of the SDK's module: 80 seconds
SEEN

#!/bin/bash
# dj-stripe 2.11.0, stripe 15.6.2: an Event synced from what the SDK returns stores its whole
# `request` in `request_id`, and loses `idempotency_key`. From a plain dict both are right.
#
# Since stripe 15 a StripeObject is no dict any more, so that `isinstance(request, dict)` is False.
# `djstripe_sync_models Event` and `djstripe_process_events` pass StripeObjects. With PostgreSQL the
# text is longer than the column (50), so each of them ends in a DataError.
#
# Seen on 2026-11-28:
#   from a dict: both are right: True
#   from the SDK: request_id a text of JSON: True, longer than its column: True, idempotency_key ''
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    dj-stripe==2.11.0 stripe==15.6.2 Django==5.2.19 requests
cd "$folder"
venv/bin/python - <<'PYTHON' | tee seen
import django
import stripe
from django.conf import settings

KEY = "_".join(["sk", "test", "1" * 24])
settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    DJSTRIPE_FOREIGN_KEY_TO_FIELD="id",
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "djstripe"],
    MIGRATION_MODULES={"djstripe": None},
    STRIPE_LIVE_MODE=False,
    STRIPE_TEST_SECRET_KEY=KEY,
    USE_TZ=True,
)
django.setup()
from django.core.management import call_command
from djstripe.models import Account, APIKey, Event

call_command("migrate", run_syncdb=True, verbosity=0)
account = Account.objects.create(id="acct_1")
APIKey.objects.create(secret=KEY, type="secret", livemode=False, djstripe_owner_account=account)


def told(number):
    return {
        "id": f"evt_{number}",
        "object": "event",
        "api_version": "2026-05-27.dahlia",
        "created": 1,
        "data": {"object": {"id": "in_1", "object": "invoice"}},
        "livemode": False,
        "pending_webhooks": 0,
        "request": {"id": "req_1234567890abcd", "idempotency_key": "a" * 36},
        "type": "invoice.paid",
    }


event = Event.sync_from_stripe_data(told(1), api_key=KEY)
both = (event.request_id, event.idempotency_key)
print(f"from a dict: both are right: {both == ('req_1234567890abcd', 'a' * 36)}")
event = Event.sync_from_stripe_data(stripe.Event.construct_from(told(2), KEY), api_key=KEY)
text = str(event.request_id)
print(
    f"from the SDK: request_id a text of JSON: {text.startswith('{')}, longer than its column: "
    f"{len(text) > Event._meta.get_field('request_id').max_length}, idempotency_key "
    f"{event.idempotency_key!r}"
)
PYTHON
diff seen - <<'SEEN'
from a dict: both are right: True
from the SDK: request_id a text of JSON: True, longer than its column: True, idempotency_key ''
SEEN

#!/bin/bash
# Django 5.2.19: a session that cannot be written because the database takes no writes (a standby, a failover, a
# full disk) is answered with 400 and "The request's session was deleted before the request completed", though it is
# there. Whoever retries 503 and not 400 gives up; load balancers see a client's mistake.
#
# `SessionStore.save` of the back end `db` raises UpdateError for any DatabaseError, and SessionMiddleware takes each
# for a log-out. The error itself is in `__context__`.
#
# Seen on 2026-11-29:
#   the database takes writes: 200
#   the database takes none: 400, and the session is there: True
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check Django==5.2.19
cd "$folder"
venv/bin/python - <<'PYTHON' | tee seen
import logging

import django
from django.conf import settings

settings.configure(
    ALLOWED_HOSTS=["testserver"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db"}},
    INSTALLED_APPS=["django.contrib.sessions"],
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="of this test alone",
)
django.setup()
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.urls import path


def count(request):
    request.session["count"] = request.session.get("count", 0) + 1
    return HttpResponse("counted")


urlpatterns = [path("", count)]
logging.disable(logging.CRITICAL)
call_command("migrate", verbosity=0)
browser = Client(raise_request_exception=False)
browser.get("/")
print("the database takes writes:", browser.get("/").status_code)
with connection.cursor() as cursor:
    cursor.execute("PRAGMA query_only = ON")
answer = browser.get("/")
print(f"the database takes none: {answer.status_code}, and the session is there: {Session.objects.exists()}")
PYTHON
grep -q "takes none: 400, and the session is there: True" seen

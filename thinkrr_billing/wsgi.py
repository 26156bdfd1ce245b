"""What gunicorn serves."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "thinkrr_billing.settings")
application = get_wsgi_application()

# Only now: they need the apps.
from celery import current_app  # noqa: E402
from django.urls import resolve, reverse  # noqa: E402

from thinkrr_billing.database import limit_statements  # noqa: E402
from thinkrr_billing.memory import keep_what_is_loaded  # noqa: E402

# What the first visitor would wait for, and what each worker would load for itself: the views and
# how they are found, and what speaks to the broker. It connects nowhere: a fork may not share that.
resolve(reverse("healthz"))
current_app.amqp.routes  # noqa: B018
current_app.connection_for_write().get_transport_cls()

limit_statements()
keep_what_is_loaded()

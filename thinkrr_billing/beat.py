"""Beat's Celery application: `celery -A thinkrr_billing.beat beat`.

It only sends what `jobs.py` names, by name, when the clock says so. No app is loaded, no model and
no page: a third of the memory. Workers and nudges have `celery.py`, which sends the same.
"""

import os

from celery import Celery
from celery.signals import setup_logging
from kombu.transport import TRANSPORT_ALIASES

from thinkrr_billing import logs
from thinkrr_billing.jobs import beat_schedule

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "thinkrr_billing.settings")

TRANSPORT_ALIASES["files"] = "thinkrr_billing.sandbox.file_broker:Transport"

# Without Celery's part for Django, which sets all of it up.
app = Celery("thinkrr_billing", fixups=[])
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.beat_schedule = beat_schedule()
setup_logging.connect(logs.set_up)

"""Beat sends what workers know, and loads nothing that it does not need for that."""

import json

from thinkrr_billing import celery
from thinkrr_billing.tests.environments import said_by

LOADED = """
import json, sys
import thinkrr_billing.beat
thinkrr_billing.beat.app.finalize()
print(json.dumps([name for name in sys.modules if name.split(".")[0] in sys.argv[1:]]))
"""
NEVER = ("accounts", "wallets", "campaigns", "psycopg", "rest_framework", "stripe", "unfold")


def test_beat_loads_no_app_no_database_and_no_page():
    assert json.loads(said_by(LOADED, *NEVER)) == []


def test_beat_sends_the_jobs_that_workers_know_with_the_same_options():
    told = said_by(
        "from thinkrr_billing.beat import app; print(repr(dict(app.conf.beat_schedule)))"
    )

    assert told.strip() == repr(dict(celery.app.conf.beat_schedule))


def test_what_beat_says_is_a_line_like_all_others():
    said = said_by(
        "import logging, sys; from celery.signals import setup_logging;"
        "import thinkrr_billing.beat; sys.stderr = sys.stdout;"
        "setup_logging.send(sender=None, loglevel=logging.WARNING);"
        "logging.getLogger('celery.beat').info('kept back');"
        "logging.getLogger('celery.beat').warning('sent')"
    )

    assert said.split(" ", 1)[1] == "WARNING celery.beat sent\n"

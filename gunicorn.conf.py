"""Read by `gunicorn thinkrr_billing.wsgi` wherever it starts in this folder.

WEB_CONCURRENCY in the environment says how many workers; without it there is one.
"""

import os
import shutil
from secrets import token_hex
from tempfile import gettempdir
from typing import Any

logger_class = "thinkrr_billing.access_log.AccessLog"
# Loaded once, before the fork, so that workers share it. New code needs a new start: a HUP would
# only fork the old again.
preload_app = True
# Of each worker. Who waits for Stripe holds one, and each keeps a connection to PostgreSQL.
threads = 8
# Told to stop, it ends the requests it has: a person's charge takes up to a minute.
graceful_timeout = 65
# Longer than nginx keeps an idle connection: who closes is never asked at the same moment.
keepalive = 5
# Nobody steers it while it runs. It would lie in the home of its user, who may write nothing there,
# and be the same for both colours of a host.
control_socket_disable = True
# Where its workers count requests, for /metrics to add up (thinkrr_billing/figures/requests.py).
_counted = f"{gettempdir()}/thinkrr-billing-{token_hex(8)}"
raw_env = [f"PROMETHEUS_MULTIPROC_DIR={_counted}"]


def on_starting(server: Any) -> None:  # noqa: ARG001
    os.mkdir(_counted, 0o700)


def on_exit(server: Any) -> None:  # noqa: ARG001
    shutil.rmtree(_counted, ignore_errors=True)

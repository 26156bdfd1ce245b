"""Read by `gunicorn thinkrr_billing.wsgi` wherever it starts in this folder.

WEB_CONCURRENCY in the environment says how many workers; without it there is one.
"""

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

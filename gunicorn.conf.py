"""Read by `gunicorn thinkrr_billing.wsgi` wherever it starts in this folder."""

logger_class = "thinkrr_billing.access_log.AccessLog"

"""What gunicorn serves."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "thinkrr_billing.settings")
application = get_wsgi_application()

from thinkrr_billing.database import limit_statements  # noqa: E402

limit_statements()

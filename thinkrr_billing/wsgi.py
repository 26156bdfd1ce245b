"""What gunicorn serves."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "thinkrr_billing.settings")
application = get_wsgi_application()

# With the views already loaded the first visitor does not wait for them.
import thinkrr_billing.urls  # noqa: E402, F401
from thinkrr_billing.database import limit_statements  # noqa: E402
from thinkrr_billing.memory import keep_what_is_loaded  # noqa: E402

limit_statements()
keep_what_is_loaded()

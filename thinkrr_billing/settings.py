"""All settings, from the environment. README.md lists the variables; env.py refuses bad values."""

import os
import zoneinfo
from pathlib import Path

from csp.constants import NONE, SELF

from thinkrr_billing import env, logs, private, programs, redis_servers, stripe_env
from thinkrr_billing.env import BadEnvironment

BASE_DIR = Path(__file__).resolve().parent.parent
# What a developer's machine keeps: the embedded database, the sandbox's state, mails, messages.
# DATA_DIR names another folder, as `make demo` does for its throw-away parts.
DATA_DIR = Path(env.text("DATA_DIR") or BASE_DIR / ".data").resolve()

# Without a database of one's own this can only be a developer's machine.
DEBUG = env.boolean("DEBUG", default=not env.text("DATABASE_URL"))
if not DEBUG and not env.text("DATABASE_URL"):
    raise BadEnvironment(
        "DATABASE_URL is not set: production (DEBUG=False) never uses the embedded PostgreSQL; "
        "use postgres://user:password@host:5432/name."
    )

if DEBUG:
    # As root the embedded PostgreSQL runs as another user, who must get to its own folder.
    private.make(DATA_DIR)
    if DATA_DIR == BASE_DIR / ".data":
        private.close(DATA_DIR, mode=private.PASSABLE if os.geteuid() == 0 else private.CLOSED)
        for _folder in ("mail", "queue", "control"):
            private.close(DATA_DIR / _folder)

SECRET_KEY = env.secret_key(debug=DEBUG)
ALLOWED_HOSTS = env.hosts(debug=DEBUG)
PORT = env.port("PORT", default=8000)
REDIS_URL = env.redis(debug=DEBUG)
SITE_URL = env.web_address("SITE_URL") or (
    f"http://127.0.0.1:{PORT}" if DEBUG else f"https://{ALLOWED_HOSTS[0].lstrip('.')}"
)

# --- Stripe: the gateway reads the first four; dj-stripe, the mirror, reads the rest.
_stripe = stripe_env.read(debug=DEBUG, data=DATA_DIR)
STRIPE_SECRET_KEY = _stripe.secret_key
STRIPE_WEBHOOK_SECRET = _stripe.webhook_secret
STRIPE_API_BASE = _stripe.api_base
STRIPE_API_VERSION = "2026-08-26.dahlia"
STRIPE_SANDBOX = _stripe.sandbox
STRIPE_LIVE_MODE = _stripe.live
STRIPE_LIVE_SECRET_KEY = STRIPE_SECRET_KEY if _stripe.live else ""
STRIPE_TEST_SECRET_KEY = "" if _stripe.live else STRIPE_SECRET_KEY
if STRIPE_API_BASE != stripe_env.STRIPE_API:
    STRIPE_API_HOST = STRIPE_API_BASE
DJSTRIPE_FOREIGN_KEY_TO_FIELD = "id"
# dj-stripe's own migrations take a minute of CPU; the overlay's one takes seconds.
MIGRATION_MODULES = {"djstripe": "thinkrr_billing.djstripe_migrations"}

# --- Parts
INSTALLED_APPS = [
    "accounts",
    "wallets",
    "campaigns",
    "thinkrr_billing",
    # Before the admin, whose templates it replaces.
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "thinkrr_billing.staff.apps.StaffAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "djmoney",
    "djstripe",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "csp",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "hijack",
    # Last: it leaves of the others' admin what staff need.
    "thinkrr_billing.staff.apps.StaffConfig",
]
MIDDLEWARE = [
    "thinkrr_billing.probes.ProbesMiddleware",
    "thinkrr_billing.figures.requests.RequestFiguresMiddleware",
    # Before whatever may refuse a request, so that refusals say it as well.
    "thinkrr_billing.headers.HeadersMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "thinkrr_billing.plain_http.RefusePlainPrograms",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "thinkrr_billing.sessions.SessionTimeoutMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "thinkrr_billing.unstorable.RefuseUnstorable",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "hijack.middleware.HijackUserMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "accounts.middleware.CurrentAccountMiddleware",
    "accounts.views.fresh.FreshPasswordMiddleware",
]
TRACES = env.traces()
if TRACES:
    # Within the one that names the request.
    MIDDLEWARE.insert(
        MIDDLEWARE.index("accounts.middleware.CurrentAccountMiddleware") + 1,
        "thinkrr_billing.tracing.TracingMiddleware",
    )
ROOT_URLCONF = "thinkrr_billing.urls"
WSGI_APPLICATION = "thinkrr_billing.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    [
                        "thinkrr_billing.templates.Loader",
                        "django.template.loaders.app_directories.Loader",
                    ],
                )
            ],
            # Every form names the account it is about, beside its token.
            "builtins": ["accounts.templatetags.page_forms"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "accounts.context_processors.shell",
                "campaigns.views.banner.on_every_page",
            ],
        },
    }
]

# --- Database and cache
if env.text("DATABASE_URL"):
    _database_url = env.text("DATABASE_URL")
else:
    # Imported here: production never loads what stands in for the outside world.
    from thinkrr_billing.sandbox.postgres import database_url

    _database_url = database_url(DATA_DIR)
_database = env.database(_database_url)
DATABASES = {
    "default": {
        **_database,
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }
}
# Where what may be some seconds old is read (accounts/runtime/standby.py).
if _standby_url := env.text("DATABASE_STANDBY_URL"):
    DATABASES["standby"] = {
        **env.database(_standby_url, name="DATABASE_STANDBY_URL"),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "TEST": {"MIRROR": "default"},
    }
    MIDDLEWARE.insert(
        MIDDLEWARE.index("accounts.middleware.CurrentAccountMiddleware"),
        "accounts.runtime.just_changed.JustChangedMiddleware",
    )
# Whether accounts live in cells (`manage.py cells`), each a schema of its own.
CELLS = env.boolean("CELLS", default=False)
# All queries would ask it.
DATABASE_ROUTERS = ["thinkrr_billing.cells.migrating.Router"] if CELLS else []
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# With its name, for which django-money would load Babel's names of everything: 4 MB a process.
CURRENCY_CHOICES = [("USD", "US Dollar")]
if REDIS_URL:
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            # A list: a text would be taken apart at its commas.
            "LOCATION": [REDIS_URL],
            # A hung Redis must not hang a page.
            "OPTIONS": {
                "socket_timeout": 2,
                "socket_connect_timeout": 2,
                **redis_servers.cache_options(REDIS_URL),
            },
            "KEY_PREFIX": "thinkrr",
        }
    }
else:
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

# --- Language and time
LANGUAGE_CODE = "en-us"
USE_I18N = False
FORMAT_MODULE_PATH = "thinkrr_billing.formats"
USE_TZ = True
TIME_ZONE = "UTC"
# The pinned tzdata alone says what a zone is: the machine's files would win over it.
zoneinfo.reset_tzpath(to=())
zoneinfo.ZoneInfo.clear_cache()

# --- People and sessions
AUTH_USER_MODEL = "accounts.User"
_DJANGOS = "django.contrib.auth.password_validation"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"{_DJANGOS}.UserAttributeSimilarityValidator"},
    # Long ones need no rule about letters: NIST SP 800-63B-4, and ASVS 6.2.1 asks for 8.
    {"NAME": f"{_DJANGOS}.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": f"{_DJANGOS}.CommonPasswordValidator"},
    {"NAME": "accounts.people.passwords.LeakedPasswordValidator"},
    {"NAME": "accounts.people.own_words.OwnWordsValidator"},
    {"NAME": f"{_DJANGOS}.NumericPasswordValidator"},
]
# The mail and the page say so, too.
PASSWORD_RESET_TIMEOUT = 2 * 3600
LOGIN_URL = "accounts:login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "accounts:login"
SESSION_ENGINE = "thinkrr_billing.sessions"
# A session ends a week after the log-in, and after 12 hours without a page (sessions.py).
SESSION_COOKIE_AGE = 7 * 24 * 3600
SESSION_IDLE_SECONDS = 12 * 3600

# --- Support staff: a second factor, and looking as a customer (thinkrr_billing/staff)
OTP_TOTP_ISSUER = "thinkrr billing"
# Each wrong code doubles the wait for the next try: 1, 2, 4 seconds ...
OTP_TOTP_THROTTLE_FACTOR = OTP_STATIC_THROTTLE_FACTOR = 1
HIJACK_PERMISSION_CHECK = "thinkrr_billing.staff.looking.may_look"
UNFOLD = {
    "SITE_TITLE": "thinkrr support",
    "SITE_HEADER": "thinkrr support",
    "SITE_URL": None,
    "SITE_SYMBOL": "support_agent",
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_HISTORY": False,
    "SITE_FAVICONS": [
        {
            "rel": "icon",
            "type": "image/svg+xml",
            "href": "thinkrr_billing.staff.navigation.favicon",
        }
    ],
    "STYLES": ["thinkrr_billing.staff.navigation.style_sheet"],
    "SCRIPTS": ["thinkrr_billing.staff.navigation.copy_script"],
    # Our blue, in Unfold's ten shades.
    "COLORS": {
        "primary": {
            "50": "#f1f6ff",
            "100": "#e7effd",
            "200": "#c9dbfb",
            "300": "#a0c0f7",
            "400": "#6fa0f2",
            "500": "#3f7ce6",
            "600": "#1d5bd0",
            "700": "#1749a8",
            "800": "#153c85",
            "900": "#14336c",
            "950": "#0d2147",
        }
    },
    "SIDEBAR": {"navigation": "thinkrr_billing.staff.navigation.sidebar"},
}

# --- Cookies and headers
SESSION_COOKIE_NAME = "sessionid" if DEBUG else "__Host-sessionid"
CSRF_COOKIE_NAME = "csrftoken" if DEBUG else "__Host-csrftoken"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEBUG
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
# What happened is told from the session: a cookie of its own would carry addresses and names.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
CSRF_FAILURE_VIEW = "accounts.views.stale.csrf_failure"
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
if not DEBUG:
    SECURE_SSL_REDIRECT = True
    # Probes ask by address and plain HTTP from inside; programs are refused, not redirected.
    SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$", programs.PATHS]
    # The proxy in front must set or remove this header itself; see README.md, Deploy.
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 365 * 24 * 3600
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        # Forms of ours may end on Stripe's pages: adding a card, confirming with the bank.
        "form-action": [
            SELF,
            *(
                ["https://checkout.stripe.com", "https://hooks.stripe.com"]
                if STRIPE_API_BASE == stripe_env.STRIPE_API
                else [STRIPE_API_BASE]
            ),
        ],
        "base-uri": [NONE],
        "object-src": [NONE],
        "frame-ancestors": [NONE],
    }
}
# A form or an API request is small; the calls route raises its own limit.
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024

# --- Static files
STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static" if DEBUG else BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = DEBUG
# Nobody else's page needs ours.
WHITENOISE_ALLOW_ALL_ORIGINS = False
if DEBUG:
    # Nothing is collected on a developer's machine, and WhiteNoise warns of a missing folder.
    STATIC_ROOT.mkdir(parents=True, exist_ok=True)

# --- Mail
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.address(
    "DEFAULT_FROM_EMAIL", default="thinkrr billing <billing@localhost.localdomain>"
)
EMAIL_TIMEOUT = 10
globals().update(env.email(debug=DEBUG, mail_folder=DATA_DIR / "mail"))

# --- The API
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.api.client.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.api.client.HasApiKey"],
    "DEFAULT_THROTTLE_CLASSES": ["accounts.api.client.KeyThrottle"],
    "DEFAULT_PARSER_CLASSES": ["accounts.api.strict.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["accounts.api.encoding.AnswerRenderer"],
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.CursorPagination",
    "DEFAULT_SCHEMA_CLASS": "accounts.api.schema.RouteSchema",
    "EXCEPTION_HANDLER": "accounts.api.answers.exception_handler",
    "PAGE_SIZE": 50,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "thinkrr billing",
    "DESCRIPTION": "Wallets, Auto-Recharge, monthly allocation, calls and campaigns. Every request "
    "needs an API key; every refusal has one shape, and its code is one of `ErrorCodeEnum`. Money "
    "is a text in dollars, a time has its offset.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "SERVERS": [{"url": SITE_URL, "description": "This installation."}],
    "TAGS": [
        {"name": "Calls", "description": "May a call start, and what did it cost?"},
        {"name": "Campaigns", "description": "Registering campaigns, and the steps of their life."},
        {"name": "Wallet", "description": "What an account has, and every movement of it."},
        {"name": "Recharges", "description": "Charging a card, and what became of it."},
        {"name": "Auto-Recharge", "description": "Charging a card when the balance runs low."},
        {"name": "Cards", "description": "Saved cards, and which of them is charged."},
        {"name": "Alerts", "description": "What an account wants to hear of, and who hears it."},
        {"name": "Why", "description": "What was decided, what was charged, and why."},
        {"name": "Sub-accounts", "description": "An agency's sub-accounts and what it buys them."},
        {"name": "Usage", "description": "What calls used, added up."},
        {"name": "Papers", "description": "Receipts and months, for the bookkeeper."},
        {"name": "Rates", "description": "What a minute costs."},
        {"name": "Account", "description": "Who works in an account, and what it was told."},
        {"name": "Webhooks", "description": "Where events are sent to, and what was sent."},
        {"name": "Changes", "description": "What changed since it was last asked."},
    ],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "accounts.api.schema.finished",
    ],
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PUBLIC": True,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    # Several fields are called status or minute_type; each set of choices gets its own name.
    "ENUM_NAME_OVERRIDES": {
        "ErrorCodeEnum": "accounts.api.codes.CHOICES",
        "RejectionCodeEnum": "campaigns.reports.REJECTION_CHOICES",
        "AccountStatusEnum": "accounts.models.Account.Status",
        "PurchaseBuysEnum": "wallets.models.Purchase.Buys",
        "AutoRechargeStatusEnum": "wallets.api.wallet.AutoRechargeState.__args__",
        "BalanceStatusEnum": "wallets.api.wallet.BalanceStatus.__args__",
        "MinuteTypeEnum": "wallets.models.MinuteType",
        "CampaignMinuteTypeEnum": "campaigns.models.MinuteUse",
        "WebhookStatusEnum": "accounts.api.webhook_shapes.Status.__args__",
        "CampaignStatusEnum": "campaigns.models.Campaign.Status",
        "EntryKindEnum": "wallets.models.LedgerEntry.Kind",
        "ChangeShapeKindEnum": "accounts.models.Change.Kind",
        "AlertKindEnum": "wallets.models.Alert.Kind",
        "PurchaseStateEnum": "wallets.models.Purchase.State",
        "RunStateEnum": "wallets.models.AllocationRun.State",
        "AskStateEnum": "wallets.models.MinuteAsk.State",
        "NewRechargeBuysEnum": "wallets.api.recharges.Buys.__args__",
    },
}

# --- Outgoing webhooks: a developer's may lead to their own machine, in plain HTTP; nobody else's.
WEBHOOKS_MAY_STAY_HERE = DEBUG

# --- Celery: a message is only a hint (docs/decisions), so what is lost is found by the sweeps.
_VISIBILITY_TIMEOUT = 600
if REDIS_URL:
    CELERY_BROKER_URL, _of_the_broker = redis_servers.broker(REDIS_URL)
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        **_of_the_broker,
        "visibility_timeout": _VISIBILITY_TIMEOUT,
        "socket_timeout": 5,
        "socket_connect_timeout": 5,
        "socket_keepalive": True,
        "health_check_interval": 25,
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
    }
    CELERY_RESULT_BACKEND_TRANSPORT_OPTIONS = {"visibility_timeout": _VISIBILITY_TIMEOUT}
    CELERY_VISIBILITY_TIMEOUT = _VISIBILITY_TIMEOUT
else:
    _queue, _control = DATA_DIR / "queue", DATA_DIR / "control"
    for _folder in (_queue, _control):
        private.make(_folder)
    # The host means nothing; without one every message is logged with a warning.
    CELERY_BROKER_URL = "files://localhost"
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(_queue),
        "data_folder_out": str(_queue),
        "control_folder": str(_control),
        "polling_interval": 0.2,
    }
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
CELERY_TASK_ACKS_LATE = True
# A message that killed its worker would kill the next one, for ever: the sweeps find its work.
CELERY_TASK_REJECT_ON_WORKER_LOST = False
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SOFT_TIME_LIMIT = 60
CELERY_TASK_TIME_LIMIT = 90
CELERY_TASK_PUBLISH_RETRY_POLICY = {
    "max_retries": 2,
    "interval_start": 0,
    "interval_step": 0.2,
    "interval_max": 0.5,
}
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_MAX_TASKS_PER_CHILD = 1000
# Celery ends no connection to PostgreSQL in a child's life: Django does (celery.py).
CELERY_DB_REUSE_MAX = CELERY_WORKER_MAX_TASKS_PER_CHILD
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TIMEZONE = "UTC"
CELERY_ENABLE_UTC = True
# Beat remembers nothing: it only ticks, and what is due is computed from rows.
CELERY_BEAT_SCHEDULER = "celery.beat:Scheduler"

# --- Logging: one line a record, ids and codes only.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": logs.FORMATTERS[env.log_format()]}},
    "filters": {"without_tokens": {"()": "thinkrr_billing.redaction.WithoutTokens"}},
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["without_tokens"],
        }
    },
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "django.server": {"handlers": ["console"], "level": "INFO", "propagate": False},
        # Both write whole requests at INFO.
        "stripe": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},
        # What becomes of a worker's children. Celery lets nobody else hear of it.
        "multiprocessing": {"handlers": ["console"], "level": "ERROR", "propagate": False},
        # A line when a task ends is enough; no second one when it came.
        "celery.worker.strategy": {"level": "WARNING"},
    },
}

# --- Monitoring
METRICS_TOKEN = env.metrics_token()
METRICS_NETWORKS = env.metrics_networks(debug=DEBUG)
SENTRY_DSN = env.sentry_dsn()
if SENTRY_DSN:
    import sentry_sdk

    from thinkrr_billing.redaction import event_without_tokens

    sentry_sdk.init(
        dsn=SENTRY_DSN,
        send_default_pii=False,
        include_local_variables=False,
        # Sent by default, and only fields of the name `password` would be left out.
        max_request_body_size="never",
        before_send=event_without_tokens,
        before_send_transaction=event_without_tokens,
    )

"""All settings, read from the environment; nothing secret has a default here."""

from pathlib import Path
from typing import Any

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured


class Environment(environ.Env):
    """The process's environment, which names the variable that cannot be read."""

    def get_value(self, var: str, *args: Any, **kwargs: Any) -> Any:
        """Read one variable."""
        try:
            return super().get_value(var, *args, **kwargs)
        except ValueError as error:
            raise ImproperlyConfigured(f"{var} cannot be read: {error}.") from None


env = Environment()
BASE_DIR = Path(__file__).resolve().parent.parent


# --- Where it runs ----------------------------------------------------------------------------------------------------

DEMO = env.bool("DEMO", default=False)
DEBUG = env.bool("DEBUG", default=False)


def required(name: str) -> str:
    """Read a setting without which the portal cannot run."""
    value = env.str(name, default="").strip()
    if not value:
        raise ImproperlyConfigured(f"{name} is not set. Set it in the environment; .env.example says what it is for.")
    return value


def outside_address(name: str, default: str | None = None) -> str:
    """Read the base address of a vendor or of the portal itself, https everywhere but in the demo."""
    value = (env.str(name, default=default) if default else required(name)).rstrip("/")
    if not (value.startswith("https://") or (DEMO and value.startswith("http://"))):
        raise ImproperlyConfigured(f"{name} must begin with https://.")
    return value


SECRET_KEY = required("SECRET_KEY")
PUBLIC_BASE_URL = outside_address("PUBLIC_BASE_URL")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"] if DEMO else [])
if not ALLOWED_HOSTS:
    required("ALLOWED_HOSTS")
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
ROOT_URLCONF = "botaniqal.urls"
WSGI_APPLICATION = "botaniqal.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"


# --- Apps and middleware ----------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "botaniqal.apps.PortalAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "anymail",
    "corsheaders",
    "csp",
    "botaniqal.api",
    "botaniqal.accounts",
    "botaniqal.integrations",
    "botaniqal.messages",
    "botaniqal.wording",
    "services",
    "practitioners",
    "bookings",
    "triage",
    "botaniqal.reports",
    "botaniqal.alerts",
    "botaniqal.apps.Portal",
]

MIDDLEWARE = [
    "botaniqal.request_log.RequestLog",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "botaniqal.timing.Timing",
    "django.middleware.gzip.GZipMiddleware",
    "csp.middleware.CSPMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "botaniqal.reports.sidebar.sidebar",
            ],
        },
    },
]


# --- Database, cache, broker ------------------------------------------------------------------------------------------

DATABASES = {"default": env.db_url_config(required("DATABASE_URL"))}
DATABASES["default"].setdefault("OPTIONS", {})
# What availability asks is prepared from its third time on (Django's own cursors prepare nothing).
DATABASES["default"]["OPTIONS"].setdefault("prepare_threshold", 3)
# jit costs more than it saves on our short queries, and so does planning a prepared one anew; a lock that is not had in
# 2 s becomes a 503, not a hung page. Today's disks read here and there as quickly as in a row: with PostgreSQL's own
# guess, which is that of a spinning one, it reads a table of a million rows rather than an index ten thousand times.
DATABASES["default"]["OPTIONS"].setdefault(
    "options", "-c jit=off -c plan_cache_mode=force_generic_plan -c lock_timeout=2000 -c random_page_cost=1.1"
)
DATABASES["default"]["CONN_MAX_AGE"] = env.int("DATABASE_CONN_MAX_AGE", default=300)
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True

REDIS_URL = required("REDIS_URL")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {"socket_timeout": 0.5, "socket_connect_timeout": 0.5},
    }
}

# Where the calls to vendors are counted.
LIMITS_PREFIX = "limits"
# Where everything is counted that /metrics tells.
COUNTERS_PREFIX = "counters"

# kombu spells a unix socket differently from redis-py.
CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# Celery's own 100 tries end a worker after an hour without its broker.
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_timeout": 5, "socket_connect_timeout": 1}
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
# So often at least the scheduler leaves its mark.
CELERY_BEAT_SCHEDULER = "botaniqal.heartbeats:SeenScheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 10


# --- People -----------------------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["botaniqal.accounts.login.PasswordBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
CONSULTANT_JWT_SECRET = required("CONSULTANT_JWT_SECRET")
PHONE_BOOKING_API_KEY = env.str("PHONE_BOOKING_API_KEY", default="")


# --- Web security -----------------------------------------------------------------------------------------------------

SECURE_SSL_REDIRECT = not (DEMO or DEBUG)
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.bool("BEHIND_PROXY", default=False) else None
SECURE_HSTS_SECONDS = 0 if DEMO or DEBUG else 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SECURE_HSTS_SECONDS > 0
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not (DEMO or DEBUG)
SESSION_COOKIE_AGE = 12 * 60 * 60
# Two portals on one machine (demo and rehearsal) must not log each other out.
SESSION_COOKIE_NAME = "botaniqal_session"
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "botaniqal.api.errors.form_refused"
# The clinic's own website: what the public may ask by API, it may ask from a page there. No cookie goes along.
CORS_ALLOWED_ORIGINS = env.list("CORS_ALLOWED_ORIGINS", default=[])
CORS_URLS_REGEX = r"/(embed\.js|api/(services(/[\w-]+)?|waitlist|consultations/book|practitioners/availability))\Z"
CORS_ALLOW_CREDENTIALS = False
CORS_ALLOW_METHODS = ["GET", "OPTIONS", "POST"]
CORS_ALLOW_HEADERS = ["content-type", "idempotency-key"]
CORS_PREFLIGHT_MAX_AGE = 3600
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000
FILE_UPLOAD_HANDLERS = ["botaniqal.uploads.NoFiles"]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}


# --- Language, time, static files -------------------------------------------------------------------------------------

LANGUAGE_CODE = "en-au"
USE_I18N = True
USE_TZ = True
CLINIC_TIME_ZONE = env.str("CLINIC_TIME_ZONE", default="Australia/Melbourne")
TIME_ZONE = CLINIC_TIME_ZONE
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = DEMO
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEMO or DEBUG
        else "botaniqal.static.HashedModules"
    },
}


# --- HTTP API ---------------------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "practitioners.tokens.ConsultantToken",
        "practitioners.tokens.PhoneSystemKey",
        "practitioners.tokens.PortalSession",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["botaniqal.api.fields.StrictJSON"],
    "DEFAULT_SCHEMA_CLASS": "botaniqal.api.schema.PortalSchema",
    "DEFAULT_PAGINATION_CLASS": None,
    "DEFAULT_THROTTLE_RATES": {
        "public-read": env.str("PUBLIC_READ_RATE", default="600/min"),
        "public-write": env.str("PUBLIC_WRITE_RATE", default="30/min"),
        "public-email": env.str("PUBLIC_EMAIL_RATE", default="5/h"),
        "public-book": env.str("PUBLIC_BOOK_RATE", default="10/h"),
        "public-join": env.str("PUBLIC_JOIN_RATE", default="20/h"),
        "login": env.str("LOGIN_RATE", default="10/min"),
    },
    "NUM_PROXIES": 1 if env.bool("BEHIND_PROXY", default=False) else 0,
    "EXCEPTION_HANDLER": "botaniqal.api.errors.answer",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Botaniqal portal",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}


# --- Vendors ----------------------------------------------------------------------------------------------------------

VENDOR_TIMEOUT_SECONDS = env.float("VENDOR_TIMEOUT_SECONDS", default=10)


def limits(name: str, default: str) -> list[tuple[int, float]]:
    """Read how much may be asked of a vendor: "10/60 100/86400" is 10 a minute and 100 a day, "off" is no limit."""
    words = env.str(name, default="").strip() or default
    try:
        pairs = [] if words == "off" else [pair.split("/") for pair in words.split()]
        read = [(int(most), float(seconds)) for most, seconds in pairs]
    except ValueError:
        read = [(0, 0)]
    if any(most < 1 or seconds <= 0 for most, seconds in read):
        raise ImproperlyConfigured(f"{name} must be pairs of calls/seconds, as 10/60 100/86400, or off.")
    return read


CALENDLY_BASE_URL = outside_address("CALENDLY_BASE_URL", "https://api.calendly.com")
CALENDLY_API_KEY = env.str("CALENDLY_API_KEY", default="")
CALENDLY_ORGANIZATION = env.str("CALENDLY_ORGANIZATION", default="")
CALENDLY_WEBHOOK_SIGNING_KEY = env.str("CALENDLY_WEBHOOK_SIGNING_KEY", default="")
CALENDLY_TRIAGE_CALENDAR_ID = env.str("CALENDLY_TRIAGE_CALENDAR_ID", default="")
CALENDLY_LIMITS = limits("CALENDLY_LIMITS", "500/60")
CALENDLY_INVITEE_LIMITS = limits("CALENDLY_INVITEE_LIMITS", "10/60 50/3600 100/86400")
CALENDLY_PRACTITIONER_CALENDAR_IDS = {
    name: env.str(f"CALENDLY_{name}_CALENDAR_ID", default="")
    for name in ("DR_DIA", "DR_SHIVANI", "NURSE", "GAPS_COACH", "CONSULTANT")
}

MEDIRECORDS_BASE_URL = outside_address("MEDIRECORDS_BASE_URL", "https://api.medirecords.com")
MEDIRECORDS_API_KEY = env.str("MEDIRECORDS_API_KEY", default="")
MEDIRECORDS_PRACTICE_ID = env.str("MEDIRECORDS_PRACTICE_ID", default="")
MEDIRECORDS_TIME_ZONE = env.str("MEDIRECORDS_TIME_ZONE", default=CLINIC_TIME_ZONE)
MEDIRECORDS_LIMITS = limits("MEDIRECORDS_LIMITS", "20/10")

GRAPH_BASE_URL = outside_address("GRAPH_BASE_URL", "https://graph.microsoft.com/v1.0")
GRAPH_LOGIN_URL = outside_address("GRAPH_LOGIN_URL", "https://login.microsoftonline.com")
GRAPH_TENANT = env.str("GRAPH_TENANT", default="")
GRAPH_CLIENT_ID = env.str("GRAPH_CLIENT_ID", default="")
GRAPH_CLIENT_SECRET = env.str("GRAPH_CLIENT_SECRET", default="")
GRAPH_LIMITS = limits("GRAPH_LIMITS", "10000/600")

PAGERDUTY_BASE_URL = outside_address("PAGERDUTY_BASE_URL", "https://events.pagerduty.com")
PAGERDUTY_ROUTING_KEY = env.str("PAGERDUTY_ROUTING_KEY", default="")

JOTFORM_BASE_URL = outside_address("JOTFORM_BASE_URL", "https://api.jotform.com")
JOTFORM_API_KEY = env.str("JOTFORM_API_KEY", default="")
# Several while one takes the other's place; without any, every submission is refused.
JOTFORM_WEBHOOK_SECRETS = env.list("JOTFORM_WEBHOOK_SECRETS", default=[])
JOTFORM_FORM_IDS = env.list("JOTFORM_FORM_IDS", default=[])

STRIPE_BASE_URL = outside_address("STRIPE_BASE_URL", "https://api.stripe.com")
STRIPE_CHECKOUT_URL = outside_address("STRIPE_CHECKOUT_URL", "https://checkout.stripe.com")
STRIPE_SECRET_KEY = env.str("STRIPE_SECRET_KEY", default="")
STRIPE_WEBHOOK_SECRET = env.str("STRIPE_WEBHOOK_SECRET", default="")

EMAIL_BACKEND = "botaniqal.messages.ses.NamedRequests"
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="Botaniqal <hello@botaniqal.example>")
ANYMAIL = {
    "WEBHOOK_SECRET": env.str("ANYMAIL_WEBHOOK_SECRET", default="") or None,
    "AMAZON_SES_CLIENT_PARAMS": {
        "region_name": env.str("SES_REGION", default="ap-southeast-2"),
        "endpoint_url": outside_address("SES_ENDPOINT_URL", "https://email.ap-southeast-2.amazonaws.com"),
        "config": {
            "connect_timeout": VENDOR_TIMEOUT_SECONDS,
            "read_timeout": VENDOR_TIMEOUT_SECONDS,
            "retries": {"max_attempts": 1},
        },
    },
    # By it Amazon SES knows to which topic it publishes what becomes of our e-mails.
    "AMAZON_SES_CONFIGURATION_SET_NAME": env.str("SES_CONFIGURATION_SET", default="") or None,
}


# --- Time spans (seconds unless the name says otherwise) --------------------------------------------------------------

HOLD_SECONDS = env.int("HOLD_SECONDS", default=300)
CHECKOUT_MINUTES = env.int("CHECKOUT_MINUTES", default=31)  # Stripe keeps none open for less than 30
CHECKOUT_LOOK_SECONDS = env.float("CHECKOUT_LOOK_SECONDS", default=300)  # how often an open one is looked at
PAYMENT_LINK_HOURS = env.int("PAYMENT_LINK_HOURS", default=24)  # nor for more than 24
OFFER_MINUTES = env.float("OFFER_MINUTES", default=60)
REMINDER_HOURS = env.list("REMINDER_HOURS", cast=float, default=[24, 2])
UNDO_SECONDS = env.int("UNDO_SECONDS", default=120)
ESCALATION_SECONDS = env.int("ESCALATION_SECONDS", default=300)
CARD_ALERT_MINUTES = env.int("CARD_ALERT_MINUTES", default=15)
NO_ANSWER_TRIES = env.int("NO_ANSWER_TRIES", default=3)
SYNC_WAIT_SECONDS = env.float("SYNC_WAIT_SECONDS", default=3)
SYNC_LEASE_SECONDS = env.float("SYNC_LEASE_SECONDS", default=60)
SYNC_BACKOFF_SECONDS = env.float("SYNC_BACKOFF_SECONDS", default=60)
SYNC_BACKOFF_MAX_SECONDS = env.float("SYNC_BACKOFF_MAX_SECONDS", default=21_600)
SYNC_TRIES = env.int("SYNC_TRIES", default=8)
SWEEP_SECONDS = env.float("SWEEP_SECONDS", default=5)
JOIN_LINK_WAIT_SECONDS = env.float("JOIN_LINK_WAIT_SECONDS", default=20)
WEBHOOK_TOLERANCE_SECONDS = env.float("WEBHOOK_TOLERANCE_SECONDS", default=180)
IDEMPOTENCY_KEEP_HOURS = env.int("IDEMPOTENCY_KEEP_HOURS", default=24)
INBOX_KEEP_DAYS = env.int("INBOX_KEEP_DAYS", default=90)
INBOX_WAIT_SECONDS = env.float("INBOX_WAIT_SECONDS", default=900)
CALENDAR_POLL_SECONDS = env.float("CALENDAR_POLL_SECONDS", default=300)
CALENDAR_DEBOUNCE_SECONDS = env.float("CALENDAR_DEBOUNCE_SECONDS", default=2)
CALENDAR_STALE_MINUTES = env.float("CALENDAR_STALE_MINUTES", default=20)
CALENDAR_AHEAD_DAYS = env.int("CALENDAR_AHEAD_DAYS", default=60)
SUBSCRIPTION_CHECK_SECONDS = env.float("SUBSCRIPTION_CHECK_SECONDS", default=3_600)
SUBSCRIPTION_LIFE_SECONDS = env.float("SUBSCRIPTION_LIFE_SECONDS", default=216_000)
SUBSCRIPTION_SILENT_HOURS = env.float("SUBSCRIPTION_SILENT_HOURS", default=72)
LINK_CHECK_SECONDS = env.float("LINK_CHECK_SECONDS", default=900)
ALERT_SECONDS = env.float("ALERT_SECONDS", default=30)
RECONCILE_BRAKE = env.int("RECONCILE_BRAKE", default=20)
RECONCILE_DAYS = env.int("RECONCILE_DAYS", default=60)


# --- Logs, errors, traces ---------------------------------------------------------------------------------------------

# How this version is called, on the status page and by those below.
RELEASE = env.str("RELEASE", default="")
SENTRY_DSN = env.str("SENTRY_DSN", default="")
# Whoever has it may read /metrics; without one it is answered to nobody, but in the demo to its own machine.
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")
if 0 < len(METRICS_TOKEN) < 20:
    raise ImproperlyConfigured("METRICS_TOKEN must have at least 20 characters.")
OTEL_EXPORTER_OTLP_ENDPOINT = env.str("OTEL_EXPORTER_OTLP_ENDPOINT", default="")
LOG_FORMAT = env.str("LOG_FORMAT", default="line" if DEMO or DEBUG else "json")
if LOG_FORMAT not in ("line", "json"):
    raise ImproperlyConfigured("LOG_FORMAT must be line or json.")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "class": "botaniqal.logs.WithoutWords",
            "format": "%(asctime)s %(levelname)s %(name)s [%(request_id)s] %(message)s",
        },
        "json": {"class": "botaniqal.logs.JsonLines"},
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT}},
    "root": {"handlers": ["stderr"], "level": env.str("LOG_LEVEL", default="INFO")},
    # They write a line of each bell that rings, is heard and ends: a dozen a second, forever. What it did is written.
    "loggers": {name: {"level": "WARNING"} for name in ("celery.beat", "celery.worker.strategy", "celery.app.trace")},
}

"""Settings of the sandbox, a Django project of its own: no database, no users, everything from the environment."""

import os
import secrets

from django.core.exceptions import ImproperlyConfigured

ENVIRONMENT = os.environ

# --- where it may run

if not any(ENVIRONMENT.get(name, "").lower() in {"1", "true", "yes", "on"} for name in ("DEMO", "DEBUG")):
    raise ImproperlyConfigured(
        "The sandbox stands in for the vendors and never runs in production. Set DEMO=1 to start it in a demo."
    )

# --- Django

DEBUG = False
SECRET_KEY = secrets.token_hex(32)  # nothing outlives the process: there are no sessions and no log-ins
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]", *filter(None, ENVIRONMENT.get("ALLOWED_HOSTS", "").split(","))]
ROOT_URLCONF = "botaniqal.sandbox.urls"
WSGI_APPLICATION = "botaniqal.sandbox.wsgi.application"
INSTALLED_APPS = ["django.contrib.staticfiles", "botaniqal.sandbox"]
DATABASES = {}
APPEND_SLASH = False
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "botaniqal.sandbox.frame.ContentSecurityPolicy",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": ["botaniqal.sandbox.frame.frame"]},
    }
]
DATA_UPLOAD_MAX_MEMORY_SIZE = 15 * 1024 * 1024  # an e-mail with attachments comes as one JSON string
X_FRAME_OPTIONS = "SAMEORIGIN"  # the mailbox shows a message in a frame
SECURE_REFERRER_POLICY = "same-origin"
# Cookies do not know ports: the portal's own CSRF cookie lives on the same host.
CSRF_COOKIE_NAME = "sandbox_csrf"
CSRF_COOKIE_SAMESITE = "Strict"
USE_TZ = True
TIME_ZONE = ENVIRONMENT.get("CLINIC_TIME_ZONE", "Australia/Melbourne")
LANGUAGE_CODE = "en-au"
STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "loggers": {"django.request": {"handlers": ["console"], "level": "ERROR", "propagate": False}},
}

# --- the sandbox

SANDBOX_STATE = ENVIRONMENT.get("SANDBOX_STATE", ":memory:")
# Where a patient finds the sandbox, for the links in Calendly's answers: without it those name Calendly's own host, but
# for one-time links and checkout pages, which lead to where we were called.
SANDBOX_URL = ENVIRONMENT.get("SANDBOX_URL", "").rstrip("/")
PORTAL_URL = ENVIRONMENT.get("PORTAL_URL", "http://127.0.0.1:8000").rstrip("/")
SANDBOX_SEED = ENVIRONMENT.get("SANDBOX_SEED", "")  # the same seed, the same faults; without one nobody can tell
# How many hours of a vendor's back-off pass in one of ours: 3600 makes a day of tries out of 24 seconds.
SANDBOX_HASTE = float(ENVIRONMENT.get("SANDBOX_HASTE") or 3600)
# What Calendly's plan allows: "paid", or "free_no_booking"; and its limits, as calls per seconds, or "off".
SANDBOX_CALENDLY_PLAN = ENVIRONMENT.get("SANDBOX_CALENDLY_PLAN") or "paid"
SANDBOX_CALENDLY_LIMITS = ENVIRONMENT.get("SANDBOX_CALENDLY_LIMITS") or "off"

CALENDLY_API_KEY = ENVIRONMENT.get("CALENDLY_API_KEY", "")
CALENDLY_ORGANIZATION = ENVIRONMENT.get("CALENDLY_ORGANIZATION", "")
CALENDLY_WEBHOOK_SIGNING_KEY = ENVIRONMENT.get("CALENDLY_WEBHOOK_SIGNING_KEY", "")
CALENDLY_CALENDARS = {
    name: ENVIRONMENT.get(f"CALENDLY_{name}_CALENDAR_ID", "")
    for name in ("TRIAGE", "CONSULTANT", "DR_DIA", "DR_SHIVANI", "NURSE", "GAPS_COACH")
}

MEDIRECORDS_API_KEY = ENVIRONMENT.get("MEDIRECORDS_API_KEY", "")
MEDIRECORDS_PRACTICE_ID = ENVIRONMENT.get("MEDIRECORDS_PRACTICE_ID", "")

GRAPH_TENANT = ENVIRONMENT.get("GRAPH_TENANT", "")
GRAPH_CLIENT_ID = ENVIRONMENT.get("GRAPH_CLIENT_ID", "")
GRAPH_CLIENT_SECRET = ENVIRONMENT.get("GRAPH_CLIENT_SECRET", "")

PAGERDUTY_ROUTING_KEY = ENVIRONMENT.get("PAGERDUTY_ROUTING_KEY", "")

JOTFORM_API_KEY = ENVIRONMENT.get("JOTFORM_API_KEY", "")
JOTFORM_FORM_IDS = [*filter(None, ENVIRONMENT.get("JOTFORM_FORM_IDS", "").replace(" ", "").split(","))]
JOTFORM_WEBHOOK_SECRETS = [*filter(None, ENVIRONMENT.get("JOTFORM_WEBHOOK_SECRETS", "").replace(" ", "").split(","))]

# Without it no topic of the clinic's listens to what SES reports.
ANYMAIL_WEBHOOK_SECRET = ENVIRONMENT.get("ANYMAIL_WEBHOOK_SECRET", "")

STRIPE_SECRET_KEY = ENVIRONMENT.get("STRIPE_SECRET_KEY", "")
STRIPE_WEBHOOK_SECRET = ENVIRONMENT.get("STRIPE_WEBHOOK_SECRET") or "whsec_of_the_sandbox"

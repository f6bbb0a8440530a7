"""The portal's settings, with the bare views beside the portal's own addresses."""

from botaniqal.settings import *  # noqa: F403
from botaniqal.settings import BASE_DIR, REST_FRAMEWORK

ROOT_URLCONF = "bench._urls"
# The doors are measured, not their limits.
RATES = REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"]
REST_FRAMEWORK = {**REST_FRAMEWORK, "DEFAULT_THROTTLE_RATES": dict.fromkeys(RATES, "1000000000/min")}
# No worker runs, so there is nobody to wait for.
SYNC_WAIT_SECONDS = 0
# No page is measured, and no deployment has collected its files.
STATIC_ROOT = None
LOGGING = {"version": 1, "root": {"level": "ERROR"}}
# What the bare views answer: a body that the measured view answered.
BENCH_BODY = BASE_DIR / "var" / "bench" / "body.json"

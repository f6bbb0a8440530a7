"""The portal's settings, with the bare views beside the portal's own addresses."""

from botaniqal.settings import *  # noqa: F403
from botaniqal.settings import REST_FRAMEWORK

ROOT_URLCONF = "bench._urls"
# The doors are measured, not their limits.
RATES = REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"]
REST_FRAMEWORK = {**REST_FRAMEWORK, "DEFAULT_THROTTLE_RATES": dict.fromkeys(RATES, "1000000000/min")}
LOGGING = {"version": 1, "root": {"level": "ERROR"}}

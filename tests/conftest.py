"""What every test may ask for."""

import os

import pytest
from django.conf import settings
from django.core.cache import cache

pytest_plugins = ["tests.sandbox_server"]


def pytest_configure():
    """Let people's passwords cost nothing, since hundreds are made, and give each worker a cache of its own."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]
    settings.CACHES["default"]["OPTIONS"]["db"] = 1 + int(worker)
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def _nobody_was_throttled_before():
    cache.clear()

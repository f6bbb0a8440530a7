"""What every test may ask for."""

import gc
from uuid import uuid4

import pytest
from django.conf import settings
from pytest_django import Settings

# The sandbox before those that read it.
pytest_plugins = [
    "tests.migrated",
    "tests.first_rows",
    "tests.chromium",
    "tests.sandbox_server",
    "tests.paying",
    "tests.scheduling",
    "tests.counting",
]


SLOW = ("tests/browser/", "tests/journeys/")


def pytest_configure():
    """Let passwords and browsers cost nothing: thousands are made."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    # Static files are looked up when they are asked for. Each new test client would read all of them.
    settings.WHITENOISE_AUTOREFRESH = True
    # Other processes of the run must not empty what a test has put there.
    settings.CACHES["default"]["KEY_PREFIX"] = f"tests-{uuid4()}"


@pytest.hookimpl(tryfirst=True)  # before the slow ones are left out
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave to the slow set what a browser or a whole portal takes seconds for, but for the pages' main ways."""
    for item in items:
        if item.nodeid.startswith(SLOW) and not item.get_closest_marker("main_way"):
            item.add_marker("slow")


def pytest_collection_finish():
    """Let the collector leave alone what lives as long as the run: looking through it took a quarter of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


@pytest.fixture(autouse=True)
def _limits_of_its_own(settings: Settings) -> None:
    """Count each test's calls to vendors apart: a pause that one was asked for would hold up the next."""
    settings.LIMITS_PREFIX = f"limits-{uuid4()}"

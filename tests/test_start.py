"""What the portal says when it is started with a setting missing or wrong."""

import os
import subprocess
import sys

import pytest
from django.conf import settings

NAMED = {
    "SECRET_KEY": "a secret key of this test, which is long enough for everybody",
    "CONSULTANT_JWT_SECRET": "a secret of this test, which is long enough for everybody",
    "PUBLIC_BASE_URL": "https://portal.botaniqal.example",
    "ALLOWED_HOSTS": "portal.botaniqal.example",
    "DATABASE_URL": "postgres://botaniqal@127.0.0.1:9/botaniqal",
    "REDIS_URL": "redis://127.0.0.1:9/0",
}


def check(**environment):
    """Run `manage.py check` with nothing but these settings."""
    system = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    command = [sys.executable, "manage.py", "check"]
    return subprocess.run(
        command, cwd=settings.BASE_DIR, env=system | environment, capture_output=True, text=True, timeout=120
    )


class TestStart:
    def test_needs_no_more_than_what_is_named(self):
        answer = check(**NAMED)

        assert answer.returncode == 0, answer.stderr

    @pytest.mark.parametrize("value", [None, ""], ids=["missing", "empty"])
    @pytest.mark.parametrize("name", NAMED)
    def test_names_the_setting_that_is_missing(self, name, value):
        environment = {key: setting for key, setting in NAMED.items() if key != name}

        answer = check(**environment, **({} if value is None else {name: value}))

        assert answer.returncode != 0
        assert f"{name} is not set." in answer.stderr.splitlines()[-1]

    @pytest.mark.parametrize(
        "name", ["PUBLIC_BASE_URL", "CALENDLY_BASE_URL", "MEDIRECORDS_BASE_URL", "SES_ENDPOINT_URL"]
    )
    @pytest.mark.parametrize("address", ["http://vendor.example", "vendor.example", "ftp://vendor.example"])
    def test_refuses_addresses_without_https(self, name, address):
        answer = check(**NAMED | {name: address})

        assert answer.returncode != 0
        assert f"{name} must begin with https://." in answer.stderr.splitlines()[-1]
        assert address not in answer.stderr.splitlines()[-1]

    def test_lets_the_demo_speak_http(self):
        answer = check(**NAMED | {"DEMO": "1", "PUBLIC_BASE_URL": "http://127.0.0.1:8000"})

        assert answer.returncode == 0, answer.stderr

    @pytest.mark.parametrize("name", ["HOLD_SECONDS", "SYNC_WAIT_SECONDS"])
    def test_names_the_setting_that_cannot_be_read(self, name):
        answer = check(**NAMED | {name: "nonsense"})

        assert answer.returncode != 0
        assert name in answer.stderr.splitlines()[-1]

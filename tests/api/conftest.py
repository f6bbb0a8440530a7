"""Callers of the API."""

from datetime import UTC, datetime
from ipaddress import IPv6Address
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from practitioners import tokens
from practitioners.models import Practitioner
from tests.factories import PractitionerFactory

NOBODY = "00000000-0000-4000-8000-000000000000"
"""An id that nothing has; the same in every process, so that the tests have the same names."""


def client(**headers: str) -> APIClient:
    """Call from an address of one's own, so that no test is throttled by another."""
    return APIClient(raise_request_exception=False, REMOTE_ADDR=str(IPv6Address(uuid4().int)), **headers)


def bearer(practitioner: Practitioner) -> APIClient:
    """Call as somebody who has logged in for the API."""
    token = tokens.issue_token(user=practitioner.user, now=datetime.now(UTC))
    return client(HTTP_AUTHORIZATION=f"Bearer {token.text}")


@pytest.fixture
def api():
    """Anybody."""
    return client()


@pytest.fixture
def consultant(db):
    return PractitionerFactory(consultant=True, name="Sarah Consultant")


@pytest.fixture
def sarah(consultant):
    """The consultant with her token."""
    return bearer(consultant)


@pytest.fixture(autouse=True)
def no_wait_for_vendors(settings):
    """Let no answer wait: there is no worker here."""
    settings.SYNC_WAIT_SECONDS = 0


@pytest.fixture
def rate(settings, monkeypatch):
    """Set how often callers may knock, for one test."""
    rates = settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"]
    return lambda scope, value: monkeypatch.setitem(rates, scope, value)

import pytest
from django.conf import settings as django_settings

from tests.bookings.self_service.booking_online import online_type


@pytest.fixture(autouse=True)
def _unthrottled(monkeypatch):
    """Let one address book, write and ask for e-mails as often as the tests do."""
    for scope in ("public-book", "public-email", "public-write"):
        monkeypatch.setitem(django_settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"], scope, "100000/min")


@pytest.fixture
def kind():
    return online_type()

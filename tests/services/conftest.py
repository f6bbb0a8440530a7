"""The initial catalogue, loaded, offered, and as a document to spoil."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from botaniqal.accounts.models import User
from practitioners import publish_check
from services import catalogue, catalogue_words
from services.models import AppointmentType
from tests.factories import PractitionerFactory, RoomFactory, UserFactory

FILE = Path(settings.BASE_DIR) / "services" / "catalogue.json"
TODAY = date(2026, 3, 2)
NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)


@pytest.fixture
def document() -> dict[str, Any]:
    """The initial catalogue, free to be altered."""
    return json.loads(FILE.read_text())


@pytest.fixture
def loaded(db: None) -> None:
    """A database that holds the initial catalogue."""
    catalogue.load(text=FILE.read_text(), day=TODAY)


@pytest.fixture
def manager(db: None) -> User:
    """Who answers for the catalogue's words."""
    return UserFactory(email="manager@clinic.example", roles=["management"])


@pytest.fixture
def offered(loaded: None, manager: User) -> None:
    """The initial catalogue as the publish check lets the public have it: with people, a room and approved words."""
    types = AppointmentType.objects.all()
    PractitionerFactory(gives=types, calendar_provider="outlook", mailbox="dia@clinic.example")
    RoomFactory()
    slugs = {service["slug"] for service in json.loads(FILE.read_text())["services"]}
    catalogue_words.approve_all(slugs=slugs, reason="", by=manager, now=NOW)
    publish_check.refresh(day=TODAY, now=NOW)

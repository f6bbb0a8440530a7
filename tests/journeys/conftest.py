"""Journeys through the running portal."""

from collections.abc import Callable
from uuid import uuid4

import pytest

from practitioners.models import Practitioner
from services.models import AppointmentType
from tests.factories import SessionFactory
from tests.stack import Stack
from triage.models import TriageSession


@pytest.fixture
def sarah(stack: Stack) -> Practitioner:
    """The demo's first consultant."""
    return Practitioner.objects.get(user__email="sarah@botaniqal.example")


@pytest.fixture
def make_call(sarah: Practitioner) -> Callable[[], TriageSession]:
    """Plan calls of Sarah's."""
    kind = AppointmentType.objects.get(code=AppointmentType.FREE_CONSULTATION)

    def make() -> TriageSession:
        number = f"T-{uuid4().hex[:12]}"
        return SessionFactory(consultant=sarah, consultation__appointment_type=kind, consultation__number=number)

    return make

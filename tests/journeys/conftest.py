"""Journeys through the running portal."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from uuid import uuid4

import pytest
from django.db import connection

from practitioners.models import Practitioner
from services.models import AppointmentType
from tests.factories import SessionFactory
from tests.stack import Stack, started_stack
from triage.models import TriageSession


@pytest.fixture(scope="package")
def running_stack(tmp_path_factory: pytest.TempPathFactory, django_db_blocker) -> Iterator[Stack]:
    """Start all of it once, and end it with the last journey."""
    with ExitStack() as at_end:
        with django_db_blocker.unblock():  # whoever comes first makes the database that all copy
            stack = at_end.enter_context(started_stack(tmp_path_factory.mktemp("stack")))
        yield stack


@pytest.fixture
def stack(running_stack: Stack, django_db_blocker) -> Iterator[Stack]:
    """The running portal; the models read and write its database meanwhile."""
    own = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = running_stack.database
    with django_db_blocker.unblock():
        yield running_stack
        connection.close()
    connection.settings_dict["NAME"] = own


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

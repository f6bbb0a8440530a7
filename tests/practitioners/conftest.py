from datetime import datetime
from types import SimpleNamespace
from uuid import uuid4

import pytest

from botaniqal.integrations.graph_shapes import time_of
from practitioners.models import OutsideCalendar, Practitioner
from tests.factories import CalendlyEventTypeFactory, PractitionerFactory
from tests.sandbox_server import ENVIRONMENT


@pytest.fixture
def vendors(settings, sandbox):
    """Calendly and Outlook as the sandbox plays them, empty and well."""
    sandbox.reset()
    for name in ("CALENDLY_API_KEY", "CALENDLY_ORGANIZATION", "GRAPH_TENANT", "GRAPH_CLIENT_ID", "GRAPH_CLIENT_SECRET"):
        setattr(settings, name, ENVIRONMENT[name])
    settings.CALENDLY_BASE_URL = sandbox.calendly_url
    settings.GRAPH_BASE_URL, settings.GRAPH_LOGIN_URL = sandbox.graph_url, sandbox.microsoft_url
    settings.VENDOR_TIMEOUT_SECONDS = 5
    settings.CALENDAR_AHEAD_DAYS = 10
    yield sandbox
    sandbox.clear_faults()


@pytest.fixture
def on_calendly(vendors):
    """Make a practitioner whose Calendly the sandbox knows."""

    def make(**fields):
        user = f"https://api.calendly.com/users/{uuid4()}"
        practitioner = PractitionerFactory(
            calendar_provider=Practitioner.CalendarProvider.CALENDLY, calendly_user_uri=user, **fields
        )
        event_type = CalendlyEventTypeFactory(calendly_id=str(uuid4()), practitioner=practitioner)
        vendors.register_event_type(
            uri=event_type.uri,
            name="Visit",
            minutes=15,
            owner_email=practitioner.email,
            owner_uri=user,
        )
        return practitioner

    return make


@pytest.fixture
def on_outlook(vendors):
    """Make a practitioner who has a mailbox."""

    def make(**fields):
        mailbox = f"{uuid4()}@botaniqal.example"
        return PractitionerFactory(
            calendar_provider=Practitioner.CalendarProvider.OUTLOOK, **{"mailbox": mailbox, **fields}
        )

    return make


@pytest.fixture
def busy(vendors):
    """Take time in a calendar that somebody has connected to Calendly."""

    def busy(practitioner, starts_at: datetime, ends_at: datetime):
        span = {"start_time": starts_at.isoformat(), "end_time": ends_at.isoformat()}
        return vendors.control("POST", "busy", json={"user": practitioner.calendly_user_uri, **span})["id"]

    return busy


@pytest.fixture
def mailbox(vendors):
    """Act as the owner of an Outlook calendar."""

    def enter(practitioner, starts_at: datetime, ends_at: datetime, **fields):
        span = {"start": time_of(starts_at), "end": time_of(ends_at)}
        body = {"mailbox": practitioner.mailbox, **span, **fields}
        return vendors.control("POST", "graph/events", json=body)["id"]

    def change(practitioner, id, **fields):
        vendors.control("PATCH", "graph/events", json={"mailbox": practitioner.mailbox, "id": id, **fields})

    def delete(practitioner, id):
        vendors.control("DELETE", "graph/events", json={"mailbox": practitioner.mailbox, "id": id})

    return SimpleNamespace(enter=enter, change=change, delete=delete)


@pytest.fixture
def calendar_of():
    """Find the one calendar that is mirrored of somebody."""
    return lambda practitioner: OutsideCalendar.objects.get(practitioner=practitioner)

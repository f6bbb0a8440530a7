from uuid import uuid4

import pytest

from practitioners.models import Practitioner
from services.models import Form
from tests.bookings.intake.filling import published
from tests.bookings.reconcile.differing import CALENDLY, CHANGES, OUTLOOK, TEN, work
from tests.bookings.vendors.outside import Outside
from tests.factories import (
    AppointmentTypeFactory,
    BookingFactory,
    CalendlyEventTypeFactory,
    PractitionerFactory,
    ServiceFactory,
    next_morning,
)
from tests.sandbox_server import ENVIRONMENT
from tests.visits import booked_visit

KEYS = [
    "CALENDLY_API_KEY",
    "CALENDLY_ORGANIZATION",
    "GRAPH_TENANT",
    "GRAPH_CLIENT_ID",
    "GRAPH_CLIENT_SECRET",
    "MEDIRECORDS_API_KEY",
    "MEDIRECORDS_PRACTICE_ID",
]


@pytest.fixture
def vendors(settings, sandbox):
    """Calendly, Outlook and MediRecords as the sandbox plays them, empty and well."""
    sandbox.reset()
    for name in KEYS:
        setattr(settings, name, ENVIRONMENT[name])
    settings.CALENDLY_BASE_URL = sandbox.calendly_url
    settings.MEDIRECORDS_BASE_URL = sandbox.medirecords_url
    settings.GRAPH_BASE_URL = sandbox.graph_url
    settings.GRAPH_LOGIN_URL = sandbox.microsoft_url
    settings.VENDOR_TIMEOUT_SECONDS = 0.5
    settings.SYNC_BACKOFF_SECONDS = 0
    yield sandbox
    sandbox.clear_faults()


@pytest.fixture
def visits(vendors):
    """An appointment type that both vendors know."""
    return AppointmentTypeFactory()


@pytest.fixture
def on_calendly(vendors, visits):
    """Make a practitioner who gives the visits and whose Calendly the sandbox knows."""

    def make(**fields):
        practitioner = PractitionerFactory(
            gives=[visits], calendar_provider=Practitioner.CalendarProvider.CALENDLY, **fields
        )
        event_type = CalendlyEventTypeFactory(
            calendly_id=str(uuid4()), practitioner=practitioner, appointment_type=visits
        )
        vendors.register_event_type(
            uri=event_type.uri, name="Visit", minutes=visits.minutes, owner_email=practitioner.email
        )
        return practitioner

    return make


@pytest.fixture
def on_outlook(vendors, visits):
    """Make a practitioner who gives the visits and whose calendar is Outlook's."""

    def make(**fields):
        return PractitionerFactory(
            **{
                "gives": [visits],
                "calendar_provider": Practitioner.CalendarProvider.OUTLOOK,
                "mailbox": f"{uuid4()}@botaniqal.example",
                **fields,
            }
        )

    return make


@pytest.fixture
def book(visits):
    """Book a visit tomorrow at 10, owed to everybody."""

    def book(practitioner, **fields):
        usual = {"starts_at": next_morning(10), "appointment_type": visits, "entry": None}
        return booked_visit(practitioner, **usual | fields)

    return book


@pytest.fixture
def outside(vendors, settings):
    """The vendors as their own users see them."""
    settings.VENDOR_TIMEOUT_SECONDS = 2
    return Outside(vendors)


@pytest.fixture
def visit(outside, on_calendly, on_outlook, visits):
    """Make a visit tomorrow at ten that every vendor knows."""

    def make(calendar=CALENDLY, **fields):
        practitioner = on_outlook(name="Dr Dia") if calendar == OUTLOOK else on_calendly(name="Dr Dia")
        starts_at = fields.pop("starts_at", TEN)
        booking = booked_visit(practitioner, starts_at, appointment_type=visits, **fields)
        work()
        return booking

    return make


@pytest.fixture
def changed(visit, outside):
    """Make a visit and change it at a vendor."""

    def make(name):
        system, change, expected = CHANGES[name]
        # An event of Calendly's lasts as long as its type says, so that it could not follow a longer visit.
        booking = visit(OUTLOOK if system == OUTLOOK or name == "medirecords longer" else CALENDLY)
        change(outside, booking)
        return booking, (system, *expected)

    return make


@pytest.fixture
def intake():
    """A form of two questions in use, which JotForm has as well."""
    form = Form.objects.create(slug="intake", name="Before your visit", jotform_id="240000000000001")
    published(form)
    return form


@pytest.fixture
def booked(intake):
    """A visit for which that form is asked."""
    service = ServiceFactory(initial_form=intake, followup_form=Form.objects.get(slug="medical-history"))
    return BookingFactory(appointment_type=AppointmentTypeFactory(service=service))

from datetime import timedelta

import pytest
from django.utils import timezone

from bookings import lifecycle
from bookings.models import FreedTime
from bookings.waiting import earlier
from tests.bookings.waiting.offers import HOUR, LATE, SOON
from tests.factories import AppointmentTypeFactory, PatientFactory, PractitionerFactory
from tests.visits import booked_visit


@pytest.fixture
def kind():
    return AppointmentTypeFactory(name="Initial", minutes=15)


@pytest.fixture
def doctor(kind):
    return PractitionerFactory(name="Dr Dia", gives=[kind])


@pytest.fixture
def patient():
    count = iter(range(100))
    return lambda **fields: PatientFactory(**{"email": f"patient{next(count)}@example.com", **fields})


@pytest.fixture
def book(doctor, kind, patient):
    """Book a visit that stands in the diary."""

    def book(starts_at=LATE, **fields):
        fields = {"practitioner": doctor, "appointment_type": kind, **fields}
        return booked_visit(starts_at=starts_at, **fields | {"patient": fields.get("patient") or patient()})

    return book


@pytest.fixture
def ask(book, kind):
    """Put somebody on the list, each a minute after the one before; with a visit unless ``booking`` says None."""
    count = iter(range(100))

    def ask(booking="new", starts_at=None, **wishes):
        n = next(count)
        booking = book(starts_at or LATE + n * HOUR) if booking == "new" else booking
        patient = wishes.pop("patient", None) or booking.patient
        asked_at = timezone.now() - timedelta(minutes=60 - n)
        return earlier.ask(patient=patient, appointment_type=kind, booking=booking, by=None, now=asked_at, **wishes)

    return ask


@pytest.fixture
def free_up(book):
    """Have a visit called off, so that its time is free."""

    def free_up(starts_at=SOON, **fields):
        booking = book(starts_at, **fields)
        lifecycle.cancel(booking_id=booking.pk, reason="Ill", by=None, now=timezone.now())
        return FreedTime.objects.get(freed_by=booking)

    return free_up

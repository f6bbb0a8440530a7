"""Somebody who books online, for the tests that need one."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

from django.conf import settings
from django.utils import timezone

from bookings.models import Booking
from bookings.patients import consents
from bookings.self_service import links, online
from practitioners.models import ClockTimestamp, DiaryEntry
from tests.factories import AppointmentTypeFactory, next_morning

TEN = next_morning(10, days=2)
LEO = online.Person(name="Leo Martin", email="leo.martin@example.com", phone="+61491570156", zone="Australia/Perth")


def online_type(**fields):
    """An appointment type that can be booked online."""
    return AppointmentTypeFactory(is_bookable_online=True, **fields)


def agreeing(**others):
    """Agree to everything that is asked; ``others`` by kind."""
    return {wording.pk: others.get(wording.kind, True) for wording in consents.current()}


def begin(kind, **change):
    """Book a time online, as the page does."""
    wanted = {
        "key": uuid4(),
        "code": kind.code,
        "practitioner_id": None,
        "starts_at": TEN,
        "price": Decimal(119),
        "person": LEO,
        "answers": agreeing(),
        "by": None,
        "now": timezone.now(),
        **change,
    }
    return online.begin(**wanted)


def page_of(booking, page="visit"):
    """The address of a page of a visit, within the portal."""
    return links.to_visit(booking, page=page).removeprefix(settings.PUBLIC_BASE_URL)


def let_lapse(booking, *, ago=timedelta(seconds=1)):
    """Let the time to pay be over, and the hold with it where the grace is over as well."""
    over = timezone.now() - ago
    Booking.objects.filter(pk=booking.pk).update(pays_until=over)
    if ago > online.GRACE:
        end_hold(booking)


def end_hold(booking):
    """Let the time of a visit be kept no longer from this moment on."""
    DiaryEntry.objects.filter(pk=booking.entry_id).update(live_until=ClockTimestamp())

"""A burst of bookings keeps to Calendly's limits by itself: nobody is told to go away, the soonest visit goes first."""

from datetime import timedelta
from uuid import uuid4

import pytest

from bookings.models import Booking, SyncRecord
from bookings.vendors import sync
from tests.factories import (
    AppointmentTypeFactory,
    CalendlyEventTypeFactory,
    PatientFactory,
    PractitionerFactory,
    next_morning,
)
from tests.visits import booked_visit

from .bad_day import wait_until

pytestmark = pytest.mark.slow

BURST = 100
# Calendly’s 10 a minute, 50 an hour and 100 a day on a clock that runs fast, the longer spans the faster.
LIMITS = "10/3 50/30 100/60"
# Nobody takes a turn from a sooner visit, but where several turns are free at once they may be taken in any order.
NEIGHBOURS = 10


@pytest.fixture
def burst(sandbox, transactional_db):
    """Make bookings, the latest visit first, so that their order in the queue is the wrong one."""
    sandbox.reset()
    sandbox.limits(invitees=LIMITS)
    visit = AppointmentTypeFactory()
    person = PractitionerFactory(gives=[visit], calendar_provider="calendly", medirecords_provider_id=None)
    row = CalendlyEventTypeFactory(calendly_id=str(uuid4()), practitioner=person, appointment_type=visit)
    sandbox.register_event_type(uri=row.uri, name="Visit", minutes=15, owner_email=person.email)
    times = [next_morning(9) + timedelta(days=n // 32, minutes=15 * (n % 32)) for n in range(BURST)]
    patient = PatientFactory()
    return [
        booked_visit(person, starts_at, appointment_type=visit, patient=patient, entry=None)
        for starts_at in reversed(times)
    ]


def in_calendly() -> int:
    return SyncRecord.objects.filter(system="calendly").exclude(external_id="").count()


def waiting(booking: Booking) -> bool:
    """Tell whether the desk says of a booking that it waits for the limit, and for nothing else."""
    [calendly] = [row for row in sync.statement(booking) if row["system"] == "calendly"]
    return calendly["state"] == "pending" and (calendly["problem"] or "").startswith("Waits for Calendly's limit: ")


class TestABurst:
    def test_arrives_whole_soonest_first_and_never_meets_a_refusal(self, sandbox, burst, idle_workers):
        idle_workers.start(CALENDLY_INVITEE_LIMITS=LIMITS)
        wait_until(lambda: any(map(waiting, burst)), seconds=60, why=in_calendly)

        wait_until(lambda: in_calendly() == BURST, seconds=90, why=in_calendly)

        posted = [call for call in sandbox.calls("calendly") if call["path"].endswith("/invitees")]
        assert {call["status"] for call in posted if call["method"] == "POST"} == {201}
        events = {row["uri"]: row for row in sandbox.state("calendly")["events"]}
        starts = [events[row["event"]]["start_time"] for row in sandbox.state("calendly")["invitees"]]
        places = [sorted(starts).index(start) for start in starts]
        assert max(abs(place - number) for number, place in enumerate(places)) <= NEIGHBOURS

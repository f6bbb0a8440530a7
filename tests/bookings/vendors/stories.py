"""What Calendly may tell of a visit, in any order, and what stands after it."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from django.db import transaction

from bookings.models import Booking, Patient, SyncRecord
from botaniqal import webhooks
from botaniqal.integrations import calendly_events
from botaniqal.integrations.models import InboundEvent
from botaniqal.integrations.owed import WaitFor
from botaniqal.messages.models import Message
from practitioners.models import BusyPeriod, DiaryEntry
from tests.calendly_deliveries import TEN, delivery
from tests.factories import AppointmentTypeFactory, CalendlyEventTypeFactory, PractitionerFactory
from triage.models import TriageSession

NOON, AFTERNOON = TEN + timedelta(hours=2), TEN + timedelta(hours=5)
State = Booking.State


@pytest.fixture(autouse=True)
def clinic():
    """A consultant with the shared event type, and a doctor with her own."""
    kind = AppointmentTypeFactory(free=True, step_minutes=5, practitioner_types=["consultant"])
    PractitionerFactory(consultant=True, gives=[kind], email="sarah@example.com", name="Sarah")
    CalendlyEventTypeFactory(calendly_id="TRIAGE", appointment_type=kind)
    visit = AppointmentTypeFactory(code="initial-alternative-15min")
    doctor = PractitionerFactory(gives=[visit], calendar_provider="calendly", name="Dr Dia")
    CalendlyEventTypeFactory(calendly_id="DIA", appointment_type=visit, practitioner=doctor)


def invitee(event_id):
    return f"https://api.calendly.com/scheduled_events/{event_id}/invitees/{event_id}"


def told(name, event_id, *, starts_at=TEN, minute=0, event_type="DIA", old=None, new=None, **changes):
    """A delivery about one event, said some minutes after the first."""
    payload = delivery(
        name,
        event_id=event_id,
        starts_at=starts_at,
        event_type=event_type,
        old_invitee=old and invitee(old),
        new_invitee=new and invitee(new),
        rescheduled=new is not None,
        **changes,
    )
    payload["created_at"] = (datetime(2026, 11, 20, tzinfo=UTC) + timedelta(minutes=minute)).isoformat()
    return payload


def hear(payload):
    """Work one delivery, as often as it comes."""
    kind = calendly_events.parse(payload).kind
    return webhooks.HANDLERS["calendly", kind](InboundEvent(payload=payload))


def hear_all(payloads):
    """Work deliveries in this order; what waits for another is looked at again, as the inbox does."""
    waiting = list(payloads)
    while waiting:
        still = []
        for payload in waiting:
            try:
                hear(payload)
            except WaitFor:
                still.append(payload)
        assert len(still) < len(waiting), "nothing goes on any more"
        waiting = still


def moved_twice(event_type):
    """A visit that its patient moved two times."""
    common = {"event_type": event_type}
    return [
        told("invitee.created", "A", **common),
        told("invitee.canceled", "A", new="B", minute=1, **common),
        told("invitee.created", "B", old="A", starts_at=NOON, minute=1, **common),
        told("invitee.canceled", "B", old="A", new="C", starts_at=NOON, minute=2, **common),
        told("invitee.created", "C", old="B", starts_at=AFTERNOON, minute=2, **common),
    ]


def endings(event_type):
    """What may be said of the last of them afterwards."""
    last = {"event_id": "C", "old": "B", "starts_at": AFTERNOON, "event_type": event_type}
    no_show = told("invitee_no_show.created", minute=10, **last)
    undone = told("invitee_no_show.deleted", minute=11, **last)
    again = told("invitee_no_show.created", minute=12, **last)
    cancelled = told("invitee.canceled", minute=13, **last)
    return {
        "stands": ([], State.CONFIRMED),
        "no-show": ([no_show], State.NO_SHOW),
        "came after all": ([no_show, undone], State.CONFIRMED),
        "no-show after all": ([no_show, undone, again], State.NO_SHOW),
        "cancelled": ([cancelled], State.CANCELLED),
        "no-show, then cancelled": ([no_show, cancelled], State.CANCELLED),
    }


def rows():
    """All that anybody could see of it, but for how it came about."""
    return {
        "bookings": [
            (
                *(one.state, one.starts_at, one.ends_at, one.practitioner_id, one.appointment_type_id, one.attention),
                *(one.join_link, one.is_end_heard, one.cancel_reason, bool(one.entry and not one.entry.live_until)),
            )
            for one in Booking.objects.all()
        ],
        "records": sorted(
            (one.system, one.external_id, one.external_ref, sorted(one.former_refs), one.heard_at)
            for one in SyncRecord.objects.all()
        ),
        "calendly": {one.state for one in SyncRecord.objects.filter(system="calendly")},
        "calls": list(TriageSession.objects.values_list("state", "outcome", "consultant")),
        "diary": list(DiaryEntry.objects.filter(live_until=None).values_list("starts_at", "practitioner")),
        "busy": BusyPeriod.objects.count(),
        "patients": Patient.objects.count(),
        "someone is told": Message.objects.exists(),
    }


class Undone(Exception):
    """The end of an example."""


def after(payloads):
    """What stands after deliveries in this order; nothing of it stays."""
    try:
        with transaction.atomic():
            hear_all(payloads)
            found = rows()
            raise Undone
    except Undone:
        return found


def check_orders(event_type, ending, *, seed, orders):
    """Tell one story in many orders, some of it twice, and hold what stands against the story as it was."""
    last, state = endings(event_type)[ending]
    story, chance = [*moved_twice(event_type), *last], Random(seed)
    as_it_was = after(story)
    assert [booking[0] for booking in as_it_was["bookings"]] == [state]
    assert after(reversed(story)) == as_it_was
    for _ in range(orders):
        told_so = chance.sample(story, len(story)) + chance.choices(story, k=chance.randrange(4))
        assert after(told_so) == as_it_was, [(each["event"], each["payload"]["uri"][-1]) for each in told_so]

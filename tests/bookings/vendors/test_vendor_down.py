"""A vendor that is down for a while: the changes meanwhile end in one sequence of calls, and hold up nobody else."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from bookings import lifecycle
from bookings.models import SyncRecord
from bookings.vendors import sync
from botaniqal.integrations.models import Owed
from tests.factories import next_morning

pytestmark = pytest.mark.django_db

System = sync.System
CANCELLED_THERE = 8  # MediRecords' number for it
ROUNDS = 3


@dataclass(frozen=True)
class Case:
    """A vendor, how a booking stands there, and the calls by which it gets there and out again."""

    system: System
    sandbox: str
    starts: Callable[[Any], list[str]]
    entering: list[str]
    moving: list[str]
    leaving: list[str]


def in_calendly(vendors):
    events = vendors.state("calendly")["events"]
    return [event["start_time"][:16] for event in events if event["status"] == "active"]


def in_outlook(vendors):
    return [event["start"]["dateTime"][:16] for event in vendors.state("graph")["events"]]


def in_medirecords(vendors):
    rows = vendors.state("medirecords")["appointments"]
    return [row["scheduleTime"][:16] for row in rows if row["appointmentStatus"] != CANCELLED_THERE]


CASES = [
    Case(
        System.CALENDLY,
        "calendly",
        in_calendly,
        ["POST invitees"],
        ["POST cancellation", "POST invitees"],
        ["POST cancellation"],
    ),
    Case(System.OUTLOOK, "graph", in_outlook, ["POST events"], ["PATCH events"], ["DELETE events"]),
    Case(
        System.MEDIRECORDS,
        "medirecords",
        in_medirecords,
        ["POST patients", "POST appointments"],
        ["PUT appointments"],
        ["PUT appointments"],
    ),
]
WORDS = ("invitees", "cancellation", "events", "patients", "appointments")


def written(vendors, case):
    """What was written at the vendor since its calls were last forgotten, whatever came of it."""
    calls = [call for call in vendors.calls(case.sandbox) if call["method"] != "GET" and "oauth2" not in call["path"]]
    return [
        f"{call['method']} {next(word for word in WORDS if word in call['path'].removeprefix('/graph'))}"
        for call in sorted(calls, key=lambda call: call["at"])
    ]


def as_there(case, moment):
    local = timezone.localtime(moment) if case.system == System.MEDIRECORDS else moment
    return f"{local:%Y-%m-%dT%H:%M}"


def record_of(booking, case):
    return SyncRecord.objects.get(booking=booking, system=case.system)


def move(booking, hour):
    starts_at = next_morning(hour)
    lifecycle.note_move(
        booking=booking, starts_at=starts_at, ends_at=starts_at + timedelta(minutes=15), now=timezone.now()
    )
    return starts_at


def cancel(booking):
    lifecycle.cancel(booking_id=booking.pk, reason="Ill", by=None, now=timezone.now())


def through_several_back_offs(case):
    """Try again and again, as hours of back-off would."""
    for _ in range(ROUNDS):
        SyncRecord.objects.open().update(next_try_at=timezone.now())
        sync.work_due(case.system)


@pytest.fixture(params=CASES, ids=lambda case: case.sandbox)
def case(request):
    return request.param


@pytest.fixture
def practitioner(case, on_calendly, on_outlook):
    return on_outlook() if case.system == System.OUTLOOK else on_calendly()


@pytest.fixture
def down(vendors, case, settings):
    """Let the vendor be down until the faults are cleared, in tries that are minutes apart."""
    settings.SYNC_BACKOFF_SECONDS = 60

    def go_down(fault="error_before"):
        vendors.faults(case.sandbox, fault)

    return go_down


class TestVendorDown:
    def test_leaves_no_trace_of_a_booking_that_came_and_went_meanwhile(self, vendors, case, practitioner, book, down):
        down()
        booking = book(practitioner)
        through_several_back_offs(case)
        move(booking, 14)
        through_several_back_offs(case)
        cancel(booking)
        through_several_back_offs(case)
        vendors.clear_faults()
        before = written(vendors, case)

        through_several_back_offs(case)

        assert case.starts(vendors) == []
        assert written(vendors, case) == before
        assert record_of(booking, case).state == Owed.State.SYNCED

    def test_enters_the_last_of_the_times_by_one_sequence_of_calls(self, vendors, case, practitioner, book, down):
        down()
        booking = book(practitioner)
        through_several_back_offs(case)
        move(booking, 14)
        through_several_back_offs(case)
        last = move(booking, 15)
        through_several_back_offs(case)
        vendors.clear_faults()
        before = written(vendors, case)

        through_several_back_offs(case)

        assert case.starts(vendors) == [as_there(case, last)]
        assert written(vendors, case)[len(before) :] == case.entering
        assert record_of(booking, case).state == Owed.State.SYNCED

    def test_moves_once_what_was_moved_often(self, vendors, case, practitioner, book, down):
        booking = book(practitioner)
        sync.work_due(case.system)
        down()
        for hour in (11, 12, 13):
            move(booking, hour)
            through_several_back_offs(case)
        last = move(booking, 14)
        vendors.clear_faults()
        before = written(vendors, case)

        through_several_back_offs(case)

        assert case.starts(vendors) == [as_there(case, last)]
        assert written(vendors, case)[len(before) :] == case.moving

    def test_takes_out_once_what_was_moved_and_cancelled(self, vendors, case, practitioner, book, down):
        booking = book(practitioner)
        sync.work_due(case.system)
        down()
        move(booking, 14)
        through_several_back_offs(case)
        cancel(booking)
        through_several_back_offs(case)
        vendors.clear_faults()
        before = written(vendors, case)

        through_several_back_offs(case)

        assert case.starts(vendors) == []
        assert written(vendors, case)[len(before) :] == case.leaving

    @pytest.mark.parametrize("fault", ["error_after", "timeout_after"])
    def test_leaves_no_trace_where_it_did_the_work_and_its_answers_were_lost(
        self, vendors, case, practitioner, book, down, fault
    ):
        down(fault)
        booking = book(practitioner)
        through_several_back_offs(case)
        move(booking, 14)
        sync.work_due(case.system)
        cancel(booking)
        vendors.clear_faults()

        through_several_back_offs(case)

        assert case.starts(vendors) == []
        assert record_of(booking, case).state == Owed.State.SYNCED

    @pytest.mark.parametrize("fault", ["error_after", "timeout_after"])
    def test_enters_it_once_where_writes_got_there_and_their_answers_were_lost(
        self, vendors, case, practitioner, book, settings, fault
    ):
        settings.SYNC_BACKOFF_SECONDS = 60
        vendors.faults(case.sandbox, fault, operation="write", calls=ROUNDS)
        booking = book(practitioner)

        for _ in range(ROUNDS + 1):
            through_several_back_offs(case)

        assert case.starts(vendors) == [as_there(case, booking.starts_at)]
        assert record_of(booking, case).state == Owed.State.SYNCED

    def test_holds_up_no_other_vendor(self, vendors, case, practitioner, book, down):
        down()
        booking = book(practitioner)

        for system in booking.sync_records.values_list("system", flat=True):
            sync.work_due(system)

        states = {line["system"]: line["state"] for line in sync.statement(booking)}
        assert states.pop(case.system) == Owed.State.RETRYING
        assert set(states.values()) == {Owed.State.SYNCED}

    def test_is_told_to_the_time_line_without_a_word_of_the_patient(self, vendors, case, practitioner, book, down):
        down()
        booking = book(practitioner)
        through_several_back_offs(case)
        vendors.clear_faults()

        through_several_back_offs(case)

        notes = list(record_of(booking, case).notes.all())
        assert [note.turn for note in notes] == ["put_off"] * ROUNDS + ["told"]
        for word in ("Leo", "Martin", "leo.martin", "491570156"):
            assert word not in " ".join(note.words for note in notes)

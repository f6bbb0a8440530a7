"""Telling MediRecords of visits."""

from datetime import timedelta

import pytest
from django.utils import timezone

from bookings import lifecycle
from bookings.models import SyncRecord
from bookings.vendors import sync
from botaniqal.integrations.models import Owed
from tests.bookings.vendors.at_medirecords import appointments, as_there, patients, record_of, tell
from tests.bookings.vendors.telling import cancel, move
from tests.factories import PatientFactory, PractitionerFactory, next_morning

pytestmark = pytest.mark.django_db


@pytest.fixture
def dr_dia(vendors, visits):
    return PractitionerFactory(name="Dr Dia", gives=[visits])


class TestTell:
    def test_enters_a_booking_once(self, vendors, dr_dia, book):
        booking = book(dr_dia)

        told = [tell(), tell()]

        record = record_of(booking)
        entered = appointments(vendors)
        assert told == [1, 0]
        assert [row["id"] for row in entered] == [record.external_id]
        assert entered[0]["scheduleTime"] == as_there(booking.starts_at)
        assert entered[0]["providerId"] == str(dr_dia.medirecords_provider_id)
        assert entered[0]["notes"] == f"[ref:{booking.pk}]"
        assert record.state == Owed.State.SYNCED

    @pytest.mark.parametrize("fault", ["error_after", "timeout_after", "error_before", "timeout_before"])
    @pytest.mark.parametrize("operation", ["patients.write", "appointments.write"])
    def test_enters_each_thing_once_whatever_happens_on_the_way(self, vendors, dr_dia, book, fault, operation):
        booking = book(dr_dia)
        vendors.faults("medirecords", fault, operation=operation, calls=1)

        tell()

        assert record_of(booking).state == Owed.State.SYNCED
        assert len(appointments(vendors)) == 1
        assert len(patients(vendors)) == 1

    def test_finds_what_it_entered_before_the_booking_was_moved_far_away(self, vendors, dr_dia, book, settings):
        settings.SYNC_BACKOFF_SECONDS = 60
        booking = book(dr_dia)
        vendors.faults("medirecords", "error_after", operation="appointments.write", calls=1)
        tell()
        later = next_morning(14, days=9)
        move(booking, later)

        tell()

        assert [row["scheduleTime"] for row in appointments(vendors)] == [as_there(later)]

    def test_moves_what_was_moved(self, vendors, dr_dia, book):
        booking = book(dr_dia)
        tell()
        move(booking, next_morning(14))

        tell()

        assert [(row["id"], row["scheduleTime"]) for row in appointments(vendors)] == [
            (record_of(booking).external_id, as_there(next_morning(14)))
        ]

    def test_finds_its_own_again_when_our_own_notes_are_lost(self, vendors, dr_dia, book):
        booking = book(dr_dia)
        tell()
        known = record_of(booking).external_id
        SyncRecord.objects.update(told=0, next_try_at=timezone.now(), external_id="")

        tell()

        assert record_of(booking).external_id == known
        assert len(appointments(vendors)) == 1

    def test_cancels_what_was_cancelled_and_keeps_the_reason_to_itself(self, vendors, dr_dia, book):
        booking = book(dr_dia)
        tell()
        cancel(booking)

        tell()

        reasons = [row["cancellationReason"] for row in vendors.state("medirecords")["appointments"]]
        assert appointments(vendors) == []
        assert reasons == ["Cancelled in the booking portal"]

    def test_never_enters_what_was_cancelled_first(self, vendors, dr_dia, book):
        booking = book(dr_dia)
        cancel(booking)

        tell()

        assert vendors.state("medirecords")["appointments"] == []
        assert record_of(booking).state == Owed.State.SYNCED

    def test_cancels_what_it_entered_without_an_answer(self, vendors, dr_dia, book, settings):
        settings.SYNC_BACKOFF_SECONDS = 60
        booking = book(dr_dia)
        vendors.faults("medirecords", "error_after", operation="appointments.write", calls=1)
        tell()
        cancel(booking)

        tell()

        assert appointments(vendors) == []

    def test_leaves_alone_what_is_as_it_should_be(self, vendors, dr_dia, book):
        booking = book(dr_dia)
        tell()
        before = appointments(vendors)
        sync.owe(booking=booking, now=timezone.now())

        tell()

        assert appointments(vendors) == before

    def test_enters_a_visit_that_is_over_before_it_could_be_told(self, vendors, dr_dia, book):
        booking = book(dr_dia)
        lifecycle.complete(booking_id=booking.pk, by=None, now=timezone.now())

        tell()

        assert len(appointments(vendors)) == 1

    @pytest.mark.parametrize(
        ("change", "problem"),
        [
            (lambda dr, kind: setattr(dr, "medirecords_provider_id", None), "Dr Dia has no MediRecords provider."),
            (lambda dr, kind: setattr(kind, "medirecords_type", ""), "Initial has no MediRecords type."),
            (lambda dr, kind: setattr(kind, "medirecords_type", "NONE"), "MediRecords has no type “NONE”."),
        ],
        ids=["no provider", "no type", "unknown type"],
    )
    def test_says_what_is_missing(self, vendors, dr_dia, visits, book, change, problem):
        change(dr_dia, visits)
        dr_dia.save()
        visits.save()
        booking = book(dr_dia)

        tell()

        assert record_of(booking).state == Owed.State.NEEDS_PERSON
        assert record_of(booking).problem.startswith(problem)
        assert patients(vendors) == []

    def test_says_so_when_medirecords_has_no_such_length(self, vendors, dr_dia, book):
        booking = book(dr_dia, ends_at=next_morning(10) + timedelta(minutes=25))

        tell()

        assert record_of(booking).state == Owed.State.NEEDS_PERSON
        assert "25 minutes" in record_of(booking).problem

    def test_asks_for_a_person_when_the_time_is_not_free_there(self, vendors, dr_dia, book):
        book(dr_dia)
        tell()
        second = book(dr_dia)

        tell()

        assert record_of(second).state == Owed.State.NEEDS_PERSON
        assert record_of(second).problem == "MediRecords says that this time is not free in Dr Dia's diary there."

    def test_asks_for_an_address_where_the_patient_has_none(self, vendors, dr_dia, book):
        booking = book(dr_dia, patient=PatientFactory(email=""))

        tell()

        assert record_of(booking).state == Owed.State.NEEDS_PERSON

    @pytest.mark.parametrize(
        ("billing_code", "category", "told"),
        [
            ("ALT [30]", "", " [billing:ALT 30]"),
            ("", "Sleep", " [category:Sleep]"),
            ("ALT 30", "Sleep", " [billing:ALT 30] [category:Sleep]"),
            ("", "", ""),
        ],
    )
    def test_sends_the_catalogues_codes_behind_its_mark(
        self, vendors, dr_dia, visits, book, billing_code, category, told
    ):
        visits.billing_code, visits.reporting_category = billing_code, category
        visits.save()
        booking = book(dr_dia)

        tell()

        assert appointments(vendors)[0]["notes"] == f"[ref:{booking.pk}]{told}"

    @pytest.mark.parametrize(
        ("field", "told"), [("billing_code", "[billing:NEW]"), ("reporting_category", "[category:NEW]")]
    )
    def test_brings_a_code_up_to_date_once(self, vendors, dr_dia, visits, book, field, told):
        setattr(visits, field, "OLD")
        visits.save()
        booking = book(dr_dia)
        tell()
        setattr(visits, field, "NEW")
        visits.save()
        sync.owe(booking=booking, now=timezone.now())

        tell()

        assert [row["notes"] for row in appointments(vendors)] == [f"[ref:{booking.pk}] {told}"]

    def test_goes_into_the_diary_of_the_practitioner_who_took_it_over(self, vendors, dr_dia, visits, book):
        booking = book(dr_dia)
        tell()
        other = PractitionerFactory(gives=[visits])
        lifecycle.move(
            booking_id=booking.pk, starts_at=booking.starts_at, practitioner=other, by=None, now=timezone.now()
        )

        tell()

        assert [(row["id"], row["providerId"]) for row in appointments(vendors)] == [
            (record_of(booking).external_id, str(other.medirecords_provider_id))
        ]

    def test_notes_each_thing_said_once(self, vendors, dr_dia, book):
        booking = book(dr_dia)
        tell()
        sync.owe(booking=booking, now=timezone.now())
        tell()
        move(booking, next_morning(14))
        tell()
        cancel(booking)

        tell()

        words = [note.words for note in record_of(booking).notes.all()]
        tomorrow = f"{timezone.localtime(next_morning(10)):%a %-d %b}"
        assert words == [
            f"Entered for {tomorrow} 10:00 with Dr Dia.",
            f"Brought up to date: {tomorrow} 14:00 with Dr Dia.",
            "Cancelled.",
        ]

    def test_notes_what_it_found_after_a_doubt(self, vendors, dr_dia, book):
        booking = book(dr_dia)
        vendors.faults("medirecords", "error_after", operation="appointments.write", calls=1)

        tell()

        turns = [(note.turn, note.words) for note in record_of(booking).notes.all()]
        assert [turn for turn, _ in turns] == ["put_off", "told"]
        assert turns[1][1] == "Found there again after an answer that did not come."

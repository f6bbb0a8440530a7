"""A visit that is promised as soon as it is paid: held, told to nobody, sure with the money."""

from datetime import timedelta
from uuid import uuid4

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from bookings import lifecycle
from bookings.models import Booking, CancelReason, FreedTime, SyncRecord
from bookings.money import payments
from bookings.reconcile import drift
from bookings.vendors import sync
from botaniqal.messages.models import Message
from botaniqal.reports import figures
from practitioners import availability, diary
from practitioners.models import DiaryEntry
from practitioners.why_not import why_not
from services.prices import clinic_day
from tests.factories import AppointmentTypeFactory, PatientFactory, PractitionerFactory, UserFactory, next_morning

pytestmark = pytest.mark.django_db
State = Booking.State
TEN = next_morning(10, days=2)


def staff(role):
    return UserFactory(is_staff=True, roles=[role])


def logged_in(user):
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def kind():
    return AppointmentTypeFactory(buffer_after_minutes=5)


@pytest.fixture
def doctor(kind):
    return PractitionerFactory(gives=[kind], calendar_provider="calendly", user=staff("clinician"))


@pytest.fixture
def pend(kind, doctor):
    """Make a visit that waits for its payment, for half an hour unless said otherwise."""

    def make(*, starts_at=TEN, seconds=1800):
        key, now = uuid4(), timezone.now()
        entry = diary.hold(
            practitioner=doctor,
            span=availability.occupied_span(kind, starts_at),
            held_for=key,
            by=None,
            appointment_type=kind,
            seconds=seconds,
        )
        booking = lifecycle.book(
            id=key,
            patient=PatientFactory(),
            practitioner=doctor,
            appointment_type=kind,
            starts_at=starts_at,
            ends_at=starts_at + timedelta(minutes=15),
            entry=entry,
            price=119,
            source=Booking.Source.ONLINE,
            by=None,
            now=now,
            pays_until=now + timedelta(seconds=seconds),
        )
        payments.record(booking=booking, taken=payments.Taken(method="stripe_link"), by=None, now=now)
        return booking

    return make


def lapse_hold(booking):
    """Let the hold of a visit run out, as the database's clock would."""
    moment = timezone.now() - timedelta(seconds=1)
    DiaryEntry.objects.filter(pk=booking.entry_id).update(live_from=moment - timedelta(hours=1), live_until=moment)


def confirm(booking):
    return lifecycle.confirm(booking_id=booking.pk, by=None, now=timezone.now())


def cause():
    return CancelReason.objects.get(code="time_does_not_suit")


class TestBook:
    def test_tells_nobody(self, pend):
        booking = pend()

        assert (booking.state, booking.is_promised) == (State.PENDING_PAYMENT, False)
        assert booking.entry.kind == DiaryEntry.Kind.HOLD
        assert not SyncRecord.objects.exists()
        assert not Message.objects.exists()


class TestConfirm:
    def test_makes_the_held_time_its_own_and_tells_everybody(self, pend):
        booking = pend()

        confirmed = confirm(booking)

        confirmed.refresh_from_db()
        assert (confirmed.state, confirmed.is_promised) == (State.CONFIRMED, True)
        assert (confirmed.entry_id, confirmed.entry.kind) == (booking.entry_id, DiaryEntry.Kind.BOOKING)
        assert confirmed.entry.live_until is None
        assert {record.system for record in confirmed.sync_records.open()} == {"calendly", "medirecords"}
        assert Message.objects.get().kind == Message.Kind.CONFIRMATION

    def test_takes_the_time_again_whose_hold_has_lapsed(self, pend):
        booking = pend()
        lapse_hold(booking)

        confirmed = confirm(booking)

        assert confirmed.state == State.CONFIRMED
        assert (confirmed.entry.kind, confirmed.entry.live_until) == (DiaryEntry.Kind.BOOKING, None)
        assert confirmed.entry.ends_at - confirmed.entry.starts_at == timedelta(minutes=20)

    def test_refuses_a_time_that_went_to_somebody_else(self, pend, doctor, kind):
        booking = pend()
        lapse_hold(booking)
        diary.take(practitioner=doctor, span=availability.occupied_span(kind, TEN), by=None)

        with pytest.raises(diary.SlotTaken):
            confirm(booking)

        booking.refresh_from_db()
        assert booking.state == State.PENDING_PAYMENT
        assert not Message.objects.exists()

    def test_happens_once(self, pend):
        booking = pend()
        confirm(booking)

        with pytest.raises(lifecycle.WrongMove):
            confirm(booking)

        assert Message.objects.count() == 1


class TestCancel:
    def test_gives_back_what_was_held_and_has_nobody_told_but_the_patient(self, pend, doctor, kind):
        booking = pend()

        lifecycle.cancel(booking_id=booking.pk, cause=cause(), by=None, now=timezone.now())

        availability.check(practitioner=doctor, appointment_type=kind, starts_at=TEN)
        assert not SyncRecord.objects.exists()
        assert not FreedTime.objects.exists()
        assert Message.objects.get().kind == Message.Kind.CANCELLED

    def test_tells_the_vendors_of_one_that_was_paid(self, pend):
        booking = confirm(pend())
        SyncRecord.objects.update(told=1)

        lifecycle.cancel(booking_id=booking.pk, cause=cause(), by=None, now=timezone.now())

        assert {record.system for record in booking.sync_records.open()} == {"calendly", "medirecords"}
        assert FreedTime.objects.get().starts_at == TEN


class TestElsewhere:
    def test_no_vendor_is_held_to_know_of_it(self, pend, settings):
        pend()
        settings.MEDIRECORDS_API_KEY = ""

        found = drift.Comparison(
            drift.VENDORS["calendly"](drift.Directory()), drift.Q(starts_at=TEN), now=timezone.now()
        ).run({})

        assert not found.compared

    def test_it_is_no_visit_of_today(self, pend, doctor):
        now = timezone.localtime()
        with time_machine.travel(now.replace(hour=12, minute=0), tick=True):
            soon = timezone.now().replace(minute=0, second=0, microsecond=0) + timedelta(hours=3)
            booking = pend(starts_at=soon)
            client = logged_in(doctor.user)

            before = client.get("/admin/").content.decode()
            confirm(booking)
            after = client.get("/admin/").content.decode()

        assert (before.count("Leo Martin"), after.count("Leo Martin")) == (0, 1)

    def test_it_stands_in_the_calendar_once_and_as_waiting(self, pend):
        booking = pend()
        client = logged_in(staff("operations"))

        day = client.get(f"/admin/calendar/?date={clinic_day(TEN)}").content.decode()

        assert day.count(f"/admin/calendar/bookings/{booking.pk}/") == 1
        assert "Waiting for payment" in day
        assert "cal-block hold" not in day

    def test_it_is_not_moved_but_may_be_paid_otherwise(self, pend):
        booking = pend()
        client = logged_in(staff("operations"))

        page = client.get(f"/admin/bookings/booking/{booking.pk}/change/").content.decode()

        assert "/do/cancel/" in page
        assert "/do/move/" not in page
        assert "/do/record_payment/" in page
        assert not Booking.objects.to_be_paid()

    def test_it_counts_as_booked_once_it_is_paid(self, pend):
        today = clinic_day(timezone.now())
        lapsed, paid = pend(), pend(starts_at=TEN + timedelta(hours=1))
        confirm(paid)
        lifecycle.cancel(booking_id=lapsed.pk, reason="Not paid", by=None, now=timezone.now())

        [day] = figures.bookings_by_day(today, days=1)

        assert (day.made, day.cancelled) == (1, 0)

    def test_it_says_why_the_time_is_not_free(self, pend, doctor, kind):
        pend()

        reason = why_not(practitioner=doctor, appointment_type=kind, starts_at=TEN, now=timezone.now())

        assert reason.words.startswith("Somebody else keeps that time for a patient until")

    def test_it_is_told_to_a_calendar_that_was_changed_only_once_it_is_paid(self, pend, doctor):
        pend()

        assert sync.owe_upcoming(practitioner=doctor, now=timezone.now()) == 0

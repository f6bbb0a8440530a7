"""A booking beside the calendar: who sees how much of it, and moving it."""

import re
from datetime import timedelta
from html import unescape
from http import HTTPStatus

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse
from django.utils import timezone

from bookings.models import Booking, CancelReason, SyncRecord
from botaniqal.messages.models import Message
from practitioners import availability, diary
from tests.factories import (
    MELBOURNE,
    AppointmentTypeFactory,
    BookingFactory,
    PatientFactory,
    PractitionerFactory,
    RoomFactory,
    SessionFactory,
    next_morning,
)
from triage.models import HandOver

from .conftest import logged_in, somebody

pytestmark = pytest.mark.django_db
TEN = next_morning(10, days=2)
DAY = TEN.astimezone(MELBOURNE).date()


@pytest.fixture
def kind():
    return AppointmentTypeFactory(name="Alternative medicine, initial")


@pytest.fixture
def doctor(kind):
    return PractitionerFactory(name="Dr Dia", gives=[kind])


@pytest.fixture
def other(kind):
    return PractitionerFactory(name="Dr Else", gives=[kind])


@pytest.fixture
def booking(doctor, kind):
    entry = diary.take(practitioner=doctor, span=availability.occupied_span(kind, TEN), by=None)
    return BookingFactory(practitioner=doctor, appointment_type=kind, starts_at=TEN, entry=entry)


def panel(client, booking, page="calendar_booking", **query):
    return client.get(reverse(f"admin:{page}", args=[booking.pk]), query, headers={"X-Fragment": "dialog"})


def move(client, booking, *, to=None, starts_at=TEN, follow=False):
    value = f"{to.pk}@{starts_at.isoformat()}" if to else ""
    return client.post(reverse("admin:calendar_move", args=[booking.pk]), {"to": value}, follow=follow)


class TestView:
    def test_shows_facts_vendors_and_what_can_be_done(self, operations, booking):
        SyncRecord.objects.create(booking=booking, system="medirecords", told=1)

        shown = panel(operations, booking).content.decode()

        for words in ("Leo Martin", "10:00–10:15", booking.number, "$119.00", "MediRecords", "Move to…"):
            assert words in shown
        assert reverse("admin:bookings_booking_verb", args=[booking.pk, "cancel"]) in shown
        assert reverse("admin:bookings_booking_verb", args=[booking.pk, "move"]) not in shown

    def test_leads_back_to_the_calendar_from_what_is_done(self, operations, booking):
        shown = panel(operations, booking).content.decode()
        cancel = reverse("admin:bookings_booking_verb", args=[booking.pk, "cancel"])
        (address,) = [unescape(each) for each in re.findall(r'href="([^"]+)"', shown) if each.startswith(cancel)]
        cause = CancelReason.objects.get(code="price")

        answer = operations.post(address, {"cause": cause.pk, "reason": "Too much"})

        assert answer["Location"] == f"{reverse('admin:calendar')}?date={DAY}"

    def test_shows_the_hand_over_card_and_leads_to_the_call(self, operations, booking, sarah):
        session = SessionFactory(consultant=sarah, booking=booking)
        HandOver.objects.create(booking=booking, lines=[["Medicines", "None"]], made_at=TEN)

        shown = panel(operations, booking).content.decode()

        assert "Not read yet" in shown
        assert "Medicines" in shown
        assert reverse("admin:triage_triagesession_desk", args=[session.pk]) in shown

    def test_shows_of_anothers_patient_the_first_name_alone(self, consultant, booking):
        HandOver.objects.create(booking=booking, lines=[["Medicines", "None"]], made_at=TEN)

        shown = panel(consultant, booking).content.decode()

        assert "Leo" in shown
        for words in ("Martin", "491", "Medicines", booking.number, "Move to…", "119"):
            assert words not in shown

    def test_is_a_page_of_its_own_without_javascript(self, operations, booking):
        page = operations.get(reverse("admin:calendar_booking", args=[booking.pk])).content.decode()

        assert "<html" in page
        assert "Leo Martin" in page

    def test_does_not_offer_to_move_what_is_over(self, operations, booking):
        Booking.objects.update(state=Booking.State.COMPLETED)

        assert "Move to…" not in panel(operations, booking).content.decode()

    def test_refuses_those_who_read_no_bookings(self, booking):
        assert panel(logged_in(somebody("management")), booking).status_code == HTTPStatus.FORBIDDEN

    def test_knows_no_other_booking(self, operations, booking, sarah):
        assert panel(operations, sarah).status_code == HTTPStatus.NOT_FOUND


class TestMove:
    def test_offers_the_free_times_of_the_day_with_those_of_the_same_person_first(
        self, operations, booking, doctor, other
    ):
        shown = panel(operations, booking, "calendar_move").content.decode()

        assert shown.index("Dr Dia <") < shown.index("Dr Else")
        assert f"{other.pk}@{TEN.astimezone(MELBOURNE).isoformat()}" in shown
        assert f"{doctor.pk}@{TEN.astimezone(MELBOURNE).isoformat()}" not in shown  # it is there already

    def test_shows_the_patients_time_where_it_differs(self, operations, booking, doctor):
        booking.patient.time_zone = "Pacific/Auckland"
        booking.patient.save()

        assert "in brackets the patient" in panel(operations, booking, "calendar_move").content.decode()

    def test_offers_another_day(self, operations, booking, doctor):
        day = DAY + timedelta(days=20)

        shown = panel(operations, booking, "calendar_move", day=str(day))

        assert shown.context["day"] == day
        assert [each for each, *_, is_chosen in shown.context["days"] if is_chosen] == [day]

    @pytest.mark.parametrize("typed", ["2020-01-01", "9999-12-31", "2026-02-30", "x"])
    def test_keeps_to_the_days_that_can_be_booked(self, operations, booking, typed):
        shown = panel(operations, booking, "calendar_move", day=typed)

        days = [each for each, *_ in shown.context["days"]]
        assert shown.status_code == HTTPStatus.OK
        assert days[0] >= timezone.localdate()
        assert shown.context["day"] in days

    def test_offers_a_call_the_times_of_its_consultant_alone(self, operations, sarah, tom):
        free = AppointmentTypeFactory(free=True)
        sarah.appointment_types.add(free)
        tom.appointment_types.add(free)
        session = SessionFactory(consultant=sarah, consultation__appointment_type=free, consultation__starts_at=TEN)

        shown = panel(operations, session.consultation, "calendar_move").content.decode()

        assert "Sarah Chen" in shown
        assert "Tom Baker" not in shown

    def test_moves_to_another_time(self, operations, booking, doctor):
        answer = move(operations, booking, to=doctor, starts_at=TEN + timedelta(hours=1), follow=True)

        booking.refresh_from_db()
        assert booking.starts_at == TEN + timedelta(hours=1)
        assert booking.practitioner == doctor
        assert Message.objects.filter(kind=Message.Kind.MOVED, reference=booking.pk).exists()
        assert "is moved to" in str(list(get_messages(answer.wsgi_request)) or answer.content.decode())
        assert answer.request["QUERY_STRING"] == f"date={DAY}"

    def test_moves_to_another_person(self, operations, booking, other):
        move(operations, booking, to=other)

        booking.refresh_from_db()
        assert booking.practitioner == other
        assert booking.starts_at == TEN

    def test_says_that_the_time_just_went_and_leaves_the_visit_where_it_was(self, operations, booking, doctor, kind):
        later = TEN + timedelta(hours=1)
        diary.take(practitioner=doctor, span=availability.occupied_span(kind, later), by=None)

        answer = move(operations, booking, to=doctor, starts_at=later, follow=True)

        booking.refresh_from_db()
        assert booking.starts_at == TEN
        assert "Time slot no longer available" in answer.content.decode()
        assert booking.entry.live_until is None

    @pytest.mark.parametrize(
        "value", ["", "x", "x@y", "00000000-0000-0000-0000-000000000000@2026-12-07T09:00:00+11:00"]
    )
    def test_asks_for_a_time_where_none_was_chosen(self, operations, booking, value):
        answer = operations.post(reverse("admin:calendar_move", args=[booking.pk]), {"to": value}, follow=True)

        booking.refresh_from_db()
        assert "Choose one of the free times." in answer.content.decode()
        assert booking.starts_at == TEN

    @pytest.mark.parametrize("state", [Booking.State.COMPLETED, Booking.State.NO_SHOW, Booking.State.CANCELLED])
    def test_refuses_what_is_over(self, operations, booking, doctor, state):
        over = {"cancel_reason": "Ill", "cancelled_at": TEN} if state == Booking.State.CANCELLED else {}
        Booking.objects.update(state=state, **over)

        move(operations, booking, to=doctor, starts_at=TEN + timedelta(hours=1))

        booking.refresh_from_db()
        assert booking.starts_at == TEN
        assert panel(operations, booking, "calendar_move").status_code == HTTPStatus.UNPROCESSABLE_ENTITY

    def test_keeps_a_visit_in_person_in_a_room(self, operations, doctor):
        kind, room = AppointmentTypeFactory(in_person=True), RoomFactory()
        doctor.appointment_types.add(kind)
        span = availability.occupied_span(kind, TEN)
        entry = diary.take(practitioner=doctor, span=span, by=None, room=room)
        booking = BookingFactory(practitioner=doctor, appointment_type=kind, starts_at=TEN, entry=entry)

        move(operations, booking, to=doctor, starts_at=TEN + timedelta(hours=1))

        booking.refresh_from_db()
        assert booking.entry.room == room

    @pytest.mark.parametrize("role", ["clinician", "management"])
    def test_refuses_those_who_change_no_bookings(self, booking, doctor, role):
        doctor.user = somebody(role)  # who knows the patient, where anybody of the role does
        doctor.save()
        browser = logged_in(doctor.user)

        assert move(browser, booking, to=doctor).status_code == HTTPStatus.FORBIDDEN
        assert panel(browser, booking, "calendar_move").status_code == HTTPStatus.FORBIDDEN

    def test_refuses_a_consultant_who_does_not_know_the_patient(self, consultant, sarah, booking, doctor):
        later = TEN + timedelta(hours=1)

        assert move(consultant, booking, to=doctor, starts_at=later).status_code == HTTPStatus.FORBIDDEN
        SessionFactory(consultant=sarah, patient=booking.patient)
        assert move(consultant, booking, to=doctor, starts_at=later).status_code == HTTPStatus.FOUND

    def test_names_no_patient_in_an_address(self, operations, doctor, kind):
        booking = BookingFactory(
            practitioner=doctor, appointment_type=kind, starts_at=TEN, patient=PatientFactory(name="Zoe Papas")
        )

        assert "Zoe" not in move(operations, booking, to=doctor, starts_at=TEN + timedelta(hours=1)).url

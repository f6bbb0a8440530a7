"""The calendar: whose time is shown how, to whom, and at what cost."""

import re
from datetime import UTC, date, datetime, time, timedelta
from http import HTTPStatus

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from bookings import lifecycle
from bookings.models import Booking
from practitioners import diary
from practitioners.models import BusyPeriod, DiaryEntry, TimeOff, WorkingHours
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

from .conftest import logged_in, somebody

pytestmark = pytest.mark.django_db
CALENDAR = reverse("admin:calendar")
TEN = next_morning(10)
DAY = TEN.astimezone(MELBOURNE).date().isoformat()


@pytest.fixture
def kind():
    return AppointmentTypeFactory(name="Alternative medicine, initial")


@pytest.fixture
def doctor(kind):
    return PractitionerFactory(name="Dr Dia", gives=[kind])


@pytest.fixture
def booking(doctor, kind):
    return taken(doctor, kind)


def taken(doctor, kind, *, starts_at=TEN, room=None, **details) -> Booking:
    """A booking that has its time in the diary."""
    span = diary.Span(starts_at, starts_at + timedelta(minutes=kind.minutes))
    entry = diary.take(practitioner=doctor, span=span, by=None, room=room)
    return BookingFactory(practitioner=doctor, appointment_type=kind, starts_at=starts_at, entry=entry, **details)


def shown(client, **query) -> str:
    """The calendar's grid alone."""
    answer = client.get(CALENDAR, {"date": DAY, **query}, headers={"X-Fragment": "grid"})
    assert answer.status_code == HTTPStatus.OK
    return answer.content.decode()


class TestView:
    def test_shows_visits_with_name_time_and_service(self, operations, booking):
        grid = shown(operations)

        assert "Leo Martin" in grid
        assert "10:00" in grid
        assert f"service-{booking.appointment_type.service_id}" in grid
        assert "r24 s3" in grid  # two hours of five minutes after eight, for a quarter of an hour

    def test_leaves_cancelled_visits_out(self, operations, booking):
        lifecycle.cancel(booking_id=booking.pk, reason="Ill", by=None, now=datetime.now(UTC))

        assert "Leo Martin" not in shown(operations)

    def test_shows_hours_time_off_and_what_is_taken_outside(self, operations, doctor):
        TimeOff.objects.create(
            practitioner=doctor, starts_at=TEN, ends_at=TEN + timedelta(hours=1), reason="Conference"
        )
        BusyPeriod.objects.create(
            practitioner=doctor,
            starts_at=TEN + timedelta(hours=2),
            ends_at=TEN + timedelta(hours=3),
            calendar="outlook",
        )

        grid = shown(operations)

        assert "cal-block closed r0 s12" in grid  # eight to nine
        assert "cal-block away r24 s12" in grid
        assert "Away: Conference" in grid
        assert "cal-block busy r48 s12" in grid
        assert "Busy in Outlook" in grid

    def test_shows_holds_with_whose_call_they_are_for_until_they_lapse(self, operations, sarah, doctor):
        session = SessionFactory(consultant=sarah)
        span = diary.Span(TEN, TEN + timedelta(minutes=15))
        diary.hold(practitioner=doctor, span=span, held_for=session.pk, by=None)

        assert "Held by Sarah Chen for Leo" in shown(operations)

        past = datetime.now(UTC) - timedelta(minutes=1)
        DiaryEntry.objects.update(live_from=past - timedelta(minutes=5), live_until=past)

        assert "Held by" not in shown(operations)

    def test_shows_buffers_around_a_visit(self, operations, doctor):
        kind = AppointmentTypeFactory(buffer_after_minutes=10)
        entry = diary.take(practitioner=doctor, span=diary.Span(TEN, TEN + timedelta(minutes=25)), by=None)
        BookingFactory(practitioner=doctor, appointment_type=kind, starts_at=TEN, entry=entry)

        assert "cal-block buffer r27 s2" in shown(operations)

    def test_puts_visits_at_one_time_side_by_side(self, operations, doctor, kind):
        BookingFactory(practitioner=doctor, appointment_type=kind, starts_at=TEN)
        BookingFactory(practitioner=doctor, appointment_type=kind, starts_at=TEN + timedelta(minutes=5))

        grid = shown(operations)

        assert "lanes-2" in grid
        assert "lane-0" in grid
        assert "lane-1" in grid

    def test_shows_rooms_with_what_takes_place_in_them(self, operations, doctor):
        kind, room = AppointmentTypeFactory(in_person=True), RoomFactory(name="Fern")
        taken(doctor, kind, room=room)
        BookingFactory(practitioner=doctor, starts_at=TEN, patient=PatientFactory(name="Zoe Papas"))

        grid = shown(operations, by="room")

        assert "Fern" in grid
        assert "Leo Martin" in grid
        assert "Dr Dia" in grid
        assert "Zoe Papas" not in grid

    def test_shows_everybodys_week_as_a_list(self, operations, doctor, booking):
        week = shown(operations, view="week")

        assert "cal-roster" in week
        assert "09:00–17:00" in week
        assert "Leo Martin" in week

    def test_leaves_the_rest_of_a_long_day_to_its_page(self, operations, doctor, kind):
        for n in range(10):
            taken(doctor, kind, starts_at=TEN + n * timedelta(minutes=15))

        week = shown(operations, view="week")

        assert week.count("Leo Martin") == 8
        assert ">2 more<" in week
        assert f"date={DAY}&amp;by=practitioner&amp;who={doctor.pk}" in week

    def test_shows_one_persons_week_in_columns(self, operations, doctor, booking):
        PractitionerFactory(name="Dr Else")

        week = shown(operations, view="week", who=str(doctor.pk))

        assert week.count("cal-head") == 7
        assert "Leo Martin" in week
        assert "Dr Else" not in week

    def test_shows_who_left_on_days_on_which_they_had_visits(self, operations, doctor, booking):
        doctor.is_active = False
        doctor.save()

        assert "Dr Dia" in shown(operations)
        assert "Dr Dia" not in shown(operations, date=str(date.fromisoformat(DAY) + timedelta(days=1)))

    def test_marks_people_elsewhere_by_their_clock(self, operations, doctor):
        doctor.time_zone = "Australia/Perth"
        doctor.save()

        assert "Perth, 2 h earlier" in shown(operations, date="2026-06-15")
        assert "Perth, 3 h earlier" in shown(operations, date="2026-11-16")

    @pytest.mark.parametrize("typed", ["2026-02-30", "0001-01-01", "9999-12-31", "x", ""])
    def test_falls_back_to_today_for_what_is_no_day(self, operations, doctor, typed):
        answer = operations.get(CALENDAR, {"date": typed, "view": "week", "part": "9²", "who": "nobody"})

        assert answer.status_code == HTTPStatus.OK
        assert answer.context["asked"].day == answer.context["today"]

    def test_shows_a_dozen_people_and_the_way_to_the_others(self, operations):
        for n in range(14):
            PractitionerFactory(name=f"Dr {n:02}", hours=False)

        first, second = shown(operations), shown(operations, part="2")

        assert "Dr 11" in first
        assert "Dr 12" not in first
        assert "Dr 13" in second
        assert "Part 2" in operations.get(CALENDAR).content.decode()

    def test_answers_304_while_nothing_changed(self, operations, booking):
        first = operations.get(CALENDAR, {"date": DAY}, headers={"X-Fragment": "grid"})

        again = operations.get(CALENDAR, {"date": DAY}, headers={"X-Fragment": "grid", "If-None-Match": first["ETag"]})

        assert again.status_code == HTTPStatus.NOT_MODIFIED

    @pytest.mark.parametrize("view", ["day", "week"])
    def test_asks_the_database_as_often_for_many_as_for_few(self, operations, kind, view):
        def queries() -> int:
            with CaptureQueriesContext(connection) as asked:
                shown(operations, view=view)
            return len(asked)

        person = PractitionerFactory(gives=[kind])
        taken(person, kind)
        span = diary.Span(TEN + timedelta(hours=1), TEN + timedelta(hours=2))
        diary.hold(practitioner=person, span=span, held_for=SessionFactory().pk, by=None)
        few = queries()
        for n in range(6):
            taken(PractitionerFactory(gives=[kind]), kind, patient=PatientFactory(name=f"Patient {n}"))

        assert queries() == few <= 16


class TestViewOfRoles:
    def test_gives_a_consultant_the_full_names_of_own_patients_alone(self, consultant, sarah, doctor, kind):
        mia = PatientFactory(name="Mia Santos")
        SessionFactory(consultant=sarah, patient=mia, consultation__starts_at=TEN + timedelta(days=30))
        taken(doctor, kind, patient=mia)
        taken(doctor, kind, starts_at=TEN + timedelta(hours=1), patient=PatientFactory(name="Zoe Papas"))

        grid = shown(consultant)

        assert "Mia Santos" in grid
        assert "Zoe" in grid
        assert "Papas" not in grid

    def test_gives_management_no_name(self, doctor, kind, booking, sarah):
        session = SessionFactory(consultant=sarah)
        span = diary.Span(TEN + timedelta(hours=1), TEN + timedelta(hours=2))
        diary.hold(practitioner=doctor, span=span, held_for=session.pk, by=None)

        grid = shown(logged_in(somebody("management")))

        assert not re.search(r"\bLeo\b", grid)
        assert "Visit" in grid
        assert reverse("admin:calendar_booking", args=[booking.pk]) not in grid

    def test_refuses_those_who_may_not_read_the_diary(self, client):
        nobody = somebody("management")
        nobody.groups.clear()

        assert logged_in(nobody).get(CALENDAR).status_code == HTTPStatus.FORBIDDEN

    def test_sends_strangers_to_the_login(self, client):
        assert client.get(CALENDAR).status_code == HTTPStatus.FOUND


class TestDaylightSaving:
    """Melbourne's clock goes back on 5 April 2026 and forward on 4 October 2026, both at night."""

    @pytest.fixture
    def nights(self, doctor):
        for weekday in range(7):
            WorkingHours.objects.filter(practitioner=doctor, weekday=weekday).update(starts=time(0), ends=time(6))

    def test_shows_the_hour_twice_when_the_clock_goes_back(self, operations, doctor, nights):
        first = datetime(2026, 4, 4, 15, 30, tzinfo=UTC)  # 02:30, for the first time
        for starts_at in (first, first + timedelta(hours=1), first + timedelta(hours=2)):
            BookingFactory(practitioner=doctor, starts_at=starts_at)

        grid = shown(operations, date="2026-04-05")

        assert "02:00 again" in grid
        assert ["r30" in grid, "r42" in grid, "r54" in grid] == [True, True, True]

    def test_keeps_to_the_clock_when_it_goes_forward(self, operations, doctor, nights):
        BookingFactory(practitioner=doctor, starts_at=datetime(2026, 10, 3, 16, 30, tzinfo=UTC))  # 03:30

        grid = shown(operations, date="2026-10-04")

        assert "r42 s3" in grid
        assert "again" not in grid


class TestSheet:
    def test_gives_each_service_its_colour_and_is_not_sent_twice(self, operations, kind):
        sheet = operations.get(reverse("admin:calendar_sheet"))

        assert sheet["Content-Type"] == "text/css"
        assert f".service-{kind.service_id} {{ --service: #177a60 }}" in sheet.content.decode()
        again = operations.get(reverse("admin:calendar_sheet"), headers={"If-None-Match": sheet["ETag"]})
        assert again.status_code == HTTPStatus.NOT_MODIFIED

"""Reminders: when they are due, and that each is written once for one time of a visit."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from bookings import lifecycle, notices, reminders
from bookings.models import Booking, FormAnswers
from bookings.self_service import links
from botaniqal.messages import sending
from botaniqal.messages.models import Message
from practitioners.models import Practitioner
from services.models import Form, FormVersion, Service
from tests.factories import AppointmentTypeFactory, BookingFactory, PatientFactory, PractitionerFactory, next_morning

pytestmark = pytest.mark.django_db

MELBOURNE = ZoneInfo("Australia/Melbourne")
START = datetime(2026, 11, 25, 23, tzinfo=UTC)
DAY, SOON = Message.Kind.REMINDER_DAY, Message.Kind.REMINDER_SOON
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def melbourne(*wall):
    return datetime(*wall, tzinfo=MELBOURNE).astimezone(UTC)


def book(*, made_at=LONG_AGO, **fields):
    booking = BookingFactory(**{"starts_at": START, **fields})
    Booking.objects.filter(pk=booking.pk).update(created_at=made_at)
    return booking


def remind(now):
    reminders.remind_due(now=now)
    return sorted(Message.objects.filter(kind__in=reminders.KINDS).values_list("kind", flat=True))


class TestRemindDue:
    @pytest.mark.parametrize(
        ("before", "kinds"),
        [
            (24 * HOUR + MINUTE, []),
            (24 * HOUR, [DAY]),
            (3 * HOUR, [DAY]),
            (2 * HOUR, [SOON]),
            (MINUTE, [SOON]),
            (timedelta(), []),
            (-MINUTE, []),
        ],
    )
    def test_writes_what_is_due_then(self, before, kinds):
        book()

        assert remind(START - before) == kinds

    def test_writes_each_once(self):
        book()

        for minutes in range(0, 26 * 60, 7):
            remind(START - 25 * HOUR + minutes * MINUTE)

        assert remind(START) == [DAY, SOON]

    def test_says_when_with_whom_and_how_to_join(self):
        practitioner = PractitionerFactory(name="Dr Dia")
        booking = book(practitioner=practitioner, join_link="https://meet.example.com/j/1")

        remind(START - 24 * HOUR)

        message = Message.objects.get()
        assert message.subject == "Reminder: your appointment with Dr Dia on Thursday 26 November"
        for said in ("Thursday 26 November 2026, 10:00 am Melbourne time (AEDT)", booking.join_link, booking.number):
            assert said in message.text
            assert said in message.html
        assert (message.to, message.reference, message.calendar) == ("leo.martin@example.com", booking.pk, "")

    def test_names_the_hour_shortly_before(self):
        book(practitioner=PractitionerFactory(name="Dr Dia"))

        remind(START - 2 * HOUR)

        assert Message.objects.get().subject == "Soon: your appointment with Dr Dia at 10:00 am Melbourne time (AEDT)"

    def test_reminds_of_consultations_too(self):
        book(practitioner=PractitionerFactory(consultant=True), appointment_type=AppointmentTypeFactory(free=True))

        assert remind(START - 24 * HOUR) == [DAY]

    @pytest.mark.parametrize("state", [s for s in Booking.State if s != Booking.State.CONFIRMED])
    def test_reminds_of_no_visit_that_is_not_sure(self, state):
        rest = {"cancelled_at": LONG_AGO, "cancel_reason": "ill", "pays_until": START}
        book(state=state, **rest)

        assert remind(START - 24 * HOUR) == []

    def test_reminds_nobody_without_an_address(self):
        book(patient=PatientFactory(email=""))

        assert remind(START - 24 * HOUR) == []

    @pytest.mark.parametrize(
        ("before", "kinds"), [(25 * HOUR, [DAY, SOON]), (3 * HOUR, [SOON]), (HOUR, [])], ids=["day", "hours", "hour"]
    )
    def test_leaves_out_what_was_told_shortly_before(self, before, kinds):
        book(made_at=START - before)

        remind(START - min(before, 24 * HOUR) + MINUTE)

        assert remind(START - HOUR + 2 * MINUTE) == kinds

    def test_asks_the_database_twice_however_many_visits_need_none(self, django_assert_num_queries):
        for days in range(2, 12):
            book(starts_at=START + days * 24 * HOUR)
            book(made_at=START - HOUR)

        with django_assert_num_queries(2):
            reminders.remind_due(now=START - 24 * HOUR + MINUTE)


class TestForm:
    @pytest.mark.parametrize(("is_sent", "count"), [(False, 1), (True, 0)], ids=["to fill", "sent"])
    def test_is_asked_for_while_it_is_not_sent(self, is_sent, count):
        form = Form.objects.create(slug="form-of-the-tests", name="Intake")
        schema = {"type": "object", "properties": {}}
        FormVersion.objects.create(form=form, version=1, schema=schema, state="in_use")
        booking = book()
        Service.objects.update(initial_form=form)
        if is_sent:
            rest = {"form_id": form.slug, "source": "portal", "submitted_at": LONG_AGO, "answers": []}
            FormAnswers.objects.create(booking=booking, **rest)

        remind(START - 24 * HOUR)

        message = Message.objects.get()
        link = links.to_visit(booking, page="visit-form")
        assert (message.text.count(link), message.html.count(link)) == (count, count)


class TestMoves:
    """Visits that are moved by the verb itself, from tomorrow morning on."""

    @pytest.fixture
    def booking(self):
        kind = AppointmentTypeFactory()
        practitioner = PractitionerFactory(gives=[kind])
        return book(practitioner=practitioner, appointment_type=kind, starts_at=next_morning(10, days=2))

    def move(self, booking, starts_at, now):
        return lifecycle.move(booking_id=booking.pk, starts_at=starts_at, by=None, now=now)

    def test_gives_a_new_time_a_reminder_of_its_own(self, booking):
        first, second = booking.starts_at, booking.starts_at + 48 * HOUR
        remind(first - 24 * HOUR)
        Message.objects.update(told=1, sent_at=timezone.now())

        self.move(booking, second, first - 23 * HOUR)

        assert remind(first - 22 * HOUR) == [DAY]
        assert remind(second - 24 * HOUR) == [DAY, DAY]
        assert "reminder" in Message.objects.filter(kind=DAY).latest("created_at").key

    def test_takes_back_the_reminder_of_the_old_time_that_has_not_gone_out(self, booking):
        remind(booking.starts_at - 24 * HOUR)

        self.move(booking, booking.starts_at + 48 * HOUR, booking.starts_at - 23 * HOUR)

        assert remind(booking.starts_at - 22 * HOUR) == []

    def test_does_not_remind_of_what_the_move_has_just_told(self, booking):
        now = booking.starts_at - 26 * HOUR

        self.move(booking, booking.starts_at - HOUR, now + 2 * HOUR)

        assert remind(now + 3 * HOUR) == []

    def test_reminds_again_where_a_visit_comes_back_to_a_time_of_which_nobody_was_reminded(self, booking):
        first = booking.starts_at
        remind(first - 24 * HOUR)
        self.move(booking, first + 48 * HOUR, first - 30 * HOUR)

        self.move(booking, first, first - 29 * HOUR)

        assert remind(first - 24 * HOUR) == [DAY]

    def test_takes_back_what_names_somebody_who_does_not_see_them_any_more(self, booking):
        other = PractitionerFactory(gives=[booking.appointment_type])
        remind(booking.starts_at - 24 * HOUR)

        lifecycle.move(
            booking_id=booking.pk,
            starts_at=booking.starts_at,
            practitioner=Practitioner.objects.get(pk=other.pk),
            by=None,
            now=booking.starts_at - 23 * HOUR,
        )

        assert remind(booking.starts_at - 22 * HOUR) == []

    def test_takes_back_the_reminder_of_a_visit_that_is_cancelled(self, booking):
        remind(booking.starts_at - 24 * HOUR)

        lifecycle.cancel(booking_id=booking.pk, reason="ill", by=None, now=booking.starts_at - 23 * HOUR)

        assert remind(booking.starts_at - 22 * HOUR) == []


class TestTooLate:
    def test_is_not_sent_after_the_visit_has_begun(self, mailoutbox):
        now = timezone.now()
        booking = book(starts_at=now + HOUR)
        remind(now)
        Message.objects.update(good_until=now)  # as it is when the mail service was down for an hour

        sending.send_due()

        message = Message.objects.get()
        assert not mailoutbox
        assert (message.reference, message.sent_at, message.state) == (booking.pk, None, Message.State.SYNCED)

    def test_is_good_until_the_visit_begins(self):
        book()

        remind(START - HOUR)

        assert Message.objects.get().good_until == START


class TestDaylightSaving:
    """In Melbourne clocks go forward on 4 October 2026 and back on 4 April 2027, at 2 and 3 in the night."""

    @pytest.mark.parametrize(
        ("visit", "day_before"),
        [
            (melbourne(2026, 10, 4, 10), melbourne(2026, 10, 3, 9)),
            (melbourne(2026, 10, 4, 1, 30), melbourne(2026, 10, 3, 1, 30)),
            (melbourne(2027, 4, 4, 10), melbourne(2027, 4, 3, 11)),
            (melbourne(2027, 4, 4, 1, 30), melbourne(2027, 4, 3, 1, 30)),
        ],
        ids=["forward", "just before forward", "back", "just before back"],
    )
    def test_counts_hours_that_pass(self, visit, day_before):
        book(starts_at=visit)

        assert remind(day_before - MINUTE) == []
        assert remind(day_before) == [DAY]
        assert remind(visit - 2 * HOUR - MINUTE) == [DAY]
        assert remind(visit - 2 * HOUR) == [DAY, SOON]

    def test_tells_the_two_hours_of_the_night_apart_that_are_called_the_same(self):
        first = melbourne(2027, 4, 4, 2, 30)
        booking = book(starts_at=first)
        remind(first - HOUR)
        Message.objects.update(told=1, sent_at=first)
        Booking.objects.filter(pk=booking.pk).update(starts_at=first + HOUR, ends_at=first + 2 * HOUR)

        assert remind(first) == [SOON, SOON]
        names = [message.subject.rpartition(" ")[2] for message in Message.objects.order_by("created_at")]
        assert names == ["(AEDT)", "(AEST)"]

    def test_says_the_hour_of_the_visit_not_of_the_day_on_which_it_is_written(self):
        book(starts_at=melbourne(2026, 10, 4, 10))

        remind(melbourne(2026, 10, 3, 12))

        assert "Sunday 4 October 2026, 10:00 am Melbourne time (AEDT)" in Message.objects.get().text


class TestCheckReminders:
    @pytest.mark.parametrize("hours", [[], [24], [2, 24], [24, 24], [24, 0], [24, 2, 1], [24, -1]])
    def test_stops_where_it_is_not_told_when_they_are_due(self, settings, hours):
        settings.REMINDER_HOURS = hours

        with pytest.raises(CommandError, match=r"bookings\.E001"):
            call_command("check")

    def test_is_content_with_two_spans(self, settings):
        settings.REMINDER_HOURS = [48, 0.5]

        call_command("check")


class TestSendReminder:
    def test_is_written_once_for_a_key(self):
        booking = book()
        wanted = {
            "kind": DAY,
            "booking": booking,
            "key": reminders.key_of(DAY, booking),
            "has_form": False,
            "now": START,
        }

        assert [notices.send_reminder(**wanted), notices.send_reminder(**wanted)] == [True, False]

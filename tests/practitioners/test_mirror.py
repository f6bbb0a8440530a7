"""What outside calendars take is taken here: all of it, once, and nothing that is ours."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from bookings.vendors.hearing import place
from botaniqal.integrations import calendly
from botaniqal.integrations.calendly import InviteeDraft
from botaniqal.integrations.graph_shapes import time_of
from practitioners import calendars, diary, timegrid
from practitioners.models import BusyPeriod, CalendlyEventType, DiaryEntry, OutsideCalendar, Practitioner
from tests.factories import MELBOURNE, PractitionerFactory, next_morning
from tests.practitioners.outside import at, diary_entry, periods, read, read_again

pytestmark = pytest.mark.django_db

CALENDLY, OUTLOOK = Practitioner.CalendarProvider.CALENDLY, Practitioner.CalendarProvider.OUTLOOK
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
# Calendly's stand-in opens on weekdays.
WORKDAY = next(day for n in range(1, 4) if (day := next_morning(10, n)).astimezone(MELBOURNE).weekday() < 5)
VISIT = diary.Span(WORKDAY, WORKDAY + HOUR / 4)


class TestWorkDue:
    def test_shows_what_calendars_behind_calendly_take(self, on_calendly, busy, calendar_of):
        doctor, other = on_calendly(), on_calendly()
        busy(doctor, at(10), at(11))
        busy(doctor, at(10, days=9), at(11, days=9))
        busy(other, at(15), at(16))
        begins = timezone.now()

        assert read() == 2

        assert periods(doctor) == [(at(10), at(11)), (at(10, days=9), at(11, days=9))]
        assert periods(other) == [(at(15), at(16))]
        assert begins <= calendar_of(doctor).read_at <= timezone.now()
        assert calendar_of(doctor).read_until - calendar_of(doctor).read_at == 10 * DAY

    def test_follows_calendly_without_touching_what_stayed(self, on_calendly, busy, vendors):
        doctor = on_calendly()
        gone, _ = busy(doctor, at(10), at(11)), busy(doctor, at(14), at(15))
        read()
        stays = BusyPeriod.objects.get(starts_at=at(14))
        vendors.control("DELETE", "busy", params={"id": gone})
        busy(doctor, at(16), at(17))

        read_again()

        assert periods(doctor) == [(at(14), at(15)), (at(16), at(17))]
        assert BusyPeriod.objects.get(starts_at=at(14)) == stays

    def test_shows_time_once_that_lies_in_two_pieces_of_the_reading(self, on_calendly, busy):
        doctor = on_calendly()
        border = timezone.now().replace(microsecond=0) + timedelta(days=7)
        busy(doctor, border - HOUR, border + HOUR)

        read()

        assert periods(doctor) == [(border - HOUR, border + HOUR)]

    def test_shows_what_outlook_takes_and_what_changes_there(self, on_outlook, mailbox):
        doctor = on_outlook()
        moved, freed = mailbox.enter(doctor, at(10), at(11)), mailbox.enter(doctor, at(12), at(13))
        deleted = mailbox.enter(doctor, at(14), at(15), showAs="oof")
        mailbox.enter(doctor, at(16), at(17), showAs="tentative")
        read()
        first = periods(doctor)
        mailbox.change(doctor, moved, start=time_of(at(8)), end=time_of(at(9)))
        mailbox.change(doctor, freed, showAs="free")
        mailbox.delete(doctor, deleted)
        mailbox.enter(doctor, at(18), at(19))

        read_again()

        assert first == [(at(10), at(11)), (at(12), at(13)), (at(14), at(15)), (at(16), at(17))]
        assert periods(doctor) == [(at(8), at(9)), (at(16), at(17)), (at(18), at(19))]

    @pytest.mark.parametrize("show_as", ["free", "workingElsewhere"])
    def test_takes_no_time_for_what_does_not_block(self, on_outlook, mailbox, show_as):
        doctor = on_outlook()
        mailbox.enter(doctor, at(10), at(11), showAs=show_as)

        read()

        assert periods(doctor) == []

    def test_reads_only_what_changed(self, on_outlook, mailbox, vendors, calendar_of):
        doctor = on_outlook()
        read()
        link = calendar_of(doctor).delta_link
        mailbox.enter(doctor, at(10), at(11))

        read_again()

        assert link
        assert calendar_of(doctor).delta_link != link
        assert periods(doctor) == [(at(10), at(11))]

    def test_reads_the_whole_again_when_outlook_lost_the_thread(self, on_outlook, mailbox, vendors):
        doctor = on_outlook()
        gone = mailbox.enter(doctor, at(10), at(11))
        read()
        mailbox.delete(doctor, gone)
        mailbox.enter(doctor, at(12), at(13))
        vendors.control("DELETE", "graph/sync-state", json={"mailbox": doctor.mailbox})

        assert read_again() == 1

        assert periods(doctor) == [(at(12), at(13))]

    def test_reads_the_whole_again_when_the_end_of_the_span_comes_near(self, on_outlook, mailbox, calendar_of):
        doctor = on_outlook()
        read()
        first = calendar_of(doctor).read_until
        OutsideCalendar.objects.update(read_until=timezone.now() + 9 * DAY)
        mailbox.enter(doctor, at(10, days=16), at(11, days=16))

        read_again()

        assert calendar_of(doctor).read_until > first
        assert periods(doctor) == [(at(10, days=16), at(11, days=16))]

    @pytest.mark.parametrize("zone", ["Australia/Melbourne", "Australia/Perth", "Australia/Lord_Howe"])
    def test_takes_whole_days_of_the_practitioners_own_wall_clock(self, on_outlook, mailbox, settings, zone):
        settings.CALENDAR_AHEAD_DAYS = 400
        doctor, own = on_outlook(time_zone=zone), ZoneInfo(zone)
        days = [timezone.now().astimezone(own).date() + 2 * DAY, *changes_of(MELBOURNE)]
        for day in days:
            midnight = datetime.combine(day, time.min, UTC)
            mailbox.enter(doctor, midnight, midnight + DAY, isAllDay=True)

        read()

        assert periods(doctor) == sorted(timegrid.day_edges(day, own) for day in days)
        if zone == "Australia/Melbourne":
            assert {ends - starts for starts, ends in periods(doctor)} == {23 * HOUR, 24 * HOUR, 25 * HOUR}

    def test_shows_the_hours_of_a_wall_clock_in_both_weeks_of_the_change(self, on_outlook, mailbox, settings):
        settings.CALENDAR_AHEAD_DAYS = 400
        doctor = on_outlook()
        spans = []
        for day in changes_of(MELBOURNE):
            starts_at = datetime.combine(day, time(1), MELBOURNE).astimezone(UTC)
            ends_at = datetime.combine(day, time(9), MELBOURNE).astimezone(UTC)
            mailbox.enter(doctor, starts_at, ends_at)
            spans.append((starts_at, ends_at))

        read()

        assert periods(doctor) == spans
        assert {ends - starts for starts, ends in spans} == {7 * HOUR, 9 * HOUR}

    def test_keeps_the_mirror_when_the_vendor_is_down(self, on_calendly, busy, vendors, calendar_of):
        doctor = on_calendly()
        busy(doctor, at(10), at(11))
        read()
        good = calendar_of(doctor).read_at
        vendors.faults("calendly", "error_before", operation="availability")

        assert read_again() == 0

        assert periods(doctor) == [(at(10), at(11))]
        assert calendar_of(doctor).read_at == good
        assert calendar_of(doctor).state == OutsideCalendar.State.RETRYING

    def test_asks_a_person_where_the_vendor_does_not_let_us(self, on_outlook, vendors, calendar_of):
        doctor = on_outlook(name="Dr. Shivani")
        vendors.control("POST", "graph/mailboxes", json={"mailbox": doctor.mailbox, "exists": False})

        read()

        row = calendar_of(doctor)
        assert row.state == OutsideCalendar.State.NEEDS_PERSON
        assert row.problem == f"Outlook knows no mailbox {doctor.mailbox}. Correct it on Dr. Shivani's page."

    def test_asks_a_person_where_calendly_does_not_know_the_user(self, vendors, calendar_of):
        doctor = PractitionerFactory(
            calendar_provider=CALENDLY, calendly_user_uri="https://api.calendly.com/users/nobody"
        )

        read()

        assert calendar_of(doctor).problem.startswith("Calendly knows no such user.")

    def test_does_not_let_one_vendor_hold_up_the_other(self, on_calendly, on_outlook, vendors, calendar_of):
        for _ in range(4):
            on_calendly()
        doctor = on_outlook()
        calendars.keep_up(now=timezone.now())
        OutsideCalendar.objects.filter(practitioner=doctor).update(next_try_at=timezone.now())  # the last in the row
        vendors.faults("calendly", "error_before")

        calendars.work_due()

        assert calendar_of(doctor).state == OutsideCalendar.State.SYNCED


class TestOwnVisits:
    def test_are_not_shown_as_busy_beside_the_diary(self, on_outlook, mailbox):
        doctor = on_outlook()
        own(doctor, mailbox.enter(doctor, at(10), at(11)), at(10), at(11))
        mailbox.enter(doctor, at(12), at(13))

        read()

        assert periods(doctor) == [(at(12), at(13))]

    def test_stop_being_shown_once_they_are_known(self, on_outlook, mailbox):
        doctor = on_outlook()
        event = mailbox.enter(doctor, at(10), at(11))
        read()
        own(doctor, event, at(10), at(11))

        read_again()

        assert periods(doctor) == []

    @pytest.mark.parametrize(
        ("what", "strays"),
        [
            ("nothing", False),
            ("moved", True),
            ("deleted", True),
            ("shortened", False),
            ("renamed", False),
            ("shown as free", False),
        ],
    )
    def test_that_were_changed_outside_are_told_of_and_take_no_other_time(self, on_outlook, mailbox, what, strays):
        doctor = on_outlook()
        event = mailbox.enter(doctor, at(10), at(11))
        own(doctor, event, at(10), at(11))
        told = []
        read(on_own=lambda *news: told.append(news))
        if what == "moved":
            mailbox.change(doctor, event, start=time_of(at(14)), end=time_of(at(15)))
        elif what == "deleted":
            mailbox.delete(doctor, event)
        elif what == "shortened":
            mailbox.change(doctor, event, end=time_of(at(10) + HOUR / 2))
        elif what == "renamed":
            mailbox.change(doctor, event, subject="Lunch")
        elif what == "shown as free":
            mailbox.change(doctor, event, showAs="free")

        read_again(on_own=lambda *news: told.append(news))

        assert told == ([(OUTLOOK, [event])] if strays else [])
        assert periods(doctor) == []

    def test_that_stand_there_after_they_were_called_off_are_told_of(self, on_outlook, mailbox):
        doctor = on_outlook()
        event = mailbox.enter(doctor, at(10), at(11))
        diary.release(entry=own(doctor, event, at(10), at(11)))
        told = []

        read(on_own=lambda *news: told.append(news))

        assert told == [(OUTLOOK, [event])]
        assert periods(doctor) == []

    def test_that_are_missing_from_a_whole_reading_are_told_of(self, on_outlook):
        doctor = on_outlook()
        own(doctor, "GONE", at(10), at(11))
        own(doctor, "PAST", at(10, days=-1), at(11, days=-1))
        own(doctor, "BEYOND", at(10, days=30), at(11, days=30))
        told = []

        read(on_own=lambda *news: told.append(news))

        assert told == [(OUTLOOK, ["GONE"])]

    def test_are_told_of_again_after_a_read_that_told_nobody(self, on_outlook, mailbox):
        doctor = on_outlook()
        event = mailbox.enter(doctor, at(10), at(11))
        own(doctor, event, at(10), at(11))
        read()
        mailbox.delete(doctor, event)
        told = []

        read_again()
        read_again(on_own=lambda *news: told.append(news))

        assert told == [(OUTLOOK, [event])]

    def test_are_told_of_again_when_that_failed(self, on_outlook, mailbox, calendar_of):
        doctor = on_outlook()
        event = mailbox.enter(doctor, at(10), at(11))
        own(doctor, event, at(10), at(11))
        read()
        mailbox.change(doctor, event, start=time_of(at(14)), end=time_of(at(15)))
        told = []

        def fail(*news):
            raise ZeroDivisionError

        read_again(on_own=fail)
        failed = calendar_of(doctor)
        read_again(on_own=lambda *news: told.append(news))

        assert failed.state == OutsideCalendar.State.RETRYING
        assert told == [(OUTLOOK, [event])]


class TestPlace:
    """What a booking made in Calendly keeps, and what the mirror shows of the same event, are one."""

    @pytest.fixture
    def doctor(self, on_calendly):
        return on_calendly()

    @pytest.fixture
    def event(self, doctor, vendors):
        """Somebody's booking in Calendly, by Calendly's id of it."""
        [event_type] = CalendlyEventType.objects.filter(practitioner=doctor)
        draft = InviteeDraft(
            event_type_uri=event_type.uri,
            starts_at=WORKDAY,
            name="Leo Martin",
            email="leo.martin@example.com",
            timezone="Australia/Melbourne",
            utm_content="",
        )
        return calendly.uuid_of(calendly.client().create_invitee(draft).event_uri)

    def test_takes_the_place_of_what_the_mirror_showed_already(self, doctor, event):
        read()
        shown = periods(doctor)

        entry, attention = place(doctor, VISIT, event)

        assert shown == [(VISIT.starts_at, VISIT.ends_at)]
        assert attention == ""
        assert entry.external_id == event
        assert periods(doctor) == []

    def test_leaves_nothing_for_the_mirror_to_show(self, doctor, event):
        place(doctor, VISIT, event)

        read()

        assert periods(doctor) == []

    def test_stays_what_it_is_when_the_mirror_reads_it(self, doctor, event):
        diary.take(practitioner=doctor, span=VISIT, by=None)
        entry, attention = place(doctor, VISIT, event)
        kept = BusyPeriod.objects.get()

        reads = read(), read_again()

        assert reads == (1, 1)
        assert entry is None
        assert "Clashes" in attention
        assert list(BusyPeriod.objects.all()) == [kept]

    def test_stays_when_the_mirror_reads_that_it_is_gone(self, doctor):
        diary.take(practitioner=doctor, span=VISIT, by=None)
        place(doctor, VISIT, "NOT-IN-CALENDLY")

        read()

        assert periods(doctor) == [(VISIT.starts_at, VISIT.ends_at)]

    def test_becomes_the_bookings_own_where_the_mirror_showed_it_and_it_clashes(self, doctor, event):
        read()
        diary_entry(doctor, VISIT.starts_at, VISIT.ends_at)
        place(doctor, VISIT, event)

        OutsideCalendar.objects.all().delete()

        assert periods(doctor) == [(VISIT.starts_at, VISIT.ends_at)]


def changes_of(zone):
    """The days of the next year on which a zone's clocks change, at night."""
    today = datetime.now(zone).date()
    days = [today + n * DAY for n in range(3, 390)]
    return [day for day in days if (edges := timegrid.day_edges(day, zone))[1] - edges[0] != DAY]


def own(doctor, external_id, starts_at, ends_at):
    entry = diary_entry(doctor, starts_at, ends_at)
    DiaryEntry.objects.filter(pk=entry.pk).update(external_id=external_id)
    return entry

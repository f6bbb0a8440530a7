"""Which outside calendars are mirrored, when they are looked at, and how fresh they are."""

from datetime import timedelta

import pytest
from django.utils import timezone

from practitioners import availability, calendars, diary
from practitioners.availability import Offer, find_slots
from practitioners.models import BusyPeriod, OutsideCalendar, Practitioner
from tests.calendly_deliveries import KEY, delivery, take_in
from tests.factories import MELBOURNE, AppointmentTypeFactory, CalendlyEventTypeFactory, PractitionerFactory
from tests.practitioners.outside import at, begin, calls_to, periods, read, wait_until

pytestmark = pytest.mark.django_db

CALENDLY, OUTLOOK = Practitioner.CalendarProvider.CALENDLY, Practitioner.CalendarProvider.OUTLOOK
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class TestKeepUp:
    def test_mirrors_the_calendar_of_everybody_who_has_one(self, on_calendly, on_outlook):
        dia, shivani = on_calendly(), on_outlook()
        on_calendly(is_active=False)
        PractitionerFactory(calendar_provider=CALENDLY)
        PractitionerFactory(calendar_provider=OUTLOOK)
        PractitionerFactory(mailbox="somebody@botaniqal.example")

        calendars.keep_up(now=timezone.now())
        calendars.keep_up(now=timezone.now())

        assert set(OutsideCalendar.objects.values_list("practitioner", "provider", "account")) == {
            (dia.pk, "calendly", dia.calendly_user_uri),
            (shivani.pk, "outlook", shivani.mailbox),
        }

    def test_mirrors_nothing_of_a_vendor_without_a_key(self, on_calendly, on_outlook, settings):
        on_calendly(), on_outlook()
        settings.CALENDLY_API_KEY = settings.GRAPH_CLIENT_ID = ""

        calendars.keep_up(now=timezone.now())

        assert not OutsideCalendar.objects.exists()

    def test_keeps_what_is_mirrored_when_the_key_is_gone(self, on_calendly, settings):
        on_calendly()
        calendars.keep_up(now=timezone.now())
        settings.CALENDLY_API_KEY = ""

        calendars.keep_up(now=timezone.now())

        assert OutsideCalendar.objects.exists()

    @pytest.mark.parametrize(
        "change",
        [{"is_active": False}, {"calendar_provider": "none"}, {"calendly_user_uri": ""}],
        ids=["left", "no calendar", "no user"],
    )
    def test_lets_go_of_what_no_longer_applies_with_all_that_it_showed(self, on_calendly, busy, change):
        doctor = on_calendly()
        busy(doctor, at(10), at(11))
        read()
        kept = BusyPeriod.objects.create(
            practitioner=doctor, starts_at=at(12), ends_at=at(13), calendar=CALENDLY, external_id="BOOKED"
        )
        Practitioner.objects.filter(pk=doctor.pk).update(**change)

        calendars.keep_up(now=timezone.now())

        assert not OutsideCalendar.objects.exists()
        assert list(BusyPeriod.objects.all()) == [kept]

    def test_begins_anew_with_another_mailbox(self, on_outlook, mailbox, calendar_of):
        doctor = on_outlook()
        mailbox.enter(doctor, at(10), at(11))
        read()
        Practitioner.objects.filter(pk=doctor.pk).update(mailbox="other@botaniqal.example")
        doctor.refresh_from_db()
        mailbox.enter(doctor, at(14), at(15))

        read()

        assert periods(doctor) == [(at(14), at(15))]
        assert calendar_of(doctor).account == "other@botaniqal.example"

    def test_wants_a_look_when_the_last_one_is_long_ago(self, on_calendly, settings):
        on_calendly()
        read()
        now = timezone.now()

        soon = calendars.keep_up(now=now)
        later = calendars.keep_up(now=now + timedelta(seconds=settings.CALENDAR_POLL_SECONDS))

        assert (soon, later) == (0, 1)
        assert OutsideCalendar.objects.due(now + timedelta(seconds=settings.CALENDAR_POLL_SECONDS)).exists()

    def test_tries_what_needs_a_person_as_often_and_shows_it_again_when_it_fails(
        self, on_outlook, vendors, settings, calendar_of
    ):
        doctor = on_outlook()
        vendors.control("POST", "graph/mailboxes", json={"mailbox": doctor.mailbox, "exists": False})
        read()
        first = calendar_of(doctor)
        settings.CALENDAR_POLL_SECONDS = -120  # as if that time had passed since the last try

        read()
        second = calendar_of(doctor)
        vendors.control("POST", "graph/mailboxes", json={"mailbox": doctor.mailbox, "exists": True})
        read()

        assert first.needs_person
        assert second.needs_person
        assert second.leased_until is None
        assert calendar_of(doctor).state == OutsideCalendar.State.SYNCED

    def test_shows_again_at_the_first_failure_what_was_given_up(self, on_calendly, vendors, calendar_of):
        doctor = on_calendly()
        calendars.keep_up(now=timezone.now())
        OutsideCalendar.objects.update(needs_person=True, problem="Given up.", next_try_at=timezone.now() - DAY)
        vendors.faults("calendly", "error_before")

        read()

        assert calendar_of(doctor).needs_person
        assert calendar_of(doctor).problem.startswith("Given up after")

    def test_does_not_stay_away_for_longer_than_the_poll(self, on_calendly, settings, calendar_of):
        doctor = on_calendly()
        now = timezone.now()
        calendars.keep_up(now=now)
        OutsideCalendar.objects.update(attempts=5, problem="Down", next_try_at=now + timedelta(hours=6))

        calendars.keep_up(now=now)

        assert calendar_of(doctor).next_try_at == now + timedelta(seconds=settings.CALENDAR_POLL_SECONDS)
        assert calendar_of(doctor).attempts == 5


class TestLook:
    @pytest.fixture
    def doctor(self, on_outlook):
        doctor = on_outlook()
        read()
        return doctor

    def test_costs_one_read_for_a_hundred_messages(self, doctor, vendors, settings):
        settings.CALENDAR_DEBOUNCE_SECONDS = 0.2
        before = len(calls_to(vendors, "graph", "delta"))
        start = timezone.now()
        for n in range(100):
            calendars.look(mailbox=doctor.mailbox.upper(), now=start + timedelta(milliseconds=n))

        early = OutsideCalendar.objects.due(start + timedelta(seconds=0.19)).exists()
        OutsideCalendar.objects.update(next_try_at=start)
        calendars.work_due()
        calendars.work_due()

        assert not early
        assert len(calls_to(vendors, "graph", "delta")) == before + 1

    def test_is_not_put_off_by_more_messages(self, doctor, calendar_of):
        now = timezone.now()
        calendars.look(mailbox=doctor.mailbox, now=now)
        due = calendar_of(doctor).next_try_at

        calendars.look(mailbox=doctor.mailbox, now=now + HOUR)

        assert calendar_of(doctor).next_try_at == due

    @pytest.mark.django_db(transaction=True)
    def test_reads_once_more_after_a_read_that_was_under_way(self, doctor, vendors, calendar_of):
        before = len(calls_to(vendors, "graph", "delta"))
        vendors.faults("graph", "latency", milliseconds=400, operation="delta", calls=1)
        calendars.look(mailbox=doctor.mailbox, now=timezone.now(), at_once=True)
        reading = begin(calendars.work_due)
        wait_until(lambda: calendar_of(doctor).leased_until)

        calendars.look(mailbox=doctor.mailbox, now=timezone.now(), at_once=True)
        reading.join()

        assert len(calls_to(vendors, "graph", "delta")) == before + 2
        assert calendar_of(doctor).state == OutsideCalendar.State.SYNCED

    def test_finds_people_mailboxes_and_users_of_calendly(self, doctor, on_calendly):
        other = on_calendly()
        read()
        now = timezone.now()

        assert calendars.look(practitioner_ids=[doctor.pk], now=now) == 1
        assert calendars.look(calendly_users=[other.calendly_user_uri], now=now) == 1
        assert calendars.look(mailbox="nobody@botaniqal.example", calendly_users=["x"], now=now) == 0
        assert calendars.look(now=now) == 0

    @pytest.mark.parametrize("what", ["invitee.created", "invitee.canceled"])
    def test_is_wanted_when_calendly_tells_of_a_members_event(self, client, settings, what):
        settings.CALENDLY_WEBHOOK_SIGNING_KEY = KEY
        user = "https://api.calendly.com/users/US0SARAH"
        free = AppointmentTypeFactory(free=True)
        sarah = PractitionerFactory(consultant=True, gives=[free], calendar_provider=CALENDLY, calendly_user_uri=user)
        CalendlyEventTypeFactory(calendly_id="TRIAGE", appointment_type=free)
        calendar = mirrored(sarah, 1)
        OutsideCalendar.objects.update(account=user, told=1)

        take_in(client, delivery(what))

        calendar.refresh_from_db()
        assert calendar.wanted == 2
        assert calendar.next_try_at > timezone.now()


class TestReadNow:
    @pytest.fixture
    def doctor(self, on_calendly):
        doctor = on_calendly()
        read()
        return doctor

    def let_it_grow_old(self, minutes=60):
        OutsideCalendar.objects.update(read_at=timezone.now() - timedelta(minutes=minutes))

    def test_reads_a_stale_calendar(self, doctor, busy, calendar_of):
        self.let_it_grow_old()
        busy(doctor, at(10), at(11))

        calendars.read_now(practitioner=doctor)

        assert not calendar_of(doctor).is_stale(timezone.now())
        assert periods(doctor) == [(at(10), at(11))]

    def test_asks_nobody_where_the_calendar_is_fresh_or_there_is_none(self, doctor, vendors):
        before = len(vendors.calls("calendly"))

        calendars.read_now(practitioner=doctor)
        calendars.read_now(practitioner=PractitionerFactory())

        assert len(vendors.calls("calendly")) == before

    def test_gives_up_in_time_and_does_not_ask_again_at_once(self, doctor, vendors, settings, calendar_of):
        settings.VENDOR_TIMEOUT_SECONDS = 0.5
        self.let_it_grow_old()
        vendors.faults("calendly", "timeout_before", operation="availability")
        begins = timezone.now()

        calendars.read_now(practitioner=doctor)
        took = timezone.now() - begins
        asked = len(vendors.calls("calendly"))
        calendars.read_now(practitioner=doctor)

        assert took < timedelta(seconds=1)
        assert len(vendors.calls("calendly")) == asked
        assert calendar_of(doctor).is_stale(timezone.now())

    def test_does_not_go_on_with_many_slow_answers(self, doctor, vendors, settings, calendar_of):
        settings.VENDOR_TIMEOUT_SECONDS, settings.CALENDAR_AHEAD_DAYS = 1, 60
        self.let_it_grow_old()
        vendors.faults("calendly", "latency", milliseconds=300, operation="availability")
        begins = timezone.now()

        calendars.read_now(practitioner=doctor)

        assert timezone.now() - begins < timedelta(seconds=1.5)
        assert calendar_of(doctor).is_stale(timezone.now())


class TestIsStale:
    @pytest.mark.parametrize(("minutes", "expected"), [(19, False), (21, True)])
    @pytest.mark.parametrize("was_read", [True, False], ids=["read", "never read"])
    def test_counts_from_the_last_good_read_or_from_the_beginning(self, minutes, expected, was_read, settings):
        settings.CALENDAR_STALE_MINUTES = 20
        now = timezone.now()
        row = mirrored(PractitionerFactory(calendar_provider=CALENDLY), minutes, was_read=was_read)

        assert row.is_stale(now) is expected
        assert OutsideCalendar.objects.stale(now).exists() is expected

    def test_is_no_matter_of_a_calendar_that_is_not_mirrored(self):
        practitioner = PractitionerFactory(calendar_provider=CALENDLY)
        mirrored(practitioner, 60, provider=OUTLOOK)

        assert Practitioner.objects.fresh(timezone.now()).get() == practitioner


class TestAvailability:
    @pytest.fixture
    def kind(self):
        return AppointmentTypeFactory(minutes=30, step_minutes=60)

    def test_offers_no_time_that_is_busy_outside(self, kind, on_calendly, busy):
        doctor = on_calendly(gives=[kind])
        busy(doctor, at(10), at(11))

        read()

        [slots] = find_slots(offers=[Offer(doctor, kind)], first_day=at(10).astimezone(MELBOURNE).date(), days=1)
        assert at(10) not in slots.times
        assert at(11) in slots.times
        with pytest.raises(diary.SlotTaken):
            availability.check(practitioner=doctor, appointment_type=kind, starts_at=at(10))
        with pytest.raises(diary.SlotTaken):
            diary.take(practitioner=doctor, span=diary.Span(at(10), at(10) + HOUR / 2), by=None)

    def test_marks_or_hides_the_times_of_a_stale_calendar(self, kind):
        stale, fresh = (PractitionerFactory(gives=[kind], calendar_provider=CALENDLY) for _ in range(2))
        old = mirrored(stale, 60)
        mirrored(fresh, 1)
        asked = {"first_day": at(10).astimezone(MELBOURNE).date(), "days": 1}
        offers = availability.offers_of(service=kind.service.slug)

        shown = {slots.practitioner: slots for slots in find_slots(offers=offers, **asked)}
        hidden = {slots.practitioner: slots for slots in find_slots(offers=offers, hides_stale=True, **asked)}

        assert (shown[stale].is_stale, shown[fresh].is_stale) == (True, False)
        assert shown[stale].read_at == old.read_at
        assert shown[stale].times == shown[fresh].times != []
        assert (hidden[stale].times, hidden[stale].next_available) == ([], None)
        assert hidden[fresh].times == shown[fresh].times


def mirrored(practitioner, minutes, *, was_read=True, provider=CALENDLY):
    then = timezone.now() - timedelta(minutes=minutes)
    row = OutsideCalendar.objects.create(practitioner=practitioner, provider=provider, account="x")
    since = {"created_at": then - DAY, "read_at": then} if was_read else {"created_at": then}
    OutsideCalendar.objects.filter(pk=row.pk).update(**since)
    row.refresh_from_db()
    return row

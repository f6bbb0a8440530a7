"""Telling Calendly of visits where only a link books them."""

import re
from datetime import timedelta
from html import unescape

import pytest
import requests
import time_machine
from django.utils import timezone

from bookings.models import SyncRecord
from bookings.vendors import telling_calendly
from botaniqal.integrations.models import Owed
from botaniqal.messages.models import Message
from tests.bookings.vendors.at_calendly import as_there, record_of, standing, starts, tell, words_of
from tests.bookings.vendors.telling import cancel, move
from tests.factories import next_morning

pytestmark = pytest.mark.django_db

IN_DAYS = next_morning(10, days=3)


@pytest.fixture
def dr_dia(on_calendly):
    return on_calendly(name="Dr Dia")


class TestLink:
    """What the patient does where the plan forbids the portal to book."""

    @pytest.fixture(autouse=True)
    def plan(self, vendors):
        vendors.plan("free_no_booking")

    @pytest.fixture
    def booking(self, dr_dia, book):
        return book(dr_dia, starts_at=IN_DAYS)

    def link(self):
        [message] = Message.objects.filter(kind=Message.Kind.BOOKING_LINK)
        return re.search(r"http\S+/d/\S+", message.text)[0]

    def page(self, vendors):
        """Where the stand-in shows what the link leads to."""
        return vendors.url + self.link()[self.link().index("/d/") :]

    def use(self, vendors, starts_at=IN_DAYS, **fields):
        patient = {"name": "Leo Martin", "email": "leo.martin@example.com", **fields}
        with requests.Session() as browser:
            browser.get(self.page(vendors), timeout=10)
            form = {
                "start": f"{starts_at:%Y-%m-%dT%H:%M:%S.%fZ}",
                "csrfmiddlewaretoken": browser.cookies["sandbox_csrf"],
            }
            answer = browser.post(self.page(vendors), data=patient | form, timeout=10)
        assert answer.history, answer.text

    def look(self):
        SyncRecord.objects.update(next_try_at=timezone.now())
        return tell()

    def test_is_sent_once_and_waited_for(self, vendors, booking):
        tell()

        for _ in range(20):
            self.look()

        record = record_of(booking)
        assert self.link()
        assert (record.state, record.problem) == (Owed.State.PENDING, telling_calendly.LINK_SENT)
        assert record.next_try_at > timezone.now()
        assert [call for call in vendors.calls("calendly") if call["path"].endswith("/scheduling_links")][1:] == []
        assert [note.turn for note in record.notes.all()] == ["told", "waiting"]

    def test_says_the_first_name_and_the_time_and_nothing_more(self, vendors, booking):
        tell()

        message = Message.objects.get(kind=Message.Kind.BOOKING_LINK)
        body = message.text.replace(self.link(), "")
        assert body.startswith("Hello Leo,")
        assert "10:00 am Melbourne time" in body
        assert message.calendar == ""
        assert self.link() in unescape(message.html)
        for word in ("Martin", "Dr Dia", "Initial", "119"):
            assert word not in message.subject + body

    def test_is_filled_in_with_what_is_known(self, vendors, booking):
        tell()

        page = requests.get(self.page(vendors), timeout=10).text
        assert "Leo Martin" in page
        assert str(booking.pk) in self.link()

    def test_makes_the_visit_known_once_it_is_used(self, vendors, booking):
        tell()
        self.use(vendors)

        self.look()

        record = record_of(booking)
        booking.refresh_from_db()
        assert standing(vendors) == [(as_there(IN_DAYS), record.external_id)]
        assert (record.state, record.underway) == (Owed.State.SYNCED, None)
        assert booking.join_link
        assert words_of(booking)[-1] == f"The patient used the link for {booking.when}."

    def test_asks_for_a_person_where_the_patient_chose_another_time(self, vendors, booking):
        tell()
        self.use(vendors, IN_DAYS + timedelta(hours=1))

        self.look()

        record = record_of(booking)
        assert record.state == Owed.State.NEEDS_PERSON
        assert record.problem.startswith("The patient chose ")
        assert starts(vendors) == [as_there(IN_DAYS + timedelta(hours=1))]

    def test_finds_the_other_time_once_the_visit_was_moved_there(self, vendors, booking):
        tell()
        self.use(vendors, IN_DAYS + timedelta(hours=1))
        self.look()
        move(booking, IN_DAYS + timedelta(hours=1))

        tell()

        record = record_of(booking)
        assert standing(vendors) == [(as_there(IN_DAYS + timedelta(hours=1)), record.external_id)]
        assert record.state == Owed.State.SYNCED

    def test_is_forgotten_for_another_one_when_the_visit_is_moved(self, vendors, booking):
        tell()
        first = self.link()
        move(booking, IN_DAYS + timedelta(hours=2))

        tell()

        assert self.link() != first
        assert record_of(booking).state == Owed.State.PENDING

    def test_gives_up_what_was_entered_for_the_former_time(self, vendors, booking):
        tell()
        self.use(vendors)
        move(booking, IN_DAYS + timedelta(hours=2))

        tell()

        assert standing(vendors) == []
        assert "link" in record_of(booking).underway

    def test_is_forgotten_when_the_visit_is_cancelled(self, vendors, booking):
        tell()
        cancel(booking)

        tell()

        record = record_of(booking)
        assert (record.state, record.underway) == (Owed.State.SYNCED, None)
        assert not Message.objects.filter(kind=Message.Kind.BOOKING_LINK).exists()

    @pytest.mark.parametrize("hours", [0, 1], ids=["time agreed on", "another time"])
    def test_leaves_nothing_there_of_a_visit_that_was_cancelled_meanwhile(self, vendors, booking, hours):
        tell()
        self.use(vendors, IN_DAYS + timedelta(hours=hours))
        cancel(booking)

        tell()

        assert standing(vendors) == []
        assert record_of(booking).state == Owed.State.SYNCED

    def test_is_handed_to_a_person_when_it_becomes_late(self, vendors, booking):
        tell()
        with time_machine.travel(IN_DAYS - timedelta(hours=23), tick=True):
            self.look()

        assert record_of(booking).problem == telling_calendly.LINK_UNUSED

    def test_is_not_sent_when_it_is_late_already(self, vendors, dr_dia, book):
        booking = book(dr_dia, starts_at=timezone.now().replace(minute=0, second=0) + timedelta(hours=3))

        tell()

        assert record_of(booking).problem == telling_calendly.NO_LINK
        assert not Message.objects.exists()

    def test_is_not_sent_for_a_time_that_cannot_be_chosen_there(self, vendors, dr_dia, booking):
        vendors.control(
            "POST",
            "busy",
            json={
                "user": dr_dia.email,
                "start_time": f"{IN_DAYS:%Y-%m-%dT%H:%M:%SZ}",
                "end_time": f"{IN_DAYS + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}",
            },
        )

        tell()

        assert record_of(booking).problem == "Calendly says that this time is not free in Dr Dia's calendar."
        assert not Message.objects.exists()

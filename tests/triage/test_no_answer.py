"""When nobody answers."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from bookings import lifecycle
from bookings.models import Booking
from botaniqal.errors import Malformed, RuleBroken
from botaniqal.messages.models import Message
from tests.factories import PatientFactory, PractitionerFactory, SessionFactory, next_morning
from triage import no_answer, sessions
from triage.models import CallEvent, TriageSession
from triage.no_answer import Daypart

pytestmark = pytest.mark.django_db
State = TriageSession.State
LATER = next_morning(15)
PERTH = ZoneInfo("Australia/Perth")


@pytest.fixture
def sarah():
    return PractitionerFactory(consultant=True, name="Sarah Chen")


@pytest.fixture
def session(sarah):
    return SessionFactory(consultant=sarah, in_progress=True)


def note(session, **kwargs):
    tries = TriageSession.objects.get(pk=session.pk).tries
    given = {"consultant": session.consultant, "by": session.consultant.user, "now": timezone.now(), "at": LATER}
    return no_answer.note_try(session_id=session.pk, **{"number": tries + 1} | given | kwargs)


def end(session):
    TriageSession.objects.filter(pk=session.pk).update(state=State.DONE, outcome="rejected")


def cancel(session):
    lifecycle.cancel(booking_id=session.consultation_id, reason="Ill", by=None, now=timezone.now())


class TestNoteTry:
    def test_lets_the_call_wait_for_the_next_try(self, session):
        note(session)

        session.refresh_from_db()
        assert (session.state, session.tries, session.due_on) == (State.SCHEDULED, 1, LATER)
        assert (session.claimed_by, session.started_at) == (None, None)
        assert [str(event) for event in session.events.all()] == ["Nobody answered: Try 1 of 3"]

    def test_sends_a_link_to_choose_another_time_after_the_first_try_alone(self, session):
        note(session)
        note(session)

        [message] = Message.objects.filter(kind=Message.Kind.NO_ANSWER)
        assert message.to == "leo.martin@example.com"
        for body in (message.text, message.html):
            assert "Hello Leo," in body
            assert "/call/" in body
        assert "Leo" not in message.subject

    def test_says_nothing_of_what_the_patient_needs(self, sarah):
        session = SessionFactory(consultant=sarah, primary_concern="Insomnia", notes="Tearful")

        note(session)

        message = Message.objects.get()
        for private in ("Insomnia", "Tearful", "Martin", "alternative"):
            assert private not in message.subject + message.text + message.html

    def test_sends_nothing_to_whom_has_no_address(self, sarah):
        note(SessionFactory(consultant=sarah, patient=PatientFactory(email="")))

        assert not Message.objects.exists()

    def test_ends_the_call_with_the_last_try(self, session):
        note(session)
        note(session)

        note(session, at=None)

        session.refresh_from_db()
        assert (session.state, session.outcome, session.disposition_id) == (State.DONE, "no_show", "no_answer")
        assert session.consultation.state == Booking.State.NO_SHOW
        assert session.events.filter(kind=CallEvent.Kind.TRIED).count() == 3

    def test_begins_anew_when_the_call_is_planned_again(self, session, settings):
        settings.NO_ANSWER_TRIES = 1
        note(session, at=None)
        sessions.reopen(session=sessions.locked(session.pk), reason="They came", by=None, now=timezone.now())

        session.refresh_from_db()

        assert (session.state, session.tries, session.claimed_by) == (State.SCHEDULED, 0, None)

    def test_counts_the_same_try_once(self, session):
        note(session)

        again = note(session, number=1)

        assert (again.tries, Message.objects.count()) == (1, 1)

    def test_needs_the_time_of_the_next_try(self, session):
        with pytest.raises(Malformed):
            note(session, at=None)

        session.refresh_from_db()
        assert (session.state, session.tries) == (State.IN_PROGRESS, 0)

    def test_refuses_a_time_that_has_passed(self, session):
        with pytest.raises(RuleBroken):
            note(session, at=timezone.now() - timedelta(minutes=1))

    def test_refuses_another_consultants_call(self, session):
        with pytest.raises(sessions.NotYourSession):
            note(session, consultant=PractitionerFactory(consultant=True))

    @pytest.mark.parametrize("over", [end, cancel])
    def test_refuses_a_call_that_is_over(self, session, over):
        over(session)

        with pytest.raises(sessions.SessionClosed):
            note(session)


class TestNextTries:
    def dayparts(self, session, now):
        return [(one.daypart, one.is_tried) for one in no_answer.next_tries(session=session, now=now)]

    def tried(self, session, *moments):
        for moment in moments:
            session.events.create(kind=CallEvent.Kind.TRIED, at=moment)

    def test_puts_parts_of_the_day_that_were_not_tried_first(self, session):
        morning, afternoon = next_morning(10), next_morning(15)

        assert self.dayparts(session, morning) == [(Daypart.AFTERNOON, False), (Daypart.MORNING, True)]
        assert self.dayparts(session, afternoon)[0] == (Daypart.MORNING, False)

    def test_remembers_what_was_tried_before(self, sarah, session):
        self.tried(session, next_morning(15, days=-1))

        assert {is_tried for _, is_tried in self.dayparts(session, next_morning(10))} == {True}

    def test_goes_by_the_patients_clock(self, sarah):
        session = SessionFactory(consultant=sarah, patient=PatientFactory(time_zone="Australia/Perth"))

        found = no_answer.next_tries(session=session, now=next_morning(10))

        assert all(8 <= one.at.astimezone(PERTH).hour < 20 for one in found)
        assert all(no_answer.daypart_of(one.at, PERTH) == one.daypart for one in found)

    def test_offers_times_at_which_the_consultant_is_free_and_not_at_once(self, session):
        now = next_morning(10)

        for one in no_answer.next_tries(session=session, now=now):
            local = one.at.astimezone(ZoneInfo("Australia/Melbourne"))
            assert one.at >= now + timedelta(hours=1)
            assert time(9) <= local.time() < time(17)

    def test_offers_the_usual_hours_when_the_consultant_has_none(self):
        idle = PractitionerFactory(consultant=True, hours=False)
        session = SessionFactory(consultant=idle)

        found = self.dayparts(session, next_morning(10))

        assert found == [(Daypart.AFTERNOON, False), (Daypart.EVENING, False), (Daypart.MORNING, True)]


class TestUsualCallBacks:
    def test_offers_an_hour_from_now_this_evening_and_tomorrow_morning_by_the_patients_clock(self):
        now = datetime(2026, 11, 23, 1, 2, tzinfo=UTC)  # 9:02 in Perth

        found = no_answer.usual_call_backs(zone=PERTH, now=now)

        assert [(label, f"{at.astimezone(PERTH):%a %H:%M}") for label, at in found] == [
            ("In 1 hour", "Mon 10:05"),
            ("This evening", "Mon 17:30"),
            ("Tomorrow morning", "Tue 09:30"),
        ]

    def test_leaves_out_an_evening_that_is_near_or_past(self):
        now = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)  # 17:00 in Perth

        assert [label for label, _ in no_answer.usual_call_backs(zone=PERTH, now=now)] == [
            "In 1 hour",
            "Tomorrow morning",
        ]

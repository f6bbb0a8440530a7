"""Whose call it is."""

from datetime import timedelta

import pytest
from django.utils import timezone

from bookings import lifecycle, locking
from botaniqal.errors import Missing, NotAllowed, RuleBroken
from practitioners import diary
from tests.factories import PractitionerFactory, SessionFactory, UserFactory, next_morning
from triage import claims, sessions
from triage.models import CallEvent, TriageSession

pytestmark = pytest.mark.django_db
State, Kind = TriageSession.State, CallEvent.Kind


@pytest.fixture
def sarah():
    return PractitionerFactory(consultant=True, name="Sarah Chen")


@pytest.fixture
def tom():
    return PractitionerFactory(consultant=True, name="Tom Baker")


@pytest.fixture
def session(sarah):
    return SessionFactory(consultant=sarah)


@pytest.fixture
def running(sarah):
    return SessionFactory(consultant=sarah, in_progress=True)


@pytest.fixture
def parked(sarah):
    return SessionFactory(consultant=sarah, in_progress=True, claimed_by=None, claimed_at=None)


def act(verb, session, consultant, **kwargs):
    given = {"by": consultant and consultant.user, "now": timezone.now()} | kwargs
    return verb(session_id=session.pk, consultant=consultant, **given)


def end(session):
    TriageSession.objects.filter(pk=session.pk).update(state=State.DONE, outcome="rejected")


def cancel(session):
    lifecycle.cancel(booking_id=session.consultation_id, reason="Ill", by=None, now=timezone.now())


def history(session):
    return list(session.events.values_list("kind", "words"))


class TestClaim:
    def test_makes_a_waiting_call_ones_own_and_tells_whose_it_was(self, session, sarah, tom):
        act(claims.claim, session, tom)

        session.refresh_from_db()
        assert (session.consultant, session.claimed_by, session.state) == (tom, tom, State.SCHEDULED)
        assert history(session) == [(Kind.CLAIMED, "Tom Baker, from Sarah Chen")]
        assert [event.session for event in claims.untold(sarah.user)] == [session]

    def test_picks_up_a_parked_call_and_tells_nobody(self, parked, sarah, tom):
        act(claims.claim, parked, tom)

        parked.refresh_from_db()
        assert (parked.consultant, parked.claimed_by, parked.state) == (tom, tom, State.IN_PROGRESS)
        assert history(parked) == [(Kind.RESUMED, "Tom Baker, from Sarah Chen")]
        assert not claims.untold(sarah.user)

    def test_reserves_ones_own_call(self, session, sarah):
        act(claims.claim, session, sarah)

        session.refresh_from_db()
        assert (session.claimed_by, session.version) == (sarah, 1)

    def test_changes_nothing_the_second_time(self, session, tom):
        act(claims.claim, session, tom)

        act(claims.claim, session, tom)

        assert len(history(session)) == 1

    def test_refuses_a_call_that_another_consultant_has(self, running, tom):
        with pytest.raises(claims.CallTaken, match="Sarah Chen took this call at"):
            act(claims.claim, running, tom)

        running.refresh_from_db()
        assert running.consultant.name == "Sarah Chen"

    def test_makes_what_was_typed_on_the_former_version_stale(self, session, tom):
        act(claims.claim, session, tom)

        with pytest.raises(sessions.StaleVersion):
            sessions.write(session_id=session.pk, consultant=tom, version=1, changes={"notes": "x"}, by=tom.user)

    @pytest.mark.parametrize("over", [end, cancel])
    def test_refuses_a_call_that_is_over(self, session, tom, over):
        over(session)

        with pytest.raises(sessions.SessionClosed):
            act(claims.claim, session, tom)

    def test_refuses_somebody_who_is_no_consultant(self, session):
        with pytest.raises(NotAllowed):
            act(claims.claim, session, None)


class TestTakeOver:
    def test_makes_the_call_ones_own_and_tells_the_other(self, running, sarah, tom):
        act(claims.take_over, running, tom)

        running.refresh_from_db()
        assert (running.consultant, running.claimed_by, running.state) == (tom, tom, State.IN_PROGRESS)
        assert [event.words for event in claims.untold(sarah.user)] == ["Tom Baker, from Sarah Chen"]
        with pytest.raises(sessions.NotYourSession):
            act(sessions.start, running, sarah)

    def test_changes_nothing_of_ones_own_call(self, running, sarah):
        act(claims.take_over, running, sarah)

        assert history(running) == []

    def test_refuses_a_call_that_is_over(self, running, tom):
        end(running)

        with pytest.raises(sessions.SessionClosed):
            act(claims.take_over, running, tom)

    def test_refuses_somebody_who_is_no_consultant(self, running):
        with pytest.raises(NotAllowed):
            act(claims.take_over, running, None)


class TestPark:
    def test_lets_anybody_go_on_with_the_call(self, running, sarah, tom):
        act(claims.park, running, sarah)

        running.refresh_from_db()
        assert (running.state, running.claimed_by, running.claimed_at) == (State.IN_PROGRESS, None, None)
        assert act(claims.claim, running, tom).consultant == tom

    def test_is_ended_by_going_on(self, parked, sarah):
        act(sessions.start, parked, sarah)

        parked.refresh_from_db()
        assert parked.claimed_by == sarah
        assert history(parked) == [(Kind.RESUMED, "Sarah Chen")]

    def test_is_noted_once(self, running, sarah):
        act(claims.park, running, sarah)
        act(claims.park, running, sarah)

        assert history(running) == [(Kind.PARKED, "")]

    def test_refuses_a_call_that_has_not_begun(self, session, sarah):
        with pytest.raises(RuleBroken):
            act(claims.park, session, sarah)

    def test_refuses_another_consultants_call(self, running, tom):
        with pytest.raises(sessions.NotYourSession):
            act(claims.park, running, tom)

    @pytest.mark.parametrize("over", [end, cancel])
    def test_refuses_a_call_that_is_over(self, running, sarah, over):
        over(running)

        with pytest.raises(sessions.SessionClosed):
            act(claims.park, running, sarah)


class TestCallBack:
    def test_lets_the_call_wait_until_then(self, running, sarah):
        at = next_morning(15, days=3)

        act(claims.call_back, running, sarah, at=at)

        [waiting] = TriageSession.objects.to_call()
        assert (waiting.state, waiting.claimed_by, waiting.started_at) == (State.SCHEDULED, None, None)
        assert waiting.due_at == waiting.due_on == at
        [(kind, words)] = history(running)
        assert (kind, words.split(", ")[1]) == (Kind.CALL_BACK, "Sarah Chen")

    def test_gives_the_call_to_another_consultant(self, running, sarah, tom):
        act(claims.call_back, running, sarah, at=next_morning(15), owner=tom)

        running.refresh_from_db()
        assert (running.consultant, running.version) == (tom, 2)

    def test_gives_back_the_time_that_was_kept(self, running, sarah):
        ten = next_morning(10, days=2)
        doctor = PractitionerFactory()
        span = diary.Span(ten, ten + timedelta(minutes=15))
        diary.hold(practitioner=doctor, span=span, held_for=running.pk, by=sarah.user)

        act(claims.call_back, running, sarah, at=next_morning(15))

        assert diary.living_holds(held_for=running.pk) == []

    def test_is_over_when_the_consultation_is_moved(self, running, sarah):
        act(claims.call_back, running, sarah, at=next_morning(15, days=3))
        moved = next_morning(11, days=5)
        booking = locking.locked(running.consultation_id)

        lifecycle.note_move(booking=booking, starts_at=moved, ends_at=moved + timedelta(minutes=15), now=timezone.now())

        [waiting] = TriageSession.objects.to_call()
        assert waiting.due_at == waiting.due_on == moved

    @pytest.mark.parametrize(
        ("wait", "rule"), [(timedelta(minutes=-1), "past"), (timedelta(days=30, minutes=1), "too_far")]
    )
    def test_refuses_a_time_that_makes_no_sense(self, running, sarah, wait, rule):
        now = timezone.now()

        with pytest.raises(RuleBroken) as refused:
            act(claims.call_back, running, sarah, at=now + wait, now=now)

        assert refused.value.rule == rule
        running.refresh_from_db()
        assert (running.state, running.claimed_by) == (State.IN_PROGRESS, sarah)

    def test_refuses_an_owner_who_makes_no_calls(self, running, sarah):
        with pytest.raises(RuleBroken):
            act(claims.call_back, running, sarah, at=next_morning(15), owner=PractitionerFactory())

    def test_refuses_another_consultants_call(self, running, tom):
        with pytest.raises(sessions.NotYourSession):
            act(claims.call_back, running, tom, at=next_morning(15))

    @pytest.mark.parametrize("over", [end, cancel])
    def test_refuses_a_call_that_is_over(self, running, sarah, over):
        over(running)

        with pytest.raises(sessions.SessionClosed):
            act(claims.call_back, running, sarah, at=next_morning(15))


class TestDismiss:
    @pytest.fixture
    def event(self, running, tom):
        act(claims.take_over, running, tom)
        return running.events.get()

    def test_takes_the_notice_away_once_it_was_seen(self, event, sarah):
        now = timezone.now()

        claims.dismiss(event_id=event.pk, by=sarah.user, now=now)
        claims.dismiss(event_id=event.pk, by=sarah.user, now=now + timedelta(hours=1))

        event.refresh_from_db()
        assert event.seen_at == now
        assert not claims.untold(sarah.user)

    def test_is_for_whom_it_was_taken_from(self, event, tom):
        for stranger in (tom.user, UserFactory(roles=["operations"])):
            with pytest.raises(Missing):
                claims.dismiss(event_id=event.pk, by=stranger, now=timezone.now())

"""Calls that two consultants want at once, or that one takes while the other is still typing."""

import pytest
from django.utils import timezone

from tests.factories import AppointmentTypeFactory, PractitionerFactory, SessionFactory, next_morning
from tests.races.together import at_once, codes
from triage import claims, no_answer, rebooking, sessions
from triage.models import TriageSession

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 8
TEN = next_morning(10, days=2)


@pytest.fixture
def people(transactional_db):
    return [PractitionerFactory(consultant=True, name=name) for name in ("Sarah", "Tom", "Ann", "Kim")]


def doing(verb, session, person, **kwargs):
    return lambda: verb(session_id=session.pk, consultant=person, by=person.user, now=timezone.now(), **kwargs)


class TestClaim:
    def test_has_one_winner_and_tells_the_others(self, people):
        owner, *others = people
        for _ in range(ROUNDS):
            session = SessionFactory(consultant=owner)

            came = codes(at_once(*(doing(claims.claim, session, person) for person in others)))

            session.refresh_from_db()
            [winner] = [result for result in came if isinstance(result, TriageSession)]
            assert came.count("call_taken") == len(others) - 1
            assert session.consultant == session.claimed_by == winner.consultant
            assert session.events.count() == 1

    def test_and_starting_ones_own_call_have_one_winner(self, people):
        owner, other, *_ = people
        for _ in range(ROUNDS):
            session = SessionFactory(consultant=owner)

            came = codes(at_once(doing(sessions.start, session, owner), doing(claims.claim, session, other)))

            session.refresh_from_db()
            assert [isinstance(result, TriageSession) for result in came].count(True) == 1
            assert session.claimed_by == session.consultant
            assert {"call_taken", "not_your_session"} & set(map(str, came))


class TestTakeOver:
    def test_loses_nothing_that_the_other_is_saving(self, people):
        owner, other, *_ = people
        for _ in range(ROUNDS):
            session = SessionFactory(consultant=owner, in_progress=True)
            saving = {"version": 1, "changes": {"notes": "Half told."}}

            def write(session=session, saving=saving):
                return sessions.write(session_id=session.pk, consultant=owner, by=owner.user, **saving)

            written, _ = codes(at_once(write, doing(claims.take_over, session, other)))

            session.refresh_from_db()
            assert session.consultant == session.claimed_by == other
            # Either it was saved before, or its author is told that it was not.
            assert (session.notes, written == "not_your_session") in (("Half told.", False), ("", True))


class TestNoteTry:
    def test_counts_a_double_click_once(self, people):
        owner = people[0]
        at = next_morning(15)
        for _ in range(ROUNDS):
            session = SessionFactory(consultant=owner, in_progress=True)

            at_once(*(doing(no_answer.note_try, session, owner, number=1, at=at) for _ in range(2)))

            session.refresh_from_db()
            assert session.tries == session.events.count() == 1


class TestChoose:
    def test_gives_a_time_to_one_of_two_patients(self):
        kind = AppointmentTypeFactory(free=True, practitioner_types=["consultant"])
        sarah = PractitionerFactory(consultant=True, gives=[kind])
        made = {"consultant": sarah, "consultation__appointment_type": kind}
        calls = [SessionFactory(**made, consultation__starts_at=next_morning(8, days=-1)) for _ in range(2)]

        def choosing(session):
            return lambda: rebooking.choose(session_id=session.pk, starts_at=TEN, now=timezone.now())

        came = codes(at_once(*map(choosing, calls)))

        assert came.count("slot_taken") == 1
        assert TriageSession.objects.filter(consultation__starts_at=TEN).count() == 1

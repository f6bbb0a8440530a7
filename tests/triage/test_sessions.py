"""What can happen to a triage session."""

from datetime import timedelta

import pytest
from django.utils import timezone

from bookings import lifecycle
from bookings.models import Booking
from botaniqal.errors import Malformed, RuleBroken
from botaniqal.messages.models import Message
from practitioners import diary
from tests.factories import AppointmentTypeFactory, PractitionerFactory, SessionFactory, next_morning
from triage import booking, sessions
from triage.models import TriageSession

pytestmark = pytest.mark.django_db
State, Outcome = TriageSession.State, TriageSession.Outcome
TEN = next_morning(10, days=2)


@pytest.fixture
def session():
    return SessionFactory()


def act(verb, session, **kwargs):
    given = {"consultant": session.consultant, "by": session.consultant.user, "now": timezone.now()} | kwargs
    return verb(session_id=session.pk, **given)


def write(session, version, consultant=None, **changes):
    return sessions.write(
        session_id=session.pk,
        consultant=consultant or session.consultant,
        version=version,
        changes=changes,
        by=session.consultant.user,
    )


class TestBookConsultation:
    @pytest.fixture
    def kind(self):
        return AppointmentTypeFactory(free=True, min_notice_minutes=15, practitioner_types=["consultant"])

    def wish(self, *times, **kwargs):
        given = {"name": "Mia Rossi", "email": "mia@example.com", "phone": "+61491570006", "concern": "Digestion"}
        return sessions.book_consultation(
            **given | kwargs, preferred_times=list(times), zone="Australia/Perth", by=None, now=timezone.now()
        )

    def test_plans_the_call_at_the_first_time_that_is_free(self, kind):
        sarah = PractitionerFactory(consultant=True, gives=[kind], meeting_link="https://meet.example.com/sarah")
        span = diary.Span(TEN, TEN + timedelta(minutes=15))
        diary.take(practitioner=sarah, span=span, by=None)

        session = self.wish(TEN, TEN + timedelta(hours=1))

        assert session.consultation.starts_at == TEN + timedelta(hours=1)
        assert (session.consultant, session.primary_concern) == (sarah, "Digestion")
        assert session.consultation.join_link == "https://meet.example.com/sarah"
        assert Message.objects.get().kind == Message.Kind.PREPARATION

    def test_gives_the_call_to_whom_has_the_fewest_that_day(self, kind):
        busy, idle = (PractitionerFactory(consultant=True, gives=[kind], name=name) for name in ("A", "B"))
        SessionFactory(consultant=busy, consultation__starts_at=TEN + timedelta(hours=2))

        assert self.wish(TEN).consultant == idle

    def test_offers_the_nearest_times_when_nobody_is_free(self, kind):
        sarah = PractitionerFactory(consultant=True, gives=[kind])
        diary.take(practitioner=sarah, span=diary.Span(TEN, TEN + timedelta(minutes=15)), by=None)

        with pytest.raises(sessions.NoConsultantFree) as refused:
            self.wish(TEN)

        assert [one["practitionerName"] for one in refused.value.extra["alternatives"]] == [sarah.name] * 3

    def test_refuses_times_that_have_passed(self, kind):
        PractitionerFactory(consultant=True, gives=[kind])

        with pytest.raises(RuleBroken, match="passed"):
            self.wish(TEN - timedelta(days=9))

    def test_refuses_when_the_catalogue_has_no_free_consultation(self):
        with pytest.raises(RuleBroken, match="not offered"):
            self.wish(TEN)


class TestStart:
    def test_begins_the_call_once(self, session):
        first = act(sessions.start, session)

        again = act(sessions.start, session, now=timezone.now() + timedelta(minutes=5))

        assert (again.state, again.started_at) == (State.IN_PROGRESS, first.started_at)

    def test_refuses_another_consultants_call(self, session):
        with pytest.raises(sessions.NotYourSession):
            act(sessions.start, session, consultant=PractitionerFactory(consultant=True))

    def test_refuses_a_cancelled_consultation(self, session):
        lifecycle.cancel(booking_id=session.consultation_id, reason="Ill", by=None, now=timezone.now())

        with pytest.raises(sessions.SessionClosed, match="cancelled"):
            act(sessions.start, session)


class TestWrite:
    def test_writes_down_and_counts(self, session):
        written = write(session, 1, notes="Sleeps badly", primary_concern="Sleep")

        session.refresh_from_db()
        assert (session.notes, session.primary_concern, session.version) == ("Sleeps badly", "Sleep", 2)
        assert written.version == 2

    def test_overwrites_nothing_that_somebody_else_wrote(self, session):
        write(session, 1, notes="Theirs")

        with pytest.raises(sessions.StaleVersion) as refused:
            write(session, 1, notes="Mine")

        session.refresh_from_db()
        assert session.notes == refused.value.session.notes == "Theirs"

    def test_refuses_a_card_number(self, session):
        with pytest.raises(Malformed, match="card number"):
            write(session, 1, notes="Visa 4111-1111-1111-1111, thanks")

    def test_accepts_phone_numbers(self, session):
        assert write(session, 1, notes="0412 345 678 or 0413 456 789, Medicare 2123 45670 1")

    def test_refuses_another_consultants_call(self, session):
        with pytest.raises(sessions.NotYourSession):
            write(session, 1, consultant=PractitionerFactory(consultant=True), notes="x")


class TestWrapUp:
    @pytest.mark.parametrize(
        ("outcome", "disposition", "consultation"),
        [
            (Outcome.REFERRED, "gp", Booking.State.COMPLETED),
            (Outcome.REJECTED, "", Booking.State.COMPLETED),
            (Outcome.NO_SHOW, "voicemail", Booking.State.NO_SHOW),
        ],
    )
    def test_closes_the_call_and_the_consultation(self, session, outcome, disposition, consultation):
        act(sessions.wrap_up, session, outcome=outcome, disposition=disposition)

        session.refresh_from_db()
        assert (session.state, session.outcome, session.disposition_id or "") == (State.DONE, outcome, disposition)
        assert session.ended_at
        assert session.consultation.state == consultation

    def test_gives_back_the_time_that_was_kept(self, session):
        kind = AppointmentTypeFactory()
        booking.hold_slot(
            session_id=session.pk,
            consultant=session.consultant,
            practitioner=PractitionerFactory(gives=[kind]),
            appointment_type=kind,
            starts_at=TEN,
            by=None,
        )

        act(sessions.wrap_up, session, outcome=Outcome.REJECTED)

        assert diary.living_holds(held_for=session.pk) == []

    @pytest.mark.parametrize(
        ("outcome", "disposition", "error"),
        [
            (Outcome.BOOKED, "", RuleBroken),
            (Outcome.REFERRED, "voicemail", RuleBroken),
            ("happy", "", Malformed),
        ],
    )
    def test_refuses_what_does_not_fit(self, session, outcome, disposition, error):
        with pytest.raises(error):
            act(sessions.wrap_up, session, outcome=outcome, disposition=disposition)

        session.refresh_from_db()
        assert session.state == State.SCHEDULED

    def test_refuses_the_second_time(self, session):
        act(sessions.wrap_up, session, outcome=Outcome.REJECTED)

        with pytest.raises(sessions.SessionClosed):
            act(sessions.wrap_up, session, outcome=Outcome.NO_SHOW)

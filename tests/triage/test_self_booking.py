"""The public page on which a patient chooses another time for a call."""

import re
from datetime import timedelta
from http import HTTPStatus
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from bookings import lifecycle
from bookings.models import Booking
from botaniqal.errors import Missing
from botaniqal.messages.models import Message
from practitioners import diary
from tests.factories import AppointmentTypeFactory, PatientFactory, PractitionerFactory, SessionFactory, next_morning
from triage import rebooking
from triage.models import TriageSession

pytestmark = pytest.mark.django_db
TEN = next_morning(10, days=2)
State = TriageSession.State


@pytest.fixture
def kind():
    return AppointmentTypeFactory(free=True, practitioner_types=["consultant"])


@pytest.fixture
def sarah(kind):
    return PractitionerFactory(consultant=True, name="Sarah Chen", gives=[kind])


@pytest.fixture
def session(kind, sarah):
    """A call of this morning that nobody answered."""
    ended = next_morning(8, days=-1)
    return SessionFactory(
        consultant=sarah,
        consultation__appointment_type=kind,
        consultation__starts_at=ended,
        patient=PatientFactory(time_zone="Australia/Perth"),
        primary_concern="Insomnia",
        tries=1,
    )


def link(session, **kwargs):
    return rebooking.link_to(session, now=timezone.now(), **kwargs).removeprefix(settings.PUBLIC_BASE_URL)


def written(moment):
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def take(practitioner, starts_at, minutes=15):
    span = diary.Span(starts_at, starts_at + timedelta(minutes=minutes))
    diary.take(practitioner=practitioner, span=span, by=None)


class TestCallOf:
    def token(self, session, now):
        return rebooking.link_to(session, now=now).rpartition("/")[2]

    def test_finds_the_call_for_two_weeks(self, session):
        now = timezone.now()
        token = self.token(session, now)

        assert rebooking.call_of(token, now=now + timedelta(days=13)) == session
        with pytest.raises(rebooking.LinkOver, match="too old"):
            rebooking.call_of(token, now=now + timedelta(days=14, seconds=1))

    def test_believes_no_link_that_was_not_written_here(self, session):
        token = self.token(session, timezone.now())

        for forged in (token[:-1], f"x{token}", token.replace(session.pk.hex, SessionFactory().pk.hex), "x", "a-b:c"):
            with pytest.raises(Missing):
                rebooking.call_of(forged, now=timezone.now())

    @pytest.mark.parametrize(("state", "why"), [("in_progress", "going on"), ("done", "over"), ("wrap_up", "over")])
    def test_is_dead_once_the_call_has_begun(self, session, state, why):
        TriageSession.objects.update(state=state, outcome="rejected" if state == "done" else "")

        with pytest.raises(rebooking.LinkOver, match=why):
            rebooking.call_of(self.token(session, timezone.now()), now=timezone.now())

    def test_is_dead_once_the_call_was_cancelled(self, session):
        lifecycle.cancel(booking_id=session.consultation_id, reason="Ill", by=None, now=timezone.now())

        with pytest.raises(rebooking.LinkOver, match="cancelled"):
            rebooking.call_of(self.token(session, timezone.now()), now=timezone.now())


class TestFreeTimes:
    def test_begin_with_the_first_day_that_has_one(self, session, sarah):
        sarah.working_hours.update(valid_from=TEN.date() + timedelta(days=20))

        found = rebooking.free_times(session, now=timezone.now())

        assert found[0].date() >= TEN.date() + timedelta(days=19)
        assert found[-1] - found[0] < timedelta(days=8)

    def test_are_none_when_nobody_makes_such_calls(self, session, sarah):
        sarah.appointment_types.clear()

        assert rebooking.free_times(session, now=timezone.now()) == []


class TestChoose:
    def choose(self, session, starts_at=TEN):
        return rebooking.choose(session_id=session.pk, starts_at=starts_at, now=timezone.now())

    def test_moves_the_call_with_the_same_consultant(self, session, sarah):
        TriageSession.objects.update(call_back_at=next_morning(15), call_back_revision=0)

        self.choose(session)

        session = TriageSession.objects.select_related("consultation").get()
        assert (session.due_on, session.consultant, session.version) == (TEN, sarah, 1)
        assert session.consultation.entry.starts_at == TEN
        assert [message.kind for message in Message.objects.all()] == [Message.Kind.MOVED]
        assert "The patient chose" in session.events.get().words

    def test_gives_the_call_to_whoever_else_is_free(self, session, sarah, kind):
        tom = PractitionerFactory(consultant=True, name="Tom Baker", gives=[kind])
        take(sarah, TEN)

        self.choose(session)

        session = TriageSession.objects.select_related("consultation").get()
        assert (session.consultant, session.consultation.practitioner, session.version) == (tom, tom, 2)
        assert session.consultation.starts_at == TEN
        assert [message.kind for message in Message.objects.all()] == [Message.Kind.OTHER_PRACTITIONER]

    def test_follows_who_took_the_call_over(self, session, sarah, kind):
        tom = PractitionerFactory(consultant=True, name="Tom Baker", gives=[kind])
        TriageSession.objects.update(consultant=tom)

        self.choose(session)

        session = TriageSession.objects.select_related("consultation").get()
        assert (session.consultant, session.consultation.practitioner) == (tom, tom)

    def test_changes_nothing_the_second_time(self, session):
        self.choose(session)
        self.choose(session)

        assert Booking.objects.get().revision == 1

    @pytest.mark.parametrize(
        "at", [next_morning(20, days=2), timezone.now() - timedelta(hours=1), TEN + timedelta(minutes=1)]
    )
    def test_refuses_a_time_at_which_nobody_is_free(self, session, at):
        with pytest.raises(rebooking.TimeGone):
            self.choose(session, at)

        booking = Booking.objects.get()
        assert (booking.revision, booking.state) == (0, Booking.State.CONFIRMED)

    def test_takes_what_is_offered(self, session):
        first = rebooking.free_times(session, now=timezone.now())[0]

        self.choose(session, first)

        assert Booking.objects.get().starts_at == first

    def test_refuses_a_call_that_has_begun_meanwhile(self, session):
        TriageSession.objects.update(state=State.IN_PROGRESS)

        with pytest.raises(rebooking.LinkOver):
            self.choose(session)


class TestAnotherTime:
    def test_shows_the_first_name_and_free_times_by_both_clocks(self, client, session):
        answer = client.get(link(session))

        page = answer.content.decode()
        assert "Hello Leo" in page
        assert "We could not reach you" in page
        perth = f"{TEN.astimezone(ZoneInfo('Australia/Perth')):%-I:%M} am"
        choice = re.search(rf'value="{written(TEN)}"><span>(.*?)</label>', page).group(1)
        assert perth in choice
        assert "10:00 am" in choice
        assert "no-store" in answer["Cache-Control"]

    def test_says_nothing_else_of_the_patient(self, client, session):
        page = client.get(link(session)).content.decode()

        for private in ("Martin", "leo.martin", "570156", "570 156", "Insomnia"):
            assert private not in page

    def test_shows_one_clock_where_both_show_the_same(self, client, session):
        session.patient.time_zone = "Australia/Melbourne"
        session.patient.save()

        page = client.get(link(session)).content.decode()

        assert "where our clinic is" not in page

    def test_moves_the_call_and_says_when_we_ring(self, client, session):
        address = link(session)
        answer = client.post(address, {"time": written(TEN)}, follow=True)

        assert answer.redirect_chain == [(address, HTTPStatus.FOUND)]
        assert "We ring you on <strong>" in answer.content.decode()
        session.consultation.refresh_from_db()
        assert session.consultation.starts_at == TEN

    def test_says_when_the_time_just_went(self, client, session, sarah):
        take(sarah, TEN)

        answer = client.post(link(session), {"time": written(TEN)})

        assert answer.status_code == HTTPStatus.CONFLICT
        assert "taken a moment ago" in answer.content.decode()
        assert f'value="{written(TEN)}"' not in answer.content.decode()

    @pytest.mark.parametrize("time", [None, "", "soon", "2026-11-23T10:00", "9999-12-31T23:59:00Z", "\0"])
    def test_asks_again_when_no_time_was_chosen(self, client, session, time):
        answer = client.post(link(session), {} if time is None else {"time": time})

        assert answer.status_code == HTTPStatus.BAD_REQUEST
        assert 'role="alert"' in answer.content.decode()

    def test_says_when_a_link_is_broken_or_over(self, client, session):
        broken = client.get("/call/nothing")
        TriageSession.objects.update(state=State.IN_PROGRESS)
        over = client.post(link(session), {"time": written(TEN)})

        assert (broken.status_code, over.status_code) == (HTTPStatus.NOT_FOUND, HTTPStatus.GONE)
        assert "Hello" not in broken.content.decode() + over.content.decode()

    def test_says_so_when_there_is_no_time(self, client, session, sarah):
        sarah.appointment_types.clear()

        assert "There is no free time to choose" in client.get(link(session)).content.decode()

    def test_needs_the_token_of_the_page(self, session):
        answer = Client(enforce_csrf_checks=True).post(link(session), {"time": written(TEN)})

        assert answer.status_code == HTTPStatus.FORBIDDEN
        session.consultation.refresh_from_db()
        assert session.consultation.revision == 0

    def test_lets_nobody_try_without_end(self, client, session, settings):
        settings.REST_FRAMEWORK = {
            **settings.REST_FRAMEWORK,
            "DEFAULT_THROTTLE_RATES": {"public-read": "600/min", "public-write": "0/min"},
        }

        answer = client.post(link(session), {"time": written(TEN)})

        assert answer.status_code == HTTPStatus.TOO_MANY_REQUESTS

    def test_is_small(self, client, session, kind):
        for _ in range(3):
            PractitionerFactory(consultant=True, gives=[kind])
        page = client.get(link(session)).content

        assert len(page) < 60_000

    def test_asks_the_same_few_questions_for_any_number_of_consultants(
        self, client, session, kind, django_assert_max_num_queries
    ):
        for _ in range(5):
            PractitionerFactory(consultant=True, gives=[kind])

        with django_assert_max_num_queries(8):
            client.get(link(session))

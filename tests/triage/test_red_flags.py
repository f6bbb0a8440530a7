"""Red flags: what stops a call, who may clear it, and who is told."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count

import pytest
from django.urls import reverse
from django.utils import timezone

from bookings.models import Booking
from bookings.money.payments import Taken
from botaniqal import tasks
from botaniqal.admin import shown_phone
from botaniqal.errors import Malformed, Missing, NotAllowed
from botaniqal.messages.models import Message
from practitioners import diary
from tests.admin.conftest import logged_in, somebody
from tests.factories import AppointmentTypeFactory, PractitionerFactory, SessionFactory, UserFactory, next_morning
from triage import booking, red_flags, sessions
from triage.models import CallEvent, Question, Script, TriageSession

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 23, 1, tzinfo=UTC)
TEN = next_morning(10, days=2)
numbers = count(1)


@pytest.fixture
def clinician():
    """A nurse who may answer red flags."""
    user = UserFactory(roles=["clinician"], is_staff=True)
    return PractitionerFactory(type="nurse", name="Nurse Kim", user=user)


@pytest.fixture
def session():
    return SessionFactory(in_progress=True)


@pytest.fixture
def flag(session):
    return put_up(session)


def put_up(session, words="Chest pain"):
    own = {"consultant": session.consultant, "by": session.consultant.user}
    red_flags.put_up_by_hand(session_id=session.pk, words=words, now=NOW, **own)
    return session.red_flags.up().get()


def put_up_more(session):
    """A second flag in the same call, by a question."""
    script = Script.objects.create(version=next(numbers), emergency_card="Ring 000.")
    question = Question.objects.create(script=script, code="harm", text="Harm?", kind="yes_no")
    red_flags.put_up(session=session, words="Thoughts of self-harm", question=question, by=None, now=NOW)
    return session.red_flags.get(question=question)


def escalate(session, **kwargs):
    given = {"consultant": session.consultant, "by": session.consultant.user, "now": NOW} | kwargs
    red_flags.escalate(session_id=session.pk, **given)


def kinds(session):
    return list(session.events.values_list("kind", flat=True))


class TestPutUpByHand:
    def test_stops_the_call_and_gives_its_times_back(self, session):
        kind = AppointmentTypeFactory()
        hold(session, PractitionerFactory(gives=[kind]), kind)

        flag = put_up(session)

        assert (flag.words, flag.raised_by) == ("Chest pain", session.consultant.user)
        assert not diary.living_holds(held_for=session.pk)
        assert kinds(session) == ["red_flag"]

    def test_says_nothing_of_health_in_the_history(self, flag):
        assert "pain" not in str(CallEvent.objects.get()).lower()

    def test_refuses_anothers_call(self, session):
        with pytest.raises(sessions.NotYourSession):
            red_flags.put_up_by_hand(
                session_id=session.pk, consultant=PractitionerFactory(consultant=True), words="Pain", by=None, now=NOW
            )

    @pytest.mark.parametrize("words", ["", "  ", "4111 1111 1111 1111"])
    def test_refuses_words_that_say_nothing_or_too_much(self, session, words):
        with pytest.raises(Malformed):
            put_up(session, words)

    def test_refuses_a_call_that_is_over(self, session):
        TriageSession.objects.filter(pk=session.pk).update(state="done", outcome="rejected")

        with pytest.raises(sessions.SessionClosed):
            put_up(session)


class TestRequireNone:
    def test_stops_a_hold(self, session, flag):
        kind = AppointmentTypeFactory()

        with pytest.raises(red_flags.RedFlagUp) as refusal:
            hold(session, PractitionerFactory(gives=[kind]), kind)

        assert (refusal.value.code, refusal.value.rule, refusal.value.status) == ("red_flag", "red_flag", 422)

    def test_stops_a_booking_and_leaves_nothing_behind(self, session, flag):
        kind = AppointmentTypeFactory()

        with pytest.raises(red_flags.RedFlagUp):
            book(session, PractitionerFactory(gives=[kind]), kind)

        assert list(Booking.objects.all()) == [session.consultation]

    def test_lets_the_call_go_on_once_all_are_cleared(self, session, flag, clinician):
        kind = AppointmentTypeFactory()
        red_flags.clear(flag_id=flag.pk, reason="An old matter.", by=clinician.user, now=NOW)

        booked = book(session, PractitionerFactory(gives=[kind]), kind)

        assert booked.state == Booking.State.CONFIRMED

    def test_stops_while_one_of_two_is_up(self, session, flag, clinician):
        put_up_more(session)
        red_flags.clear(flag_id=flag.pk, reason="An old matter.", by=clinician.user, now=NOW)

        with pytest.raises(red_flags.RedFlagUp):
            red_flags.require_none(session)


class TestEscalate:
    def test_tells_the_clinician_without_a_word_about_health(self, session, flag, clinician):
        escalate(session, clinician_id=clinician.pk)

        mail = Message.objects.get(kind="escalation")
        assert mail.to == clinician.user.email
        assert "Leo" in mail.text
        assert "Leo" not in mail.subject
        for text in (mail.subject, mail.text, mail.html):
            assert "pain" not in text.lower()
            assert "Martin" not in text
        assert reverse("admin:triage_redflag_change", args=[flag.pk]) in mail.text
        assert session.events.last().words == "To Nurse Kim."

    def test_is_not_taken_for_a_message_about_the_booking(self, session, flag, clinician):
        """Those are written anew with the join link, and taken back when the booking is cancelled."""
        escalate(session)

        assert Message.objects.get(kind="escalation").reference != session.consultation_id

    def test_begins_the_clock_again_when_somebody_else_is_asked(self, session, flag, clinician):
        escalate(session)
        red_flags.acknowledge(flag_id=flag.pk, by=clinician.user, now=NOW)
        later = NOW + timedelta(minutes=9)

        escalate(session, now=later)

        flag.refresh_from_db()
        assert (flag.escalated_at, flag.acknowledged_at, flag.reminded_at) == (later, None, None)

    def test_finds_nobody_who_may_not_answer(self, session, flag):
        PractitionerFactory(type="doctor", user=UserFactory())

        with pytest.raises(Missing):
            escalate(session)

    def test_refuses_without_a_flag(self, session, clinician):
        with pytest.raises(red_flags.NoFlag):
            escalate(session)

    def test_refuses_anothers_call(self, session, flag, clinician):
        with pytest.raises(sessions.NotYourSession):
            escalate(session, consultant=PractitionerFactory(consultant=True))


class TestAcknowledge:
    def test_leaves_the_flag_up(self, session, flag, clinician):
        red_flags.acknowledge(flag_id=flag.pk, by=clinician.user, now=NOW)

        flag.refresh_from_db()
        assert (flag.acknowledged_by, flag.cleared_at) == (clinician.user, None)
        assert kinds(session) == ["red_flag", "acknowledged"]

    def test_is_for_the_call_and_all_that_is_up_in_it(self, session, flag, clinician):
        other = put_up_more(session)

        red_flags.acknowledge(flag_id=flag.pk, by=clinician.user, now=NOW)

        other.refresh_from_db()
        assert other.acknowledged_by == clinician.user

    def test_stays_with_who_was_first(self, flag, clinician):
        red_flags.acknowledge(flag_id=flag.pk, by=clinician.user, now=NOW)

        red_flags.acknowledge(flag_id=flag.pk, by=UserFactory(roles=["clinician"]), now=NOW)

        flag.refresh_from_db()
        assert flag.acknowledged_by == clinician.user

    @pytest.mark.parametrize("role", ["consultant", "operations", "management", "administrator"])
    def test_is_for_clinicians_alone(self, flag, role):
        person = UserFactory(roles=[role], is_superuser=role == "administrator")

        with pytest.raises(NotAllowed):
            red_flags.acknowledge(flag_id=flag.pk, by=person, now=NOW)

    def test_refuses_what_was_cleared(self, flag, clinician):
        red_flags.clear(flag_id=flag.pk, reason="An old matter.", by=clinician.user, now=NOW)

        with pytest.raises(red_flags.NoFlag):
            red_flags.acknowledge(flag_id=flag.pk, by=clinician.user, now=NOW)


class TestClear:
    def test_says_who_did_and_why(self, session, flag, clinician):
        red_flags.clear(flag_id=flag.pk, reason=" An old matter. ", by=clinician.user, now=NOW)

        flag.refresh_from_db()
        assert (flag.cleared_by, flag.cleared_at, flag.clear_reason) == (clinician.user, NOW, "An old matter.")
        assert kinds(session)[-1] == "cleared"
        assert session.events.last().by == clinician.user

    @pytest.mark.parametrize("role", ["consultant", "operations", "management", "administrator"])
    def test_is_for_clinicians_alone(self, flag, role):
        person = UserFactory(roles=[role], is_superuser=role == "administrator")

        with pytest.raises(NotAllowed):
            red_flags.clear(flag_id=flag.pk, reason="Fine.", by=person, now=NOW)

    @pytest.mark.parametrize("reason", ["", " ", "4111 1111 1111 1111"])
    def test_wants_a_reason(self, flag, clinician, reason):
        with pytest.raises(Malformed):
            red_flags.clear(flag_id=flag.pk, reason=reason, by=clinician.user, now=NOW)

    def test_refuses_what_was_cleared_before(self, flag, clinician):
        red_flags.clear(flag_id=flag.pk, reason="An old matter.", by=clinician.user, now=NOW)

        with pytest.raises(red_flags.NoFlag):
            red_flags.clear(flag_id=flag.pk, reason="Again.", by=clinician.user, now=NOW)

    def test_lets_the_same_danger_be_raised_again(self, session, flag, clinician):
        red_flags.clear(flag_id=flag.pk, reason="An old matter.", by=clinician.user, now=NOW)

        again = put_up(session)

        assert again != flag


class TestWaitingFor:
    def test_shows_clinicians_what_was_brought_to_one_of_them(self, session, flag, clinician):
        before = list(red_flags.waiting_for(clinician.user))

        escalate(session)

        assert before == []
        assert list(red_flags.waiting_for(clinician.user)) == [flag]

    def test_shows_operations_what_nobody_acknowledged(self, flag, clinician):
        operations = UserFactory(roles=["operations"])
        before = list(red_flags.waiting_for(operations))

        red_flags.acknowledge(flag_id=flag.pk, by=clinician.user, now=NOW)

        assert before == [flag]
        assert list(red_flags.waiting_for(operations)) == []

    @pytest.mark.parametrize("role", ["consultant", "management"])
    def test_shows_others_nothing(self, flag, role):
        assert list(red_flags.waiting_for(UserFactory(roles=[role]))) == []


class TestRemindDue:
    @pytest.fixture(autouse=True)
    def _operations(self, settings):
        settings.ESCALATION_SECONDS = 300
        UserFactory(roles=["operations"], email="olivia@botaniqal.example", first_name="Olivia")
        UserFactory(roles=["operations"], is_active=False)

    def test_tells_operations_once_for_a_call(self, session, flag, clinician):
        put_up_more(session)
        escalate(session)
        late = NOW + timedelta(seconds=300)

        told = [red_flags.remind_due(now=late), red_flags.remind_due(now=late + timedelta(minutes=5))]

        assert told == [1, 0]
        [mail] = Message.objects.filter(kind="escalation").exclude(to=clinician.user.email)
        assert mail.to == "olivia@botaniqal.example"
        assert "Nurse Kim" in mail.text
        assert "pain" not in mail.text.lower()

    def test_waits_for_the_clock(self, session, flag, clinician):
        escalate(session)

        assert red_flags.remind_due(now=NOW + timedelta(seconds=299)) == 0

    def test_says_nothing_once_it_is_acknowledged(self, session, flag, clinician):
        escalate(session)
        red_flags.acknowledge(flag_id=flag.pk, by=clinician.user, now=NOW)

        assert red_flags.remind_due(now=NOW + timedelta(hours=1)) == 0

    def test_is_rung_by_the_scheduler(self, session, flag, clinician):
        escalate(session, now=timezone.now() - timedelta(hours=1))

        assert tasks.mind_calls() == 1


class TestPage:
    @pytest.fixture
    def url(self, flag):
        return reverse("admin:triage_redflag_change", args=[flag.pk])

    def test_shows_a_clinician_what_to_know_and_do(self, url, flag, clinician):
        page = logged_in(clinician.user).get(url).content.decode()

        assert "Leo Martin" in page
        assert shown_phone(flag.session.patient.phone) in page
        assert "Acknowledge" in page
        assert "Clear" in page

    def test_is_answered_by_a_clinician(self, url, flag, clinician):
        browser = logged_in(clinician.user)

        browser.post(f"{url.removesuffix('change/')}do/acknowledge/")
        browser.post(f"{url.removesuffix('change/')}do/clear/", {"reason": "An old matter."})

        flag.refresh_from_db()
        assert (flag.acknowledged_by, flag.clear_reason) == (clinician.user, "An old matter.")

    @pytest.mark.parametrize("verb", ["acknowledge", "clear"])
    def test_refuses_the_calls_own_consultant(self, session, url, flag, verb):
        user = session.consultant.user
        type(user).objects.filter(pk=user.pk).update(is_staff=True)

        answer = logged_in(user).post(f"{url.removesuffix('change/')}do/{verb}/", {"reason": "Fine."})

        assert answer.status_code == 403
        flag.refresh_from_db()
        assert flag.cleared_at is None

    @pytest.mark.parametrize("role", ["consultant", "management"])
    def test_is_not_there_for_others(self, url, role):
        assert logged_in(somebody(role)).get(url).status_code in (302, 403)


def hold(session, practitioner, kind):
    own = {"consultant": session.consultant, "by": session.consultant.user}
    return booking.hold_slot(
        session_id=session.pk, practitioner=practitioner, appointment_type=kind, starts_at=TEN, **own
    )


def book(session, practitioner, kind):
    return booking.book_by_phone(
        session_id=session.pk,
        consultant=session.consultant,
        practitioner=practitioner,
        appointment_type=kind,
        starts_at=TEN,
        taken=Taken(is_collected=True, amount=Decimal(119), reference="T1"),
        by=session.consultant.user,
        now=timezone.now(),
    )

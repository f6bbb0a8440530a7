from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from bookings import lifecycle
from bookings.models import Booking
from bookings.money.payments import Taken
from botaniqal.errors import Malformed, Missing
from botaniqal.messages.models import Message
from practitioners.models import Practitioner
from services.prices import clinic_day
from tests.factories import AppointmentTypeFactory, PractitionerFactory, SessionFactory, UserFactory, next_morning
from triage import booking as phone
from triage import hand_over, sessions
from triage.models import Answer, HandOver, Question, RedFlag, Script, TriageSession

pytestmark = pytest.mark.django_db

TEN = next_morning(10, days=2)


@pytest.fixture
def kind():
    return AppointmentTypeFactory()


@pytest.fixture
def doctor(kind):
    return PractitionerFactory(name="Dr Dia", gives=[kind], user=UserFactory(roles=["clinician"]))


@pytest.fixture
def session():
    return SessionFactory(in_progress=True, primary_concern="Sleeps badly.")


@pytest.fixture
def script():
    return Script.objects.create(version=90, emergency_card="Ring 000.")


def ask(script: Script, code: str, label: str, **fields) -> Question:
    usual = {"kind": Question.Kind.TEXT, "text": f"{code}?", "card_label": label}
    return Question.objects.create(script=script, code=code, **usual | fields)


def answer(session: TriageSession, question: Question, value: str, **fields) -> Answer:
    return Answer.objects.create(session=session, question=question, value=value, at=timezone.now(), **fields)


def who(session: TriageSession) -> dict:
    return {"consultant": session.consultant, "by": session.consultant.user, "now": timezone.now()}


def book(session: TriageSession, doctor: Practitioner, kind, *, starts_at=TEN, ends_call=False) -> Booking:
    return phone.book_by_phone(
        session_id=session.pk,
        practitioner=doctor,
        appointment_type=kind,
        starts_at=starts_at,
        taken=Taken(),
        ends_call=ends_call,
        **who(session),
    )


def card_soon(doctor: Practitioner, kind, session: TriageSession, *, minutes: int = 10) -> HandOver:
    """A card of a visit that begins in some minutes."""
    booking = book(session, doctor, kind)
    starts_at = timezone.now() + timedelta(minutes=minutes)
    Booking.objects.filter(pk=booking.pk).update(starts_at=starts_at, ends_at=starts_at + timedelta(minutes=15))
    return HandOver.objects.get(booking=booking)


def remark(session: TriageSession, text: str, *, former: str = "", **fields) -> HandOver:
    return hand_over.write_remark(session_id=session.pk, former=former, remark=text, **who(session) | fields)


class TestLinesOf:
    def test_begins_with_the_concern_and_follows_the_script(self, session, script):
        service = AppointmentTypeFactory().service
        last = ask(script, "weight", "Weight", service=service, position=1)
        second = ask(script, "sleep", "Sleep", position=9)
        first = ask(script, "pregnant", "Pregnant", position=2, kind=Question.Kind.YES_NO)
        for question, value in ((last, "82 kg"), (second, "Four hours"), (first, "unsure")):
            answer(session, question, value)

        lines = hand_over.lines_of(session)

        assert lines == [
            ["Main concern", "Sleeps badly."],
            ["Pregnant", "Unsure"],
            ["Sleep", "Four hours"],
            ["Weight", "82 kg"],
        ]

    def test_leaves_out_what_was_taken_back_is_old_or_is_not_for_the_card(self, session, script):
        session.primary_concern = ""
        answer(session, ask(script, "a", "A"), "")
        answer(session, ask(script, "b", "B"), "Former", is_current=False)
        answer(session, ask(script, "c", ""), "For the call alone")

        assert hand_over.lines_of(session) == []

    def test_tells_of_red_flags_and_who_cleared_them(self, session):
        nurse = UserFactory(first_name="Nina", last_name="Nurse")
        RedFlag.objects.create(
            session=session,
            words="Chest pain",
            raised_at=timezone.now(),
            cleared_at=timezone.now(),
            cleared_by=nurse,
            clear_reason="Seen by a GP today",
        )

        assert hand_over.lines_of(session)[-1] == ["Red flag", f"Chest pain (cleared by {nurse}: Seen by a GP today)"]


class TestBringUpToDate:
    @pytest.mark.parametrize("ends_call", [True, False], ids=["by API", "at the desk"])
    def test_makes_the_card_with_the_booking(self, session, doctor, kind, ends_call):
        booking = book(session, doctor, kind, ends_call=ends_call)

        card = HandOver.objects.get()
        assert (card.booking, card.session, card.lines) == (booking, session, [["Main concern", "Sleeps badly."]])
        assert not card.is_read

    def test_takes_in_what_was_written_until_the_call_was_closed_and_is_unread_again(self, session, doctor, kind):
        booking = book(session, doctor, kind)
        hand_over.mark_read(booking_id=booking.pk, by=doctor.user, now=timezone.now())
        TriageSession.objects.update(primary_concern="Sleeps badly since June.")

        sessions.wrap_up(session_id=session.pk, outcome="booked", **who(session))

        card = HandOver.objects.get()
        assert card.lines == [["Main concern", "Sleeps badly since June."]]
        assert not card.is_read

    def test_leaves_the_read_mark_where_nothing_changed(self, session, doctor, kind):
        booking = book(session, doctor, kind)
        hand_over.mark_read(booking_id=booking.pk, by=doctor.user, now=timezone.now())

        sessions.wrap_up(session_id=session.pk, outcome="booked", **who(session))

        assert HandOver.objects.get().is_read

    def test_leaves_a_card_alone_once_the_visit_has_begun(self, session, doctor, kind):
        card = card_soon(doctor, kind, session, minutes=-1)
        TriageSession.objects.update(primary_concern="Something else.")

        sessions.wrap_up(session_id=session.pk, outcome="booked", **who(session))

        card.refresh_from_db()
        assert card.lines == [["Main concern", "Sleeps badly."]]


class TestWriteRemark:
    def test_keeps_it_and_has_it_read_again(self, session, doctor, kind):
        booking = book(session, doctor, kind)
        hand_over.mark_read(booking_id=booking.pk, by=doctor.user, now=timezone.now())

        remark(session, "Speaks softly.")

        card = HandOver.objects.get()
        assert (card.remark, card.is_read) == ("Speaks softly.", False)

    def test_overwrites_nothing_unseen(self, session, doctor, kind):
        book(session, doctor, kind)
        remark(session, "From one window.")

        with pytest.raises(hand_over.OtherRemark) as refused:
            remark(session, "From another.", former="")

        assert refused.value.extra == {"remark": "From one window."}

    def test_takes_a_repeat_for_what_it_is(self, session, doctor, kind):
        book(session, doctor, kind)
        remark(session, "Once.")

        assert remark(session, "Once.", former="").remark == "Once."

    def test_is_for_whoever_has_the_call(self, session, doctor, kind):
        book(session, doctor, kind)

        for somebody in (None, PractitionerFactory(consultant=True)):
            with pytest.raises(hand_over.NotYourCard):
                remark(session, "Not mine.", consultant=somebody)

    def test_needs_a_booking(self, session):
        with pytest.raises(Missing):
            remark(session, "Nothing was booked.")

    def test_keeps_card_numbers_out(self, session, doctor, kind):
        book(session, doctor, kind)

        with pytest.raises(Malformed):
            remark(session, "4111 1111 1111 1111")

    def test_ends_when_the_visit_begins(self, session, doctor, kind):
        card_soon(doctor, kind, session, minutes=-1)

        with pytest.raises(hand_over.CardClosed):
            remark(session, "Too late.")

    @pytest.mark.parametrize("state", ["completed", "no_show", "cancelled"])
    def test_ends_with_the_visit(self, session, doctor, kind, state):
        booking = book(session, doctor, kind)
        fields = {"cancel_reason": "x", "cancelled_at": timezone.now()} if state == "cancelled" else {}
        Booking.objects.filter(pk=booking.pk).update(state=state, **fields)

        with pytest.raises(hand_over.CardClosed):
            remark(session, "Too late.")


class TestMarkRead:
    def test_is_for_whoever_gives_the_visit(self, session, doctor, kind):
        booking = book(session, doctor, kind)

        with pytest.raises(hand_over.NotYourVisit):
            hand_over.mark_read(booking_id=booking.pk, by=UserFactory(roles=["operations"]), now=timezone.now())

        assert not HandOver.objects.get().is_read

    def test_keeps_the_first_time(self, session, doctor, kind):
        booking, now = book(session, doctor, kind), timezone.now()
        hand_over.mark_read(booking_id=booking.pk, by=doctor.user, now=now)

        hand_over.mark_read(booking_id=booking.pk, by=doctor.user, now=now + timedelta(hours=1))

        assert HandOver.objects.get().read_at == now

    def test_says_that_a_cancelled_visit_has_none(self, session, doctor, kind):
        booking = book(session, doctor, kind)
        lifecycle.cancel(booking_id=booking.pk, reason="Ill", by=None, now=timezone.now())

        with pytest.raises(hand_over.CardClosed):
            hand_over.mark_read(booking_id=booking.pk, by=doctor.user, now=timezone.now())

    def test_says_that_a_visit_without_a_call_has_none(self, session, doctor, kind):
        with pytest.raises(Missing):
            hand_over.mark_read(booking_id=session.consultation_id, by=doctor.user, now=timezone.now())

    def test_is_undone_by_a_move_to_somebody_else(self, session, doctor, kind):
        booking, other = book(session, doctor, kind), PractitionerFactory(gives=[kind], user=UserFactory())
        hand_over.mark_read(booking_id=booking.pk, by=doctor.user, now=timezone.now())

        lifecycle.move(booking_id=booking.pk, starts_at=TEN, practitioner=other, by=None, now=timezone.now())

        assert not HandOver.objects.get().is_read
        assert list(hand_over.cards_for(other, clinic_day(TEN))) == [booking.pk]
        assert not hand_over.cards_for(doctor, clinic_day(TEN))


class TestCardsFor:
    def test_gives_the_day_s_own_in_one_query(self, session, doctor, kind, django_assert_num_queries):
        booking = book(session, doctor, kind)
        book(SessionFactory(in_progress=True), doctor, kind, starts_at=TEN + timedelta(days=1))

        with django_assert_num_queries(1):
            cards = hand_over.cards_for(doctor, clinic_day(TEN))
            marks = {pk: card.is_read for pk, card in cards.items()}

        assert marks == {booking.pk: False}

    def test_leaves_out_cancelled_visits(self, session, doctor, kind):
        booking = book(session, doctor, kind)
        lifecycle.cancel(booking_id=booking.pk, reason="Ill", by=None, now=timezone.now())

        assert not hand_over.cards_for(doctor, clinic_day(TEN))


class TestAlertDue:
    def test_tells_whoever_gives_the_visit_once(self, session, doctor, kind):
        card_soon(doctor, kind, session)

        counts = [hand_over.alert_due(now=timezone.now()) for _ in range(2)]

        mail = Message.objects.get(kind=Message.Kind.UNREAD_CARD)
        assert counts == [1, 0]
        assert mail.to == doctor.email
        assert HandOver.objects.get().alerted_at is not None

    def test_says_nothing_of_anybodys_health_and_no_name_but_the_first(self, session, doctor, kind):
        card_soon(doctor, kind, session)

        hand_over.alert_due(now=timezone.now())

        mail = Message.objects.get(kind=Message.Kind.UNREAD_CARD)
        for text in (mail.subject, mail.text, mail.html):
            assert "Sleeps" not in text
            assert "Martin" not in text
        assert "Leo" not in mail.subject
        assert "Leo" in mail.text

    def test_waits_until_the_visit_is_near(self, session, doctor, kind):
        card_soon(doctor, kind, session, minutes=settings.CARD_ALERT_MINUTES + 2)

        assert hand_over.alert_due(now=timezone.now()) == 0

    def test_tells_of_a_visit_at_short_notice_that_has_just_begun(self, session, doctor, kind):
        card_soon(doctor, kind, session, minutes=-2)

        assert hand_over.alert_due(now=timezone.now()) == 1

    def test_leaves_alone_who_has_read(self, session, doctor, kind):
        card = card_soon(doctor, kind, session)
        hand_over.mark_read(booking_id=card.booking_id, by=doctor.user, now=timezone.now())

        assert hand_over.alert_due(now=timezone.now()) == 0
        assert not hand_over.unread_soon(timezone.now())

    @pytest.mark.parametrize("state", ["cancelled", "completed"])
    def test_leaves_alone_a_visit_that_will_not_be(self, session, doctor, kind, state):
        card = card_soon(doctor, kind, session)
        fields = {"cancel_reason": "x", "cancelled_at": timezone.now()} if state == "cancelled" else {}
        Booking.objects.filter(pk=card.booking_id).update(state=state, **fields)

        assert hand_over.alert_due(now=timezone.now()) == 0

    def test_tells_again_of_a_visit_that_was_moved(self, session, doctor, kind):
        card_soon(doctor, kind, session)
        hand_over.alert_due(now=timezone.now())
        later = timezone.now() + timedelta(days=1)
        Booking.objects.filter(hand_over__isnull=False).update(starts_at=later, ends_at=later + timedelta(minutes=15))

        assert hand_over.alert_due(now=later - timedelta(minutes=5)) == 1

    def test_tells_somebody_else_who_gives_it_instead(self, session, doctor, kind):
        card = card_soon(doctor, kind, session)
        hand_over.alert_due(now=timezone.now())
        other = PractitionerFactory(gives=[kind])
        Booking.objects.filter(pk=card.booking_id).update(practitioner=other)

        assert hand_over.alert_due(now=timezone.now()) == 1
        assert Message.objects.filter(kind=Message.Kind.UNREAD_CARD, to=other.email).exists()


class TestUnreadSoon:
    def test_finds_a_card_that_nobody_can_read_in_the_portal(self, session, kind):
        card = card_soon(PractitionerFactory(gives=[kind]), kind, session)

        assert [each.pk for each in hand_over.unread_soon(timezone.now())] == [card.pk]

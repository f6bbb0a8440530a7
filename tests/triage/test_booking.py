"""The phone booking: everything at once, or nothing."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission
from django.utils import timezone

from bookings import lifecycle
from bookings.models import Booking, Payment
from bookings.money.payments import Taken, WrongAmount
from botaniqal.errors import Malformed, Missing, RuleBroken
from botaniqal.messages.models import Message
from practitioners import diary
from practitioners.models import DiaryEntry, TimeOff
from services.models import Service
from tests.factories import (
    AppointmentTypeFactory,
    PractitionerFactory,
    RoomFactory,
    SessionFactory,
    next_morning,
)
from triage import booking, sessions
from triage.models import TriageSession

pytestmark = pytest.mark.django_db
TEN = next_morning(10, days=2)


@pytest.fixture
def kind():
    return AppointmentTypeFactory()


@pytest.fixture
def doctor(kind):
    return PractitionerFactory(gives=[kind], calendar_provider="calendly")


@pytest.fixture
def session():
    return SessionFactory()


def hold(session, doctor, kind, starts_at=TEN, **kwargs):
    given = {"consultant": session.consultant, "by": session.consultant.user} | kwargs
    return booking.hold_slot(
        session_id=session.pk, practitioner=doctor, appointment_type=kind, starts_at=starts_at, **given
    )


def book(session, doctor, kind, starts_at=TEN, **kwargs):
    given = {
        "consultant": session.consultant,
        "taken": Taken(is_collected=True),
        "by": session.consultant.user,
        "now": timezone.now(),
    } | kwargs
    return booking.book_by_phone(
        session_id=session.pk, practitioner=doctor, appointment_type=kind, starts_at=starts_at, **given
    )


class TestHoldSlot:
    def test_keeps_the_time_for_the_call(self, session, doctor, kind):
        entry = hold(session, doctor, kind)

        assert (entry.held_for, entry.practitioner, entry.starts_at) == (session.pk, doctor, TEN)

    def test_keeps_the_same_time_longer_when_asked_again(self, session, doctor, kind):
        first = hold(session, doctor, kind)

        again = hold(session, doctor, kind)

        assert again.pk == first.pk
        assert again.live_until > first.live_until

    def test_refuses_a_third_time(self, session, doctor, kind):
        hold(session, doctor, kind)
        hold(session, doctor, kind, TEN + timedelta(minutes=15))

        with pytest.raises(booking.TooManyHolds):
            hold(session, doctor, kind, TEN + timedelta(minutes=30))

    def test_keeps_the_same_time_for_the_appointment_that_is_wanted_now(self, session, doctor, kind):
        other = AppointmentTypeFactory()
        doctor.appointment_types.add(other)
        first = hold(session, doctor, kind)

        again = hold(session, doctor, other)

        assert (first.appointment_type, again.pk, again.appointment_type) == (kind, first.pk, other)

    def test_takes_the_place_of_one_of_two_times_that_it_overlaps(self, session, doctor, kind):
        longer = AppointmentTypeFactory(minutes=30)
        doctor.appointment_types.add(longer)
        hold(session, doctor, kind)
        other = hold(session, doctor, kind, TEN + timedelta(hours=1))

        kept = hold(session, doctor, longer)

        assert diary.living_holds(held_for=session.pk) == [kept, other]

    def test_keeps_what_it_has_when_a_longer_time_is_taken(self, session, doctor, kind):
        longer = AppointmentTypeFactory(minutes=30)
        doctor.appointment_types.add(longer)
        first = hold(session, doctor, kind)
        hold(SessionFactory(), doctor, kind, TEN + timedelta(minutes=15))

        with pytest.raises(diary.SlotTaken):
            hold(session, doctor, longer)

        assert diary.living_holds(held_for=session.pk) == [first]

    def test_refuses_time_that_another_call_keeps(self, session, doctor, kind):
        hold(SessionFactory(), doctor, kind)

        with pytest.raises(diary.SlotTaken):
            hold(session, doctor, kind)

    def test_refuses_another_consultants_call(self, session, doctor, kind):
        with pytest.raises(sessions.NotYourSession):
            hold(session, doctor, kind, consultant=PractitionerFactory(consultant=True))

    def test_refuses_a_call_that_is_closed(self, session, doctor, kind):
        book(session, doctor, kind)

        with pytest.raises(sessions.SessionClosed):
            hold(session, doctor, kind, TEN + timedelta(hours=1))


class TestBookByPhone:
    def test_makes_everything_that_belongs_to_it(self, session, doctor, kind):
        made = book(session, doctor, kind, notes="Prefers afternoons")

        session.refresh_from_db()
        assert (made.patient, made.practitioner, made.appointment_type) == (session.patient, doctor, kind)
        assert (made.state, made.source, made.price) == (Booking.State.CONFIRMED, "phone", Decimal(119))
        assert (made.entry.kind, made.entry.live_until) == (DiaryEntry.Kind.BOOKING, None)
        assert (made.payment.status, made.payment.amount) == (Payment.Status.COLLECTED, Decimal(119))
        assert made.payment.collected_by == session.consultant.user
        assert (session.booking, session.outcome, session.state) == (made, "booked", TriageSession.State.DONE)
        assert session.consultation.state == Booking.State.COMPLETED
        assert {record.system for record in made.sync_records.all()} == {"calendly", "medirecords"}
        assert Message.objects.get(reference=made.pk).kind == Message.Kind.CONFIRMATION

    def test_counts_the_numbers_of_the_year(self, doctor, kind):
        first, second = (book(SessionFactory(), doctor, kind, TEN + timedelta(minutes=15 * n)).number for n in range(2))

        year = timezone.localtime().year
        assert first == f"BOT-{year}-{int(first[-4:]):04}"
        assert int(second.rpartition("-")[2]) == int(first.rpartition("-")[2]) + 1

    def test_turns_the_hold_into_the_booking_and_lets_the_other_go(self, session, doctor, kind):
        held = hold(session, doctor, kind)
        other = hold(session, doctor, kind, TEN + timedelta(hours=1))

        made = book(session, doctor, kind)

        assert made.entry_id == held.pk
        assert DiaryEntry.objects.get(pk=other.pk).live_until <= timezone.now()

    def test_waits_for_wrap_up_at_the_desk(self, session, doctor, kind):
        book(session, doctor, kind, ends_call=False)

        session.refresh_from_db()
        assert (session.state, session.ended_at) == (TriageSession.State.WRAP_UP, None)
        assert session.consultation.state == Booking.State.CONFIRMED

    def test_is_paid_later_when_nothing_was_collected(self, session, doctor, kind):
        made = book(session, doctor, kind, taken=Taken())

        assert (made.payment.status, made.payment.collected_at) == (Payment.Status.PENDING, None)

    def test_takes_a_room_for_a_visit_in_person(self, session):
        room, kind = RoomFactory(), AppointmentTypeFactory(in_person=True)
        doctor = PractitionerFactory(gives=[kind])

        assert book(session, doctor, kind).entry.room == room

    @pytest.mark.parametrize(
        ("case", "error"),
        [
            ("unknown session", Missing),
            ("another's session", sessions.NotYourSession),
            ("taken", diary.SlotTaken),
            ("time off", RuleBroken),
            ("past", RuleBroken),
            ("does not give it", RuleBroken),
            ("no price", RuleBroken),
            ("another price", WrongAmount),
            ("card number", Malformed),
            ("cancelled consultation", sessions.SessionClosed),
        ],
    )
    def test_leaves_nothing_behind_when_refused(self, session, doctor, kind, case, error):
        change = {}
        if case == "unknown session":
            session.pk = uuid4()
        elif case == "another's session":
            change = {"consultant": PractitionerFactory(consultant=True)}
        elif case == "taken":
            hold(SessionFactory(), doctor, kind)
        elif case == "time off":
            TimeOff.objects.create(
                practitioner=doctor, starts_at=TEN, ends_at=TEN + timedelta(hours=1), reason="Dentist"
            )
        elif case == "past":
            change = {"starts_at": TEN - timedelta(days=10)}
        elif case == "does not give it":
            doctor.appointment_types.clear()
        elif case == "no price":
            kind.prices.all().delete()
        elif case == "another price":
            change = {"taken": Taken(amount=Decimal(1), amount_reason="Friend of the house")}
        elif case == "card number":
            change = {"notes": "card 4111 1111 1111 1111"}
        elif case == "cancelled consultation":
            Booking.objects.filter(pk=session.consultation_id).update(
                state="cancelled", cancel_reason="Ill", cancelled_at=timezone.now()
            )
        entries, bookings = DiaryEntry.objects.count(), Booking.objects.count()

        with pytest.raises(error):
            book(session, doctor, kind, **change)

        assert (DiaryEntry.objects.count(), Booking.objects.count()) == (entries, bookings)
        assert not Payment.objects.exists()
        assert not Message.objects.exists()

    def test_takes_another_price_from_somebody_with_that_right_and_a_reason(self, session, doctor, kind):
        session.consultant.user.user_permissions.add(Permission.objects.get(codename="charge_other_price"))
        user = type(session.consultant.user).objects.get(pk=session.consultant.user.pk)

        made = book(session, doctor, kind, by=user, taken=Taken(amount=Decimal("59.50"), amount_reason="Half price"))

        assert (made.price, made.price_reason, made.payment.amount) == (
            Decimal("59.50"),
            "Half price",
            Decimal("59.50"),
        )

    def test_tells_a_repeat_that_the_time_is_gone_and_another_time_that_the_call_is_closed(self, session, doctor, kind):
        book(session, doctor, kind)

        with pytest.raises(diary.SlotTaken):
            book(session, doctor, kind)
        with pytest.raises(sessions.SessionClosed):
            book(session, doctor, kind, TEN + timedelta(hours=1))


class TestIsBooked:
    def told(self, session, doctor, kind, **change):
        visit = {"practitioner_id": doctor.pk, "appointment_type": kind, "starts_at": TEN}
        return booking.is_booked(session_id=session.pk, **{"consultant": session.consultant} | visit | change)

    def test_knows_the_visit_that_the_call_led_to(self, session, doctor, kind):
        before = self.told(session, doctor, kind)
        book(session, doctor, kind, ends_call=False)

        assert (before, self.told(session, doctor, kind)) == (False, True)

    def test_is_not_for_another_visit_or_another_consultant(self, session, doctor, kind):
        book(session, doctor, kind)

        assert not self.told(session, doctor, kind, starts_at=TEN + timedelta(hours=1))
        assert not self.told(session, doctor, AppointmentTypeFactory())
        assert not self.told(session, doctor, kind, practitioner_id=PractitionerFactory().pk)
        assert not self.told(session, doctor, kind, consultant=PractitionerFactory(consultant=True))
        assert not self.told(session, doctor, kind, consultant=None)

    def test_does_not_count_a_visit_that_was_cancelled(self, session, doctor, kind):
        made = book(session, doctor, kind)
        lifecycle.cancel(booking_id=made.pk, reason="Ill", by=None, now=timezone.now())

        assert not self.told(session, doctor, kind)


class TestTypeWanted:
    def test_takes_telehealth_before_in_person_and_the_catalogues_order(self, doctor, kind):
        in_person = AppointmentTypeFactory(service=kind.service, in_person=True, position=0)
        doctor.appointment_types.add(in_person)

        assert booking.type_wanted(practitioner=doctor) == kind
        assert booking.type_wanted(practitioner=doctor, kind=in_person.code) == in_person

    def test_refuses_what_is_not_given_or_not_offered(self, doctor, kind):
        with pytest.raises(RuleBroken):
            booking.type_wanted(practitioner=doctor, kind="followup")

        Service.objects.update(status=Service.Status.PAUSED)
        with pytest.raises(RuleBroken):
            booking.type_wanted(practitioner=doctor)

    def test_leads_to_no_other_call(self):
        free = AppointmentTypeFactory(free=True)
        consultant = PractitionerFactory(consultant=True, gives=[free])

        with pytest.raises(RuleBroken, match="no such appointment"):
            booking.type_wanted(practitioner=consultant, kind=free.code)

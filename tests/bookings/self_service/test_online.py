"""Booking online: what can be, what is kept until it is paid, and what lapses."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.utils import timezone

from bookings import lifecycle
from bookings.models import Booking, Checkout, Consent, Patient, Payment, SyncRecord
from bookings.patients import consents
from bookings.patients.consents import OldWording
from bookings.self_service import online
from botaniqal.errors import DomainError, Malformed, Missing, RuleBroken
from botaniqal.messages.models import Message
from practitioners import availability, diary
from practitioners.models import DiaryEntry, OutsideCalendar
from services.models import AppointmentType, Price, Service
from tests.bookings.self_service.booking_online import LEO, TEN, agreeing, begin, let_lapse, online_type
from tests.factories import PractitionerFactory

pytestmark = pytest.mark.django_db
State = Booking.State


@pytest.fixture
def doctor(kind):
    return PractitionerFactory(name="Dr Dia", gives=[kind], calendar_provider="calendly")


def refused(kind, **change):
    with pytest.raises(DomainError) as refusal:
        begin(kind, **change)
    assert not Booking.objects.exists()
    assert not Patient.objects.exists()
    return refusal.value


class TestOnline:
    def found(self, kind):
        return online.online(kind.code, now=timezone.now())

    def test_gives_what_it_is_and_what_it_costs_today(self, kind):
        Price.objects.create(appointment_type=kind, amount=150, starts_on=timezone.localdate() + timedelta(days=1))

        assert self.found(kind) == (kind, Decimal(119))

    @pytest.mark.parametrize(
        ("fields", "why"),
        [
            ({"is_bookable_online": False}, "on the phone"),
            ({"verdict": AppointmentType.Verdict.RED}, "at the moment"),
            ({"verdict": AppointmentType.Verdict.UNCHECKED}, "at the moment"),
            ({"kind": AppointmentType.Kind.CONSULTATION}, "page of its own"),
        ],
    )
    def test_says_why_it_is_booked_otherwise(self, kind, fields, why):
        AppointmentType.objects.update(**fields)

        with pytest.raises(online.NotOnline, match=why):
            self.found(kind)

    def test_says_when_there_is_no_price(self):
        with pytest.raises(online.NotOnline, match="at the moment"):
            self.found(online_type(price="none"))

    @pytest.mark.parametrize(("status", "why"), [("coming_soon", "coming soon"), ("paused", "at the moment")])
    def test_says_when_the_service_is_not_offered(self, kind, status, why):
        Service.objects.update(status=status)

        with pytest.raises(online.NotOnline, match=why):
            self.found(kind)

    def test_knows_nothing_of_what_is_retired(self, kind):
        Service.objects.update(status=Service.Status.RETIRED)

        with pytest.raises(Missing):
            self.found(kind)


class TestBegin:
    def test_keeps_the_time_until_it_is_paid_and_tells_nobody(self, kind, doctor, settings):
        booking = begin(kind)

        booking.refresh_from_db()
        assert (booking.state, booking.source, booking.practitioner) == (State.PENDING_PAYMENT, "online", doctor)
        assert booking.number.startswith("BOT-")
        assert booking.pays_until - booking.created_at < timedelta(minutes=settings.CHECKOUT_MINUTES)
        assert (booking.entry.kind, booking.entry.held_for) == (DiaryEntry.Kind.HOLD, booking.pk)
        assert booking.entry.live_until > booking.pays_until
        assert (booking.payment.amount, booking.payment.status) == (Decimal(119), Payment.Status.PENDING)
        assert booking.checkouts.get().door == Checkout.Door.ONLINE
        assert not SyncRecord.objects.exists()
        assert not Message.objects.exists()

    def test_makes_a_record_of_its_own_that_nobody_has_identified(self, kind, doctor):
        known = Patient.objects.create(name=LEO.name, email=LEO.email, phone=LEO.phone)

        booking = begin(kind)

        assert booking.patient != known
        assert booking.patient.identified_at is None
        assert (booking.patient.name, booking.patient.time_zone) == ("Leo Martin", "Australia/Perth")

    def test_writes_down_what_was_agreed_to_and_in_which_words(self, kind, doctor):
        booking = begin(kind, answers=agreeing(sharing=False))

        said = {consent.wording.kind: consent for consent in booking.patient.consents.all()}
        assert {kind: consent.is_given for kind, consent in said.items()} == {
            "privacy": True,
            "telehealth": True,
            "sharing": False,
        }
        assert {consent.how for consent in said.values()} == {Consent.How.WEBSITE}
        assert {consent.wording.version for consent in said.values()} == {1}

    def test_books_at_once_what_costs_nothing(self, doctor):
        free = online_type(price=0)
        doctor.appointment_types.add(free)

        booking = begin(free, price=Decimal(0))

        assert (booking.state, booking.entry.kind) == (State.CONFIRMED, DiaryEntry.Kind.BOOKING)
        assert booking.payment.status == Payment.Status.NOT_NEEDED
        assert {record.system for record in booking.sync_records.all()} == {"calendly", "medirecords"}
        assert Message.objects.get().kind == Message.Kind.CONFIRMATION
        assert not Checkout.objects.exists()

    def test_books_at_once_what_may_be_paid_later(self, doctor):
        later = online_type(is_payment_required=False)
        doctor.appointment_types.add(later)

        booking = begin(later)

        assert (booking.state, booking.payment.status) == (State.CONFIRMED, Payment.Status.PENDING)
        assert not Checkout.objects.exists()

    def test_books_once_however_often_the_form_is_sent(self, kind, doctor):
        PractitionerFactory(gives=[kind])
        key = uuid4()

        first, second = begin(kind, key=key), begin(kind, key=key)

        assert first == second
        assert Booking.objects.count() == Patient.objects.count() == Checkout.objects.count() == 1

    def test_gives_it_to_the_one_with_the_fewest_visits_that_day(self, kind, doctor):
        other = PractitionerFactory(name="Dr Aa", gives=[kind])
        diary.take(practitioner=other, span=availability.occupied_span(kind, TEN + timedelta(hours=3)), by=None)

        assert begin(kind).practitioner == doctor
        assert begin(kind).practitioner == other

    def test_offers_three_other_times_to_whom_came_too_late(self, kind, doctor):
        begin(kind)

        with pytest.raises(diary.SlotTaken) as refusal:
            begin(kind)

        found = refusal.value.extra["alternatives"]
        assert len(found) == 3
        assert TEN not in [one.starts_at for one in found]
        assert Booking.objects.count() == Patient.objects.count() == 1

    def test_offers_times_of_the_one_who_was_chosen_first(self, kind, doctor):
        PractitionerFactory(gives=[kind])
        begin(kind, practitioner_id=doctor.pk)

        with pytest.raises(diary.SlotTaken) as refusal:
            begin(kind, practitioner_id=doctor.pk)

        assert {one.practitioner for one in refusal.value.extra["alternatives"]} == {doctor}

    @pytest.mark.parametrize(
        "starts_at", [TEN + timedelta(minutes=1), TEN + timedelta(hours=10), TEN + timedelta(days=200)]
    )
    @pytest.mark.parametrize("is_chosen", [True, False])
    def test_refuses_what_cannot_be_offered(self, kind, doctor, starts_at, is_chosen):
        who = doctor.pk if is_chosen else None

        assert isinstance(refused(kind, starts_at=starts_at, practitioner_id=who), RuleBroken | diary.SlotTaken)

    def test_refuses_a_time_that_nobody_knows_to_be_free(self, kind, doctor):
        OutsideCalendar.objects.create(
            practitioner=doctor, provider="calendly", read_at=timezone.now() - timedelta(days=1)
        )

        assert isinstance(refused(kind), diary.SlotTaken)
        assert isinstance(refused(kind, practitioner_id=doctor.pk), Missing)

    def test_asks_again_where_the_price_has_changed(self, kind, doctor):
        refusal = refused(kind, price=Decimal(99))

        assert (refusal.code, refusal.price) == ("price_changed", Decimal(119))

    def test_needs_the_agreements_that_a_booking_needs(self, kind, doctor):
        refusal = refused(kind, answers=agreeing(privacy=False, telehealth=False))

        assert refusal.code == "consent_refused"
        assert "privacy and telehealth" in refusal.message

    def test_needs_an_answer_to_the_words_in_use(self, kind, doctor):
        answers = agreeing()
        consents.publish(kind="privacy", text="Other words", is_required=True, by=None, now=timezone.now())

        assert isinstance(refused(kind, answers=answers), OldWording)

    @pytest.mark.parametrize("field", ["name", "email"])
    def test_takes_no_card_number(self, kind, doctor, field):
        value = {"name": "Leo 4111 1111 1111 1111", "email": "4111111111111111@example.com"}[field]

        assert isinstance(refused(kind, person=replace(LEO, **{field: value})), Malformed)

    def test_keeps_to_the_visits_that_a_day_should_have(self, kind, doctor):
        doctor.daily_cap = 1
        doctor.save()
        begin(kind)

        with pytest.raises(diary.SlotTaken):
            begin(kind, starts_at=TEN + timedelta(hours=1))

    def test_asks_the_database_as_often_for_any_number_of_people(
        self, kind, doctor, django_assert_max_num_queries, django_assert_num_queries
    ):
        for _ in range(3):
            PractitionerFactory(gives=[kind])
        with django_assert_max_num_queries(60) as few:
            begin(kind)
        for _ in range(20):
            PractitionerFactory(gives=[kind])

        with django_assert_num_queries(len(few)):
            begin(kind)


class TestLapseDue:
    def test_gives_the_time_back_and_tells_the_person_once(self, kind, doctor):
        booking = begin(kind)
        let_lapse(booking)

        assert [online.lapse_due(now=timezone.now()) for _ in range(2)] == [1, 0]

        booking.refresh_from_db()
        assert (booking.state, booking.cancel_cause.code, booking.is_promised) == (State.CANCELLED, "not_paid", False)
        availability.check(practitioner=doctor, appointment_type=kind, starts_at=TEN)
        assert booking.checkouts.get().status == Checkout.Status.VOID
        message = Message.objects.get()
        assert message.kind == Message.Kind.PAYMENT_LAPSED
        assert f"/book/{kind.code}" in message.text
        assert "Martin" not in message.text
        assert not SyncRecord.objects.exists()

    def test_leaves_what_may_still_be_paid_and_what_is_paid(self, kind, doctor):
        begin(kind)
        paid = begin(kind, starts_at=TEN + timedelta(hours=1))
        lifecycle.confirm(booking_id=paid.pk, by=None, now=timezone.now())
        Message.objects.all().delete()

        assert online.lapse_due(now=timezone.now()) == 0
        assert not Message.objects.exists()

    def test_needs_no_reason_that_operations_manage(self, kind, doctor):
        lifecycle.CancelReason.objects.all().delete()
        let_lapse(begin(kind))

        assert online.lapse_due(now=timezone.now()) == 1
        assert Booking.objects.get().cancel_reason == online.UNPAID

    def test_puts_up_with_a_reason_that_asks_for_more(self, kind, doctor):
        lifecycle.CancelReason.objects.update(asks_for_detail=True)
        let_lapse(begin(kind))

        assert online.lapse_due(now=timezone.now()) == 1

    def test_keeps_a_time_while_stripe_does_not_say_whether_it_was_paid(self, kind, doctor):
        booking = begin(kind)
        Checkout.objects.update(status=Checkout.Status.OPEN, external_id="cs_1")
        let_lapse(booking)

        assert online.lapse_due(now=timezone.now()) == 0

        let_lapse(booking, ago=online.GRACE + timedelta(seconds=1))

        assert online.lapse_due(now=timezone.now()) == 1


class TestWhoCould:
    def test_asks_as_many_queries_for_any_number_of_people(self, kind, doctor, django_assert_num_queries):
        for _ in range(10):
            PractitionerFactory(gives=[kind])

        with django_assert_num_queries(4):
            assert len(online.who_could(kind, None, starts_at=TEN, now=timezone.now())) == 11

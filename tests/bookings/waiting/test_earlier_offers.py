from datetime import datetime, time, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.utils import timezone

from bookings import lifecycle
from bookings.models import (
    Booking,
    CancelReason,
    ConsentWording,
    EarlierTimeOffer,
    EarlierTimeRequest,
    FreedTime,
    Payment,
)
from bookings.patients import consents
from bookings.waiting import earlier, earlier_answers, earlier_offers, freed
from botaniqal.errors import Missing
from botaniqal.messages import suppression
from botaniqal.messages.models import Message
from botaniqal.public import LinkOver
from practitioners import availability, diary
from practitioners.models import BusyPeriod, DiaryEntry, TimeOff
from tests.factories import MELBOURNE, AppointmentTypeFactory, PatientFactory, PractitionerFactory, next_morning
from tests.visits import booked_visit

pytestmark = pytest.mark.django_db

SOON, LATE = next_morning(10, days=5), next_morning(10, days=20)
HOUR = timedelta(hours=1)
Offer, Freed, Request = EarlierTimeOffer.State, FreedTime.State, EarlierTimeRequest.State


@pytest.fixture
def kind():
    return AppointmentTypeFactory(name="Initial", minutes=15)


@pytest.fixture
def doctor(kind):
    return PractitionerFactory(name="Dr Dia", gives=[kind])


@pytest.fixture
def patient():
    count = iter(range(100))
    return lambda **fields: PatientFactory(**{"email": f"patient{next(count)}@example.com", **fields})


@pytest.fixture
def book(doctor, kind, patient):
    """Book a visit that stands in the diary."""

    def book(starts_at=LATE, **fields):
        fields = {"practitioner": doctor, "appointment_type": kind, **fields}
        return booked_visit(starts_at=starts_at, **fields | {"patient": fields.get("patient") or patient()})

    return book


@pytest.fixture
def ask(book, kind):
    """Put somebody on the list, each a minute after the one before; with a visit unless ``booking`` says None."""
    count = iter(range(100))

    def ask(booking="new", starts_at=None, **wishes):
        n = next(count)
        booking = book(starts_at or LATE + n * HOUR) if booking == "new" else booking
        patient = wishes.pop("patient", None) or booking.patient
        asked_at = timezone.now() - timedelta(minutes=60 - n)
        return earlier.ask(patient=patient, appointment_type=kind, booking=booking, by=None, now=asked_at, **wishes)

    return ask


@pytest.fixture
def free_up(book):
    """Have a visit called off, so that its time is free."""

    def free_up(starts_at=SOON, **fields):
        booking = book(starts_at, **fields)
        lifecycle.cancel(booking_id=booking.pk, reason="Ill", by=None, now=timezone.now())
        return FreedTime.objects.get(freed_by=booking)

    return free_up


def offer(now=None):
    return earlier_offers.offer_due(now=now or timezone.now())


def standing():
    """The one offer that is out."""
    return EarlierTimeOffer.objects.get(state=Offer.OPEN)


def melbourne(day, hour, minute):
    return datetime.combine(day, time(hour, minute), MELBOURNE)


def reasons(freed_time):
    freed_time.refresh_from_db()
    return [row["reason"] for row in freed_time.passed_over]


def written():
    return Message.objects.filter(kind=Message.Kind.EARLIER_OFFER)


class TestOfferDue:
    def test_keeps_the_time_for_who_asked_first_and_writes_to_them(self, ask, free_up, doctor):
        first, second = ask(), ask()
        time = free_up()

        assert offer() == 1

        made = standing()
        assert (made.request, made.freed) == (first, time)
        held = made.entry
        assert (held.kind, held.held_for, held.starts_at, held.practitioner) == ("hold", made.pk, SOON, doctor)
        message = written().get()
        assert (message.to, message.good_until) == (first.patient.email, made.expires_at)
        assert earlier_answers.link_to(made) in message.text
        first.refresh_from_db()
        second.refresh_from_db()
        time.refresh_from_db()
        assert (first.state, second.state, time.state) == (Request.OFFERED, Request.OPEN, Freed.OFFERED)

    def test_asks_the_most_urgent_before_the_longest_waiting(self, ask, free_up):
        ask()
        urgent = ask(urgency=earlier.Urgency.URGENT)
        free_up()

        offer()

        assert standing().request == urgent

    def test_offers_once_however_often_it_is_rung(self, ask, free_up):
        ask(), ask()
        free_up()

        assert [offer() for _ in range(3)] == [1, 0, 0]

    def test_offers_nothing_before_a_time_is_free(self, ask):
        ask()

        assert offer() == 0

    def test_says_that_nobody_wants_it_and_leaves_it_to_all(self, free_up, doctor, kind):
        time = free_up()

        assert offer() == 0

        time.refresh_from_db()
        assert time.state == Freed.NOBODY
        availability.check(practitioner=doctor, appointment_type=kind, starts_at=SOON)

    def test_goes_to_the_next_when_nobody_answers(self, ask, free_up):
        first, second = ask(), ask()
        time = free_up()
        offer()
        lapsed = standing()

        assert offer(now=lapsed.expires_at + timedelta(seconds=1)) == 1

        lapsed.refresh_from_db()
        first.refresh_from_db()
        assert (lapsed.state, first.state) == (Offer.LAPSED, Request.OPEN)
        assert standing().request == second
        assert reasons(time) == ["Was asked and did not answer in time."]

    def test_goes_round_once_and_then_to_all(self, ask, free_up, settings):
        settings.OFFER_MINUTES = 1  # as short as in a rehearsal, so that no night is waited for
        ask(), ask()
        time = free_up()
        now = timezone.now()

        counts = [offer(now=now + timedelta(minutes=2 * n)) for n in range(5)]

        time.refresh_from_db()
        assert (counts, time.state) == ([1, 1, 0, 0, 0], Freed.NOBODY)
        assert not EarlierTimeRequest.objects.exclude(state=Request.OPEN).exists()

    def test_keeps_it_no_longer_than_leaves_its_notice(self, ask, free_up, kind):
        ask(starts_at=LATE)
        kind.min_notice_minutes = int((SOON - timezone.now()) / timedelta(minutes=1)) - 30
        kind.save()
        free_up()

        offer()

        assert standing().expires_at == SOON - timedelta(minutes=kind.min_notice_minutes)

    @pytest.mark.parametrize(
        ("hour", "minute", "until"), [(10, 0, (0, 11, 0)), (19, 59, (0, 20, 59)), (20, 1, (1, 9, 0)), (3, 0, (0, 9, 0))]
    )
    def test_ends_in_no_night_of_the_patients(self, ask, free_up, hour, minute, until):
        ask()
        free_up()
        day = timezone.localdate() + timedelta(days=1)
        days, *clock = until

        offer(now=melbourne(day, hour, minute))

        assert standing().expires_at == melbourne(day + timedelta(days=days), *clock)

    def test_asks_nobody_too_late(self, ask, free_up, kind):
        ask()
        time = free_up()
        kind.min_notice_minutes = int((SOON - timezone.now()) / timedelta(minutes=1)) - 2
        kind.save()

        assert offer() == 0
        assert reasons(time) == ["Too little time would be left to answer."]

    def test_is_gone_when_it_has_passed(self, ask, free_up):
        ask()
        time = free_up()

        offer(now=SOON)

        time.refresh_from_db()
        assert time.state == Freed.GONE

    def test_is_gone_when_somebody_booked_it_meanwhile(self, ask, free_up, book):
        ask()
        time = free_up()
        book(SOON)

        assert offer() == 0

        time.refresh_from_db()
        assert time.state == Freed.GONE

    def test_waits_while_somebody_keeps_it_on_the_phone(self, ask, free_up, doctor, kind):
        ask()
        time = free_up()
        span = availability.occupied_span(kind, SOON)
        hold = diary.hold(practitioner=doctor, span=span, held_for=uuid4(), by=None, appointment_type=kind)

        assert offer() == 0
        time.refresh_from_db()
        assert (time.state, time.next_look_at) == (Freed.OPEN, hold.live_until)

        diary.release(entry=hold)
        assert offer(now=hold.live_until) == 1

    def test_waits_while_the_outside_calendar_has_it(self, ask, free_up, doctor):
        ask()
        time = free_up()
        BusyPeriod.objects.create(
            practitioner=doctor, starts_at=SOON, ends_at=SOON + HOUR, calendar="outlook", external_id="event"
        )

        assert offer() == 0
        BusyPeriod.objects.all().delete()
        assert offer(now=timezone.now() + timedelta(minutes=6)) == 1
        time.refresh_from_db()
        assert time.state == Freed.OFFERED

    def test_offers_the_time_that_a_move_left(self, ask, book):
        ask()
        moved = book(SOON)
        lifecycle.move(booking_id=moved.pk, starts_at=SOON + HOUR, by=None, now=timezone.now())

        assert offer() == 1
        assert standing().freed.starts_at == SOON

    def test_offers_several_times_to_several_people(self, ask, free_up):
        ask(), ask()
        free_up(), free_up(SOON + HOUR)

        assert offer() == 2
        assert EarlierTimeOffer.objects.values("request").distinct().count() == 2

    def test_asks_the_database_little_more_for_a_longer_list(self, ask, free_up, django_assert_max_num_queries):
        for _ in range(12):
            ask(weekdays=[(SOON.weekday() + 3) % 7])
        free_up()

        with django_assert_max_num_queries(20):
            offer()


class TestPassedOver:
    """Why somebody on the list is not asked; whoever comes after them is."""

    @pytest.fixture
    def why(self, ask, free_up):
        def why(**wishes):
            ask(**wishes)
            next_one = ask()
            time = free_up()
            offer()
            assert standing().request == next_one
            return reasons(time)

        return why

    def test_wants_somebody_else(self, why, kind):
        other = PractitionerFactory(name="Dr Other", gives=[kind])

        assert why(practitioner=other) == ["Wants Dr Other alone."]

    def test_cannot_come_on_that_day(self, why):
        other_day = (timezone.localtime(SOON).weekday() + 1) % 7

        assert why(weekdays=[other_day]) == [f"Cannot come on a {timezone.localtime(SOON):%A}."]

    def test_cannot_come_at_that_time_of_day(self, why):
        assert why(dayparts=["afternoon", "evening"]) == ["Cannot come in the morning."]

    def test_reads_the_time_of_day_by_the_patients_clock(self, ask, free_up, book, patient):
        perth = patient(time_zone="Australia/Perth")  # two or three hours behind
        ask(booking=book(LATE, patient=perth), dayparts=["afternoon"])
        time = free_up(next_morning(13, days=5))

        offer()

        assert reasons(time) == ["Cannot come in the morning."]

    def test_needs_it_before(self, why):
        until = timezone.localdate() + timedelta(days=2)

        assert why(until_on=until) == [f"Only an earlier day helps: until {until:%-d %b}."]

    def test_comes_no_later_than_that_already(self, why):
        assert why(starts_at=SOON - HOUR) == ["Their own visit is no later."]

    def test_gave_it_up_themselves(self, ask, book):
        visit = book(SOON)
        request = ask(booking=visit)
        lifecycle.move(booking_id=visit.pk, starts_at=LATE, by=None, now=timezone.now())

        assert offer() == 0
        assert reasons(FreedTime.objects.get()) == ["Gave up this time themselves."]
        request.refresh_from_db()
        assert request.state == Request.OPEN

    def test_has_another_visit_then(self, ask, free_up, book, kind):
        other = PractitionerFactory(gives=[kind])
        request = ask()
        book(SOON, practitioner=other, patient=request.patient)
        time = free_up()

        assert offer() == 0
        assert reasons(time) == ["Has another visit at that time."]

    def test_cannot_be_reached_by_e_mail(self, ask, free_up):
        request = ask()
        address = request.patient.email.upper()
        suppression.suppress(address=address, cause=suppression.Cause.BOUNCED, by=None, now=timezone.now())
        time = free_up()

        assert offer() == 0
        assert reasons(time) == ["E-mails do not reach their address."]

    def test_refused_what_a_booking_needs(self, ask, free_up):
        request = ask()
        wording = ConsentWording.objects.filter(is_required=True, is_current=True).first()
        consents.record(
            patient_id=request.patient_id,
            wording_id=wording.pk,
            is_given=False,
            how="phone",
            by=None,
            now=timezone.now(),
        )
        time = free_up()

        assert offer() == 0
        assert "did not agree" in reasons(time)[0]

    def test_needs_a_longer_time(self, ask, free_up, book, doctor, patient):
        long = AppointmentTypeFactory(name="Long", minutes=60)
        doctor.appointment_types.add(long)
        someone = patient()
        earlier.ask(patient=someone, appointment_type=long, by=None, now=timezone.now())
        time = free_up()

        assert offer() == 0
        assert reasons(time) == ["Their visit is longer than this time: Long, 60 minutes."]

    def test_needs_a_break_that_is_not_free(self, ask, free_up, book, kind, doctor):
        buffered = AppointmentTypeFactory(name="Buffered", minutes=15, buffer_after_minutes=15)
        doctor.appointment_types.add(buffered)
        earlier.ask(patient=PatientFactory(), appointment_type=buffered, by=None, now=timezone.now())
        book(SOON + timedelta(minutes=15))
        time = free_up()

        assert offer() == 0
        assert reasons(time) == ["Time slot no longer available"]

    def test_wants_what_the_practitioner_does_not_give(self, free_up, patient):
        other = AppointmentTypeFactory(name="Other")
        earlier.ask(patient=patient(), appointment_type=other, by=None, now=timezone.now())
        time = free_up()

        assert offer() == 0
        assert reasons(time) == ["Dr Dia does not give Other."]

    def test_could_not_be_seen_as_the_practitioner_is_away(self, ask, free_up, doctor):
        ask()
        time = free_up()
        TimeOff.objects.create(practitioner=doctor, starts_at=SOON - HOUR, ends_at=SOON + HOUR, reason="Ill")

        assert offer() == 0
        assert reasons(time) == ["Dr Dia is away then."]

    def test_waits_for_what_is_not_offered_any_more(self, ask, free_up, kind):
        ask()
        time = free_up()
        kind.is_active = False
        kind.save()

        assert offer() == 0
        assert "not offered" in reasons(time)[0]

    def test_has_a_full_day_in_the_way(self, ask, free_up, doctor, book):
        ask()
        time = free_up()
        doctor.daily_cap = 1
        doctor.save()
        book(SOON + HOUR)

        assert offer() == 0
        assert "as many as a day should have" in reasons(time)[0]


class TestFreed:
    @pytest.mark.parametrize("code", freed.NOBODYS)
    def test_does_not_offer_what_nobody_gave_up(self, ask, book, code):
        ask()
        cause = CancelReason.objects.get(code=code)

        lifecycle.cancel(booking_id=book(SOON).pk, cause=cause, by=None, now=timezone.now())

        assert not FreedTime.objects.exists()


class TestAccept:
    @pytest.fixture
    def made(self, ask, free_up):
        """The first of two has an offer."""
        ask(), ask()
        free_up()
        offer()
        return standing()

    def test_moves_the_visit_onto_the_time_that_was_kept(self, made):
        booking = earlier_answers.accept(offer_id=made.pk, now=timezone.now())

        booking.refresh_from_db()
        made.refresh_from_db()
        assert booking == made.request.booking
        assert (booking.starts_at, booking.entry_id) == (SOON, made.entry_id)
        assert booking.entry.kind == DiaryEntry.Kind.BOOKING
        assert (made.state, made.booking) == (Offer.ACCEPTED, booking)
        made.request.refresh_from_db()
        made.freed.refresh_from_db()
        assert (made.request.state, made.freed.state) == (Request.FULFILLED, Freed.FILLED)
        assert Message.objects.filter(reference=booking.pk, kind=Message.Kind.MOVED).exists()

    def test_offers_the_time_that_it_left_to_the_next(self, made):
        left = made.request.booking.starts_at
        earlier_answers.accept(offer_id=made.pk, now=timezone.now())

        offer()

        assert standing().freed.starts_at == left

    def test_is_the_same_when_done_twice(self, made):
        first = earlier_answers.accept(offer_id=made.pk, now=timezone.now())
        again = earlier_answers.accept(offer_id=made.pk, now=timezone.now())

        assert first == again
        assert Booking.objects.get(pk=first.pk).revision == 1

    def test_is_too_late_at_the_end(self, made):
        with pytest.raises(LinkOver):
            earlier_answers.accept(offer_id=made.pk, now=made.expires_at)

        made.request.booking.refresh_from_db()
        assert made.request.booking.starts_at != SOON

    @pytest.mark.parametrize("state", [Offer.DECLINED, Offer.LAPSED, Offer.WITHDRAWN])
    def test_is_refused_once_it_is_over(self, made, state):
        EarlierTimeOffer.objects.update(state=state)

        with pytest.raises(LinkOver):
            earlier_answers.accept(offer_id=made.pk, now=timezone.now())

    def test_asks_the_next_when_the_visit_was_called_off_meanwhile(self, made):
        lifecycle.cancel(booking_id=made.request.booking_id, reason="Ill", by=None, now=timezone.now())

        with pytest.raises(earlier_answers.TimeGone):
            earlier_answers.accept(offer_id=made.pk, now=timezone.now())
        offer()

        made.refresh_from_db()
        made.request.refresh_from_db()
        assert (made.state, made.request.state) == (Offer.WITHDRAWN, Request.OVER)
        assert EarlierTimeOffer.objects.filter(freed=made.freed, state=Offer.OPEN).exists()

    def test_keeps_the_visit_as_it_is_when_the_practitioner_is_away_meanwhile(self, made, doctor):
        TimeOff.objects.create(practitioner=doctor, starts_at=SOON - HOUR, ends_at=SOON + HOUR, reason="Ill")
        before = made.request.booking.starts_at

        with pytest.raises(earlier_answers.TimeGone):
            earlier_answers.accept(offer_id=made.pk, now=timezone.now())

        booking = Booking.objects.get(pk=made.request.booking_id)
        assert (booking.starts_at, booking.entry.kind, booking.entry.live_until) == (before, "booking", None)

    def test_knows_no_other_offer(self):
        with pytest.raises(Missing):
            earlier_answers.accept(offer_id=uuid4(), now=timezone.now())


class TestAcceptWithoutVisit:
    @pytest.fixture
    def made(self, ask, free_up, patient):
        ask(booking=None, patient=patient())
        free_up()
        offer()
        return standing()

    def test_keeps_the_time_while_it_is_paid(self, made, settings):
        booking = earlier_answers.accept(offer_id=made.pk, now=timezone.now())

        assert (booking.state, booking.starts_at, booking.patient) == ("pending_payment", SOON, made.request.patient)
        assert (booking.payment.status, booking.payment.method) == ("pending", "stripe_link")
        assert booking.checkouts.get().amount == Decimal(119)
        assert (booking.entry.kind, booking.entry.held_for) == ("hold", booking.pk)
        assert booking.entry.live_until > booking.pays_until
        made.freed.refresh_from_db()
        assert made.freed.state == Freed.OFFERED

    def test_is_done_once_it_is_paid(self, made):
        booking = earlier_answers.accept(offer_id=made.pk, now=timezone.now())
        until = booking.pays_until
        lifecycle.confirm(booking_id=booking.pk, by=None, now=timezone.now())

        offer(now=until + timedelta(minutes=1))

        made.request.refresh_from_db()
        made.freed.refresh_from_db()
        assert (made.request.state, made.freed.state) == (Request.FULFILLED, Freed.FILLED)

    def test_goes_to_the_next_when_it_is_not_paid(self, made, ask):
        second = ask()
        booking = earlier_answers.accept(offer_id=made.pk, now=timezone.now())
        late = booking.pays_until + timedelta(minutes=1)
        assert offer(now=late) == 0  # whether money came is asked first
        lifecycle.cancel(booking_id=booking.pk, reason="Not paid", by=None, now=late, tell_patient=False)

        assert offer(now=late + timedelta(minutes=1)) == 1

        made.refresh_from_db()
        assert made.state == Offer.LAPSED
        assert standing().request == second

    def test_books_at_once_what_is_free_of_charge(self, made, kind):
        kind.prices.update(amount=0)

        booking = earlier_answers.accept(offer_id=made.pk, now=timezone.now())

        assert (booking.state, booking.payment.status) == ("confirmed", Payment.Status.NOT_NEEDED)
        assert booking.entry_id == made.entry_id
        assert Message.objects.filter(reference=booking.pk, kind=Message.Kind.CONFIRMATION).exists()
        made.request.refresh_from_db()
        assert made.request.state == Request.FULFILLED


class TestDecline:
    @pytest.fixture
    def made(self, ask, free_up):
        ask(), ask()
        free_up()
        offer()
        return standing()

    def test_asks_the_next_at_once(self, made):
        earlier_answers.decline(offer_id=made.pk, now=timezone.now())

        assert offer() == 1
        made.request.refresh_from_db()
        assert made.request.state == Request.OPEN
        assert standing().request != made.request

    def test_is_the_same_when_done_twice(self, made):
        earlier_answers.decline(offer_id=made.pk, now=timezone.now())
        offer()
        second = standing()

        earlier_answers.decline(offer_id=made.pk, now=timezone.now())

        second.refresh_from_db()
        assert second.state == Offer.OPEN

    def test_takes_off_the_list_who_wants_to_be(self, made):
        earlier_answers.decline(offer_id=made.pk, leaves=True, now=timezone.now())

        made.request.refresh_from_db()
        assert made.request.state == Request.WITHDRAWN

    def test_is_refused_after_it_was_accepted(self, made):
        earlier_answers.accept(offer_id=made.pk, now=timezone.now())

        with pytest.raises(LinkOver):
            earlier_answers.decline(offer_id=made.pk, now=timezone.now())


class TestWithdrawWithAnOffer:
    def test_gives_the_time_to_the_next_and_ends_the_link(self, ask, free_up):
        first, second = ask(), ask()
        free_up()
        offer()
        made = standing()

        earlier.withdraw(request_id=first.pk, by=None, now=timezone.now())

        assert not written().exists()
        assert offer() == 1
        assert standing().request == second
        with pytest.raises(LinkOver):
            earlier_answers.accept(offer_id=made.pk, now=timezone.now())


class TestOfferTo:
    def test_offers_it_whatever_the_order_and_the_wishes(self, ask, free_up):
        ask()
        chosen = ask(dayparts=["evening"])
        time = free_up()

        earlier_offers.offer_to(freed_id=time.pk, request_id=chosen.pk, by=None, now=timezone.now())

        assert standing().request == chosen
        assert offer() == 0

    def test_is_refused_for_whom_it_cannot_be(self, ask, free_up):
        chosen = ask(starts_at=SOON - HOUR)
        time = free_up()

        with pytest.raises(earlier_offers.CannotOffer, match="no later"):
            earlier_offers.offer_to(freed_id=time.pk, request_id=chosen.pk, by=None, now=timezone.now())

    def test_is_refused_while_somebody_has_an_offer(self, ask, free_up):
        ask()
        chosen = ask()
        time = free_up()
        offer()

        with pytest.raises(earlier_offers.CannotOffer):
            earlier_offers.offer_to(freed_id=time.pk, request_id=chosen.pk, by=None, now=timezone.now())

    @pytest.mark.parametrize("state", [Freed.FILLED, Freed.GONE])
    def test_is_refused_for_a_time_that_is_taken(self, ask, free_up, state):
        chosen = ask()
        time = free_up()
        FreedTime.objects.update(state=state)

        with pytest.raises(earlier_offers.CannotOffer):
            earlier_offers.offer_to(freed_id=time.pk, request_id=chosen.pk, by=None, now=timezone.now())


class TestStop:
    def test_takes_the_offer_back_and_asks_nobody_else(self, ask, free_up):
        ask(), ask()
        time = free_up()
        offer()
        made = standing()

        earlier_offers.stop(freed_id=time.pk, by=None, now=timezone.now())

        assert offer(now=timezone.now() + HOUR) == 0
        made.refresh_from_db()
        time.refresh_from_db()
        assert (made.state, time.state) == (Offer.WITHDRAWN, Freed.STOPPED)

    def test_is_refused_when_nobody_is_asked_any_more(self, free_up):
        time = free_up()
        offer()

        with pytest.raises(earlier_offers.CannotOffer):
            earlier_offers.stop(freed_id=time.pk, by=None, now=timezone.now())


class TestTakeBack:
    def test_asks_the_next(self, ask, free_up):
        first, second = ask(), ask()
        free_up()
        offer()

        earlier_offers.take_back(offer_id=standing().pk, by=None, now=timezone.now())
        offer()

        first.refresh_from_db()
        assert (standing().request, first.state) == (second, Request.OPEN)

"""Earlier times that become free: who is asked, in which order, and who is passed over."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from bookings import lifecycle
from bookings.models import CancelReason, ConsentWording, EarlierTimeOffer, EarlierTimeRequest, FreedTime
from bookings.patients import consents
from bookings.waiting import earlier, earlier_answers, freed
from botaniqal.messages import suppression
from practitioners import availability, diary
from practitioners.models import BusyPeriod, TimeOff
from tests.bookings.waiting.offers import (
    HOUR,
    LATE,
    SOON,
    Freed,
    Offer,
    Request,
    melbourne,
    offer,
    reasons,
    standing,
    written,
)
from tests.factories import AppointmentTypeFactory, PatientFactory, PractitionerFactory, next_morning

pytestmark = pytest.mark.django_db


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

from datetime import date, timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from bookings.models import Booking, EarlierTimeRequest
from bookings.waiting import earlier
from botaniqal.errors import Malformed, Missing
from tests.factories import AppointmentTypeFactory, BookingFactory, PatientFactory, next_morning

pytestmark = pytest.mark.django_db

State, Urgency = EarlierTimeRequest.State, EarlierTimeRequest.Urgency


@pytest.fixture
def visit():
    return BookingFactory(starts_at=next_morning(10, days=20))


def ask(booking, **changes):
    wanted = {"patient": booking.patient, "appointment_type": booking.appointment_type, "booking": booking}
    return earlier.ask(**{**wanted, "by": None, "now": timezone.now(), **changes})


class TestAsk:
    def test_puts_a_patient_on_the_list_for_their_visit(self, visit):
        request = ask(visit, dayparts=["morning"], weekdays=[4, 0, 4], urgency=Urgency.URGENT)

        request.refresh_from_db()
        assert (request.patient, request.booking, request.state) == (visit.patient, visit, State.OPEN)
        assert (request.dayparts, request.weekdays, request.urgency) == (["morning"], [0, 4], Urgency.URGENT)

    def test_needs_no_visit(self):
        patient, kind = PatientFactory(), AppointmentTypeFactory()

        request = earlier.ask(patient=patient, appointment_type=kind, by=None, now=timezone.now())

        assert request.booking is None

    def test_changes_what_was_asked_for_and_keeps_the_place_when_asked_again(self, visit):
        first = ask(visit, weekdays=[0], now=timezone.now() - timedelta(days=3))

        again = ask(visit, weekdays=[1], practitioner=visit.practitioner)

        again.refresh_from_db()
        assert (again.pk, again.asked_at) == (first.pk, first.asked_at)
        assert (again.weekdays, again.practitioner) == ([1], visit.practitioner)
        assert EarlierTimeRequest.objects.count() == 1

    def test_is_another_request_once_the_former_is_over(self, visit):
        first = ask(visit)
        earlier.withdraw(request_id=first.pk, by=None, now=timezone.now())

        assert ask(visit) != first

    @pytest.mark.parametrize(
        "changes",
        [{"dayparts": ["night"]}, {"weekdays": [7]}, {"weekdays": [-1]}, {"until_on": date(2020, 1, 1)}],
    )
    def test_refuses_what_is_in_no_list(self, visit, changes):
        with pytest.raises(Malformed):
            ask(visit, **changes)

        assert not EarlierTimeRequest.objects.exists()

    def test_refuses_who_cannot_be_written_to(self, visit):
        visit.patient.email = ""

        with pytest.raises(earlier.CannotAsk):
            ask(visit)

    @pytest.mark.parametrize("state", [Booking.State.CANCELLED, Booking.State.COMPLETED, Booking.State.NO_SHOW])
    def test_refuses_a_visit_that_is_over(self, visit, state):
        visit.state = state

        with pytest.raises(earlier.CannotAsk):
            ask(visit)

    def test_refuses_a_visit_that_has_begun(self, visit):
        with pytest.raises(earlier.CannotAsk):
            ask(visit, now=visit.starts_at)

    def test_refuses_somebody_elses_visit(self, visit):
        with pytest.raises(earlier.CannotAsk):
            ask(visit, patient=PatientFactory())

    def test_refuses_another_kind_of_visit(self, visit):
        with pytest.raises(earlier.CannotAsk):
            ask(visit, appointment_type=AppointmentTypeFactory())

    def test_refuses_a_free_consultation(self):
        with pytest.raises(earlier.CannotAsk):
            ask(BookingFactory(appointment_type=AppointmentTypeFactory(free=True)))

    def test_refuses_a_record_that_was_merged(self, visit):
        visit.patient.merged_into = PatientFactory()
        visit.patient.save()

        with pytest.raises(earlier.CannotAsk):
            ask(visit)

        assert not EarlierTimeRequest.objects.exists()


class TestWithdraw:
    def test_takes_them_off_the_list(self, visit):
        request = earlier.withdraw(request_id=ask(visit).pk, by=None, now=timezone.now())

        request.refresh_from_db()
        assert (request.state, bool(request.ended_at)) == (State.WITHDRAWN, True)

    @pytest.mark.parametrize("state", [State.WITHDRAWN, State.FULFILLED, State.OVER])
    def test_is_refused_for_who_is_off_it(self, visit, state):
        request = ask(visit)
        EarlierTimeRequest.objects.update(state=state)

        with pytest.raises(earlier.NotOnList):
            earlier.withdraw(request_id=request.pk, by=None, now=timezone.now())

    def test_knows_no_other(self):
        with pytest.raises(Missing):
            earlier.withdraw(request_id=uuid4(), by=None, now=timezone.now())


class TestCloseOver:
    def test_leaves_those_who_wait(self, visit):
        ask(visit, until_on=timezone.localdate())

        assert earlier.close_over(now=timezone.now()) == 0

    def test_ends_it_when_the_visit_was_called_off(self, visit):
        request = ask(visit)
        Booking.objects.update(state=Booking.State.CANCELLED, cancel_reason="Price", cancelled_at=timezone.now())

        assert earlier.close_over(now=timezone.now()) == 1
        request.refresh_from_db()
        assert request.state == State.OVER

    def test_ends_it_when_the_visit_has_begun(self, visit):
        ask(visit)

        assert earlier.close_over(now=visit.starts_at) == 1

    def test_ends_it_after_the_last_day_that_helps(self, visit):
        ask(visit, until_on=timezone.localdate())

        assert earlier.close_over(now=timezone.now() + timedelta(days=1)) == 1

    def test_takes_the_visit_that_was_booked_since_for_the_one_to_move(self):
        patient, kind = PatientFactory(), AppointmentTypeFactory()
        request = earlier.ask(patient=patient, appointment_type=kind, by=None, now=timezone.now())
        visit = BookingFactory(patient=patient, appointment_type=kind, starts_at=next_morning(10, days=20))
        BookingFactory(patient=patient, starts_at=next_morning(10, days=5))

        assert earlier.close_over(now=timezone.now()) == 0

        request.refresh_from_db()
        assert (request.booking, request.state) == (visit, State.OPEN)

    def test_leaves_a_visit_alone_that_was_there_before(self):
        visit = BookingFactory(starts_at=next_morning(10, days=20))
        later = timezone.now() + timedelta(minutes=1)
        request = earlier.ask(patient=visit.patient, appointment_type=visit.appointment_type, by=None, now=later)

        earlier.close_over(now=later)

        request.refresh_from_db()
        assert request.booking is None

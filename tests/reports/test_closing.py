"""Days that are closed: read instead of counted, and never other than what counting anew would say."""

from datetime import date, time, timedelta

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bookings.models import Booking, CancelReason, Dispute, EarlierTimeRequest, Payment, RefundDecision
from bookings.patients import merging
from botaniqal.reports import figures
from botaniqal.reports.figures import Period, closing
from botaniqal.reports.models import Day, DayOfHours, DayOfVisits, Touch
from practitioners.models import DiaryEntry, TimeOff, WorkingHours
from services.models import AppointmentType, InterestEntry
from tests.reports.awkward import NOW, WEEK, anew, at, awkward_clinic, said, still_open
from triage.models import TriageSession

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def closed_once(django_db_setup, django_db_blocker):
    """Set up once for all tests: none of them leaves anything behind."""
    with django_db_blocker.unblock(), transaction.atomic():
        clinic = awkward_clinic()
        closing.close_due(now=NOW)
        yield clinic
        transaction.set_rollback(True)


@pytest.fixture
def clinic(closed_once, db):
    assert still_open() == []
    return closed_once


def raw(statement: str, *values: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def moved(name, clinic, **fields):
    Booking.objects.filter(pk=clinic.visits[name].pk).update(**fields)


def add_visit(clinic):
    clinic.book("late entry", "Leo", "gaps", "Eve", at(2, "09:00"), at(3, "09:00"), state="completed")
    clinic.pay("late entry", 195, at(2, "09:00"))


def delete_call(clinic):
    TriageSession.objects.filter(pk=clinic.calls["referred"].pk).delete()


DOORS = {
    "a visit did not take place": lambda c: moved("night", c, state="no_show"),
    "a visit was on another day": lambda c: raw(
        "UPDATE bookings_booking SET starts_at = starts_at - interval '1 day', ends_at = ends_at - interval '1 day'"
        " WHERE id = %s",
        c.visits["missed"].pk,
    ),
    "a visit was somebody else's": lambda c: moved("dear", c, practitioner=c.people["Dee"]),
    "a visit was of another type": lambda c: moved("missed", c, appointment_type=c.kinds["gaps"]),
    "a visit was booked otherwise": lambda c: moved("night", c, source="online"),
    "a visit was not called off": lambda c: moved("off", c, state="completed", cancelled_at=None, cancel_reason=""),
    "a visit was no mistake": lambda c: moved("undone", c, cancel_cause=None),
    "a visit was paid after all": lambda c: moved("lapsed", c, pays_until=None, state="completed", cancelled_at=None),
    "a visit was booked on another day": lambda c: moved("second", c, created_at=at(3, "12:00")),
    "a visit is another patient's": lambda c: moved("second", c, patient=c.people["Noah"]),
    "a visit was entered late": add_visit,
    "a consultation was called off": lambda c: Booking.objects.filter(pk=c.calls["ava"].consultation_id).update(
        state="cancelled", cancelled_at=at(1, "09:00"), cancel_reason="Ill"
    ),
    "a consultation was moved, so that a call-back is over": lambda c: Booking.objects.filter(
        pk=c.calls["call back"].consultation_id
    ).update(revision=1),
    "money came on another day": lambda c: Payment.objects.filter(booking=c.visits["night"]).update(
        collected_at=at(2, "10:00")
    ),
    "money did not come": lambda c: Payment.objects.filter(booking=c.visits["night"]).update(
        collected_at=None, status="pending"
    ),
    "other money came": lambda c: Payment.objects.filter(booking=c.visits["night"]).update(amount=120),
    "it was the other checkout that paid": lambda c: Payment.objects.filter(booking=c.visits["dear"]).update(
        reference="pi_2"
    ),
    "money did not go back": lambda c: RefundDecision.objects.filter(pk=c.others["twice"].pk).update(status="failed"),
    "money went back on another day": lambda c: RefundDecision.objects.update(settled_at=at(3, "09:00")),
    "money goes back at last": lambda c: c.give_back(c.visits["night"].payment, 50, at(7, "23:59")),
    "a dispute was won": lambda c: Dispute.objects.update(outcome="won"),
    "a dispute was deleted": lambda c: Dispute.objects.all().delete(),
    "a checkout was not paid": lambda c: raw(
        "UPDATE bookings_checkout SET status = 'expired', paid_at = NULL WHERE payment_intent = 'pi_2'"
    ),
    "a call took place": lambda c: TriageSession.objects.filter(pk=c.calls["forgotten"].pk).update(
        state="done", outcome="rejected"
    ),
    "a call was deleted": delete_call,
    "a call was another consultant's": lambda c: TriageSession.objects.filter(pk=c.calls["leo"].pk).update(
        consultant=c.people["Tom"]
    ),
    "a call led to nothing": lambda c: TriageSession.objects.filter(pk=c.calls["ava"].pk).update(
        booking=None, outcome="referred"
    ),
    "something else was recommended": lambda c: TriageSession.objects.filter(pk=c.calls["referred"].pk).update(
        recommended_service=c.others["herbs"]
    ),
    "a call-back was due on another day": lambda c: TriageSession.objects.filter(pk=c.calls["call back"].pk).update(
        call_back_at=at(7, "10:00")
    ),
    "somebody was away": lambda c: TimeOff.objects.create(
        practitioner=c.people["Dee"], starts_at=at(2, "00:00"), ends_at=at(5, "00:00"), reason="Ill"
    ),
    "somebody was not away": lambda c: TimeOff.objects.all().delete(),
    "somebody left a list": lambda c: InterestEntry.objects.filter(name="stays").update(left_at=at(6, "09:00")),
    "a service began": lambda c: InterestEntry.objects.update(told_at=at(4, "23:00")),
    "an earlier time was not found": lambda c: EarlierTimeRequest.objects.update(ended_at=None, state="open"),
    "a hold became a booking": lambda c: DiaryEntry.objects.filter(pk=c.others["held 0"].pk).update(
        kind="booking", live_until=None
    ),
    "a type is a consultation": lambda c: AppointmentType.objects.filter(code="again").update(kind="consultation"),
    "a mistake is called otherwise": lambda c: CancelReason.objects.filter(code="mistake").update(code="slip"),
    "a type belongs to another service": lambda c: AppointmentType.objects.filter(code="first").update(
        service=c.others["gaps"]
    ),
    "a merge was wrong": lambda c: merging.undo(merge_id=c.others["merge"].pk, by=None, now=NOW),
}


class TestChange:
    @pytest.mark.parametrize("door", DOORS)
    def test_after_the_closing_is_in_the_figures_at_once_and_in_the_rows_after_the_bell(self, clinic, door):
        before = said()

        DOORS[door](clinic)

        now_said = said()
        assert now_said == anew()
        assert now_said != before, "a change that changes nothing shows nothing"
        closing.close_due(now=NOW)
        assert still_open() == []
        assert not Touch.objects.exists()
        assert said() == now_said

    def test_of_what_counts_nowhere_opens_no_day(self, clinic):
        Booking.objects.update(notes="Called.", attention="Look.", link_serial=3)
        TriageSession.objects.update(notes="Said.", version=7)
        Payment.objects.update(collected_by=None)

        assert not Touch.objects.exists()

    def test_opens_no_other_day(self, clinic):
        Payment.objects.filter(booking=clinic.visits["missed"]).update(amount=118)

        # Its own days, that of what went back, and that of the call which led to it.
        assert still_open() == [date(2026, 10, 4), date(2026, 10, 5)]

    def test_is_in_the_figures_however_long_no_worker_was_there(self, clinic):
        for number in range(300):
            moved("night", clinic, state="no_show" if number % 2 else "completed")
        add_visit(clinic)

        assert said() == anew()
        assert closing.close_due(now=NOW) > 0
        assert said() == anew()


class TestRoster:
    def test_is_what_it_was_when_the_day_was_closed(self, clinic):
        before = figures.utilisation(WEEK, now=NOW)
        WorkingHours.objects.all().delete()
        WorkingHours.objects.create(practitioner=clinic.people["Dee"], weekday=5, starts=time(20), ends=time(23))

        moved("night", clinic, state="cancelled", cancelled_at=at(3, "12:00"), cancel_reason="Ill")

        assert figures.utilisation(WEEK, now=NOW) != before  # five minutes fewer are booked
        assert [use.offered_minutes for use in figures.utilisation(WEEK, now=NOW)] == [
            use.offered_minutes for use in before
        ]
        closing.close_due(now=NOW)
        assert [use.offered_minutes for use in figures.utilisation(WEEK, now=NOW)] == [
            use.offered_minutes for use in before
        ]

    def test_counts_those_who_left_where_they_had_visits(self, clinic):
        Day.objects.all().delete()
        DayOfHours.objects.all().delete()
        dee = clinic.people["Dee"]
        dee.is_active = False
        dee.save()

        uses = {use.practitioner.name: use.offered_minutes for use in figures.utilisation(WEEK, now=NOW)}

        # Three nights on which somebody was booked, of which one has an hour less.
        assert uses["Dr Dee"] == 240 + 180 + 240

    def test_comes_back_with_a_day_that_is_open_again(self, clinic):
        WorkingHours.objects.all().delete()
        Touch.objects.create(since=at(1, "00:00"), until=at(9, "00:00"))

        closing.close_due(now=NOW)

        assert {use.practitioner.name for use in figures.utilisation(WEEK, now=NOW)} == {"Dr Dee", "Dr Eve"}


class TestClosedDay:
    def test_takes_days_anew_that_were_written_by_somebody_else(self, clinic):
        DayOfVisits.objects.update(booked=7)
        Day.objects.filter(day=date(2026, 10, 4)).update(closed_at=None)

        closing.close_due(now=NOW)

        assert figures.bookings_made(Period(date(2026, 10, 4), date(2026, 10, 4)), now=NOW) == 3


VISITS = ["night", "missed", "off", "dear", "second", "undone"]
CHANGES = st.one_of(
    st.tuples(st.just("state"), st.sampled_from(VISITS), st.sampled_from(["confirmed", "completed", "no_show"])),
    st.tuples(st.just("day"), st.sampled_from(VISITS), st.integers(1, 8)),
    st.tuples(st.just("cancel"), st.sampled_from(VISITS), st.integers(1, 8)),
    st.tuples(st.just("pay"), st.sampled_from(["night", "missed", "off", "dear"]), st.integers(1, 8)),
    st.tuples(st.just("refund"), st.sampled_from(["night", "missed", "dear"]), st.integers(1, 8)),
    st.tuples(st.just("who"), st.sampled_from(VISITS), st.sampled_from(["Dee", "Eve"])),
    st.tuples(st.just("patient"), st.sampled_from(VISITS), st.sampled_from(["Ava", "Leo", "Mia"])),
    st.tuples(st.just("call"), st.sampled_from(["ava", "leo", "mia", "forgotten"]), st.integers(1, 8)),
    st.tuples(st.just("away"), st.sampled_from(["Dee", "Eve"]), st.integers(1, 8)),
    st.tuples(st.just("close"), st.just(""), st.just(0)),
)


def change(clinic, what, name, value):
    """Do something to the clinic that the figures have to follow."""
    match what:
        case "state":
            moved(name, clinic, state=value)
        case "day":
            moved(name, clinic, starts_at=at(value, "03:30"), ends_at=at(value, "03:45"))
        case "cancel":
            moved(name, clinic, state="cancelled", cancelled_at=at(value, "12:00"), cancel_reason="Ill")
        case "pay":
            Payment.objects.filter(booking=clinic.visits[name]).update(collected_at=at(value, "23:59"))
        case "refund":
            clinic.give_back(clinic.visits[name].payment, 1, at(value, "00:00"))
        case "who":
            moved(name, clinic, practitioner=clinic.people[value])
        case "patient":
            moved(name, clinic, patient=clinic.people[value])
        case "call":
            consultation = Booking.objects.filter(call=clinic.calls[name])
            consultation.update(starts_at=at(value, "00:00"), ends_at=at(value, "00:15"))
        case "away":
            starts_at = at(value, "01:00")
            TimeOff.objects.create(
                practitioner=clinic.people[name], starts_at=starts_at, ends_at=starts_at + timedelta(days=1), reason="."
            )
        case "close":
            closing.close_due(now=NOW)


@pytest.mark.slow
class TestAnyChanges:
    @given(changes=st.lists(CHANGES, min_size=1, max_size=6))
    @settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_come_to_what_counting_anew_says(self, clinic, changes):
        with transaction.atomic():
            for each in changes:
                change(clinic, *each)

            assert said() == anew()
            closing.close_due(now=NOW)
            assert said() == anew()
            transaction.set_rollback(True)

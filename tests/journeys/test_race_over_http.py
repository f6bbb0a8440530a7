"""Everybody wants the same time at once, through the portal's own door."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import uuid4

import pytest

from bookings.models import Booking
from practitioners.models import DiaryEntry, Practitioner
from tests.races.together import dead_locks

DOOR = "/api/bookings/phone"
CROWD = 200


@pytest.fixture(autouse=True)
def _no_dead_locks(stack):
    before = dead_locks()
    yield
    assert dead_locks() == before


@pytest.fixture
def doctor(stack):
    return Practitioner.objects.get(name="Dr Dia Menon")


@pytest.fixture
def ask_at_once(stack, doctor):
    """Book one time for all these calls, all at the same moment."""
    token, time = stack.token("sarah"), stack.free_times(doctor.name)[-1]

    def ask(calls, **headers):
        start = Barrier(len(calls))

        def book(call):
            wanted = {"triageSessionId": str(call.pk), "practitionerId": str(doctor.pk), "scheduledTime": time}
            start.wait()
            return stack.call("POST", DOOR, token=token, json=wanted, headers=headers)

        with ThreadPoolExecutor(len(calls)) as threads:
            return list(threads.map(book, calls))

    return ask


def statuses(answers):
    return sorted(answer.status_code for answer in answers)


def living_entries(doctor, booking_id):
    """What stands in the doctor's diary at the time of a booking."""
    won = Booking.objects.get(pk=booking_id)
    return DiaryEntry.objects.filter(practitioner=doctor, starts_at=won.starts_at, live_until=None)


class TestPhoneBookings:
    def test_give_one_time_to_one_of_200_calls(self, stack, doctor, make_call, ask_at_once):
        answers = ask_at_once([make_call() for _ in range(CROWD)])

        assert statuses(answers) == [200] + [409] * (CROWD - 1)
        [won] = [answer.json() for answer in answers if answer.status_code == 200]
        lost = [answer.json() for answer in answers if answer.status_code == 409]
        assert {answer["code"] for answer in lost} == {"slot_taken"}
        assert {answer["error"] for answer in lost} == {"Time slot no longer available"}
        assert all(len(answer["alternatives"]) == 3 for answer in lost)
        assert living_entries(doctor, won["bookingId"]).count() == 1

    def test_give_one_time_once_to_a_call_that_asks_200_times(self, stack, doctor, make_call, ask_at_once):
        answers = ask_at_once([make_call()] * CROWD)

        # All wait for one row, and on a busy machine some longer than a request may.
        assert {(answer.status_code, answer.json().get("code")) for answer in answers} - {(503, "busy")} == {
            (200, None),
            (409, "slot_taken"),
        }
        [won] = [answer.json() for answer in answers if answer.status_code == 200]
        assert living_entries(doctor, won["bookingId"]).count() == 1

    def test_answer_one_key_once_and_the_same(self, stack, doctor, make_call, ask_at_once):
        call, key = make_call(), {"Idempotency-Key": str(uuid4())}

        answers = ask_at_once([call] * 20, **key)

        first, *others = [answer for answer in answers if answer.status_code == 200]
        in_flight = [answer for answer in answers if answer.status_code == 409]
        assert len(in_flight) == 19 - len(others)
        assert {answer.json()["code"] for answer in in_flight} <= {"idempotency_in_flight"}
        assert all(answer.json() == first.json() for answer in others)
        assert living_entries(doctor, first.json()["bookingId"]).count() == 1

    def test_answer_a_key_later_as_before(self, stack, doctor, make_call, ask_at_once):
        call, key = make_call(), {"Idempotency-Key": str(uuid4())}

        [first] = ask_at_once([call], **key)
        [again] = ask_at_once([call], **key)

        assert (first.status_code, again.status_code) == (200, 200)
        assert again.json() == first.json()
        assert again.headers["Idempotent-Replayed"] == "true"

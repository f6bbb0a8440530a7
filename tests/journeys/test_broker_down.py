"""A broker that is down, or that does not answer, never holds up a patient."""

import socket
import time

import pytest

from practitioners.models import Practitioner
from tests.stack import eventually

SYNC_WAIT_SECONDS = 2


@pytest.fixture(params=["refuses", "is silent"])
def portal(stack, request):
    """The portal as one meets it while the broker is down."""
    with socket.socket() as broker:
        broker.bind(("127.0.0.1", 0))
        if request.param == "is silent":
            broker.listen()  # and nobody ever takes a call
        address = f"redis://127.0.0.1:{broker.getsockname()[1]}/0"
        with stack.second_door(REDIS_URL=address, SYNC_WAIT_SECONDS=str(SYNC_WAIT_SECONDS)) as door:
            yield door


def book(portal, call):
    """Book a time of Dr Dia's, and say how many seconds that took."""
    doctor = Practitioner.objects.get(name="Dr Dia Menon")
    wanted = {
        "triageSessionId": str(call.pk),
        "practitionerId": str(doctor.pk),
        "scheduledTime": portal.free_times(doctor.name)[3],
        "paymentCollected": True,
    }
    token, began = portal.signed_token(call.consultant), time.monotonic()
    return portal.call("POST", "/api/bookings/phone", token=token, json=wanted), time.monotonic() - began


def states(stack, call, booking_id):
    """Where each system stands with a booking, as the API says."""
    answer = stack.call("GET", f"/api/bookings/{booking_id}/sync", token=stack.signed_token(call.consultant))
    return {system["state"] for system in answer.json()["systems"]}


class TestPhoneBookings:
    def test_answer_in_time_and_truly_and_are_told_later(self, stack, portal, make_call):
        call = make_call()

        with stack.without_worker():
            answer, seconds = book(portal, call)
            assert answer.status_code == 200, answer.text
            told = answer.json()
            assert states(stack, call, told["bookingId"]) == {"pending"}

        assert seconds < 3 * SYNC_WAIT_SECONDS
        assert {told[name] for name in ("calendlyEventCreated", "medirecordsSynced", "patientNotified")} == {False}
        eventually(lambda: states(stack, call, told["bookingId"]) == {"synced"})


class TestPublicDoors:
    def test_are_open(self, portal):
        logged_in = portal.token("sarah")
        services = portal.call("GET", "/api/services")
        refused = portal.call("POST", "/api/consultations/book", json={})

        assert logged_in
        assert (services.status_code, refused.status_code) == (200, 400)

    def test_tell_operators_the_truth(self, portal):
        answer = portal.call("GET", "/readyz")

        assert answer.status_code == 503
        assert answer.json()["checks"]["broker"] == {"ok": False, "why": "Redis does not answer."}

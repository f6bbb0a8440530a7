"""Workers are killed, the broker goes away, vendors fail half-way: in the end each vendor knows a booking once."""

import pytest

from practitioners.models import Practitioner
from tests.stack import eventually

LONG = 90
# The requests of which nobody knows, without an answer, whether they were carried out.
CREATIONS = [("medirecords", "appointments.write"), ("calendly", "invitees.write")]


@pytest.fixture(autouse=True)
def _vendors_are_well_again(stack):
    yield
    stack.sandbox.clear_faults()


@pytest.fixture
def door(stack):
    """The portal at an address where an answer does not wait for the vendors."""
    with stack.second_door(SYNC_WAIT_SECONDS="0") as door:
        yield door


@pytest.fixture
def book(door, make_call):
    """Book a time of Dr Dia's, and say which booking that is."""

    def book():
        call, doctor = make_call(), Practitioner.objects.get(name="Dr Dia Menon")
        wanted = {
            "triageSessionId": str(call.pk),
            "practitionerId": str(doctor.pk),
            "scheduledTime": door.free_times(doctor.name)[-2],
        }
        answer = door.call("POST", "/api/bookings/phone", token=door.signed_token(call.consultant), json=wanted)
        assert answer.status_code == 200, answer.text
        return answer.json()["bookingId"]

    return book


@pytest.fixture
def is_known_to_all(stack, sarah):
    """Tell whether the API says that all is told, and make sure that it never says so too early."""

    def ask(booking_id):
        path = f"/api/bookings/{booking_id}/sync"
        systems = stack.call("GET", path, token=stack.signed_token(sarah)).json()["systems"]
        told = {each["system"] for each in systems if each["state"] == "synced"}
        assert "calendly" not in told or len(stack.in_calendly(booking_id)) == 1
        assert "medirecords" not in told or len(stack.in_medirecords(booking_id)) == 1
        return told == {"calendly", "medirecords", "email"}

    return ask


def is_being_asked(stack, vendor):
    """Tell whether a vendor keeps a call waiting."""
    return any(call["status"] is None for call in stack.sandbox.calls(vendor))


class TestBooking:
    @pytest.mark.parametrize(("vendor", "creation"), CREATIONS)
    @pytest.mark.parametrize("fault", ["timeout_before", "timeout_after"])
    def test_is_told_once_though_the_worker_is_killed(self, stack, book, is_known_to_all, vendor, creation, fault):
        stack.sandbox.faults(vendor, fault, operation=creation, calls=1)

        booking_id = book()
        eventually(lambda: is_being_asked(stack, vendor))
        stack.kill_worker()

        eventually(lambda: is_known_to_all(booking_id), within=LONG)
        assert len(stack.in_calendly(booking_id)) == len(stack.in_medirecords(booking_id)) == 1

    @pytest.mark.parametrize(("vendor", "creation"), CREATIONS)
    @pytest.mark.parametrize("fault", ["error_before", "error_after", "timeout_after"])
    def test_is_told_once_though_the_vendor_fails(self, stack, book, is_known_to_all, vendor, creation, fault):
        stack.sandbox.faults(vendor, fault, operation=creation, calls=2)

        booking_id = book()

        eventually(lambda: is_known_to_all(booking_id), within=LONG)
        assert len(stack.in_calendly(booking_id)) == len(stack.in_medirecords(booking_id)) == 1

    def test_is_told_once_though_the_broker_was_away(self, stack, book, is_known_to_all):
        with stack.without_broker():
            booking_id = book()
            assert not is_known_to_all(booking_id)

        eventually(lambda: is_known_to_all(booking_id), within=LONG)
        assert len(stack.in_calendly(booking_id)) == len(stack.in_medirecords(booking_id)) == 1

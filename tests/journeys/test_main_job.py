"""The main job: from a free consultation to a booking that every vendor knows, and back."""

import re
from datetime import datetime
from uuid import uuid4

import pytest
import requests
from icalendar import Calendar

from bookings.models import Booking, EarlierTimeOffer
from practitioners.models import Practitioner
from tests.stack import eventually
from triage.models import TriageSession


class Patient:
    """Somebody at the pages of Calendly, which the sandbox plays."""

    def __init__(self, sandbox):
        self.name, self.email = f"Ava {uuid4().hex[:8]}", f"{uuid4()}@example.com"
        self._sandbox = sandbox
        self._browser = requests.Session()
        self._browser.trust_env = False

    def books_a_consultation(self):
        self._submit(
            "/", "/book", name=self.name, email=self.email, phone="0491570156", concern="Sleeps badly", when="soon"
        )

    def cancels(self, event):
        page = f"/events/{event['uri'].rpartition('/')[2]}"
        self._submit(page, f"{page}/cancel", reason="Feels better")

    def mails(self):
        return [mail for mail in self._sandbox.state("ses")["messages"] if self.email in mail["to"]]

    def _submit(self, page, action, **form):
        html = self._browser.get(self._sandbox.url + page, timeout=30).text
        form["csrfmiddlewaretoken"] = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', html)[1]
        answer = self._browser.post(
            self._sandbox.url + action, data=form, headers={"Referer": self._sandbox.url + page}, timeout=30
        )
        assert answer.status_code == 200, answer.text


@pytest.fixture
def patient(stack):
    return Patient(stack.sandbox)


def queue(browser, stack):
    return browser.get(f"{stack.url}/admin/today/queue/", timeout=30).text


def call_with(patient):
    return TriageSession.objects.select_related("consultant__user").get(patient__email=patient.email)


def book(stack, patient):
    """Book the first free time of Dr Dia's in the patient's call, as its consultant."""
    call = call_with(patient)
    doctor = Practitioner.objects.get(name="Dr Dia Menon")
    answer = stack.call(
        "POST",
        "/api/bookings/phone",
        token=stack.token(call.consultant.user.email.partition("@")[0]),
        json={
            "triageSessionId": str(call.pk),
            "practitionerId": str(doctor.pk),
            "scheduledTime": stack.free_times(doctor.name)[0],
            "paymentCollected": True,
        },
    )
    assert answer.status_code == 200, answer.text
    return Booking.objects.get(pk=answer.json()["bookingId"])


class TestMainJob:
    def test_brings_a_consultation_from_calendly_to_every_vendor(self, stack, patient):
        browser = stack.browser("ops")
        assert patient.name not in queue(browser, stack)

        patient.books_a_consultation()
        eventually(lambda: patient.name in queue(browser, stack), within=5)
        booking = book(stack, patient)

        # Preparation, confirmation, and the link to the form that the service asks for.
        eventually(lambda: len(patient.mails()) == 3)
        [event], [appointment] = stack.in_calendly(booking.pk), stack.in_medirecords(booking.pk)
        assert datetime.fromisoformat(event["start_time"]) == booking.starts_at
        assert event["status"] == "active"
        assert appointment["providerId"] == str(booking.practitioner.medirecords_provider_id)
        assert call_with(patient).outcome == "booked"

    def test_writes_to_the_patient_before_the_call_and_after_it(self, stack, patient):
        patient.books_a_consultation()
        [preparation] = eventually(patient.mails)
        booking = book(stack, patient)
        [confirmation] = eventually(lambda: [mail for mail in patient.mails() if mail["subject"].startswith("Booked")])

        for mail, promised in ((preparation, call_with(patient).consultation), (confirmation, booking)):
            [event] = Calendar.from_ical(stack.sandbox.file(mail["id"])).walk("VEVENT")
            assert event["uid"] == str(promised.pk)
            assert (event["dtstart"].dt, event["dtend"].dt) == (promised.starts_at, promised.ends_at)
            assert promised.practitioner.name in mail["text"]
            assert promised.practitioner.name in mail["html"]
        assert booking.number in confirmation["text"]

    def test_follows_a_patient_who_cancels_the_visit_in_calendly(self, stack, patient):
        patient.books_a_consultation()
        eventually(patient.mails)
        booking = book(stack, patient)

        patient.cancels(stack.in_calendly(booking.pk)[0])

        eventually(lambda: Booking.objects.get(pk=booking.pk).state == Booking.State.CANCELLED)
        eventually(lambda: [row["appointmentStatus"] for row in stack.in_medirecords(booking.pk)] == [8])
        # Whoever waits for an earlier time is asked first, if it is far enough ahead for that.
        offered = EarlierTimeOffer.objects.filter(freed__freed_by=booking, state=EarlierTimeOffer.State.OPEN)
        starts_at = f"{booking.starts_at:%Y-%m-%dT%H:%M:%SZ}"
        eventually(lambda: offered.exists() or starts_at in stack.free_times("Dr Dia Menon"))

    def test_follows_a_patient_who_cancels_the_consultation(self, stack, patient):
        browser = stack.browser("ops")
        patient.books_a_consultation()
        eventually(lambda: patient.name in queue(browser, stack))
        [event] = [
            event
            for invitee in stack.sandbox.state("calendly")["invitees"]
            if invitee["email"] == patient.email
            for event in stack.sandbox.state("calendly")["events"]
            if event["uri"] == invitee["event"]
        ]

        patient.cancels(event)

        eventually(lambda: patient.name not in queue(browser, stack))
        assert call_with(patient).consultation.state == Booking.State.CANCELLED

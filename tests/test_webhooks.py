"""Calendly's knock at the door, and what came of it."""

import base64
import copy
import hashlib
import hmac
import json
import time
from datetime import timedelta
from itertools import permutations

import pytest
from django.utils import timezone

from bookings import lifecycle
from bookings.models import Booking, Payment, SyncRecord
from botaniqal.integrations import owed
from botaniqal.integrations.models import InboundEvent
from botaniqal.messages.models import Message
from practitioners import availability, diary
from practitioners.models import BusyPeriod
from tests.calendly_deliveries import (
    KEY,
    PRACTITIONER,
    QUARTER,
    TEN,
    TRIAGE,
    delivery,
    post,
    seed_delivery,
    take_in,
    work,
)
from tests.factories import (
    AppointmentTypeFactory,
    CalendlyEventTypeFactory,
    PractitionerFactory,
)
from triage.models import TriageSession

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _signing_key(settings):
    settings.CALENDLY_WEBHOOK_SIGNING_KEY = KEY


@pytest.fixture
def consultation():
    return AppointmentTypeFactory(free=True, step_minutes=5, practitioner_types=["consultant"])


@pytest.fixture
def sarah(consultation):
    return PractitionerFactory(consultant=True, gives=[consultation], email="sarah@example.com", name="Sarah")


@pytest.fixture(autouse=True)
def shared(consultation):
    return CalendlyEventTypeFactory(calendly_id="TRIAGE", appointment_type=consultation)


@pytest.fixture
def doctor():
    kind = AppointmentTypeFactory(code="initial-alternative-15min")
    doctor = PractitionerFactory(gives=[kind], calendar_provider="calendly", name="Dr Dia")
    CalendlyEventTypeFactory(calendly_id="DIA", appointment_type=kind, practitioner=doctor)
    return doctor


class TestCalendly:
    def test_keeps_a_signed_delivery(self, client, sarah):
        answer = post(client, delivery())

        assert answer.status_code == 200
        assert InboundEvent.objects.get().kind == "created"

    def test_accepts_the_first_specifications_signature(self, client):
        body, stamp = json.dumps(seed_delivery()).encode(), str(int(time.time()))
        digest = hmac.new(KEY.encode(), f"{stamp}.".encode() + body, hashlib.sha256).digest()

        answer = client.post(
            TRIAGE,
            body,
            content_type="application/json",
            headers={
                "calendly-webhook-signature": base64.b64encode(digest).decode(),
                "calendly-webhook-timestamp": stamp,
            },
        )

        assert answer.status_code == 200

    @pytest.mark.parametrize(
        "wrong",
        [{"key": "another key"}, {"tamper": b" "}, {"age": 181}, {"age": -120}],
        ids=lambda wrong: next(iter(wrong)),
    )
    @pytest.mark.parametrize("path", [TRIAGE, PRACTITIONER])
    def test_refuses_what_calendly_did_not_sign(self, client, wrong, path):
        answer = post(client, delivery(), path, **wrong)

        assert (answer.status_code, answer.json()["code"]) == (401, "signature_refused")
        assert not InboundEvent.objects.exists()

    def test_refuses_everything_while_no_key_is_configured(self, client, settings):
        settings.CALENDLY_WEBHOOK_SIGNING_KEY = ""

        assert post(client, delivery(), key="").status_code == 401

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b'{"event": 1}', b"[" * 100_000])
    def test_refuses_what_it_cannot_read(self, client, body):
        answer = post(client, body)

        assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
        assert not InboundEvent.objects.exists()

    @pytest.mark.parametrize("odd", ['"Leo\\u0000"', '"\\ud800"', "NaN", "1e400", "[" * 930 + "]" * 930])
    def test_refuses_what_no_database_can_keep(self, client, odd):
        client.raise_request_exception = False

        answer = post(client, json.dumps(delivery(more="@")).replace('"@"', odd).encode())

        assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
        assert not InboundEvent.objects.exists()

    def test_keeps_a_text_about_nul(self, client):
        assert post(client, delivery(more="\\u0000")).status_code == 200

    def test_refuses_other_methods(self, client):
        assert client.get(TRIAGE).status_code == 405

    def test_refuses_a_huge_body(self, client, settings):
        settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000

        assert post(client, delivery()).status_code == 413

    def test_keeps_an_unknown_event_type_for_a_person_and_refuses_it_once(self, client, sarah, consultation):
        first, retry = (post(client, delivery(event_type="NOBODYS")) for _ in range(2))
        work()
        [kept] = InboundEvent.objects.for_a_person()
        CalendlyEventTypeFactory(calendly_id="NOBODYS", appointment_type=consultation, practitioner=sarah)
        owed.retry(kept, now=timezone.now())
        work()

        assert (first.status_code, first.json()["code"], retry.status_code) == (400, "unknown_event_type", 200)
        assert TriageSession.objects.get().consultant == sarah

    def test_ignores_what_it_does_not_use(self, client):
        take_in(
            client, {"event": "routing_form_submission.created", "created_at": "2026-11-20T00:00:00Z", "payload": {}}
        )

        assert InboundEvent.objects.get().state == InboundEvent.State.SYNCED

    def test_routes_by_event_type_and_never_by_address(self, client, sarah, doctor):
        take_in(client, delivery(), path=PRACTITIONER)
        take_in(client, delivery(event_type="DIA", event_id="EVDIA"), path=TRIAGE)

        assert TriageSession.objects.get().consultant == sarah
        assert Booking.objects.get(practitioner=doctor)


class TestConsultation:
    @pytest.mark.parametrize("payload", [delivery(), seed_delivery()], ids=["Calendly's shape", "the seed's shape"])
    def test_becomes_a_planned_call(self, client, sarah, payload):
        take_in(client, payload)

        session = TriageSession.objects.get(patient__email="pat@example.com")
        assert (session.state, session.consultant) == (TriageSession.State.SCHEDULED, sarah)
        assert (session.patient.name, session.patient.phone) == ("Pat Example", "+61412345678")
        assert session.primary_concern == "Trouble sleeping"
        assert session.consultation.starts_at == TEN
        assert "zoom.us" in session.consultation.join_link
        assert session.consultation.entry.external_id
        record = session.consultation.sync_records.get()
        assert (record.system, record.state) == ("calendly", "synced")
        assert Message.objects.get().kind == Message.Kind.PREPARATION

    def test_comes_once_however_often_it_is_delivered(self, client, sarah):
        take_in(client, *[delivery()] * 10)

        assert TriageSession.objects.count() == Message.objects.count() == InboundEvent.objects.count() == 1

    def test_comes_once_even_when_it_is_worked_twice(self, client, sarah):
        take_in(client, delivery())
        InboundEvent.objects.update(told=0)

        work()

        assert TriageSession.objects.count() == 1

    def test_is_cancelled_with_its_time_given_back(self, client, sarah):
        take_in(client, delivery(), delivery("invitee.canceled", event_id="EV0000000001"))

        consultation = Booking.objects.get()
        assert consultation.state == Booking.State.CANCELLED
        assert consultation.entry.live_until <= timezone.now()
        assert consultation.sync_records.get().state == "synced"
        assert not Message.objects.exists()

    def test_ends_cancelled_also_when_that_is_heard_first(self, client, sarah):
        take_in(client, delivery("invitee.canceled", event_id="EV0000000001"), delivery(event_id="EV0000000001"))

        assert TriageSession.objects.get().consultation.state == Booking.State.CANCELLED
        assert not Message.objects.exists()

    @pytest.mark.parametrize("order", list(permutations(["made", "given up", "made anew"])), ids=", ".join)
    def test_stands_at_the_new_time_in_whatever_order_its_rescheduling_is_heard(self, client, sarah, order):
        old, new = (f"https://api.calendly.com/scheduled_events/{name}/invitees/{name}" for name in ("OLD", "NEW"))
        told = {
            "made": delivery(event_id="OLD"),
            "given up": delivery("invitee.canceled", event_id="OLD", rescheduled=True, new_invitee=new),
            "made anew": delivery(event_id="NEW", starts_at=TEN + timedelta(hours=2), old_invitee=old),
        }

        take_in(client, *(told[what] for what in order))

        session = TriageSession.objects.get()
        assert session.consultation.starts_at == TEN + timedelta(hours=2)
        assert session.consultation.state == Booking.State.CONFIRMED
        assert session.consultation.sync_records.get().external_id == "NEW"
        availability.check(practitioner=sarah, appointment_type=session.consultation.appointment_type, starts_at=TEN)

    def test_is_taken_although_it_clashes_and_shown_to_a_person(self, client, sarah):
        diary.take(practitioner=sarah, span=diary.Span(TEN, TEN + QUARTER), by=None)

        take_in(client, delivery())

        consultation = TriageSession.objects.get().consultation
        assert consultation.entry is None
        assert "Clashes" in consultation.attention
        assert BusyPeriod.objects.get().starts_at == TEN

    @pytest.mark.parametrize("moved", [True, False], ids=["moved", "cancelled"])
    def test_leaves_no_busy_time_behind_when_its_clash_is_resolved_here(self, client, sarah, moved):
        diary.take(practitioner=sarah, span=diary.Span(TEN, TEN + QUARTER), by=None)
        take_in(client, delivery())
        clashing = {"booking_id": Booking.objects.get().pk, "by": None, "now": timezone.now()}

        if moved:
            lifecycle.move(starts_at=TEN + timedelta(hours=2), **clashing)
        else:
            lifecycle.cancel(reason="Clashes", **clashing)

        assert not BusyPeriod.objects.exists()
        assert Booking.objects.filter(attention="").exists()

    def test_is_taken_however_long_it_is(self, client, sarah):
        take_in(client, delivery(minutes=30 * 60))

        assert "more than a day" in TriageSession.objects.get().consultation.attention

    def test_is_taken_off_the_five_minute_grid(self, client, sarah):
        odd = TEN + timedelta(minutes=3)

        take_in(client, delivery(starts_at=odd))
        attention = TriageSession.objects.get().consultation.attention
        take_in(client, delivery("invitee.canceled", starts_at=odd))

        consultation = TriageSession.objects.get().consultation
        assert (consultation.entry, consultation.starts_at) == (None, odd)
        assert "grid" in attention
        assert consultation.state == Booking.State.CANCELLED
        assert not BusyPeriod.objects.exists()

    def test_brings_no_card_number_in(self, client, sarah):
        gone = delivery("invitee.canceled", event_id="EV0000000001", cancellation={"reason": "Refund 4111111111111111"})
        told = delivery()
        told["payload"]["questions_and_answers"] = [{"question": "Concern", "answer": "Pay by 4111 1111 1111 1111"}]

        take_in(client, told, gone)

        session = TriageSession.objects.get()
        assert session.primary_concern == "Pay by [card number]"
        assert session.consultation.cancel_reason == "Refund [card number]"

    def test_goes_to_the_member_by_calendlys_address_before_the_e_mail(self, client, sarah, consultation):
        tom = PractitionerFactory(consultant=True, calendly_user_uri="https://api.calendly.com/users/US0SARAH")

        take_in(client, delivery())

        assert TriageSession.objects.get().consultant == tom

    def test_goes_to_the_member_by_e_mail_in_whatever_case(self, client, sarah):
        tom = PractitionerFactory(consultant=True, email="Tom.B@Example.com")
        to_tom = delivery()
        to_tom["payload"]["scheduled_event"]["event_memberships"] = [{"user_email": "tom.b@example.com"}]

        take_in(client, to_tom)

        assert TriageSession.objects.get().consultant == tom

    def test_goes_to_nobody_who_has_left(self, client, sarah, consultation):
        left = PractitionerFactory(consultant=True, gives=[consultation], is_active=False)
        CalendlyEventTypeFactory(calendly_id="LEFT", appointment_type=consultation, practitioner=left)
        nobody = delivery(event_type="LEFT")
        nobody["payload"]["scheduled_event"]["event_memberships"] = []

        take_in(client, nobody)

        assert TriageSession.objects.get().consultant == sarah

    def test_goes_to_whom_is_free_with_the_fewest_calls_when_nobody_is_named(self, client, sarah, consultation):
        tom = PractitionerFactory(consultant=True, gives=[consultation], name="Tom")
        diary.take(practitioner=sarah, span=diary.Span(TEN, TEN + QUARTER), by=None)
        nobody = delivery()
        nobody["payload"]["scheduled_event"]["event_memberships"] = []

        take_in(client, nobody)

        assert TriageSession.objects.get().consultant == tom

    def test_waits_for_a_person_while_there_is_no_consultant(self, client):
        post(client, delivery())
        work()

        [event] = InboundEvent.objects.for_a_person()
        assert "no active consultant" in event.problem


class TestVisit:
    def test_is_booked_and_owed_to_medirecords_alone(self, client, doctor):
        take_in(client, delivery(event_type="DIA"), path=PRACTITIONER)

        booking = Booking.objects.get()
        assert (booking.practitioner, booking.source, booking.state) == (doctor, "phone", Booking.State.CONFIRMED)
        assert (booking.starts_at, booking.price, booking.payment.status) == (TEN, 119, Payment.Status.PENDING)
        assert {record.system: record.state for record in booking.sync_records.all()} == {
            "calendly": "synced",
            "medirecords": "pending",
        }
        assert Message.objects.get().kind == Message.Kind.CONFIRMATION

    def test_is_of_the_type_that_has_its_length(self, client, doctor):
        longer = AppointmentTypeFactory(minutes=30, kind="followup")
        doctor.appointment_types.add(longer)

        take_in(client, delivery(event_type="DIA", minutes=30), path=PRACTITIONER)

        assert Booking.objects.get().appointment_type == longer

    def test_keeps_its_length_in_the_diary_when_it_is_moved_here(self, client, doctor):
        take_in(client, delivery(event_type="DIA", minutes=40), path=PRACTITIONER)
        later = TEN + timedelta(hours=2)

        lifecycle.move(booking_id=Booking.objects.get().pk, starts_at=later, by=None, now=timezone.now())

        entry = Booking.objects.get().entry
        assert (entry.starts_at, entry.ends_at) == (later, later + timedelta(minutes=40))

    def test_is_cancelled_and_medirecords_is_told(self, client, doctor):
        take_in(
            client,
            delivery(event_type="DIA"),
            delivery("invitee.canceled", event_type="DIA", event_id="EV0000000001"),
            path=PRACTITIONER,
        )

        booking = Booking.objects.get()
        assert booking.state == Booking.State.CANCELLED
        assert booking.sync_records.get(system="medirecords").wanted == 2

    def test_is_recognised_as_our_own_when_it_comes_back(self, client, doctor):
        take_in(client, delivery(event_type="DIA"), path=PRACTITIONER)
        own = Booking.objects.get()
        SyncRecord.objects.filter(system="calendly").update(external_id="", external_ref="", told=0)
        echo = copy.deepcopy(delivery(event_type="DIA", event_id="ECHO"))
        echo["payload"]["tracking"]["utm_content"] = str(own.pk)

        take_in(client, echo, path=PRACTITIONER)

        assert Booking.objects.get() == own
        assert own.sync_records.get(system="calendly").state == "pending"

    def test_waits_for_a_person_when_it_is_cancelled_after_it_took_place(self, client, doctor):
        take_in(client, delivery(event_type="DIA"), path=PRACTITIONER)
        Booking.objects.update(state=Booking.State.COMPLETED)
        post(client, delivery("invitee.canceled", event_type="DIA", event_id="EV0000000001"))

        work()

        [event] = InboundEvent.objects.for_a_person()
        assert "is completed" in event.problem

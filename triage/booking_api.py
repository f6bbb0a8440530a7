"""How a call comes in from the website, and how the visit that it led to is booked."""
# ruff: noqa: N815  (the API's own spelling of its fields)

from datetime import datetime
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from bookings.api import CALENDARS, EMAIL, SystemShape, is_told, status_url
from bookings.models import Booking, Payment, SyncRecord
from bookings.money.payments import Taken, no_card_number
from bookings.vendors import sync
from botaniqal.api.fields import Moment, Name, Phone, Zone, in_utc
from botaniqal.api.idempotency import mark_done, once_per_key
from botaniqal.api.schema import Problem, problems
from botaniqal.api.throttles import PublicWrite
from practitioners.api import service_named
from practitioners.tokens import has_claim
from services.models import AppointmentType

from . import booking, consultations, sessions
from .api import alternatives_when_taken, own_session
from .models import TriageSession

MOST_TIMES = 10


class AlternativeShape(serializers.Serializer):
    """Another free time."""

    practitionerId = serializers.UUIDField()
    practitionerName = serializers.CharField()
    time = Moment()
    duration = serializers.IntegerField(help_text="Minutes.")


class SlotTakenProblem(Problem):
    """The time is gone."""

    alternatives = AlternativeShape(many=True, required=False, help_text="The nearest free times, when it was taken.")


class ConsultationRequest(serializers.Serializer):
    """Who wants to be called, and when."""

    patientName = Name(source="name", max_length=255)
    email = serializers.EmailField(max_length=254)
    phone = Phone(max_length=40)
    preferredTimes = serializers.ListField(
        child=Moment(), source="preferred_times", min_length=1, max_length=MOST_TIMES, help_text="The best time first."
    )
    primaryConcern = serializers.CharField(
        source="concern",
        required=False,
        allow_blank=True,
        default="",
        max_length=5000,
        validators=[no_card_number],
    )
    timezone = Zone(required=False, help_text="Where the patient lives; the clinic's zone when not given.")
    website = serializers.CharField(
        required=False, allow_blank=True, default="", help_text="Left empty: people do not see it, robots fill it in."
    )


class ConsultationShape(serializers.Serializer):
    """The call that is planned."""

    consultationId = serializers.UUIDField()
    scheduledTime = Moment()
    consultantName = serializers.CharField()
    zoomLink = serializers.CharField(help_text="Empty while the link is not known; the e-mail brings it.")
    preparationEmailSent = serializers.BooleanField()


class PhoneBookingRequest(serializers.Serializer):
    """What was agreed on the phone."""

    triageSessionId = serializers.UUIDField()
    practitionerId = serializers.UUIDField()
    scheduledTime = Moment()
    serviceType = serializers.CharField(
        required=False, max_length=100, help_text="The session's recommended service when not given."
    )
    appointmentType = serializers.CharField(
        default=AppointmentType.Kind.INITIAL, max_length=100, help_text="initial, followup, or a type's code."
    )
    paymentCollected = serializers.BooleanField(default=False)
    paymentMethod = serializers.ChoiceField(Payment.Method.choices, default=Payment.Method.CREDIT_CARD_PHONE)
    amountCollected = serializers.DecimalField(
        8, 2, min_value=0, required=False, allow_null=True, help_text="The price book's price when not given."
    )
    amountReason = serializers.CharField(
        default="",
        allow_blank=True,
        max_length=200,
        validators=[no_card_number],
        help_text="Why another amount; needs the right to charge it.",
    )
    notes = serializers.CharField(default="", allow_blank=True, max_length=5000)


class SyncSummary(serializers.Serializer):
    """Where the booking stood when the answer was given."""

    statusUrl = serializers.URLField()
    systems = SystemShape(many=True)


class PhoneBookingShape(serializers.Serializer):
    """The booking, and who knows of it so far."""

    bookingId = serializers.UUIDField()
    confirmationNumber = serializers.CharField()
    calendlyEventCreated = serializers.BooleanField(help_text="It stands in the practitioner's calendar, whichever.")
    medirecordsSynced = serializers.BooleanField()
    patientNotified = serializers.BooleanField()
    sync = SyncSummary()


class Consultations(APIView):
    """Free consultations."""

    authentication_classes = []
    permission_classes = [AllowAny]
    throttle_classes = [PublicWrite]

    @extend_schema(
        request=ConsultationRequest,
        responses={200: ConsultationShape, **problems(400, 422, 429, 503), 409: SlotTakenProblem},
    )
    @once_per_key
    def post(self, request: Request) -> Response:
        """Plan a call at the first of the preferred times at which a consultant is free."""
        form = ConsultationRequest(data=request.data)
        form.is_valid(raise_exception=True)
        asked = dict(form.validated_data)
        zone = asked.pop("timezone", None)
        if asked.pop("website").strip():  # a robot, which is told nothing of being found out
            return _decoy(asked["preferred_times"][0])
        with transaction.atomic():
            session = sessions.book_consultation(
                **asked, zone=zone.key if zone else settings.CLINIC_TIME_ZONE, by=None, now=timezone.now()
            )
            mark_done(request, _planned(session, systems=[]))
        consultation = session.consultation
        systems = sync.wait_until_told(booking=consultation)
        consultation.refresh_from_db(fields=["join_link"])  # the calendar may have made it meanwhile
        return _planned(session, systems)


class PhoneBookings(APIView):
    """Visits that were agreed on the phone."""

    permission_classes = [has_claim("booking:create")]

    @extend_schema(
        request=PhoneBookingRequest,
        responses={200: PhoneBookingShape, **problems(400, 401, 403, 404, 422, 503), 409: SlotTakenProblem},
    )
    @once_per_key
    def post(self, request: Request) -> Response:
        """Book a visit in one's own call; vendors and patient are told at once, the answer says how far that got."""
        form = PhoneBookingRequest(data=request.data)
        form.is_valid(raise_exception=True)
        asked = form.validated_data
        consultant, kind, starts_at = request.auth.practitioner, asked["appointmentType"], asked["scheduledTime"]
        session = own_session(asked["triageSessionId"], consultant)
        practitioner = booking.practitioner_named(asked["practitionerId"])
        if "serviceType" in asked:
            service = service_named(asked["serviceType"])
        else:  # a code says by itself which service is meant
            service = session.recommended_service if kind in AppointmentType.Kind.values else None
        appointment_type = booking.type_wanted(practitioner=practitioner, kind=kind, service=service)
        booking.freshen(practitioner)
        with alternatives_when_taken(practitioner, appointment_type, starts_at), transaction.atomic():
            booked = booking.book_by_phone(
                session_id=session.pk,
                consultant=consultant,
                practitioner=practitioner,
                appointment_type=appointment_type,
                starts_at=starts_at,
                taken=Taken(
                    is_collected=asked["paymentCollected"],
                    method=asked["paymentMethod"],
                    amount=asked.get("amountCollected"),
                    amount_reason=asked["amountReason"],
                ),
                notes=asked["notes"],
                by=request.user,
                now=timezone.now(),
            )
            mark_done(request, _booked(booked, sync.statement(booking=booked)))
        return _booked(booked, sync.wait_until_told(booking=booked))


def _planned(session: TriageSession, systems: list[dict[str, Any]]) -> Response:
    consultation = session.consultation
    return Response(
        {
            "consultationId": session.pk,
            "scheduledTime": in_utc(consultation.starts_at),
            "consultantName": session.consultant.name,
            "zoomLink": consultation.join_link,
            "preparationEmailSent": is_told(systems, EMAIL),
        }
    )


def _decoy(starts_at: datetime) -> Response:
    return Response(
        {
            "consultationId": uuid4(),
            "scheduledTime": in_utc(starts_at),
            "consultantName": consultations.who_might_ring(starts_at, now=timezone.now()),
            "zoomLink": "",
            "preparationEmailSent": False,
        }
    )


def _booked(booked: Booking, systems: list[dict[str, Any]]) -> Response:
    return Response(
        {
            "bookingId": booked.pk,
            "confirmationNumber": booked.number,
            "calendlyEventCreated": is_told(systems, *CALENDARS),
            "medirecordsSynced": is_told(systems, SyncRecord.System.MEDIRECORDS),
            "patientNotified": is_told(systems, EMAIL),
            "sync": SyncSummary({"statusUrl": status_url(booked), "systems": systems}).data,
        }
    )

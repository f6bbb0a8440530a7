"""Triage sessions, and the times that a call keeps."""
# ruff: noqa: N815  (the API's own spelling of its fields)

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http import HTTPStatus
from uuid import UUID

from django.db.models import F, QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import generics, serializers
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from bookings.models import Booking
from botaniqal.api.fields import Moment
from botaniqal.api.idempotency import once_per_key
from botaniqal.api.paging import CursorPages
from botaniqal.api.schema import Problem, problems
from botaniqal.errors import Malformed, Missing
from practitioners import availability, diary
from practitioners.api import service_named
from practitioners.models import Practitioner
from practitioners.tokens import has_claim
from services.models import AppointmentType

from . import booking, sessions
from .models import CANCELLED, TriageSession

STATUSES = [*TriageSession.State.choices, (CANCELLED, "Cancelled")]
API_NAMES = {"primary_concern": "primaryConcern", "notes": "triageNotes"}


class SessionShape(serializers.Serializer):
    """A call: whom with, when, what was said, what came of it."""

    id = serializers.UUIDField()
    version = serializers.IntegerField(help_text="Counts changes; a PATCH names the one that it was written on.")
    status = serializers.SerializerMethodField()
    outcome = serializers.CharField(help_text="Empty while the call is not over.")
    disposition = serializers.SerializerMethodField()
    patientName = serializers.CharField(source="patient.name")
    patientEmail = serializers.CharField(source="patient.email")
    patientPhone = serializers.CharField(source="patient.phone")
    consultantId = serializers.UUIDField(source="consultant_id")
    consultantName = serializers.CharField(source="consultant.name")
    scheduledTime = Moment(source="consultation.starts_at")
    actualStartTime = Moment(source="started_at", allow_null=True)
    actualEndTime = Moment(source="ended_at", allow_null=True)
    primaryConcern = serializers.CharField(source="primary_concern")
    triageNotes = serializers.CharField(source="notes")
    recommendedService = serializers.SerializerMethodField()
    recommendedPractitioners = serializers.ListField(child=serializers.UUIDField(), source="recommended_practitioners")
    bookingId = serializers.UUIDField(source="booking_id", allow_null=True)
    createdAt = Moment(source="created_at")

    @extend_schema_field(serializers.ChoiceField(STATUSES))
    def get_status(self, session: TriageSession) -> str:
        """Say where the call stands; its cancellation is its consultation's."""
        return session.status

    def get_disposition(self, session: TriageSession) -> str:
        """Give the finer word's code; empty where there is none."""
        return session.disposition_id or ""

    def get_recommendedService(self, session: TriageSession) -> str | None:  # noqa: N802
        """Name the service as the API does."""
        return session.recommended_service and session.recommended_service.api_name


class SessionsQuery(serializers.Serializer):
    """Which calls are asked for."""

    status = serializers.ChoiceField(STATUSES, required=False)


class SessionChanges(serializers.Serializer):
    """What was written down; what is left out stays as it is."""

    version = serializers.IntegerField(min_value=1)
    primaryConcern = serializers.CharField(source="primary_concern", required=False, allow_blank=True, max_length=5000)
    triageNotes = serializers.CharField(
        source="notes", required=False, allow_blank=True, max_length=20_000, trim_whitespace=False
    )
    recommendedService = serializers.CharField(required=False, allow_null=True, max_length=100)
    recommendedPractitioners = serializers.ListField(
        child=serializers.UUIDField(), source="recommended_practitioners", required=False, max_length=20
    )


class StaleProblem(Problem):
    """Somebody else wrote meanwhile."""

    session = SessionShape(help_text="The call as it is now.")


class HoldRequest(serializers.Serializer):
    """Which time to keep for a call."""

    triageSessionId = serializers.UUIDField()
    practitionerId = serializers.UUIDField()
    appointmentType = serializers.CharField(max_length=100, help_text="initial, followup, or a type's code.")
    scheduledTime = Moment()


class HoldShape(serializers.Serializer):
    """A time that is kept."""

    id = serializers.UUIDField()
    lapsesAt = Moment(source="live_until")


class SoonestFirst(CursorPages):
    """Calls in the order of their time."""

    ordering = ("scheduled_at", "pk")


class SessionList(generics.ListAPIView):
    """One's own calls."""

    permission_classes = [has_claim("triage:read")]
    pagination_class = SoonestFirst
    serializer_class = SessionShape

    @extend_schema(parameters=[SessionsQuery], responses={200: SessionShape(many=True), **problems(400, 401, 403)})
    def get(self, request: Request) -> Response:
        """List one's own calls, the soonest first."""
        return self.list(request)

    def get_queryset(self) -> QuerySet[TriageSession]:
        """Find one's own calls, those in one state if it was asked for."""
        query = SessionsQuery(data=self.request.query_params.dict())
        query.is_valid(raise_exception=True)
        own = _with_people().filter(consultant=self.request.auth.practitioner)
        cancelled = {"consultation__state": Booking.State.CANCELLED}
        match query.validated_data.get("status"):
            case None:
                pass
            case "cancelled":
                own = own.filter(**cancelled)
            case state:
                own = own.filter(state=state).exclude(**cancelled)
        return own.annotate(scheduled_at=F("consultation__starts_at"))


class SessionDetail(APIView):
    """One of one's own calls."""

    def get_permissions(self) -> list[BasePermission]:
        """Ask for another right to write than to read."""
        return [has_claim("triage:update" if self.request.method == "PATCH" else "triage:read")()]

    @extend_schema(responses={200: SessionShape, **problems(401, 403, 404)})
    def get(self, request: Request, session_id: UUID) -> Response:
        """Show a call."""
        return Response(SessionShape(own_session(session_id, request.auth.practitioner)).data)

    @extend_schema(
        request=SessionChanges,
        responses={200: SessionShape, **problems(400, 401, 403, 404), 409: StaleProblem},
    )
    def patch(self, request: Request, session_id: UUID) -> Response:
        """Write down what was said; if somebody else wrote meanwhile, 409 with the call as it is now."""
        asked = SessionChanges(data=request.data)
        asked.is_valid(raise_exception=True)
        changes = dict(asked.validated_data)
        version = changes.pop("version")
        if "recommendedService" in changes:
            name = changes.pop("recommendedService")
            changes["recommended_service"] = service_named(name) if name else None
        _require_known(changes.get("recommended_practitioners", []))
        try:
            session = sessions.write(
                session_id=session_id,
                consultant=request.auth.practitioner,
                version=version,
                changes=changes,
                by=request.user,
            )
        except sessions.StaleVersion as stale:
            stale.extra["session"] = SessionShape(stale.session).data
            raise
        except Malformed as refusal:  # a card number: the verb knows its own names of the fields
            refusal.details = {API_NAMES.get(name, name): faults for name, faults in refusal.details.items()}
            raise
        return Response(SessionShape(session).data)


class Holds(APIView):
    """Times that calls keep."""

    permission_classes = [has_claim("booking:create")]

    @extend_schema(request=HoldRequest, responses={201: HoldShape, **problems(400, 401, 403, 404, 409, 422, 503)})
    @once_per_key
    def post(self, request: Request) -> Response:
        """Keep a time for one's own call; keeping it again keeps it longer."""
        form = HoldRequest(data=request.data)
        form.is_valid(raise_exception=True)
        asked = form.validated_data
        consultant = request.auth.practitioner
        own_session(asked["triageSessionId"], consultant)
        practitioner = booking.practitioner_named(asked["practitionerId"])
        appointment_type = booking.type_wanted(practitioner=practitioner, kind=asked["appointmentType"])
        booking.freshen(practitioner)
        with alternatives_when_taken(practitioner, appointment_type, asked["scheduledTime"]):
            hold = booking.hold_slot(
                session_id=asked["triageSessionId"],
                consultant=consultant,
                practitioner=practitioner,
                appointment_type=appointment_type,
                starts_at=asked["scheduledTime"],
                by=request.user,
            )
        return Response(HoldShape(hold).data, status=HTTPStatus.CREATED)


class HoldDetail(APIView):
    """A time that a call keeps."""

    permission_classes = [has_claim("booking:create")]

    @extend_schema(responses={204: None, **problems(401, 403)})
    def delete(self, request: Request, hold_id: UUID) -> Response:
        """Give a time back; one that is not kept any more is no fault."""
        booking.let_go(entry_id=hold_id, consultant=request.auth.practitioner)
        return Response(status=HTTPStatus.NO_CONTENT)


def own_session(session_id: UUID, consultant: Practitioner | None) -> TriageSession:
    """
    Find a call of the consultant's own.

    :raises Missing: there is no such session.
    :raises NotYourSession: another consultant has it.
    """
    session = _with_people().filter(pk=session_id).first()
    if session is None:
        raise Missing("There is no such triage session.")
    sessions.require_own(session, consultant)
    return session


@contextmanager
def alternatives_when_taken(
    practitioner: Practitioner, appointment_type: AppointmentType, wanted: datetime
) -> Iterator[None]:
    """Add the nearest free times to the answer when the wanted one is gone; the verb's transaction is over by then."""
    try:
        yield
    except diary.SlotTaken as taken:
        nearest = availability.alternatives(appointment_type=appointment_type, near=wanted, practitioner=practitioner)
        taken.extra["alternatives"] = [one.as_json() for one in nearest]
        raise


def _with_people() -> QuerySet[TriageSession]:
    return TriageSession.objects.select_related("patient", "consultation", "consultant", "recommended_service")


def _require_known(practitioner_ids: list[UUID]) -> None:
    if Practitioner.objects.filter(pk__in=practitioner_ids).count() != len(set(practitioner_ids)):
        raise Missing("One of these practitioners does not exist.")

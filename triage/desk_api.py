"""What the call desk asks for and does, as JSON for its own page; each verb answers where the call stands then."""
# ruff: noqa: N815  (the API's own spelling of its fields)

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import wraps
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.views.decorators.cache import never_cache
from rest_framework import serializers
from rest_framework.decorators import api_view, authentication_classes, permission_classes, schema
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from bookings.payments import Taken
from botaniqal.accounts.models import User
from botaniqal.admin import limited_to_own
from botaniqal.api.fields import Day, Moment
from botaniqal.errors import Missing
from practitioners import diary
from practitioners.models import Practitioner
from practitioners.tokens import PortalSession
from services.models import AppointmentType, Service

from . import booking, desk_state, sessions
from .api import alternatives_when_taken
from .models import TriageSession

CARD, LATER = "card", "later"


class MayUseDesk(BasePermission):
    """Staff who may see calls look; those who may change them act."""

    def has_permission(self, request: Request, view: Any) -> bool:
        right = "view" if request.method in SAFE_METHODS else "change"
        return request.user.is_staff and request.user.has_perm(f"triage.{right}_triagesession")


class Nothing(serializers.Serializer):
    """A verb that needs no more than the call."""


class Named(serializers.SlugRelatedField):
    """Something of ours, by its slug or code."""

    def to_internal_value(self, data: Any) -> Any:
        """Find it; what can be no slug is no question for the database."""
        return super().to_internal_value(serializers.CharField().run_validation(data))


class TimesQuery(serializers.Serializer):
    """Which free times are asked for."""

    type = Named(slug_field="code", queryset=AppointmentType.objects.offered().select_related("service"))
    day = Day(required=False, default=None)


class Written(serializers.Serializer):
    """What was typed, on which version; what is left out stays as it is."""

    version = serializers.IntegerField(min_value=1)
    notes = serializers.CharField(required=False, allow_blank=True, max_length=20_000, trim_whitespace=False)
    primaryConcern = serializers.CharField(
        source="primary_concern", required=False, allow_blank=True, max_length=5000, trim_whitespace=False
    )
    recommendedService = Named(
        source="recommended_service",
        slug_field="slug",
        queryset=Service.objects.public(),
        required=False,
        allow_null=True,
    )


class WantedTime(serializers.Serializer):
    """A time, with whom and what for."""

    practitionerId = serializers.UUIDField(source="practitioner_id")
    type = Named(
        source="appointment_type",
        slug_field="code",
        queryset=AppointmentType.objects.offered().select_related("service"),
    )
    startsAt = Moment(source="starts_at")


class Agreed(WantedTime):
    """The visit that was agreed on, and how it is paid."""

    payment = serializers.ChoiceField([CARD, LATER])
    reference = serializers.CharField(required=False, allow_blank=True, max_length=100, default="")
    amount = serializers.DecimalField(
        max_digits=8, decimal_places=2, min_value=0, help_text="The price that was said; another one is refused."
    )


class Ending(serializers.Serializer):
    """How the call ended."""

    outcome = serializers.ChoiceField(TriageSession.Outcome.choices)
    disposition = serializers.ChoiceField(
        TriageSession.Disposition.choices, required=False, allow_blank=True, default=""
    )


def door(method: str) -> Callable[[Callable[..., Response]], Callable[..., Response]]:
    """Open a view to the portal's own page: logged in, with the right, never kept by a browser, in no schema."""

    def wrap(view: Callable[..., Response]) -> Callable[..., Response]:
        guarded = authentication_classes([PortalSession])(permission_classes([MayUseDesk])(schema(None)(view)))
        return never_cache(api_view([method])(guarded))

    return wrap


def verb(asked: type[serializers.Serializer] = Nothing) -> Callable[[Callable[..., Any]], Callable[..., Response]]:
    """Make a view of a verb: read what it needs, do it, renew what the call keeps, answer where the call stands."""

    def wrap(do: Callable[..., Any]) -> Callable[..., Response]:
        @door("POST")
        @wraps(do)
        def view(request: Request, session_id: UUID) -> Response:
            form = asked(data=request.data)
            form.is_valid(raise_exception=True)
            who = {"consultant": request.auth.practitioner, "by": request.user}
            do(session_id=session_id, **who, now=timezone.now(), **form.validated_data)
            for hold in diary.living_holds(held_for=session_id):
                with suppress(diary.HoldLapsed):  # it ran out at this very moment; the page will say so
                    diary.renew(entry_id=hold.pk, held_for=session_id)
            return Response(_state(request, session_id))

        return view

    return wrap


@door("GET")
def state(request: Request, session_id: UUID) -> Response:
    """Say where the call stands."""
    return Response(_state(request, session_id))


@door("GET")
def times(request: Request, session_id: UUID) -> Response:
    """Find the free times of an appointment type."""
    query = TimesQuery(data=request.query_params)
    query.is_valid(raise_exception=True)
    asked = query.validated_data
    return Response(desk_state.times_of(asked["type"], first_day=asked["day"], now=timezone.now()))


start = verb()(sessions.start)
take_over = verb()(sessions.take_over)
wrap_up = verb(Ending)(sessions.wrap_up)


@verb(Written)
def write(
    *, session_id: UUID, consultant: Practitioner | None, by: User, now: datetime, version: int, **changes: Any
) -> None:
    """Write down what was typed; if somebody else did meanwhile, their text comes with the refusal."""
    try:
        sessions.write(session_id=session_id, consultant=consultant, version=version, changes=changes, by=by)
    except sessions.StaleVersion as stale:
        stale.extra["written"] = desk_state.written_in(stale.session)
        raise


@verb(WantedTime)
def hold(
    *,
    session_id: UUID,
    consultant: Practitioner | None,
    by: User,
    now: datetime,
    practitioner_id: UUID,
    appointment_type: AppointmentType,
    starts_at: datetime,
) -> None:
    """Keep a time for the call in place of what it keeps; when that fails, what it keeps stays."""
    practitioner = booking.practitioner_named(practitioner_id)
    booking.freshen(practitioner)
    with alternatives_when_taken(practitioner, appointment_type, starts_at), transaction.atomic():
        # A call may keep two times at once, but the desk shows one: choosing another lets the first go. It goes first,
        # because the new one may overlap it.
        sessions.require_own(sessions.locked(session_id), consultant)
        diary.release_holds(held_for=session_id)
        booking.hold_slot(
            session_id=session_id,
            consultant=consultant,
            practitioner=practitioner,
            appointment_type=appointment_type,
            starts_at=starts_at,
            by=by,
        )


@verb()
def keep(*, session_id: UUID, consultant: Practitioner | None, **_: Any) -> None:
    """
    Keep the held time for longer, as every verb does.

    :raises HoldLapsed: it ran out before.
    """
    with transaction.atomic():
        sessions.require_own(sessions.locked(session_id), consultant)
    if not diary.living_holds(held_for=session_id):
        raise diary.HoldLapsed


@verb()
@transaction.atomic
def let_go(*, session_id: UUID, consultant: Practitioner | None, **_: Any) -> None:
    """Give back the time that the call keeps."""
    sessions.require_own(sessions.locked(session_id), consultant)
    diary.release_holds(held_for=session_id)


@verb(Agreed)
def confirm(*, practitioner_id: UUID, appointment_type: AppointmentType, starts_at: datetime, **agreed: Any) -> None:
    """Book the visit that was agreed on; the call goes to wrap-up."""
    practitioner = booking.practitioner_named(practitioner_id)
    taken = Taken(
        is_collected=agreed.pop("payment") == CARD, amount=agreed.pop("amount"), reference=agreed.pop("reference")
    )
    with alternatives_when_taken(practitioner, appointment_type, starts_at):
        booking.book_by_phone(
            practitioner=practitioner,
            appointment_type=appointment_type,
            starts_at=starts_at,
            taken=taken,
            ends_call=False,
            **agreed,
        )


def find_call(session_id: UUID) -> TriageSession:
    """
    Read a call with everything that the desk shows of it.

    :raises Missing: there is no such call.
    """
    related = ("patient", "consultant", "consultation", "recommended_service")
    booked = ("booking__practitioner", "booking__appointment_type", "booking__payment")
    session = TriageSession.objects.select_related(*related, *booked).filter(pk=session_id).first()
    if session is None:
        raise Missing("There is no such call.")
    return session


def may_see(request: Request, session: TriageSession, consultant: Practitioner | None) -> bool:
    """Tell whether the patient is shown: of others' calls to those who see them all, else after taking over."""
    return not limited_to_own(request) or (consultant is not None and session.consultant_id == consultant.pk)


def _state(request: Request, session_id: UUID) -> dict[str, Any]:
    session, consultant = find_call(session_id), request.auth.practitioner
    return desk_state.state_of(session, consultant=consultant, is_shown=may_see(request, session, consultant))

"""How the desk's page asks and acts: who may, what a verb reads, and what it answers."""

from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any
from uuid import UUID

from django.utils import timezone
from django.views.decorators.cache import never_cache
from rest_framework import serializers
from rest_framework.decorators import api_view, authentication_classes, permission_classes, schema
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from botaniqal.admin import limited_to_own
from botaniqal.errors import Missing
from practitioners import diary
from practitioners.models import Practitioner
from practitioners.tokens import PortalSession

from ..models import TriageSession
from . import state


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
            return Response(state_for(request, session_id))

        return view

    return wrap


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


def state_for(request: Request, session_id: UUID) -> dict[str, Any]:
    """Say where a call stands, as far as this person may see it."""
    session, consultant = find_call(session_id), request.auth.practitioner
    return state.state_of(session, consultant=consultant, is_shown=may_see(request, session, consultant))

"""Whether a service is offered: opened for booking, announced, paused, retired; and what is refused meanwhile."""

from datetime import datetime
from functools import partial

from django.db import transaction

from botaniqal.accounts.models import User
from botaniqal.celery import ring
from botaniqal.errors import Missing, NotAllowed, RuleBroken

from .models import AppointmentType, Service

Status = Service.Status
ALLOWED = {
    Status.COMING_SOON: {Status.ACTIVE, Status.PAUSED, Status.RETIRED},
    Status.ACTIVE: {Status.PAUSED, Status.RETIRED},
    Status.PAUSED: {Status.ACTIVE, Status.COMING_SOON, Status.RETIRED},
    Status.RETIRED: {Status.COMING_SOON},
}
RIGHT = "services.change_service"


class NotOffered(RuleBroken):
    """It cannot be booked now."""

    def __init__(self, message: str) -> None:
        super().__init__("not_offered", message)


class NotReady(RuleBroken):
    """Nothing of the service could be booked."""

    code = "not_ready"

    def __init__(self, message: str) -> None:
        super().__init__("publish_check", message)


class WrongStatus(RuleBroken):
    """The service does not come to that state from where it is."""

    code = "wrong_status"

    def __init__(self, service: Service, status: Status) -> None:
        was, wanted = service.get_status_display().lower(), status.label.lower()
        super().__init__("status", f"{service} is {was}, and cannot become {wanted} from there.")


def require_offered(kind: AppointmentType, *, is_public: bool = False) -> None:
    """
    Refuse what cannot be booked now, by the verdict that the publish check stored.

    :raises NotOffered: the type is off, its service is not active, or the publish check forbids it.
    """
    if not kind.is_active or kind.service.status != Status.ACTIVE:
        raise NotOffered(f"{kind} is not offered at the moment.")
    if is_public and kind.public_obstacle not in ("", AppointmentType.NO_PRICE):
        raise NotOffered(f"{kind} cannot be booked at the moment.")
    if reason := kind.public_obstacle if is_public else kind.obstacle:
        raise NotOffered(f"{kind} cannot be booked at the moment. {reason}")


@transaction.atomic
def open_for_booking(*, service_id: int, by: User, now: datetime) -> Service:
    """
    Let a service be booked from now on.

    :raises NotAllowed: the person may not.
    :raises WrongStatus: it is open or retired.
    :raises NotReady: none of its appointment types passes the publish check, for the reasons that are told.
    """
    service = _locked(service_id, Status.ACTIVE, by)
    types = list(service.appointment_types.filter(is_active=True).in_catalogue_order())
    if not types:
        raise NotReady(f"{service} has no appointment type yet. Add one with its price first.")
    obstacles = {kind: kind.obstacle for kind in types}
    if all(obstacles.values()):
        reasons = " ".join(f"{kind}: {reason}" for kind, reason in obstacles.items())
        raise NotReady(f"Nothing of {service} could be booked yet. {reasons}")
    transaction.on_commit(partial(ring, "write_to_waitlists"))
    return _become(service, Status.ACTIVE)


@transaction.atomic
def announce(*, service_id: int, by: User, now: datetime) -> Service:
    """
    Show a service as coming soon.

    :raises NotAllowed: the person may not.
    :raises WrongStatus: it is open or announced already.
    """
    return _become(_locked(service_id, Status.COMING_SOON, by), Status.COMING_SOON)


@transaction.atomic
def pause(*, service_id: int, by: User, now: datetime) -> Service:
    """
    Take a service off the website for a while; what is booked stays booked.

    :raises NotAllowed: the person may not.
    :raises WrongStatus: it is paused or retired.
    """
    return _become(_locked(service_id, Status.PAUSED, by), Status.PAUSED)


@transaction.atomic
def retire(*, service_id: int, by: User, now: datetime) -> Service:
    """
    Take a service out of the catalogue; what is booked stays booked.

    :raises NotAllowed: the person may not.
    :raises WrongStatus: it is retired already.
    """
    return _become(_locked(service_id, Status.RETIRED, by), Status.RETIRED)


def may_become(status: Status, service: Service) -> bool:
    """Tell whether the table of moves lets a service come to a status."""
    return status in ALLOWED[service.status]


def _locked(service_id: int, status: Status, by: User) -> Service:
    if not by.has_perm(RIGHT):
        raise NotAllowed
    service = Service.objects.select_for_update().filter(pk=service_id).first()
    if service is None:
        raise Missing("There is no such service.")
    if not may_become(status, service):
        raise WrongStatus(service, status)
    return service


def _become(service: Service, status: Status) -> Service:
    service.status = status
    service.save(update_fields=["status"])
    transaction.on_commit(partial(ring, "check_catalogue"))
    return service

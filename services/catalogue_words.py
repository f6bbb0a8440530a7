"""The catalogue's words for the public: what they are, how they are approved, and what of them is shown."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from hashlib import sha256

from django.db import transaction

from botaniqal.accounts.models import User
from botaniqal.celery import ring
from botaniqal.errors import Conflict, Missing
from botaniqal.wording import gate
from botaniqal.wording.gate import Text
from botaniqal.wording.models import Approval

from .models import AppointmentType, Service


class WordsChanged(Conflict):
    """The words are not those any more that were read."""

    code = "words_changed"
    message = "The words were changed meanwhile. Read them again, then approve them."


@dataclass(frozen=True, slots=True)
class ShownService:
    """What the public reads of a service; ``types`` are the names of appointment types by code."""

    name: str
    description: str
    confirmation: str
    types: dict[str, str]


def texts_of(service: Service, types: Iterable[AppointmentType]) -> list[Text]:
    """List the public words of a service and of its appointment types."""
    words = {"name": service.name, "description": service.description, "confirmation": service.confirmation_message}
    return [
        *(Text(f"service:{service.slug}:{part}", f"{service.name}: {part}", text) for part, text in words.items()),
        *(Text(f"type:{kind.code}:name", f"{kind.name}: name", kind.name) for kind in types),
    ]


def texts_to_approve(service: Service) -> list[Text]:
    """List the public words of a service and of those of its appointment types that are in use."""
    return texts_of(service, service.appointment_types.filter(is_active=True))


def states_of(services: Sequence[Service]) -> dict[int, gate.State]:
    """Tell of each service, by its key, where its words stand: as the one of them that is furthest from approved."""
    types = AppointmentType.objects.filter(service__in=[service.pk for service in services], is_active=True)
    by_service = defaultdict(list)
    for kind in types:
        by_service[kind.service_id].append(kind)
    texts = {text: service.pk for service in services for text in texts_of(service, by_service[service.pk])}
    worst = dict.fromkeys((service.pk for service in services), gate.State.APPROVED)
    for standing in gate.states(texts):
        key = texts[standing.text]
        worst[key] = max(worst[key], standing.state, key=list(gate.State).index)
    return worst


def shown(services: Iterable[Service]) -> dict[str, ShownService]:
    """
    Give what the public reads of services, by slug, in one query.

    A service whose name nobody approved yet is left out; so is the name of such an appointment type.
    """
    approved = gate.approved("service:", "type:")
    types = {subject.split(":")[1]: text for subject, text in approved.items() if subject.startswith("type:")}
    return {
        service.slug: ShownService(
            name=name,
            description=approved.get(f"service:{service.slug}:description", ""),
            confirmation=approved.get(f"service:{service.slug}:confirmation", ""),
            types=types,
        )
        for service in services
        if (name := approved.get(f"service:{service.slug}:name"))
    }


def fingerprint(texts: Iterable[Text]) -> str:
    """Write words as a short text that is another one when any of them changes."""
    return sha256(repr([(each.subject, each.text) for each in texts]).encode()).hexdigest()


@transaction.atomic
def approve(*, service_id: int, reason: str, by: User | None, now: datetime, seen: str | None = None) -> list[Approval]:
    """
    Let the public read all words of a service as they stand; ``seen`` is the fingerprint of those that were read.

    :raises Missing: there is no such service.
    :raises WordsChanged: somebody wrote others meanwhile.
    :raises NotAllowed: the person may not approve.
    :raises RefusedWords: there is a word that is never let through.
    :raises ReasonNeeded: there is a word that needs a reason.
    :raises Malformed: the reason cannot be kept.
    """
    service = Service.objects.select_for_update().filter(pk=service_id).first()
    if service is None:
        raise Missing("There is no such service.")
    texts = texts_to_approve(service)
    if seen is not None and seen != fingerprint(texts):
        raise WordsChanged
    rows = gate.approve(texts=texts, reason=reason, by=by, now=now)
    transaction.on_commit(partial(ring, "check_catalogue"))
    return rows


@transaction.atomic
def approve_all(*, slugs: Iterable[str], reason: str, by: User, now: datetime) -> list[Approval]:
    """Let the public read all words of several services; as ``approve``, and all of them or none."""
    services = Service.objects.filter(slug__in=list(slugs)).order_by("pk").values_list("pk", flat=True)
    return [row for pk in services for row in approve(service_id=pk, reason=reason, by=by, now=now)]

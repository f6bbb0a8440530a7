"""What those who wait for a service are written until it begins: a few steps, so many days after they joined."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.db.models import CharField, Exists, OuterRef, QuerySet, Value
from django.db.models.functions import Cast, Concat

from botaniqal.accounts.models import User
from botaniqal.messages import writing
from botaniqal.messages.models import Message, Suppression
from botaniqal.wording import gate

from . import interest
from .models import InterestEntry, NurtureStep, Service
from .prices import clinic_day

BATCH = 100
LATEST_DAYS = 7
"""How late a step still goes out: after an outage, but not to all who joined long before it was thought of."""

FIRST_HOUR = 9
"""Nobody is written to in the night; on the day of joining at once."""

PLACEHOLDERS = ("first_name", "service")


@dataclass(frozen=True, slots=True)
class Due:
    """A step of a service, and those who joined in the days for which it is the newest one due."""

    service: Service
    name: str
    step: NurtureStep
    joined_from: datetime
    joined_before: datetime


def send_due(*, now: datetime) -> int:
    """
    Write to everybody who waits the newest step that is due and that they have not had, and count the e-mails.

    It follows from the present state: which day it is on the clinic's calendar, who is on the list still, which steps
    there are and are approved. Nobody gets two at once, and what is overdue for long is left out.
    """
    return sum(_send(due, now) for due in _due(now))


def filled(text: str, *, first_name: str, service: str) -> str:
    """Put who is written to, and of what, in the place of the braces."""
    return text.replace("{first_name}", first_name or "there").replace("{service}", service)


def paragraphs_of(text: str) -> list[str]:
    """Split a text where it has empty lines."""
    return [paragraph.strip() for paragraph in re.split(r"\n\s*\n", text.replace("\r\n", "\n")) if paragraph.strip()]


def public_text(step: NurtureStep) -> gate.Text:
    """Give a step as the wording gate knows it."""
    return gate.Text(f"nurture:{step.pk}", f"Interest list, day {step.days}"[:150], f"{step.subject}\n\n{step.text}")


def approve(*, step: NurtureStep, reason: str, by: User | None, now: datetime) -> None:
    """
    Let a step go out as it stands.

    :raises DomainError: what the wording gate says against it.
    """
    gate.approve(texts=[public_text(step)], reason=reason, by=by, now=now)


def _due(now: datetime) -> Iterator[Due]:
    waiting = InterestEntry.objects.untold().filter(service=OuterRef("pk"))
    services = list(Service.objects.filter(Exists(waiting), status=Service.Status.COMING_SOON))
    if not services:
        return
    steps = list(NurtureStep.objects.order_by("days"))
    approved = gate.approved("nurture:")
    today = clinic_day(now)
    is_day = now.astimezone(ZoneInfo(settings.CLINIC_TIME_ZONE)).hour >= FIRST_HOUR
    for service in services:
        if not (name := interest.public_name(service)):
            continue
        own = _steps_of(service, steps)
        for place, step in enumerate(own):
            following = own[place + 1].days if place + 1 < len(own) else step.days + LATEST_DAYS
            oldest = min(step.days + LATEST_DAYS, following) - 1
            text = public_text(step)
            if (is_day or not step.days) and approved.get(text.subject) == text.text:
                first, last = today - timedelta(days=oldest), today - timedelta(days=step.days)
                yield Due(service, name, step, _midnight(first), _midnight(last + timedelta(days=1)))


def _steps_of(service: Service, steps: Sequence[NurtureStep]) -> list[NurtureStep]:
    """A service's own steps take the place of the common ones, even where they are switched off."""
    own = [step for step in steps if step.service_id == service.pk]
    return [step for step in own or [step for step in steps if step.service_id is None] if step.is_active]


def _send(due: Due, now: datetime) -> int:
    """Write a step to whom it is due; who is left out by somebody else's lock has the other's e-mail."""
    keys = list(_unwritten(due).values_list("pk", flat=True))
    batches = (keys[start : start + BATCH] for start in range(0, len(keys), BATCH))
    return sum(_send_some(due, batch, now) for batch in batches)


@transaction.atomic
def _send_some(due: Due, keys: Sequence, now: datetime) -> int:
    written = 0
    for entry in _unwritten(due).filter(pk__in=keys).select_for_update(of=["self"], skip_locked=True):
        names = {"first_name": entry.first_name, "service": due.name}
        message = writing.write(
            kind=Message.Kind.NURTURE,
            reference=entry.pk,
            to=entry.email,
            context={
                "first_name": entry.first_name,
                "title": filled(due.step.subject, **names),
                "paragraphs": paragraphs_of(filled(due.step.text, **names)),
                "service": due.name,
            },
            send_at=now,
            key=f"{_key_of(due.step)}{entry.pk}",
            stream=Message.Stream.MARKETING,
            unsubscribe_link=interest.unsubscribe_link(entry),
        )
        written += message is not None
    return written


def _unwritten(due: Due) -> QuerySet[InterestEntry]:
    key = Concat(Value(_key_of(due.step)), Cast(OuterRef("pk"), CharField()))
    suppressed = Suppression.objects.filter(address__iexact=OuterRef("email"), lifted_at=None)
    joined = InterestEntry.objects.untold().filter(service=due.service)
    joined = joined.filter(joined_at__gte=due.joined_from, joined_at__lt=due.joined_before)
    return joined.exclude(Exists(Message.objects.filter(key=key))).exclude(Exists(suppressed)).order_by("joined_at")


def _key_of(step: NurtureStep) -> str:
    return f"nurture:{step.pk}:"


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, ZoneInfo(settings.CLINIC_TIME_ZONE))

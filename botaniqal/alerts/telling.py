"""Who hears of incidents, once when they open and once when they are over: who is on call, or a role by e-mail."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import OuterRef, QuerySet
from django.urls import reverse
from django.utils import timezone

from botaniqal.accounts.models import User
from botaniqal.integrations import owed, pagerduty
from botaniqal.integrations.models import Incident
from botaniqal.messages import writing
from botaniqal.messages.models import Message
from botaniqal.shown import clinic_time

Action = Incident.Action

NOBODY = "Nobody"
NO_KEY = f"{NOBODY} is told: PAGERDUTY_ROUTING_KEY is not set."
NO_PEOPLE = f"{NOBODY} is told: there is no active person of {{}}."
TOLD = "PagerDuty was told."
TOLD_LOOKED_AFTER = "PagerDuty was told that somebody looks after it."
TOLD_OVER = "PagerDuty was told that it is over."
OVER_BEFORE = "It was over before anybody was told."
LOOKED_AFTER_BEFORE = "Somebody looked after it before anybody was told."
OPEN_AGAIN = "It began again before PagerDuty was told of its end, which would end that one too."
# Nobody looks at the portal at night: what PagerDuty did not take is told again, also after everything was tried.
ONCE_MORE = timedelta(hours=1)
OPENED, OVER = "opened", "over"


def work_due() -> int:
    """Tell of what was opened, what somebody looks after and what is over, and count it."""
    now = timezone.now()
    stuck = Incident.objects.for_a_person().filter(next_try_at__lte=now - ONCE_MORE)
    stuck.update(needs_person=False, attempts=settings.SYNC_TRIES - 1, next_try_at=now)
    return owed.work(Incident.objects.select_related("acknowledged_by"), _tell)


def people_of(role: str | OuterRef) -> QuerySet[User]:
    """List who is written to: those of a role who can log in."""
    return User.objects.filter(is_active=True, groups__name=role).exclude(email="").order_by("email").distinct()


def why_nobody(action: str) -> str:
    """Say why nobody would be told, if that is so."""
    is_heard = settings.PAGERDUTY_ROUTING_KEY if action == Action.PAGE else people_of(action).exists()
    return "" if is_heard else nobody(action)


def nobody(action: str) -> str:
    """Say that nobody is told by an action, and why."""
    return NO_KEY if action == Action.PAGE else NO_PEOPLE.format(action)


def messages_of(incident: Incident) -> QuerySet[Message]:
    """List the e-mails that tell of an incident."""
    return Message.objects.filter(reference=incident.reference, kind=Message.Kind.ALERT)


def _tell(incident: Incident) -> dict[str, Any]:
    if incident.told_at is None:
        was_over_when_found = incident.resolved_at and incident.resolved_at <= incident.found_at
        if incident.resolved_at and not was_over_when_found:
            return {"outcome": incident.outcome or OVER_BEFORE}
        if incident.acknowledged_at:
            return {"outcome": incident.outcome or LOOKED_AFTER_BEFORE}
        if incident.quiet_until and (wait := incident.quiet_until - timezone.now()) > timedelta():
            words = f"Muted: nobody is told before {clinic_time(incident.quiet_until)}."
            raise owed.WaitFor(words, seconds=wait.total_seconds())
        if was_over_when_found:
            # It must not be lost, but nobody is woken for what is over.
            action = Action.OPERATIONS if incident.action == Action.PAGE else incident.action
            return _write(incident, action)
    return _page(incident) if incident.action == Action.PAGE else _write(incident, incident.action)


def _page(incident: Incident) -> dict[str, Any]:
    if not settings.PAGERDUTY_ROUTING_KEY:
        return {"outcome": nobody(incident.action)}
    # PagerDuty knows the key alone: an older end that comes after a newer beginning would end that one.
    older = Incident.objects.open().filter(key=incident.key, pk__lt=incident.pk, needs_person=False)
    if older.exists():
        raise owed.WaitFor("PagerDuty is told first how the one before ended.", seconds=settings.SWEEP_SECONDS)
    client = pagerduty.client()
    if incident.resolved_at:
        newer = Incident.objects.filter(key=incident.key, pk__gt=incident.pk, action=Action.PAGE)
        if newer.exclude(told_at=None).exists():
            return {"outcome": OPEN_AGAIN}
        owed.renew(incident)
        client.resolve(key=incident.key)
        return {"outcome": TOLD_OVER}
    if incident.acknowledged_at:
        owed.renew(incident)
        client.acknowledge(key=incident.key)
        return {"outcome": TOLD_LOOKED_AFTER}
    # Written down before it is sent: an answer that gets lost must not leave an alert there that nobody ends.
    owed.renew(incident, told_at=incident.told_at or timezone.now())
    client.trigger(
        key=incident.key,
        summary=incident.summary,
        severity=incident.severity,
        at=incident.opened_at,
        source=settings.PUBLIC_BASE_URL,
        link=pagerduty.Link(url=_address(incident), text="The incident in the portal"),
    )
    return {"outcome": TOLD}


@transaction.atomic
def _write(incident: Incident, action: str) -> dict[str, Any]:
    """Write to those of a role that it began and, to whom that was written, that it is over; each is written once."""
    if incident.told_at is None:
        addressed = [(person.pk, person.email, person.first_name) for person in people_of(action)]
        if not addressed:
            return {"outcome": nobody(action)}
        owed.renew(incident, told_at=timezone.now())
        turn, outcome = OPENED, f"E-mail to {_counted(addressed)} of {action}."
    elif incident.resolved_at:
        begun = messages_of(incident).filter(key__startswith=_key(incident, OPENED, "")).order_by("to")
        told = {int(message.key.rpartition(":")[2]): message.to for message in begun}
        names = dict(User.objects.filter(pk__in=told).values_list("pk", "first_name"))
        addressed = [(person, address, names.get(person, "")) for person, address in told.items()]
        turn, outcome = OVER, f"E-mail to {_counted(addressed)} that it is over."
    else:
        return {}  # that somebody looks after it stands in the portal
    for person, address, first_name in addressed:
        writing.write(
            kind=Message.Kind.ALERT,
            reference=incident.reference,
            to=address,
            key=_key(incident, turn, person),
            send_at=timezone.now(),
            context={
                "first_name": first_name,
                "summary": incident.summary,
                "since": clinic_time(incident.opened_at),
                "until": clinic_time(incident.resolved_at) if incident.resolved_at else "",
                "link": _address(incident),
            },
        )
    return {"outcome": outcome}


def _key(incident: Incident, turn: str, person: int | str) -> str:
    return f"incident:{incident.pk}:{turn}:{person}"


def _counted(people: list[tuple[int, str, str]]) -> str:
    return "1 person" if len(people) == 1 else f"{len(people)} people"


def _address(incident: Incident) -> str:
    return settings.PUBLIC_BASE_URL + reverse("admin:integrations_incident_change", args=(incident.pk,))

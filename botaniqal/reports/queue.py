"""The queue of calls: what is due, whose it is, and how late."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import groupby

from django.db.models import Case, QuerySet, When
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from botaniqal.admin import BAD, INFO, WAITING, badge, limited_to_own, shown_length, shown_phone
from triage.models import TriageSession

LONGEST = 100
"""So many calls are shown; the list of all calls has the rest."""


@dataclass(frozen=True, slots=True)
class Call:
    """A row of the queue, with as much of the patient as the person may see."""

    id: str
    day: date
    time: str
    name: str
    phone: str
    concern: str
    attention: str
    owner: str
    is_own: bool
    is_now: bool
    is_running: bool
    state: SafeString
    verb: str
    url: str


@dataclass(frozen=True, slots=True)
class Day:
    """The calls of one day; those of earlier days stand together."""

    name: str
    is_past: bool
    calls: list[Call]


def calls_due(request: HttpRequest) -> QuerySet[TriageSession]:
    """Calls that have to be made until tonight: one's own, or everybody's for whoever sees them all."""
    tonight = timezone.make_aware(datetime.combine(timezone.localdate() + timedelta(days=1), time.min))
    due = TriageSession.objects.to_call().filter(consultation__starts_at__lt=tonight)
    return due.filter(consultant__user=request.user) if limited_to_own(request) else due


def queue_for(request: HttpRequest, now: datetime) -> list[Day]:
    """
    List the calls that have to be made, by day and due time; what earlier days left open comes first.

    A consultant's own calls come before the others' of the day; of those the first name, time and owner are shown.
    """
    is_limited = limited_to_own(request)
    sessions = (
        TriageSession.objects.to_call()
        .select_related("patient", "consultation", "consultant")
        .defer("notes", "consultation__notes")
    )
    if is_limited:  # what others left open for long must not push one's own calls off the page
        is_others = Case(When(consultant__user=request.user, then=0), default=1)
        sessions = sessions.order_by(is_others, "consultation__starts_at")
    today = timezone.localdate(now)
    calls = [_call(session, request.user.pk, is_limited, now) for session in sessions[:LONGEST]]
    calls.sort(key=lambda call: (max(call.day, today - timedelta(days=1)), is_limited and not call.is_own))
    return [
        Day(_day_name(day, today), day < today, list(of_day))
        for day, of_day in groupby(calls, key=lambda call: max(call.day, today - timedelta(days=1)))
    ]


def has_queue(request: HttpRequest) -> bool:
    """Tell whether calls are this person's work: figures alone are no reason to read patients' names."""
    return request.user.has_perm("triage.change_triagesession")


def _call(session: TriageSession, user_id: int, is_limited: bool, now: datetime) -> Call:
    due = timezone.localtime(session.consultation.starts_at)
    is_own = session.consultant.user_id == user_id
    is_shown = is_own or not is_limited
    state, is_now = _state(session, now)
    return Call(
        id=str(session.pk),
        day=due.date(),
        time=f"{due:%H:%M}" if due.date() >= timezone.localdate(now) else f"{due:%a %-d %b %H:%M}",
        name=session.patient.name if is_shown else session.patient.first_name,
        phone=shown_phone(session.patient.phone) if is_shown else "",
        concern=session.primary_concern if is_shown else "",
        attention=session.consultation.attention if is_shown else "",
        owner="" if is_own else session.consultant.name,
        is_own=is_own,
        is_now=is_now,
        is_running=session.state != TriageSession.State.SCHEDULED,
        state=state,
        verb=_verb(session, is_own),
        url=reverse("admin:triage_triagesession_desk", args=(session.pk,)),
    )


def _state(session: TriageSession, now: datetime) -> tuple[SafeString, bool]:
    """Show where a call stands, and tell whether it is the moment for it."""
    if session.state != TriageSession.State.SCHEDULED:
        return badge(session.get_state_display(), WAITING), True
    late = now - session.consultation.starts_at
    if late < timedelta(minutes=1):
        return badge(session.get_state_display(), INFO), False
    return badge(f"Late {shown_length(late)}", BAD), True


def _verb(session: TriageSession, is_own: bool) -> str:
    if not is_own:
        return "Open"
    return "Start call" if session.state == TriageSession.State.SCHEDULED else "Resume"


def _day_name(day: date, today: date) -> str:
    if day < today:
        return "Earlier, not called yet"
    return {0: "Today", 1: "Tomorrow"}.get((day - today).days, f"{day:%A %-d %B}")

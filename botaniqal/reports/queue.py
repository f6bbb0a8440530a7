"""The queue of calls: what is due, whose it is, and how late."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import groupby

from django.conf import settings
from django.db.models import Case, OuterRef, QuerySet, Subquery, When
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from botaniqal.admin import BAD, INFO, WAITING, badge, limited_to_own, shown_length, shown_phone
from practitioners.models import Practitioner
from triage import claims
from triage.models import CallEvent, TriageSession

LONGEST = 100
"""So many calls are shown; the list of all calls has the rest."""

MINE, ALL, UNCLAIMED = "mine", "all", "unclaimed"
VIEWS = {MINE: "Mine", ALL: "All", UNCLAIMED: "Unclaimed"}
EMPTY = {
    MINE: "No call of yours is waiting.",
    ALL: "No call is waiting. A free consultation appears here by itself as soon as somebody books one.",
    UNCLAIMED: "Somebody has each call that waits.",
}
REMEMBERED = "calls"
"""The parameter and the cookie that name the view of the queue."""


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
    notes: str
    is_own: bool
    is_now: bool
    is_running: bool
    state: SafeString
    verb: str
    url: str


@dataclass(frozen=True, slots=True)
class Told:
    """A call that was taken from the person, who has not yet noted it."""

    id: int
    words: str


@dataclass(frozen=True, slots=True)
class Day:
    """The calls of one day; those of earlier days stand together."""

    name: str
    is_past: bool
    calls: list[Call]


def calls_due(request: HttpRequest) -> QuerySet[TriageSession]:
    """Calls that have to be made until tonight: one's own, or everybody's for whoever sees them all."""
    tonight = timezone.make_aware(datetime.combine(timezone.localdate() + timedelta(days=1), time.min))
    due = TriageSession.objects.to_call().filter(due_at__lt=tonight)
    return due.filter(consultant__user=request.user) if limited_to_own(request) else due


def views_for(request: HttpRequest, *, is_limited: bool) -> dict[str, str]:
    """List the views of the queue that make sense for a person: one's own calls only consultants have."""
    makes_calls = is_limited or Practitioner.objects.consulting().filter(user=request.user).exists()
    return VIEWS if makes_calls else {name: VIEWS[name] for name in (ALL, UNCLAIMED)}


def view_of(request: HttpRequest) -> str:
    """Tell which view is wanted: the address says so, else what was looked at last."""
    wanted = request.GET.get(REMEMBERED) or request.COOKIES.get(REMEMBERED)
    return wanted if wanted in VIEWS else ALL


def queue_for(request: HttpRequest, now: datetime, *, view: str = ALL) -> list[Day]:
    """
    List the calls that have to be made, by day and due time; what earlier days left open comes first.

    A consultant's own calls come before the others' of the day; of those the first name, time and owner are shown.
    """
    is_limited = limited_to_own(request)
    parked = CallEvent.objects.filter(session=OuterRef("pk"), kind=CallEvent.Kind.PARKED).order_by("-at")
    sessions = (
        TriageSession.objects.to_call()
        .annotate(parked_at=Subquery(parked.values("at")[:1]))
        .select_related("patient", "consultation", "consultant")
        .defer("notes", "consultation__notes")
    )
    if view == MINE:
        sessions = sessions.filter(consultant__user=request.user)
    elif view == UNCLAIMED:
        sessions = sessions.filter(claimed_by=None).exclude(state=TriageSession.State.WRAP_UP)
    if is_limited:  # what others left open for long must not push one's own calls off the page
        is_others = Case(When(consultant__user=request.user, then=0), default=1)
        sessions = sessions.order_by(is_others, "due_at")
    today = timezone.localdate(now)
    calls = [_call(session, request.user.pk, is_limited, now) for session in sessions[:LONGEST]]
    calls.sort(key=lambda call: (max(call.day, today - timedelta(days=1)), is_limited and not call.is_own))
    return [
        Day(_day_name(day, today), day < today, list(of_day))
        for day, of_day in groupby(calls, key=lambda call: max(call.day, today - timedelta(days=1)))
    ]


def told_to(request: HttpRequest) -> list[Told]:
    """List what was taken from a person who has not yet noted it: the first name alone, as of others' calls."""
    return [_told(event) for event in claims.untold(request.user)[:LONGEST]]


def has_queue(request: HttpRequest) -> bool:
    """Tell whether calls are this person's work: figures alone are no reason to read patients' names."""
    return request.user.has_perm("triage.change_triagesession")


def _call(session: TriageSession, user_id: int, is_limited: bool, now: datetime) -> Call:
    due = timezone.localtime(session.due_at)
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
        notes=" · ".join(_notes(session, is_own, now)),
        is_own=is_own,
        is_now=is_now,
        is_running=session.state != TriageSession.State.SCHEDULED,
        state=state,
        verb=_verb(session, is_own),
        url=reverse("admin:triage_triagesession_desk", args=(session.pk,)),
    )


def _told(event: CallEvent) -> Told:
    due = timezone.localtime(event.session.due_on)
    taker = getattr(event.by, "practitioner", event.by) or "Another consultant"
    verb = "claimed" if event.kind == CallEvent.Kind.CLAIMED else "took over"
    first_name = event.session.patient.first_name
    return Told(event.pk, f"{taker} {verb} your call with {first_name}, due {due:%a %-d %b %H:%M}.")


def _state(session: TriageSession, now: datetime) -> tuple[SafeString, bool]:
    """Show where a call stands and since when, and tell whether it is the moment for it."""
    if session.state == TriageSession.State.IN_PROGRESS:
        word, since = ("In call", session.claimed_at) if session.claimed_by_id else ("Parked", session.parked_at)
        return badge(f"{word} {_age(since, now)}".rstrip(), WAITING), True
    if session.state != TriageSession.State.SCHEDULED:
        return badge(session.get_state_display(), WAITING), True
    late = now - session.due_at
    if late < timedelta(minutes=1):
        return badge("Call-back" if session.calls_back else session.get_state_display(), INFO), False
    return badge(f"Late {shown_length(late)}", BAD), True


def _age(since: datetime | None, now: datetime) -> str:
    """Write how long something has lasted, once that is a minute."""
    return shown_length(now - since) if since and now - since >= timedelta(minutes=1) else ""


def _notes(session: TriageSession, is_own: bool, now: datetime) -> list[str]:
    """Say whose a call is, how long they have had it, and what came before."""
    notes = []
    if session.claimed_by_id and session.state == TriageSession.State.SCHEDULED:
        who = "Claimed" if is_own else f"Taken by {session.consultant}"
        age = _age(session.claimed_at, now)
        notes.append(f"{who} {age} ago" if age else f"{who} just now")
    elif not is_own:
        notes.append(f"Taken by {session.consultant}" if session.claimed_by_id else session.consultant.name)
    if session.calls_back and session.due_at < now:
        notes.append("Call-back")
    if session.tries:
        notes.append(f"Tried {session.tries} of {settings.NO_ANSWER_TRIES}")
    return notes


def _verb(session: TriageSession, is_own: bool) -> str:
    if not is_own:
        return "Open"
    return "Start call" if session.state == TriageSession.State.SCHEDULED else "Resume"


def _day_name(day: date, today: date) -> str:
    if day < today:
        return "Earlier, not called yet"
    return {0: "Today", 1: "Tomorrow"}.get((day - today).days, f"{day:%A %-d %B}")

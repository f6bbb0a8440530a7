"""Red flags: a danger that was heard in a call stops every booking until a clinician clears it."""

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.urls import reverse

from botaniqal import cards
from botaniqal.accounts.models import User
from botaniqal.errors import Malformed, Missing, NotAllowed, RuleBroken
from botaniqal.messages import writing
from botaniqal.messages.models import Message
from practitioners import diary
from practitioners.models import Practitioner
from services.models import PractitionerType

from . import sessions
from .models import CallEvent, Question, RedFlag, TriageSession

Kind = CallEvent.Kind

CLEAR = "triage.clear_redflag"
CLINICIANS = (PractitionerType.DOCTOR, PractitionerType.NURSE)


class RedFlagUp(RuleBroken):
    """A red flag is up: nothing may be held or booked in this call."""

    code = "red_flag"

    def __init__(self) -> None:
        super().__init__("red_flag", "A red flag is up. Nothing can be held or booked until a clinician clears it.")


class NoFlag(RuleBroken):
    """There is no red flag, or it was cleared."""

    code = "no_flag"

    def __init__(self, message: str = "No red flag is up any more.") -> None:
        super().__init__("red_flag", message)


def require_none(session: TriageSession) -> None:
    """
    Make sure that nothing stops a booking in this call; to be asked under the session's lock.

    :raises RedFlagUp: a red flag is up.
    """
    if session.red_flags.up().exists():
        raise RedFlagUp


def put_up(
    *, session: TriageSession, words: str, question: Question | None = None, by: User | None, now: datetime
) -> None:
    """Stop a locked session's call, once for each question, and give back the times that it keeps."""
    try:
        with transaction.atomic():
            session.red_flags.create(question=question, words=words[:200], raised_at=now, raised_by=by)
    except IntegrityError:  # it is up already
        return
    diary.release_holds(held_for=session.pk)
    session.events.create(kind=Kind.RED_FLAG, at=now, by=by)


@transaction.atomic
def put_up_by_hand(
    *, session_id: UUID, consultant: Practitioner | None, words: str, by: User | None, now: datetime
) -> None:
    """
    Stop a call because of something that no question asks for.

    :raises NotYourSession: another consultant has the call.
    :raises SessionClosed: it is over.
    :raises Malformed: nothing is said, or a card number stands in it.
    """
    session = sessions.locked(session_id)
    sessions.require_own(session, consultant)
    sessions.require_open(session)
    if not words.strip():
        raise Malformed("Say in a few words what you heard.", details={"words": ["Required."]})
    cards.refuse(words, "words")
    put_up(session=session, words=words.strip(), by=by, now=now)


def is_clinician(user: User) -> bool:
    """Tell whether somebody may answer red flags: by a role that says so; being an administrator does not."""
    return _may_answer().filter(pk=user.pk).exists()


def clinicians() -> QuerySet[Practitioner]:
    """List the doctors and nurses to whom a red flag can be brought, because they can log in and may answer it."""
    return Practitioner.objects.active().filter(type__in=CLINICIANS, user__in=_may_answer())


@transaction.atomic
def escalate(
    *,
    session_id: UUID,
    consultant: Practitioner | None,
    clinician_id: UUID | None = None,
    by: User | None,
    now: datetime,
) -> None:
    """
    Bring what is up to a clinician, who is told by e-mail and has ``ESCALATION_SECONDS`` to acknowledge it.

    :raises NotYourSession: another consultant has the call.
    :raises NoFlag: nothing is up.
    :raises Missing: there is no such clinician.
    """
    session = sessions.locked(session_id)
    sessions.require_own(session, consultant)
    flags = list(session.red_flags.up().select_for_update())
    if not flags:
        raise NoFlag
    found = clinicians().filter(pk=clinician_id) if clinician_id else clinicians()
    clinician = found.select_related("user").first()
    if clinician is None:
        raise Missing("No clinician who can log in was found. Ring one, and say so in the notes.")
    for flag in flags:
        flag.escalated_at, flag.escalated_by, flag.escalated_to = now, by, clinician
        flag.reminded_at = flag.acknowledged_at = flag.acknowledged_by = None
        flag.save(
            update_fields=[
                "escalated_at",
                "escalated_by",
                "escalated_to",
                "reminded_at",
                "acknowledged_at",
                "acknowledged_by",
            ]
        )
    session.events.create(kind=Kind.ESCALATED, at=now, by=by, words=f"To {clinician}.")
    _tell(clinician.user.email, flags[0], now, first_name=clinician.name, is_reminder=False)


@transaction.atomic
def acknowledge(*, flag_id: int, by: User, now: datetime) -> RedFlag:
    """
    Note that a clinician looks after the call, for all that is up in it; the first one counts, the flags stay up.

    :raises NotAllowed: the person is no clinician.
    :raises NoFlag: it was cleared.
    """
    flag = _locked(flag_id, by)
    if flag.acknowledged_at is None:
        flag.session.red_flags.up().filter(acknowledged_at=None).update(acknowledged_at=now, acknowledged_by=by)
        flag.session.events.create(kind=Kind.ACKNOWLEDGED, at=now, by=by)
        flag.refresh_from_db(fields=["acknowledged_at", "acknowledged_by"])
    return flag


@transaction.atomic
def clear(*, flag_id: int, reason: str, by: User, now: datetime) -> RedFlag:
    """
    Take a red flag down, so that the call can go on.

    :raises NotAllowed: the person is no clinician.
    :raises NoFlag: it was cleared before.
    :raises Malformed: no reason is given, or a card number stands in it.
    """
    flag = _locked(flag_id, by)
    if not reason.strip():
        raise Malformed("Say why the call may go on.", details={"reason": ["Required."]})
    cards.refuse(reason, "reason")
    flag.cleared_at, flag.cleared_by, flag.clear_reason = now, by, reason.strip()[:300]
    if flag.acknowledged_at is None:
        flag.acknowledged_at, flag.acknowledged_by = now, by
    flag.save(update_fields=["cleared_at", "cleared_by", "clear_reason", "acknowledged_at", "acknowledged_by"])
    flag.session.events.create(kind=Kind.CLEARED, at=now, by=by)
    return flag


def waiting_for(user: User) -> QuerySet[RedFlag]:
    """List what is up for a clinician, or for whoever runs the clinic: the longest first."""
    flags = RedFlag.objects.up().select_related("session__patient", "session__consultant", "escalated_to")
    if user.has_perm(CLEAR):
        return flags.filter(escalated_at__isnull=False).order_by("acknowledged_at", "escalated_at")
    if user.has_perm("triage.change_script"):
        return flags.filter(acknowledged_at=None).order_by("raised_at")
    return flags.none()


def is_overdue(flag: RedFlag, now: datetime) -> bool:
    """Tell whether nobody acknowledged it in time."""
    if flag.acknowledged_at or flag.escalated_at is None:
        return False
    return flag.escalated_at <= now - _time_to_answer()


def remind_due(*, now: datetime) -> int:
    """Tell operations of the calls whose red flags no clinician acknowledged in time, each once, and count them."""
    late = RedFlag.objects.up().filter(
        acknowledged_at=None, reminded_at=None, escalated_at__lte=now - _time_to_answer()
    )
    return sum(_remind(pk, now) for pk in late.order_by().values_list("session", flat=True).distinct())


@transaction.atomic
def _remind(session_id: UUID, now: datetime) -> bool:
    late = list(
        RedFlag.objects.up()
        .select_for_update(of=["self"], skip_locked=True)
        .filter(session=session_id, acknowledged_at=None, reminded_at=None, escalated_at__isnull=False)
    )
    if not late:  # acknowledged meanwhile, or another worker is at it
        return False
    for person in User.objects.filter(is_active=True, groups__name="operations").distinct():
        _tell(person.email, late[0], now, first_name=person.first_name, is_reminder=True)
    RedFlag.objects.filter(pk__in=[flag.pk for flag in late]).update(reminded_at=now)
    return True


def _tell(to: str, flag: RedFlag, now: datetime, *, first_name: str, is_reminder: bool) -> None:
    """Send the way to it; what was heard stands in the portal alone."""
    context = {
        "first_name": first_name,
        "patient": flag.session.patient.first_name,
        "clinician": flag.escalated_to and flag.escalated_to.name,
        "is_reminder": is_reminder,
        "link": settings.PUBLIC_BASE_URL + reverse("admin:triage_redflag_change", args=(flag.pk,)),
    }
    writing.write(
        kind=Message.Kind.ESCALATION,
        # Not the consultation: what is not sent yet about a booking is written anew or taken back with it.
        reference=flag.session_id,
        to=to,
        context=context,
        calendar="",
        send_at=now,
    )


def _may_answer() -> QuerySet[User]:
    return User.objects.with_perm(CLEAR, include_superusers=False)


def _locked(flag_id: int, by: User) -> RedFlag:
    if not is_clinician(by):
        raise NotAllowed("Only a clinician may answer a red flag.")
    # The call first, as where a flag is put up or brought to somebody: two orders would be a dead-lock.
    TriageSession.objects.select_for_update(of=["self"]).filter(red_flags=flag_id).first()
    flag = RedFlag.objects.select_for_update(of=["self"]).select_related("session").filter(pk=flag_id).first()
    if flag is None:
        raise Missing("There is no such red flag.")
    if flag.cleared_at:
        raise NoFlag("This red flag was cleared before.")
    return flag


def _time_to_answer() -> timedelta:
    return timedelta(seconds=settings.ESCALATION_SECONDS)

"""The script of a call: its versions, what a call is asked, and what was answered."""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Max, QuerySet

from botaniqal import cards, locks
from botaniqal.accounts.models import User
from botaniqal.errors import Conflict, Malformed, Missing, NotAllowed, RuleBroken
from practitioners.models import Practitioner
from services.models import Service

from . import red_flags, sessions, wording
from .models import Answer, Question, Script, TriageSession

State = Script.State
Kind = Question.Kind

APPROVE = "triage.approve_script"
YES, NO, UNSURE = "yes", "no", "unsure"
YES_NO = {YES: "Yes", NO: "No", UNSURE: "Unsure"}
LONGEST_FACT, LONGEST_TEXT = 200, 5_000
COPIED = (
    "service",
    "position",
    "code",
    "text",
    "hint",
    "kind",
    "choices",
    "is_required",
    "flags_on",
    "flag",
    "card_label",
)


class NotADraft(RuleBroken):
    """Only a draft can be changed or approved."""

    code = "not_a_draft"

    def __init__(self, message: str = "This version was approved before. Make a new draft of it.") -> None:
        super().__init__("script", message)


class StaleAnswer(Conflict):
    """Somebody else answered meanwhile; their answer comes with the refusal."""

    code = "stale_answer"
    message = "This was answered in another window meanwhile."


def in_use() -> Script | None:
    """Give the version that calls begin with now, if one was approved."""
    return Script.objects.in_use().first()


@transaction.atomic
def make_draft(*, of: Script | None, by: User | None) -> Script:
    """
    Begin a new version, as a copy of another or empty.

    :raises RuleBroken: there is a draft already.
    """
    _lock_all()
    if Script.objects.filter(state=State.DRAFT).exists():
        raise RuleBroken("draft", "There is a draft already. Change that one.")
    latest = Script.objects.aggregate(latest=Max("version"))["latest"] or 0
    draft = Script.objects.create(
        version=latest + 1,
        opening=of.opening if of else "",
        emergency_card=of.emergency_card if of else "",
        created_by=by,
    )
    if of:
        Question.objects.bulk_create(
            Question(script=draft, **{name: getattr(question, name) for name in COPIED})
            for question in of.questions.select_related("service")
        )
    return draft


@transaction.atomic
def approve(*, script_id: int, accepts_warnings: bool = False, by: User, now: datetime) -> Script:
    """
    Take a draft into use and retire the version before; calls that have begun keep theirs.

    :raises NotAllowed: the person may not approve scripts.
    :raises NotADraft: it was approved before.
    :raises RuleBroken: the person wrote it and somebody else could approve it; it asks nothing, has no emergency card,
        or wording that nobody has accepted.
    """
    if not by.has_perm(APPROVE):
        raise NotAllowed("Only whoever is named for it may approve a script.")
    _lock_all()
    script = Script.objects.filter(pk=script_id).first()
    if script is None:
        raise Missing("There is no such script.")
    if script.state != State.DRAFT:
        raise NotADraft
    _require_other_eyes(script, by)
    questions = list(script.questions.all())
    if not questions or not script.emergency_card.strip():
        raise RuleBroken("script", "A script needs questions and an emergency card before it can be approved.")
    for question in questions:
        if fault := fault_of(question):
            raise RuleBroken("script", f"“{question.text}” cannot be asked like this: {fault}")
    if not accepts_warnings and any(wording.warnings(question.text) for question in questions):
        raise RuleBroken("wording", "Some questions lead the person. Mend them, or say that they may stay.")
    Script.objects.in_use().update(state=State.RETIRED)
    script.state, script.approved_at, script.approved_by = State.IN_USE, now, by
    script.save(update_fields=["state", "approved_at", "approved_by"])
    return script


@transaction.atomic
def note_writer(*, script_id: int, by: User) -> None:
    """Write down who changed a draft last; nobody else has read what they wrote."""
    Script.objects.filter(pk=script_id).update(changed_by=by)


def _require_other_eyes(script: Script, by: User) -> None:
    """
    Make sure that a script is approved by somebody else than whose words it holds, as far as there is anybody.

    :raises RuleBroken: the person changed it last, or began it, and somebody else could approve it.
    """
    others = User.objects.with_perm(APPROVE, include_superusers=False).exclude(pk=by.pk)
    last = script.changed_by_id or script.created_by_id
    if by.pk == last and others.exists():
        raise RuleBroken("four_eyes", "You changed this draft last. Have somebody else read and approve it.")
    if by.pk == script.created_by_id and others.exclude(pk=last).exists():
        raise RuleBroken("four_eyes", "You began this draft yourself. Have somebody else read and approve it.")


def fault_of(question: Question) -> str:
    """Say why a question cannot be asked as it stands; empty when it can."""
    if question.kind == Kind.CHOICE and len(set(question.choices)) < 2:
        return "A choice needs two different answers at least."
    if question.flags_on and question.kind not in (Kind.YES_NO, Kind.CHOICE):
        return "Only yes or no and choices can raise a red flag."
    possible = set(YES_NO) if question.kind == Kind.YES_NO else set(question.choices)
    if not set(question.flags_on) <= possible:
        return "A red flag stands on an answer that cannot be given."
    return ""


def _begin(session: TriageSession) -> None:
    """Give a call that began before any script was approved the one that is in use now."""
    if session.script_id is None and (script := in_use()):
        session.script = script
        session.save(update_fields=["script"])


def answers_of(session: TriageSession) -> dict[int, Answer]:
    """Give what holds as answered, by the question's key, and tell of each whether it took another's place."""
    given: dict[int, Answer] = {}
    for answer in session.answers.select_related("by"):  # in the order in which they were given
        answer.is_changed = answer.question_id in given
        given[answer.question_id] = answer
    return given


@transaction.atomic
def answer(
    *,
    session_id: UUID,
    consultant: Practitioner | None,
    code: str,
    value: str,
    former: int | None,
    by: User | None,
    now: datetime,
) -> Answer | None:
    """
    Write down an answer in place of the former one, which stays as history; an empty value takes it back.

    ``former`` is the key of the answer that stood there when this one was given. The same value again changes nothing.

    :raises NotYourSession: another consultant has the call.
    :raises SessionClosed: it is over.
    :raises Missing: the script asks no such question.
    :raises Malformed: that is no answer to it, or a card number stands in it.
    :raises StaleAnswer: it was answered in another window meanwhile.
    """
    session = sessions.locked(session_id)
    sessions.require_own(session, consultant)
    sessions.require_writable(session)
    _begin(session)
    question = session.script and session.script.questions.filter(code=code).first()
    if question is None:
        raise Missing("The script asks no such question.")
    value = _checked(question, value)
    standing = session.answers.filter(question=question, is_current=True).first()
    if standing and standing.value == value:
        return standing
    if (standing.pk if standing else None) != former:
        raise StaleAnswer(extra={"answer": shown(standing)})
    if standing is None and not value:
        return None
    if standing:
        standing.is_current = False
        standing.save(update_fields=["is_current"])
    given = session.answers.create(question=question, value=value, at=now, by=by)
    if raises_flag(question, value):
        red_flags.put_up(session=session, words=question.flag, question=question, by=by, now=now)
    return given


def raises_flag(question: Question, value: str) -> bool:
    """Tell whether an answer is a danger; where yes or no is one, “unsure” is too."""
    if not question.flags_on:
        return False
    return value in question.flags_on or (question.kind == Kind.YES_NO and value == UNSURE)


def shown(given: Answer | None) -> dict[str, object] | None:
    """Write an answer down for the desk."""
    if given is None:
        return None
    return {
        "id": given.pk,
        "value": given.value,
        "at": given.at.isoformat(),
        "by": given.by.get_full_name() or given.by.email if given.by else "",
        "isChanged": getattr(given, "is_changed", False),
    }


def services_asked(script: Script) -> QuerySet[Service]:
    """List the services that have questions of their own."""
    return Service.objects.filter(pk__in=script.questions.exclude(service=None).values("service")).order_by("position")


def _checked(question: Question, value: str) -> str:
    value = value.strip()
    cards.refuse(value, "value")
    longest = LONGEST_TEXT if question.kind == Kind.TEXT else LONGEST_FACT
    if len(value) > longest:
        raise Malformed(f"That is too long. {longest} characters fit.", details={"value": ["Too long."]})
    possible = {Kind.YES_NO: set(YES_NO), Kind.CHOICE: set(question.choices)}.get(question.kind)
    if value and possible is not None and value not in possible:
        raise Malformed("Choose one of the answers.", details={"value": ["Not one of the answers."]})
    return value


def _lock_all() -> None:
    """Let one person at a time make or approve versions, the first one as well."""
    locks.wait_for("scripts")

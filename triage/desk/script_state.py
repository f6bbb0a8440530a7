"""What the desk shows of the script: what is asked, what was answered, and which red flags are up."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from botaniqal.api.fields import in_utc

from .. import red_flags, scripts
from ..models import Question, RedFlag, Script, TriageSession


def script_of(session: TriageSession) -> dict[str, Any] | None:
    """List what the call is asked with what was answered; nothing while no script was approved."""
    script = session.script or scripts.in_use()
    if script is None:
        return None
    answers = scripts.answers_of(session)
    return {
        "questions": [
            {"code": code, "answer": scripts.shown(answers.get(pk))}
            for pk, code in script.questions.values_list("pk", "code")
        ]
    }


def flags_of(session: TriageSession, now: datetime) -> list[dict[str, Any]]:
    """List the red flags that are up, with how far a clinician is."""
    return [_flag(flag, now) for flag in session.red_flags.up().select_related("escalated_to", "acknowledged_by")]


def asked_by(script: Script | None) -> list[tuple[str, list[Question]]]:
    """Give a script's questions for the page, by the part that they belong to; all services', of which one is shown."""
    if script is None:
        return []
    parts: dict[str, list[Question]] = {}
    questions = script.questions.select_related("service")
    for question in sorted(questions, key=lambda one: (not one.flags_on, one.position, one.pk)):
        parts.setdefault(question.service.slug if question.service else "", []).append(question)
    return sorted(parts.items())


def clinicians() -> list[tuple[str, str]]:
    """List to whom a red flag can be brought, by key and name."""
    return [(f"{person.pk}", person.name) for person in red_flags.clinicians()]


def _flag(flag: RedFlag, now: datetime) -> dict[str, Any]:
    until = flag.escalated_at and flag.escalated_at + timedelta(seconds=settings.ESCALATION_SECONDS)
    return {
        "id": flag.pk,
        "words": flag.words,
        "escalatedTo": flag.escalated_to.name if flag.escalated_to else "",
        "answerBy": until and in_utc(until),
        "acknowledgedBy": flag.acknowledged_by.get_full_name() if flag.acknowledged_by else "",
        "isOverdue": red_flags.is_overdue(flag, now),
    }

"""Letters to whoever goes on with somebody: drafted from what was said, finished by a person."""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from botaniqal import cards
from botaniqal.accounts.models import User
from botaniqal.errors import Malformed, RuleBroken

from . import hand_over, sessions
from .models import Disposition, ReferralLetter, TriageSession


class NoLetterAsked(RuleBroken):
    """The call did not end in a way that asks for a letter."""

    code = "no_letter"

    def __init__(self) -> None:
        super().__init__("letter", "This call did not end with somebody to write to.")


def asks_for_letter(session: TriageSession) -> bool:
    """Tell whether a letter belongs to a call; its disposition should be read along."""
    return session.disposition is not None and session.disposition.asks_for == Disposition.Asks.LETTER


def addressee(session: TriageSession) -> str:
    """Name to whom the call was referred, as far as its ending says: “To a GP” is a GP."""
    return session.disposition.label.removeprefix("To ").removeprefix("a ").removeprefix("an ")


def draft(session: TriageSession) -> str:
    """Write down what was said in a call, for somebody to finish: no finding and no diagnosis, we made none."""
    patient = session.patient
    born = f", born {patient.date_of_birth:%-d %B %Y}," if patient.date_of_birth else ""
    day = timezone.localtime(session.started_at or session.consultation.starts_at)
    said = hand_over.lines_of(session)
    concern = "".join(f"\nThe reason for the call: {text}\n" for label, text in said if label == hand_over.CONCERN)
    answers = [f"- {label}: {text}" for label, text in said if label != hand_over.CONCERN]
    told = "\n".join(["", f"What {patient.first_name} told us:", *answers, ""]) if answers else ""
    return (
        "Dear colleague,\n\n"
        f"{patient.name}{born} spoke with us by phone on {day:%-d %B %Y}.\n"
        f"{concern}{told}\n"
        f"We did not examine {patient.first_name}, and this is no diagnosis. "
        f"We suggested that {patient.first_name} see you. No visit with us was booked.\n\n"
        "Kind regards,\n\n"
        f"{session.consultant.name}\n"
        "Botaniqal\n"
    )


@transaction.atomic
def write(*, session_id: UUID, to: str, text: str, by: User | None, now: datetime) -> ReferralLetter:
    """
    Keep the letter of a call, in place of what it said before.

    :raises Missing: there is no such call.
    :raises NoLetterAsked: the call did not end so.
    :raises Malformed: nobody to write to, nothing to say, or a card number.
    """
    session = sessions.locked(session_id)
    if not asks_for_letter(session):
        raise NoLetterAsked
    to, text = to.strip(), text.strip()
    if not to or not text:
        raise Malformed("A letter goes to somebody and says something.", details={"to": ["Required."]})
    for field, words in (("to", to), ("text", text)):
        cards.refuse(words, field)
    said = {"to": to[:200], "text": text, "written_at": now, "written_by": by}
    letter, _ = ReferralLetter.objects.update_or_create(session=session, defaults=said)
    return letter

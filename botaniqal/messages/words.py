"""The clinic's own words in e-mails: what they may say, who approved them, and where they stand."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from unicodedata import category

from django.db import transaction

from botaniqal import cards
from botaniqal.accounts.models import User
from botaniqal.errors import Malformed, Missing, RuleBroken
from botaniqal.messages.models import Message, MessageWords
from botaniqal.wording import gate

State = MessageWords.State
Kind = Message.Kind

FIRST_NAME = {"first_name": "who it goes to"}
OF_A_VISIT = FIRST_NAME | {
    "practitioner": "who gives the visit",
    "what": "the appointment and its length",
    "day": "the visit's day, as Monday 23 November",
    "hour": "its hour, and by whose clock",
    "when": "both together",
}
AMOUNT = FIRST_NAME | {"amount": "how much, as $119.00"}
SERVICE = FIRST_NAME | {"service": "the service's name"}
PLACEHOLDERS: Mapping[str, Mapping[str, str]] = {
    Kind.PREPARATION: OF_A_VISIT,
    Kind.CONFIRMATION: OF_A_VISIT,
    Kind.MOVED: OF_A_VISIT,
    Kind.OTHER_PRACTITIONER: OF_A_VISIT,
    Kind.CANCELLED: OF_A_VISIT,
    Kind.CORRECTION: OF_A_VISIT,
    Kind.REMINDER_DAY: OF_A_VISIT,
    Kind.REMINDER_SOON: OF_A_VISIT,
    Kind.BOOKING_LINK: FIRST_NAME | {"day": OF_A_VISIT["day"]},
    Kind.NO_ANSWER: FIRST_NAME,
    Kind.PAYMENT_LINK: AMOUNT,
    Kind.PAYMENT_LAPSED: FIRST_NAME | {"practitioner": OF_A_VISIT["practitioner"]},
    Kind.REFUNDED: AMOUNT,
    Kind.FORM_LINK: FIRST_NAME | {"practitioner": OF_A_VISIT["practitioner"], "day": OF_A_VISIT["day"]},
    Kind.PORTAL_LINK: {},
    Kind.EARLIER_OFFER: FIRST_NAME | {"practitioner": OF_A_VISIT["practitioner"]},
    Kind.INTEREST_JOINED: SERVICE,
    Kind.LAUNCH: SERVICE,
}
"""The e-mails to patients in which the clinic may say something, and what it may put in braces."""
EDITABLE = [(kind.value, kind.label) for kind in Kind if kind in PLACEHOLDERS]
TEXTS = ("subject", "opening", "closing")
LONGEST = {"subject": 150, "opening": 1_000, "closing": 1_000}

PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
MARKUP = re.compile(r"<[a-z!/?]|&#?\w+;", re.IGNORECASE)
# Mail clients make a link of whatever looks like one, so a point without a space after it is none the writer wanted.
LINK = re.compile(r"\w+://|www\.|\b[a-z0-9-]+\.[a-z]{2,}\b|@", re.IGNORECASE)


class NotADraft(RuleBroken):
    """Only a draft can be approved."""

    code = "not_a_draft"

    def __init__(self) -> None:
        super().__init__("words", "These words were approved before. Make a new draft of them.")


@dataclass(frozen=True, slots=True)
class Said:
    """What the clinic says in one e-mail; empty where the portal's own words stand."""

    subject: str = ""
    opening: str = ""
    closing: str = ""


def said(kind: str, context: Mapping[str, Any]) -> Said:
    """Give the clinic's words that are in use for a kind of e-mail, with what stands in their braces."""
    if kind not in PLACEHOLDERS:
        return Said()
    words = MessageWords.objects.filter(kind=kind, state=State.IN_USE).first()
    return filled(words, context) if words else Said()


def filled(words: MessageWords, context: Mapping[str, Any]) -> Said:
    """Put what an e-mail is about in the place of the braces."""
    return Said(
        **{
            name: PLACEHOLDER.sub(lambda found: str(context.get(found[1], "")), getattr(words, name)).strip()
            for name in TEXTS
        }
    )


def faults(kind: str, **texts: str) -> dict[str, list[str]]:
    """List what cannot be said like that, by ``subject``, ``opening`` and ``closing``."""
    found = {name: list(_faults(kind, text, LONGEST[name], is_line=name == "subject")) for name, text in texts.items()}
    return {name: sentences for name, sentences in found.items() if sentences}


@transaction.atomic
def begin(*, kind: str, by: User, now: datetime) -> MessageWords:
    """
    Begin a draft, as a copy of what is in use, or empty.

    :raises Malformed: there are no words of the clinic in such e-mails.
    :raises RuleBroken: there is a draft already.
    """
    if kind not in PLACEHOLDERS:
        raise Malformed("The clinic says nothing of its own in that e-mail.", details={"kind": ["Choose another."]})
    versions = list(MessageWords.objects.select_for_update().filter(kind=kind))
    if any(each.state == State.DRAFT for each in versions):
        raise RuleBroken("draft", "There is a draft for this e-mail already. Change that one.")
    used = next((each for each in versions if each.state == State.IN_USE), MessageWords())
    latest = max((each.version for each in versions), default=0)
    draft = MessageWords(kind=kind, version=latest + 1, created_by=by, **{name: getattr(used, name) for name in TEXTS})
    # Who begins one at the same moment gets the same one.
    MessageWords.objects.bulk_create([draft], ignore_conflicts=True)
    return MessageWords.objects.get(kind=kind, state=State.DRAFT)


@transaction.atomic
def approve(*, words_id: int, reason: str, by: User, now: datetime) -> MessageWords:
    """
    Take a draft into use in the e-mails that are written from now on.

    :raises NotADraft: it was approved before.
    :raises Malformed: it says nothing, or what cannot be said.
    :raises NotAllowed: the person may not approve.
    :raises RefusedWords: there is a word that is never let through.
    :raises ReasonNeeded: there is a word that needs a reason.
    """
    words = _locked(words_id)
    if words.state != State.DRAFT:
        raise NotADraft
    texts = {name: getattr(words, name) for name in TEXTS}
    if not any(text.strip() for text in texts.values()):
        raise Malformed("Say something, or leave the portal's own words.")
    if found := faults(words.kind, **texts):
        raise Malformed(next(iter(found.values()))[0], details=found)
    gate.approve(texts=_public(words), reason=reason, by=by, now=now)
    MessageWords.objects.filter(kind=words.kind, state=State.IN_USE).update(state=State.RETIRED)
    words.state, words.approved_at, words.approved_by = State.IN_USE, now, by
    words.save(update_fields=["state", "approved_at", "approved_by"])
    return words


@transaction.atomic
def retire(*, words_id: int, by: User, now: datetime) -> MessageWords:
    """
    Go back to the portal's own words.

    :raises RuleBroken: these are not in use.
    """
    words = _locked(words_id)
    if words.state != State.IN_USE:
        raise RuleBroken("words", "These words are not in use.")
    words.state = State.RETIRED
    words.save(update_fields=["state"])
    return words


def in_words(kind: str) -> str:
    """Name what may stand in braces in a kind of e-mail."""
    known = PLACEHOLDERS.get(kind, {})
    return ", ".join(f"{{{name}}}" for name in known) or "none"


def _public(words: MessageWords) -> list[gate.Text]:
    label = words.get_kind_display()
    return [
        gate.Text(f"message:{words.kind}:{name}", f"E-mail “{label}”: {name}", getattr(words, name)) for name in TEXTS
    ]


def _faults(kind: str, text: str, longest: int, *, is_line: bool):
    if len(text) > longest:
        yield f"Say it in {longest} characters at most."
    if cards.blanked(text) != text:
        yield "That looks like a card number. Card numbers must not be written down here."
    if unknown := [name for name in PLACEHOLDER.findall(text) if name not in PLACEHOLDERS[kind]]:
        yield f"{{{unknown[0]}}} is not known in this e-mail. Known: {in_words(kind)}."
    if set("{}") & set(PLACEHOLDER.sub("", text)):
        yield f"A brace stands alone, or around something that is not known. Known: {in_words(kind)}."
    if MARKUP.search(text):
        yield "Write plain text: what looks like HTML is not shown as you mean it."
    if LINK.search(text):
        yield "No links and no addresses: the portal sets them. After a point comes a space."
    allowed = "" if is_line else "\r\n"
    if any(category(letter) in ("Cc", "Cf", "Cs") and letter not in allowed for letter in text):
        yield "It has a character that cannot be shown, or a line break where there is one line."


def _locked(words_id: int) -> MessageWords:
    words = MessageWords.objects.select_for_update().filter(pk=words_id).first()
    if words is None:
        raise Missing("There are no such words.")
    return words

"""The gate that public texts pass: which risky words are in them, who approved them, and what the public reads."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import reduce
from operator import or_
from unicodedata import category, combining, normalize

from django.db import transaction
from django.db.models import Q

from botaniqal import cards
from botaniqal.accounts.models import User
from botaniqal.errors import DomainError, Malformed, NotAllowed

from .models import Approval, RiskyWord

RIGHT = "wording.approve_wording"
LONGEST_REASON = Approval._meta.get_field("reason").max_length
WORD = re.compile(r"[^\W_]+")


class State(StrEnum):
    """Where a text stands."""

    APPROVED = "approved"
    CHANGED = "changed"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Text:
    """A public text: what it is said of, as a machine word and in words, and what it says."""

    subject: str
    label: str
    text: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A risky word that a text has, and why it is one."""

    words: str
    weight: str
    why: str

    @property
    def is_refused(self) -> bool:
        """True for a word that no reason makes good."""
        return self.weight == RiskyWord.Weight.REFUSED


@dataclass(frozen=True, slots=True)
class Standing:
    """A text with what speaks against it, and its approval that holds."""

    text: Text
    state: State
    approval: Approval | None = None
    findings: list[Finding] = field(default_factory=list)


class RefusedWords(DomainError):
    """A text has words that no reason makes good."""

    code = "refused_words"


class ReasonNeeded(DomainError):
    """A text has words that may only stay for a reason."""

    code = "reason_needed"


def findings(text: str) -> list[Finding]:
    """List the risky words of a text, however they are written: in capitals, with accents, with hyphens."""
    return _findings(text, _known())


def states(texts: Iterable[Text]) -> list[Standing]:
    """Tell where each text stands; one that was never approved and says nothing needs nobody's approval."""
    texts, known = list(texts), _known()
    last = _last_of(text.subject for text in texts)
    return [_standing(text, last.get(text.subject), known) for text in texts]


def is_approved(subject: str, text: str) -> bool:
    """Tell whether a text is approved as it stands."""
    return _state(text, _last_of([subject]).get(subject)) == State.APPROVED


def approved(*prefixes: str) -> dict[str, str]:
    """Give the approved text of every subject that begins with one of these: what the public may read."""
    begins = reduce(or_, (Q(subject__startswith=prefix) for prefix in prefixes))
    rows = Approval.objects.filter(begins).latest_of_each()
    return dict(rows.values_list("subject", "text"))


@transaction.atomic
def approve(*, texts: Sequence[Text], reason: str, by: User | None, now: datetime) -> list[Approval]:
    """
    Let the public read texts as they stand; what is approved already is left alone.

    :raises NotAllowed: the person may not approve.
    :raises RefusedWords: a text has a word that is never let through.
    :raises ReasonNeeded: a text has a word that needs a reason, and there is none.
    :raises Malformed: the reason is too long or has a card number, or a text cannot be kept.
    """
    if by is None or not by.has_perm(RIGHT):
        raise NotAllowed("You may not approve what the public reads.")
    reason = reason.strip()
    _require_fit(reason, texts)
    open_ones = [each for each in states(texts) if each.state != State.APPROVED]
    if refused := _named(open_ones, is_refused=True):
        raise RefusedWords(f"These words cannot be published: {_in_words(refused)}.", details=refused)
    warned = _named(open_ones, is_refused=False)
    if warned and not reason:
        raise ReasonNeeded(f"Say why these words may stay: {_in_words(warned)}.", details=warned)
    return [
        Approval.objects.create(
            subject=each.text.subject,
            label=each.text.label[: Approval._meta.get_field("label").max_length],
            text=each.text.text,
            accepted=[found.words for found in each.findings],
            reason=reason if each.findings else "",
            approved_at=now,
            approved_by=by,
        )
        for each in open_ones
    ]


def _require_fit(reason: str, texts: Iterable[Text]) -> None:
    if len(reason) > LONGEST_REASON:
        said = f"Say it in {LONGEST_REASON} characters at most."
        raise Malformed(said, details={"reason": [said]})
    cards.refuse(reason, "reason")
    for each in texts:
        cards.refuse(each.text, each.subject)
        if "\0" in each.text + reason:
            raise Malformed(f"{each.label} has a character that no text may have.")


def _named(standings: Iterable[Standing], *, is_refused: bool) -> dict[str, list[str]]:
    """List the words of that weight, each with why, by the text that has them."""
    named = {
        each.text.subject: [
            f"“{found.words}”: {found.why}" for found in each.findings if found.is_refused == is_refused
        ]
        for each in standings
    }
    return {subject: sentences for subject, sentences in named.items() if sentences}


def _in_words(named: dict[str, list[str]]) -> str:
    words = (sentence.partition(": ")[0] for sentences in named.values() for sentence in sentences)
    return ", ".join(dict.fromkeys(words))


def _known() -> list[tuple[str, Finding]]:
    """Read the risky words, each as it is looked for."""
    rows = RiskyWord.objects.filter(is_active=True)
    return [(_sought(row.words), Finding(row.words, row.weight, row.why)) for row in rows if _words(row.words)]


def _findings(text: str, known: Iterable[tuple[str, Finding]]) -> list[Finding]:
    plain = f" {' '.join(_words(text))} "
    return [finding for sought, finding in known if sought in plain]


def _standing(text: Text, last: Approval | None, known: Collection[tuple[str, Finding]]) -> Standing:
    return Standing(text, _state(text.text, last), last, _findings(text.text, known))


def _state(text: str, last: Approval | None) -> State:
    if last is None:
        return State.NEVER if text else State.APPROVED
    return State.APPROVED if last.text == text else State.CHANGED


def _last_of(subjects: Iterable[str]) -> dict[str, Approval]:
    rows = Approval.objects.filter(subject__in=list(subjects)).select_related("approved_by").latest_of_each()
    return {row.subject: row for row in rows}


def _sought(words: str) -> str:
    """Write a risky word as it is looked for among words with a blank around each."""
    end = "" if words.rstrip().endswith("*") else " "
    return f" {' '.join(_words(words))}{end}"


def _words(text: str) -> list[str]:
    """
    Split a text into plain words: no capitals, accents, hyphens or invisible characters.

    Letter by letter: to put a long run of accents in order would take the square of its length.
    """
    return WORD.findall(text.translate({ord(letter): _plain(letter) for letter in set(text)}))


def _plain(letter: str) -> str:
    parts = normalize("NFKD", letter).casefold()
    return "".join(part for part in parts if not combining(part) and category(part) != "Cf")

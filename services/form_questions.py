"""What a form may ask: the kinds of questions, and the rules that they keep."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django.db import models

from botaniqal import cards
from botaniqal.errors import Malformed

MOST_QUESTIONS, MOST_CHOICES = 60, 40
LONGEST_TEXT, LONGEST_HELP, LONGEST_CHOICE, LONGEST_SECTION = 300, 500, 150, 100
LONGEST_ANSWER = {"text": 300, "long": 5_000}
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)
TAKEN_NAMES = frozenset({"csrfmiddlewaretoken", "revision", "version", "do", "website", "zone"})
"""Names of the page's own fields."""
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
YES_NO = {"yes": "Yes", "no": "No", "unsure": "Unsure"}


class BadForm(Malformed):
    """The questions are not fit to be asked; ``details`` names every fault by its place."""

    code = "bad_form"
    message = "The form was not saved: it has faults."


class Kind(models.TextChoices):
    """How a question is answered."""

    TEXT = "text", "A line of text"
    LONG = "long", "Several lines of text"
    CHOICE = "choice", "One of several answers"
    CHOICES = "choices", "Several of the answers"
    YES_NO = "yes_no", "Yes, no or unsure"
    TICK = "tick", "A tick"
    WHOLE = "whole", "A whole number"
    NUMBER = "number", "A number"
    DATE = "date", "A day"


NUMBERS = (Kind.WHOLE, Kind.NUMBER)
WITH_CHOICES = (Kind.CHOICE, Kind.CHOICES)
DECIDING = (Kind.CHOICE, Kind.YES_NO, Kind.TICK)
"""Kinds of which one answer can decide whether another question is asked."""


class Condition(NamedTuple):
    """The answer to another question after which alone a question is asked."""

    name: str
    value: str | bool


@dataclass(frozen=True, kw_only=True)
class Question:
    """One thing that a form asks."""

    name: str
    text: str
    kind: Kind
    help: str = ""
    choices: tuple[str, ...] = ()
    is_required: bool = False
    least: float | None = None
    most: float | None = None
    section: str = ""
    only_if: Condition | None = None

    @property
    def answers(self) -> dict[str, str]:
        """The answers that it offers, with their words."""
        return YES_NO if self.kind == Kind.YES_NO else {word: word for word in self.choices}


class Faults:
    """What is wrong with questions, by the place; ``parts`` is how that place calls the parts of a question."""

    def __init__(self, parts: Mapping[str, str]) -> None:
        self.parts = parts
        self.by_place: dict[str, list[str]] = {}

    def weigh(self, question: Question, place: str, before: Sequence[Question]) -> None:
        """Hold one question against the limits, and against those before it."""
        if not NAME.fullmatch(question.name) or question.name in TAKEN_NAMES:
            self.add(place, "The name needs small letters, digits and _, and a letter first; some are the page's own.")
        if any(one.name == question.name for one in before):
            self.add(place, f"There are two questions “{question.name}”.")
        if not question.text.strip():
            self.add(f"{place}.text", "Say what is asked.")
        limits = (("text", LONGEST_TEXT), ("help", LONGEST_HELP), ("section", LONGEST_SECTION))
        for part, longest in limits:
            self._fit(getattr(question, part), f"{place}.{part}", longest)
        if question.kind in WITH_CHOICES:
            self._weigh_choices(question, f"{place}.choices")
        if question.kind in LONGEST_ANSWER and question.most is not None:
            longest = LONGEST_ANSWER[question.kind]
            if not 1 <= question.most <= longest or question.most != int(question.most):
                self.add(f"{place}.most", f"Write a whole number from 1 to {longest}.")
        elif question.least is not None and question.most is not None and question.least > question.most:
            self.add(f"{place}.least", "The least is more than the most.")
        if question.only_if:
            self._weigh_condition(question.only_if, f"{place}.only_if", before)

    def _weigh_choices(self, question: Question, place: str) -> None:
        if not 2 <= len(question.choices) <= MOST_CHOICES:
            self.add(place, f"Offer 2 to {MOST_CHOICES} answers.")
        if len({" ".join(one.split()).casefold() for one in question.choices}) != len(question.choices):
            self.add(place, "An answer stands here twice.")
        for one in question.choices:
            self._fit(one, place, LONGEST_CHOICE)
            if one != one.strip() or not one:
                self.add(place, "An answer is empty, or has a blank before or after it.")

    def _weigh_condition(self, condition: Condition, place: str, before: Sequence[Question]) -> None:
        other = next((one for one in before if one.name == condition.name), None)
        if other is None or other.kind not in DECIDING or other.only_if:
            return self.add(place, "Name a question above it that is always asked and has one answer of several.")
        if not (condition.value is True if other.kind == Kind.TICK else condition.value in other.answers):
            return self.add(place, f"“{other.text}” has no such answer.")
        return None

    def count(self, questions: Sequence[Question], place: str) -> None:
        """Refuse more questions than anybody answers."""
        if len(questions) > MOST_QUESTIONS:
            self.add(place, f"Ask at most {MOST_QUESTIONS} questions.")

    def _fit(self, text: str, place: str, longest: int) -> None:
        if len(text) > longest:
            self.add(place, f"At most {longest} characters.")
        if CONTROL.search(text):
            self.add(place, "Has a character that no text may have.")
        if cards.blanked(text) != text:
            self.add(place, "That looks like a card number.")

    def add(self, place: str, sentence: str) -> None:
        """Note what is wrong at a place."""
        stem, _, part = place.rpartition(".")
        named = f"{stem}.{self.parts[part]}" if part in self.parts and stem else place
        # What was typed stands in them, and has to be fit for a page.
        named, sentence = (text.encode(errors="replace").decode()[:200] for text in (named, sentence))
        self.by_place.setdefault(named, []).append(sentence)


def check(questions: Sequence[Question]) -> None:
    """
    Hold questions against each other and against what a page can show.

    :raises BadForm: with the faults by the place in the list, as ``questions[2].text``.
    """
    faults = Faults({})
    for place, question in enumerate(questions):
        faults.weigh(question, f"questions[{place}]", questions[:place])
    faults.count(questions, "questions")
    if faults.by_place:
        raise BadForm(details=faults.by_place)


def name_for(text: str, taken: Iterable[str]) -> str:
    """Make a question's name of its words, unlike those that are taken."""
    words = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
    stem = re.sub(r"^[^a-z]+", "", words)[:30].rstrip("_") or "question"
    avoided = {*taken, *TAKEN_NAMES}
    return next(name for n in range(1, len(avoided) + 2) if (name := stem if n == 1 else f"{stem}_{n}") not in avoided)

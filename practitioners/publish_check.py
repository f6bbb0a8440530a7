"""
Whether an appointment type can be offered, and what stands in the way.

Red: it cannot be offered. Amber: it can, but somebody should look. Green: all is well. The verdict is stored on the
type, so that offering it costs no check; whoever changes what it depends on rings ``check_catalogue``.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from django.db import transaction
from django.db.models import Prefetch

from botaniqal import locks
from botaniqal.wording import gate
from services import catalogue_words, prices
from services.models import AppointmentType, Form, FormVersion, Service

from .models import CalendlyEventType, Practitioner, Room

LENGTH_IN_CODE = re.compile(r"_(\d{1,3})$")


class Colour(StrEnum):
    GREEN = "green"
    AMBER = "amber"
    RED = "red"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A cell of the matrix: what was looked at, and the reason when it is not green."""

    aspect: str
    colour: Colour
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A row of the matrix."""

    appointment_type: AppointmentType
    findings: tuple[Finding, ...]

    @property
    def stored(self) -> dict[str, Any]:
        """What of it stands on the type: the colour, and each finding that is not green."""
        rows = [
            {"aspect": each.aspect, "colour": str(each.colour), "reason": each.reason}
            for each in self.findings
            if each.colour != Colour.GREEN
        ]
        return {"verdict": str(self.colour), "findings": rows}

    @property
    def colour(self) -> Colour:
        """The worst of its findings."""
        colours = {finding.colour for finding in self.findings}
        return next(colour for colour in (Colour.RED, Colour.AMBER, Colour.GREEN) if colour in colours)


ASPECTS = (
    AppointmentType.PRICE,
    "MediRecords type",
    "its length",
    "billing code",
    "category",
    "practitioners",
    "room",
    "form",
    "wording",
    "launch",
)


def check(*, day: date) -> list[Verdict]:
    """Look at every appointment type of services that are not retired, as it stands on a day of the clinic."""
    givers = Practitioner.objects.active().order_by("name")
    forms = Prefetch("versions", queryset=FormVersion.objects.in_use(), to_attr="in_use")
    types = list(
        AppointmentType.objects.filter(is_active=True)
        .exclude(service__status=Service.Status.RETIRED)
        .select_related("service")
        .prefetch_related(Prefetch("practitioners", queryset=givers, to_attr="givers"))
        .in_catalogue_order()
    )
    known = prices.prices_as_of(day)
    has_room = Room.objects.filter(is_active=True).exists()
    in_calendly = defaultdict(set)
    for row in CalendlyEventType.objects.all():
        in_calendly[row.appointment_type_id].add(row.practitioner_id)
    in_use = {form.pk: form for form in Form.objects.filter(is_active=True).prefetch_related(forms)}
    texts = {each.subject: each for kind in types for each in catalogue_words.texts_of(kind.service, [kind])}
    standing = {each.text.subject: each for each in gate.states(texts.values())}
    return [
        Verdict(
            appointment_type=kind,
            findings=(
                _price(known.get(kind.pk)),
                *_medirecords(kind),
                _practitioners(kind, in_calendly[kind.pk]),
                _room(kind, has_room),
                _form(kind, in_use),
                _wording(kind, standing),
                _launch(kind, day),
            ),
        )
        for kind in types
    ]


@transaction.atomic
def refresh(*, day: date, now: datetime) -> int:
    """
    Store what the check says on a day of the clinic, and say how many types it changed; the rest is not written.

    One at a time, so that an older look never overwrites a newer one. What is not looked at is not offered.
    """
    locks.wait_for("check_catalogue")
    verdicts = check(day=day)
    altered = 0
    for verdict in verdicts:
        kind, said = verdict.appointment_type, verdict.stored
        if said != {"verdict": kind.verdict, "findings": kind.findings}:
            altered += AppointmentType.objects.filter(pk=kind.pk).update(**said, checked_at=now)
    unchecked = {"verdict": AppointmentType.Verdict.UNCHECKED, "findings": []}
    others = AppointmentType.objects.exclude(pk__in=[verdict.appointment_type.pk for verdict in verdicts])
    return altered + others.exclude(verdict=AppointmentType.Verdict.UNCHECKED).update(**unchecked, checked_at=now)


def _price(price: Decimal | None) -> Finding:
    return _finding(AppointmentType.PRICE, Colour.RED if price is None else Colour.GREEN, "It has no price yet.")


def _medirecords(kind: AppointmentType) -> tuple[Finding, ...]:
    """Consultations never reach MediRecords; of the rest type, its length, billing code and category count."""
    is_told, code = not kind.is_free_consultation, kind.medirecords_type
    length = LENGTH_IN_CODE.search(code)
    is_other = is_told and length is not None and int(length[1]) != kind.minutes
    return (
        _finding(
            "MediRecords type", Colour.RED if is_told and not code else Colour.GREEN, "It has no MediRecords type."
        ),
        _finding(
            "its length",
            Colour.AMBER if is_other else Colour.GREEN,
            f"{code} is named for another length; the true one, {kind.minutes} minutes, is sent.",
        ),
        _finding(
            "billing code",
            Colour.AMBER if is_told and not kind.billing_code else Colour.GREEN,
            "It has no billing code.",
        ),
        _finding(
            "category",
            Colour.AMBER if is_told and not kind.reporting_category else Colour.GREEN,
            "It has no reporting category.",
        ),
    )


def _practitioners(kind: AppointmentType, in_calendly: Collection[object]) -> Finding:
    if not kind.givers:
        return _finding("practitioners", Colour.RED, "Nobody active gives it.")
    without = [str(person) for person in kind.givers if not _has_calendar(person, in_calendly)]
    if len(without) == len(kind.givers):
        return _finding("practitioners", Colour.RED, "Nobody who gives it has a calendar for it.")
    words = f"{', '.join(without)} {'has' if len(without) == 1 else 'have'} no calendar for it."
    return _finding("practitioners", Colour.AMBER if without else Colour.GREEN, words)


def _has_calendar(person: Practitioner, in_calendly: Collection[object]) -> bool:
    match person.calendar_provider:
        case Practitioner.CalendarProvider.CALENDLY:
            return person.pk in in_calendly or None in in_calendly
        case Practitioner.CalendarProvider.OUTLOOK:
            return bool(person.mailbox)
    return False


def _room(kind: AppointmentType, has_room: bool) -> Finding:
    is_lacking = kind.is_in_person and not has_room
    return _finding("room", Colour.RED if is_lacking else Colour.GREEN, "There is no room for visits in person.")


def _form(kind: AppointmentType, in_use: Mapping[int, Form]) -> Finding:
    service = kind.service
    form_id = service.followup_form_id if kind.kind == AppointmentType.Kind.FOLLOWUP else service.initial_form_id
    if form_id is None:
        which = "follow-up" if kind.kind == AppointmentType.Kind.FOLLOWUP else "initial"
        return _finding("form", Colour.AMBER, f"{service} has no form for {which} visits.")
    form = in_use.get(form_id)
    if form is None:
        return _finding("form", Colour.AMBER, f"{service}'s form is switched off.")
    is_lacking = not form.in_use
    return _finding("form", Colour.AMBER if is_lacking else Colour.GREEN, f"No version of “{form}” is in use.")


def _wording(kind: AppointmentType, standing: Mapping[str, gate.Standing]) -> Finding:
    found = [standing[text.subject] for text in catalogue_words.texts_of(kind.service, [kind])]
    for state, colour, words in (
        (gate.State.NEVER, Colour.RED, "Nobody approved these words yet: {}."),
        (gate.State.CHANGED, Colour.AMBER, "The public still reads the former words: {}."),
    ):
        if labels := [each.text.label for each in found if each.state == state]:
            return _finding("wording", colour, words.format("; ".join(labels)))
    return _finding("wording", Colour.GREEN, "")


def _launch(kind: AppointmentType, day: date) -> Finding:
    service = kind.service
    is_late = service.status == Service.Status.COMING_SOON and service.launches_on and service.launches_on < day
    return _finding("launch", Colour.AMBER if is_late else Colour.GREEN, f"{service}'s launch date has passed.")


def _finding(aspect: str, colour: Colour, reason: str) -> Finding:
    return Finding(aspect=aspect, colour=colour, reason="" if colour == Colour.GREEN else reason)

"""What the portal holds and what a vendor says of one visit, put side by side; without database and network."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Any

from django.utils import timezone

from ..models import Drift

Kind, Field = Drift.Kind, Drift.Field

OURS = {Kind.STANDS_THERE: "Cancelled", Kind.UNKNOWN: "Nobody here knows it"}
THEIRS = {Kind.MISSING: "Not there", Kind.CANCELLED_THERE: "Cancelled"}
ANOTHER_PATIENT, OUR_PATIENT = "Another patient", "The patient of the booking"
SOMEBODY = "Somebody whom the portal does not know"
STRANGER = "?"  # a key for whom the portal does not know; an empty one says nothing at all


class Presence(Enum):
    """Whether a vendor should have a visit."""

    STANDS = "stands"
    GONE = "gone"
    EITHER = "either"


@dataclass(frozen=True, kw_only=True)
class Visit:
    """What a vendor should say of a booking, in keys that both sides share; what one leaves empty is not compared."""

    presence: Presence
    starts_at: datetime
    minutes: int
    practitioner: str
    type: str = ""
    patient: str = ""


@dataclass(frozen=True, kw_only=True)
class Word:
    """
    What a vendor says of one visit.

    ``mark`` is the booking's id that it carries, ``ref`` a second name that the vendor has for it, and ``place`` where
    it stands, for vendors that have several.
    """

    external_id: str
    stands: bool
    starts_at: datetime
    minutes: int | None = None
    practitioner: str = ""
    type: str = ""
    patient: str = ""
    mark: str = ""
    ref: str = ""
    place: str = ""


@dataclass(frozen=True, kw_only=True)
class Names:
    """What people call what the keys stand for."""

    practitioners: Mapping[str, str]
    types: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One thing in which a vendor differs; ``evidence`` is what it says, for a machine."""

    kind: Kind
    field: Field
    external_id: str
    ours: str
    theirs: str
    visit_at: datetime
    evidence: dict[str, Any]


def differences(visit: Visit, word: Word | None, names: Names, *, now: datetime) -> list[Difference]:
    """List in what a vendor's word of a visit differs from the portal's; none where all is well."""
    kind = _difference_as_a_whole(visit, word)
    if kind:
        ours = OURS.get(kind) or clock(visit.starts_at)
        theirs = THEIRS.get(kind) or clock(word.starts_at)
        found = [(kind, Field.WHOLE, ours, theirs)]
    elif visit.presence is Presence.STANDS and word:
        found = [(Kind.DIFFERS, *field) for field in _differing_fields(visit, word, names)]
    else:
        found = []
    return [
        Difference(
            kind=kind,
            field=field,
            external_id=word.external_id if word else "",
            ours=ours[:200],
            theirs=theirs[:200],
            visit_at=soonest(visit, word, now=now),
            evidence=as_evidence(word),
        )
        for kind, field, ours, theirs in found
    ]


def unknown(word: Word, names: Names, *, second_of: str = "") -> Difference:
    """Tell of something that stands at a vendor and that nobody here knows, or that a booking has there already."""
    who = names.practitioners.get(word.practitioner, SOMEBODY)
    return Difference(
        kind=Kind.UNKNOWN,
        field=Field.WHOLE,
        external_id=word.external_id,
        ours=f"{second_of} has another one there" if second_of else OURS[Kind.UNKNOWN],
        theirs=f"{clock(word.starts_at)}, {length(word.minutes)}, {who}"[:200],
        visit_at=word.starts_at,
        evidence=as_evidence(word),
    )


def soonest(visit: Visit, word: Word | None, *, now: datetime) -> datetime:
    """Tell when it is about: the sooner of the two times that are still to come."""
    moments = [visit.starts_at] if visit.presence is Presence.STANDS else []
    if word and word.stands:
        moments.append(word.starts_at)
    moments = moments or [visit.starts_at]
    return min((moment for moment in moments if moment >= now), default=max(moments))


def clock(moment: datetime) -> str:
    """Write a moment as the clinic's wall clock shows it."""
    local = timezone.localtime(moment)
    year = "" if local.year == timezone.localdate().year else f" {local:%Y}"
    return f"{local:%a %-d %b}{year} {local:%H:%M}"


def length(minutes: int | None) -> str:
    """Write a length."""
    return "an unknown length" if minutes is None else f"{minutes} minutes"


def as_evidence(word: Word | None) -> dict[str, Any]:
    """Write a vendor's word down so that it can be read back."""
    if word is None:
        return {}
    fields = {name: value for name, value in vars(word).items() if value not in ("", None)}
    return fields | {"starts_at": word.starts_at.isoformat()}


def from_evidence(evidence: Mapping[str, Any]) -> Word | None:
    """Read a vendor's word back."""
    fields = {name: evidence[name] for name in Word.__dataclass_fields__ if name in evidence}
    return Word(**fields | {"starts_at": datetime.fromisoformat(fields["starts_at"])}) if fields else None


def instead_of(old: Word, new: Word) -> Word:
    """Let a vendor's word stand for the one whose place it took; what it carried goes with it."""
    return replace(new, mark=new.mark or old.mark)


def _difference_as_a_whole(visit: Visit, word: Word | None) -> Kind | None:
    stands_there = bool(word and word.stands)
    if visit.presence is Presence.GONE and stands_there:
        return Kind.STANDS_THERE
    if visit.presence is Presence.STANDS and not stands_there:
        return Kind.CANCELLED_THERE if word else Kind.MISSING
    return None


def _differing_fields(visit: Visit, word: Word, names: Names) -> Iterator[tuple[Field, str, str]]:
    if visit.starts_at != word.starts_at:
        yield Field.TIME, clock(visit.starts_at), clock(word.starts_at)
    if visit.minutes != word.minutes:
        yield Field.LENGTH, length(visit.minutes), length(word.minutes).capitalize()
    if visit.practitioner and word.practitioner and visit.practitioner != word.practitioner:
        theirs = names.practitioners.get(word.practitioner, SOMEBODY)
        yield Field.PRACTITIONER, names.practitioners.get(visit.practitioner, SOMEBODY), theirs
    if visit.type and word.type and visit.type != word.type:
        yield Field.TYPE, names.types.get(visit.type, visit.type), names.types.get(word.type, "Another type")
    if visit.patient and visit.patient != word.patient:
        yield Field.PATIENT, OUR_PATIENT, ANOTHER_PATIENT

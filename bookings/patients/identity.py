"""Who somebody on the phone is: three identifiers that agree, and the records that may be theirs already."""

from dataclasses import dataclass, field
from datetime import datetime
from difflib import SequenceMatcher
from enum import IntEnum
from unicodedata import normalize
from uuid import UUID

from django.contrib.postgres.search import TrigramSimilarity
from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Upper

from botaniqal.accounts.models import User
from botaniqal.errors import RuleBroken

from ..models import IdentityCheck, Patient

Identifier = IdentityCheck.Identifier

NEEDED = 3
RECORDED_IN = {
    Identifier.NAME: "name",
    Identifier.BIRTH: "date_of_birth",
    Identifier.PHONE: "phone",
    Identifier.ADDRESS: "address",
}
"""The detail of a patient that each identifier is held against."""

SIMILAR = 0.5
"""How alike two names are by their pieces, from 0 to 1, that the database gives to be looked at."""
ALIKE, SHORT_FORM = 0.75, 3
"""How alike two words of a name are that were misheard or misspelt, and how many letters a short form has."""

LOOKED_AT, SHOWN = 20, 5


class NotIdentified(RuleBroken):
    """Too few identifiers agree."""

    code = "not_identified"

    def __init__(self) -> None:
        super().__init__("identity", "The name and two more of date of birth, phone and address have to agree first.")


class NothingToCompare(RuleBroken):
    """An identifier is ticked that the record does not have."""

    code = "nothing_to_compare"

    def __init__(self, identifier: Identifier) -> None:
        super().__init__("identity", f"No {identifier.label.lower()} is written down, so nothing can agree with it.")


class Strength(IntEnum):
    """How much speaks for two records being one person's."""

    FAMILY = 1
    WEAK = 2
    POSSIBLE = 3
    STRONG = 4

    @property
    def words(self) -> str:
        """Say it to the consultant."""
        return {self.STRONG: "Likely", self.POSSIBLE: "Possible", self.WEAK: "Weak", self.FAMILY: "Family?"}[self]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A record that may be the same person's, with what speaks for it and against it."""

    patient: Patient
    strength: Strength
    reasons: list[str] = field(default_factory=list)


def is_enough(identifiers: list[str]) -> bool:
    """Tell whether so many identifiers agree that somebody is who they say: the name and two more."""
    return Identifier.NAME in identifiers and len(set(identifiers)) >= NEEDED


def recorded(patient: Patient) -> list[Identifier]:
    """List the identifiers that can be held against a record."""
    return [identifier for identifier, detail in RECORDED_IN.items() if getattr(patient, detail)]


@transaction.atomic
def check(*, patient_id: UUID, identifiers: list[str], session_id: UUID, by: User | None, now: datetime) -> bool:
    """
    Write down which identifiers agreed with a patient's record in a call, and tell whether they are enough.

    :raises NothingToCompare: one of them is not recorded.
    """
    patient = Patient.objects.select_for_update().get(pk=patient_id)
    known = recorded(patient)
    for identifier in map(Identifier, identifiers):
        if identifier not in known:
            raise NothingToCompare(identifier)
    agreed = [identifier for identifier in Identifier if identifier in identifiers]
    IdentityCheck.objects.update_or_create(
        patient=patient,
        session_id=session_id,
        defaults={"identifiers": agreed, "checked_at": now, "checked_by": by},
    )
    patient.identified_at = _last_sufficient(patient)
    patient.save(update_fields=["identified_at"])
    return is_enough(agreed)


def checked_in(*, patient_id: UUID, session_id: UUID) -> list[str]:
    """List the identifiers that agreed with a record in a call."""
    rows = IdentityCheck.objects.filter(session_id=session_id, patient=patient_id)
    return next(iter(rows.values_list("identifiers", flat=True)), [])


def is_identified(*, patient_id: UUID, session_id: UUID) -> bool:
    """Tell whether enough identifiers agreed with a record in a call."""
    return is_enough(checked_in(patient_id=patient_id, session_id=session_id))


def candidates(patient: Patient) -> list[Candidate]:
    """
    Find the records that may be the same person's as this one's, the likeliest first.

    Each way of looking is bounded and goes by an index, however many patients there are.
    """
    found = map(_weighed(patient), _alike(patient))
    likely = sorted((one for one in found if one), key=lambda one: (-one.strength, one.patient.created_at))
    return likely[:SHOWN]


def _last_sufficient(patient: Patient) -> datetime | None:
    checks = patient.identity_checks.values_list("identifiers", "checked_at")
    return max((at for identifiers, at in checks if is_enough(identifiers)), default=None)


def _alike(patient: Patient) -> list[Patient]:
    others = Patient.objects.standing().exclude(pk=patient.pk).order_by()
    ways: list[QuerySet[Patient]] = []
    if patient.phone:
        ways.append(others.filter(phone=patient.phone))
    if patient.email:
        ways.append(others.filter(email__in={patient.email, patient.email.lower()}))
    if patient.date_of_birth:
        # So many are born on a day that the bound could cut off the right one: the name decides which are looked at.
        similarity = TrigramSimilarity(Upper("name"), patient.name.upper())
        same_day = others.filter(date_of_birth=patient.date_of_birth).annotate(similarity=similarity)
        ways.append(same_day.filter(similarity__gte=SIMILAR / 2).order_by("-similarity"))
    if patient.name.strip():
        likeness = Q(date_of_birth=None) | Q(date_of_birth=patient.date_of_birth) if patient.date_of_birth else Q()
        alike = others.annotate(upper=Upper("name")).filter(likeness, upper__trigram_similar=patient.name.upper())
        ways.append(alike.order_by(TrigramSimilarity("upper", patient.name.upper()).desc()))
    keys: set[UUID] = set()
    with transaction.atomic(), connection.cursor() as cursor:
        # For this transaction alone: how alike names must be that the index gives.
        cursor.execute("SELECT set_config('pg_trgm.similarity_threshold', %s, true)", [str(SIMILAR)])
        for way in ways:
            keys.update(way.values_list("pk", flat=True)[:LOOKED_AT])
    return list(Patient.objects.filter(pk__in=keys))


def _weighed(patient: Patient):
    def weigh(other: Patient) -> Candidate | None:
        is_same_name, is_like_name = _folded(patient.name) == _folded(other.name), _is_like(patient.name, other.name)
        birth, phone = _agree(patient.date_of_birth, other.date_of_birth), _agree(patient.phone, other.phone)
        email = _agree(patient.email.lower(), other.email.lower())
        sames = [word for word, agrees in (("date of birth", birth), ("phone", phone), ("e-mail", email)) if agrees]
        reasons = [f"Same {_listed((['name'] if is_same_name else []) + sames)}"] if is_same_name or sames else []
        if not is_same_name:
            reasons.append("similar name" if is_like_name else "other name")
        if birth is False:
            reasons.append("other date of birth")
        strength = _strength(
            is_same_name=is_same_name, is_like_name=is_like_name, birth=birth, phone=phone, email=email
        )
        words = [reasons[0][:1].upper() + reasons[0][1:], *reasons[1:]]
        return strength and Candidate(other, strength, words)

    return weigh


def _strength(
    *, is_same_name: bool, is_like_name: bool, birth: bool | None, phone: bool | None, email: bool | None
) -> Strength | None:
    """Weigh what agrees: an e-mail or phone that a family shares is nothing without the name."""
    if birth is False or not is_like_name:
        if birth and (phone or email):
            return Strength.POSSIBLE  # somebody may have another name since
        return Strength.FAMILY if phone or email else None
    if birth or phone:
        return Strength.STRONG if is_same_name or (birth and (phone or email)) else Strength.POSSIBLE
    return Strength.POSSIBLE if email else Strength.WEAK


def _agree(ours: object, theirs: object) -> bool | None:
    """Compare what both sides know; None where one of them does not."""
    return ours == theirs if ours and theirs else None


def _folded(name: str) -> str:
    return " ".join(sorted(normalize("NFKC", name).replace("’", "'").casefold().split()))


def _is_like(one: str, other: str) -> bool:
    """Tell whether each word of the shorter name is like one of the other: a family name alone is a family's."""
    shorter, longer = sorted((_folded(name).replace("-", " ").split() for name in (one, other)), key=len)
    return bool(shorter) and all(any(_is_like_word(word, word_there) for word_there in longer) for word in shorter)


def _is_like_word(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    is_short_form = len(short) >= SHORT_FORM and long.startswith(short)
    return is_short_form or SequenceMatcher(a=short, b=long).ratio() >= ALIKE


def _listed(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)

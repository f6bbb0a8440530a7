"""Finding in what a vendor differs from the portal, and keeping one open row for each difference that stands."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Prefetch, Q

from ..models import Booking, Drift, Reconciliation, SyncRecord
from ..vendors import sync
from . import comparing
from .asking import Vendor
from .comparing import Difference, Names, Presence, Word

Key = tuple[UUID | None, str, str]

AGREES = "Agrees again."
PASSED = "Its time has passed."
# So many visits are looked at one by one; where more are missing in a list, something else is wrong.
MOST_LOOKS = 50
SHOWN = ("kind", "ours", "theirs", "visit_at", "evidence")


@dataclass
class Findings:
    """What came of comparing the portal with one vendor."""

    system: str
    differences: dict[Key, Difference] = field(default_factory=dict)
    compared: set[UUID] = field(default_factory=set)
    looked_at: set[str] = field(default_factory=set)

    def add(self, booking_id: UUID | None, found: Iterable[Difference]) -> None:
        """Keep what was found of a booking, or of something that belongs to none."""
        self.differences |= {(booking_id, one.external_id, one.field.value): one for one in found}


class Comparison:
    """
    One comparison of bookings with what a vendor says of them.

    The bookings are read before the vendor is, and once more at the end: what changed between is left for another time.
    """

    def __init__(self, vendor: Vendor, wanted: Q, *, now: datetime) -> None:
        self._vendor = vendor
        self._now = now
        self._looks = 0
        self._claimed: set[str] = set()
        self._findings = Findings(vendor.system)
        self._said: Mapping[str, Word] = {}
        self._by_mark: Mapping[str, Word] = {}
        self._bookings = self._read(wanted)

    def run(self, said: Mapping[str, Word] | None) -> Findings:
        """
        Compare the wanted bookings and those that the vendor's list names; without a list each is looked at by itself.

        :raises VendorUnavailable: the vendor could not be asked again.
        :raises VendorRefused: the vendor does not answer to this.
        """
        self._is_list, self._said = said is not None, said or {}
        standing_last = sorted(self._said.values(), key=lambda word: word.stands)
        self._by_mark = {word.mark: word for word in standing_last if word.mark}
        named = SyncRecord.objects.filter(system=self._vendor.system, external_id__in=self._said)
        self._claimed = set(named.values_list("external_id", flat=True))
        known = {booking.pk for booking in self._bookings}
        others = self._read(Q(pk__in=named.values("booking")) | Q(pk__in=self._by_mark))
        self._newcomers = {booking.pk: booking for booking in others if booking.pk not in known}
        names = self._vendor.names()
        fingerprints = {}
        for booking in [*self._bookings, *self._newcomers.values()]:
            record = _record_of(booking)
            if record and record.external_id:
                self._claimed.add(record.external_id)
            if self._is_compared(booking, record):
                fingerprints[booking.pk] = fingerprint(booking, record)
                self._compare(booking, record, names)
        self._look_for_unknown(names)
        self._forget_what_changed_meanwhile(fingerprints)
        return self._findings

    def _read(self, wanted: Q) -> list[Booking]:
        records = SyncRecord.objects.filter(system=self._vendor.system)
        people = ("patient", "practitioner", "appointment_type")
        found = Booking.objects.filter(wanted).select_related(*people).order_by("starts_at")
        return list(found.prefetch_related(Prefetch("sync_records", queryset=records, to_attr="told")))

    def _is_compared(self, booking: Booking, record: SyncRecord | None) -> bool:
        """Leave out whom the vendor is about to be told of, and what never concerned it."""
        if record is None:
            return self._vendor.system in sync.systems_of(booking)
        return record.told >= record.wanted or record.needs_person

    def _compare(self, booking: Booking, record: SyncRecord | None, names: Names) -> None:
        visit = self._vendor.visit(booking, now=self._now)
        word = self._said.get(record.external_id) if record and record.external_id else None
        word = word or self._by_mark.get(str(booking.pk))
        is_newcomer = booking.pk in self._newcomers
        if is_newcomer and word and word.external_id == (record and record.external_id):
            word = None  # what the list says may be older than what stands here
        is_sought = visit.presence is Presence.STANDS or is_newcomer or not self._is_list
        if word is None and record and record.external_id and is_sought:
            if not self._may_look():
                return
            word = self._vendor.one(record.external_id, self._vendor.place_of(booking, record))
        if word and not word.stands and visit.presence is Presence.STANDS:
            if not self._may_look():
                return
            word = self._vendor.after_moves(word)
        if word:
            self._claimed.add(word.external_id)
        self._findings.compared.add(booking.pk)
        self._findings.add(booking.pk, comparing.differences(visit, word, names, now=self._now))

    def _look_for_unknown(self, names: Names) -> None:
        """Find what stands there and belongs to nobody here."""
        # What was found before may stand outside the list by now.
        before = Drift.objects.unsettled().filter(system=self._vendor.system, kind=Drift.Kind.UNKNOWN, booking=None)
        words = dict(self._said)
        for drift in before.exclude(external_id__in=words) if self._is_list else []:
            if drift.visit_at > self._now and self._may_look():
                word = self._vendor.one(drift.external_id, drift.evidence.get("place", ""))
                self._findings.looked_at.add(drift.external_id)
                words |= {word.external_id: word} if word else {}
        self._findings.looked_at |= set(words)
        strange = [word for word in words.values() if self._is_strange(word)]
        marked = [self._vendor.marked(word) for word in strange if word.mark or self._may_look()]
        owners = {
            str(booking.pk): booking for booking in self._read(Q(pk__in=[word.mark for word in marked if word.mark]))
        }
        for word in marked:
            owner = owners.get(word.mark)
            # It may have been entered a moment ago, and the answer is not written down yet.
            if owner is None or self._is_compared(owner, _record_of(owner)):
                self._findings.add(None, [comparing.unknown(word, names, second_of=str(owner or ""))])

    def _is_strange(self, word: Word) -> bool:
        is_ahead = word.stands and word.starts_at > self._now
        return is_ahead and word.external_id not in self._claimed and self._vendor.matters(word)

    def _may_look(self) -> bool:
        self._looks += 1
        return self._looks <= MOST_LOOKS

    def _forget_what_changed_meanwhile(self, fingerprints: Mapping[UUID, list[Any]]) -> None:
        """Leave for the next time what was changed here while the vendor was being read."""
        found = self._findings
        doubtful = [booking_id for booking_id, _, _ in found.differences if booking_id]
        present = {booking.pk: booking for booking in self._read(Q(pk__in=doubtful))}
        changed = set()
        for booking_id in doubtful:
            booking = present.get(booking_id)
            record = _record_of(booking) if booking else None
            seen = fingerprints[booking_id]
            if booking is None or not self._is_compared(booking, record) or fingerprint(booking, record) != seen:
                changed.add(booking_id)
        found.compared -= changed
        found.differences = {key: one for key, one in found.differences.items() if key[0] not in changed}
        for (booking_id, _, _), one in found.differences.items():
            if booking_id:
                one.evidence["seen"] = fingerprints[booking_id]


def fingerprint(booking: Booking, record: SyncRecord | None) -> list[Any]:
    """Write down in what state a booking was compared, so that a change since then is seen."""
    moments = [booking.starts_at.isoformat(), booking.ends_at.isoformat()]
    told = [record.wanted, record.external_id] if record else [0, ""]
    return [booking.state, *moments, str(booking.practitioner_id), booking.appointment_type_id, *told]


@transaction.atomic
def write_down(findings: Findings, *, run: Reconciliation | None, now: datetime) -> int:
    """Open a row for what is new, refresh what still stands, end what agrees again, and count what is new."""
    open_rows = {
        (drift.booking_id, drift.external_id, drift.field): drift
        for drift in Drift.objects.unsettled().filter(system=findings.system).select_for_update()
    }
    left = _left(findings)
    seen, new = [], []
    for key, one in findings.differences.items():
        shown = {name: getattr(one, name) for name in SHOWN}
        if drift := open_rows.get(key):
            for name, value in (shown | {"seen_at": now}).items():
                setattr(drift, name, value)
            seen.append(drift)
        elif (*key, one.kind, one.ours, one.theirs) not in left:
            booking_id, external_id, differing = key
            new.append(
                Drift(
                    system=findings.system,
                    booking_id=booking_id,
                    external_id=external_id,
                    field=differing,
                    found_by=run,
                    seen_at=now,
                    **shown,
                )
            )
    Drift.objects.bulk_update(seen, [*SHOWN, "seen_at"], batch_size=500)
    opened = Drift.objects.bulk_create(new, ignore_conflicts=True, batch_size=500)
    gone = [
        drift.pk for key, drift in open_rows.items() if key not in findings.differences and _is_over(drift, findings)
    ]
    Drift.objects.filter(pk__in=gone).update(settled_at=now, outcome=AGREES)
    past = Drift.objects.unsettled().filter(system=findings.system, kind=Drift.Kind.UNKNOWN, visit_at__lte=now)
    past.update(settled_at=now, outcome=PASSED)
    return len(opened)


def _left(findings: Findings) -> set[tuple[Any, ...]]:
    """Read what somebody decided to leave as it is: the same is not found again."""
    bookings = {booking_id for booking_id, _, _ in findings.differences if booking_id}
    objects = {external_id for _, external_id, _ in findings.differences if external_id}
    rows = Drift.objects.filter(
        Q(booking__in=bookings) | Q(external_id__in=objects), system=findings.system, is_left=True
    )
    return set(rows.values_list("booking_id", "external_id", "field", "kind", "ours", "theirs"))


def _is_over(drift: Drift, findings: Findings) -> bool:
    if drift.booking_id:
        return drift.booking_id in findings.compared
    return drift.external_id in findings.looked_at


def _record_of(booking: Booking) -> SyncRecord | None:
    return booking.told[0] if booking.told else None

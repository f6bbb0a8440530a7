"""What is known here of a Calendly event, and how it is written down: its booking, its people, its time."""

from datetime import datetime
from functools import partial
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Lower

from botaniqal import locks, zones
from botaniqal.celery import ring
from botaniqal.integrations import owed
from botaniqal.integrations.calendly import event_of
from botaniqal.integrations.calendly_events import CalendlyEvent, Kind
from botaniqal.integrations.owed import WaitFor
from practitioners import calendars, diary, timegrid
from practitioners.models import LONGEST_ENTRY, BusyPeriod, DiaryEntry, Practitioner, Room

from ..models import Booking, Patient, SyncRecord
from . import sync

CALENDLY = SyncRecord.System.CALENDLY
UNDERWAY = "Calendly has an event of ours that nobody remembered. It is seen to when what is under way is done."


def wait_for(event: CalendlyEvent) -> None:
    """Let what is heard of one visit be worked one after the other, until the transaction's end."""
    names = {event.event_id, event.invitee_uri, event.old_invitee, event.new_invitee} - {"", None}
    for name in sorted(names):  # in one order, so that no two wait for each other
        locks.wait_for(f"calendly:{name}")


def record_of(event: CalendlyEvent) -> SyncRecord | None:
    """Find the record of the booking that an event stands for."""
    return (
        SyncRecord.objects.filter(system=CALENDLY, external_id=event.event_id)
        .select_related("booking__practitioner")
        .first()
    )


def record_by_ref(invitee: str | None) -> SyncRecord | None:
    """Find the record of the booking whose last invitee this is; an imported one is known by its event alone."""
    if not invitee:
        return None
    records = SyncRecord.objects.filter(system=CALENDLY)
    imported = records.filter(external_ref="", external_id=event_of(invitee)).exclude(external_id="")
    return records.filter(external_ref=invitee).first() or imported.first()


def record_after(invitee: str | None) -> SyncRecord | None:
    """Find the record of the booking in which another invitee took this one's place, also if that was heard first."""
    if not invitee:
        return None
    former = SyncRecord.objects.filter(system=CALENDLY, former_refs__contains=[invitee])
    return former.exclude(former_refs=[]).first()  # by the index, which leaves empty lists out


def own_booking(event: CalendlyEvent) -> Booking | None:
    """Find the booking that an event was made for by us, or by a link from us."""
    try:
        return Booking.objects.filter(pk=UUID(event.utm_content or "")).first()
    except ValueError:
        return None


def adopt(booking: Booking, event: CalendlyEvent) -> None:
    """Note that Calendly knows of a booking, by which event, and whose place that took."""
    # Locked, so that who tells Calendly does not write down another event in between.
    record = booking.sync_records.select_for_update().filter(system=CALENDLY).first()
    former = record and record.external_ref
    # What the patient moved is gone there; what we entered meanwhile, for the same visit, is not.
    leaves = record.external_id if record and record != record_by_ref(event.old_invitee) else ""
    ref = event.invitee_uri or ""
    sync.adopt(booking=booking, system=CALENDLY, external_id=event.event_id, external_ref=ref, leaves=leaves)
    remember(booking.sync_records.get(system=CALENDLY), event.old_invitee, former)


def adopt_unheard(event: CalendlyEvent) -> SyncRecord | None:
    """Note the event of our own that has ended already, before who entered it there could write it down."""
    booking = own_booking(event)
    if booking is None or booking.starts_at != event.starts_at:
        return None
    record = booking.sync_records.select_for_update().filter(system=CALENDLY, external_id="").first()
    if record is None or (record.underway or {}).get("starts_at") != event.starts_at.isoformat():
        return None
    SyncRecord.objects.filter(pk=record.pk).update(underway=None)  # this is what it was
    adopt(booking, event)
    return record_of(event)


def entrust(booking: Booking, event: CalendlyEvent, now: datetime) -> bool:
    """
    Let who tells Calendly see to an event of ours that nobody remembers; answers whether it is one.

    What is sent in the moment in which something newer is heard is made there all the same, and so is what gets there
    after it was looked for. It is kept where the booking has no other, else taken away.

    :raises WaitFor: something else is under way.
    """
    # One that took another's place was its patient's or host's doing.
    if event.kind != Kind.CREATED or not event.is_by_api or event.old_invitee or event.starts_at <= now:
        return False
    record = booking.sync_records.select_for_update().filter(system=CALENDLY).first()
    if record is None or event.event_id == record.external_id or event.invitee_uri in record.former_refs:
        return False
    underway = record.underway or {}
    if (
        "link" in underway
        or underway.get("starts_at") == event.starts_at.isoformat()
        or underway.get("leaves") == event.event_id
    ):
        return False
    if underway:
        raise WaitFor(UNDERWAY, seconds=settings.SWEEP_SECONDS)
    if record.external_id:
        underway = {"leaves": event.event_id}
        remember(record, event.invitee_uri)
    else:
        underway = {"email": event.email, "starts_at": event.starts_at.isoformat()}
    # Who is telling something at this moment must not write it down over this.
    SyncRecord.objects.filter(pk=record.pk).update(underway=underway, leased_until=None, **owed.newly_wanted(now))
    transaction.on_commit(partial(ring, f"tell_{CALENDLY}"))
    return True


def remember(record: SyncRecord, *former: str | None) -> None:
    """Note whose place a booking's event took: what is heard of them is old news."""
    record.refresh_from_db(fields=["external_ref", "former_refs"])
    known = {record.external_ref, *record.former_refs}
    if news := [ref for ref in dict.fromkeys(former) if ref and ref not in known]:
        record.former_refs = [*record.former_refs, *news]
        record.save(update_fields=["former_refs"])


def was_moved_since(booking: Booking, event: CalendlyEvent) -> bool:
    """Tell whether a visit got another time here, on the phone perhaps, after what Calendly says of its former one."""
    is_later = bool(booking.moved_at and event.created_at and event.created_at < booking.moved_at)
    return is_later and event.starts_at != booking.starts_at


def is_news(record: SyncRecord, event: CalendlyEvent) -> bool:
    """Tell whether nothing newer was heard of how a visit ended, and remember when this was said."""
    if event.created_at and record.heard_at and event.created_at < record.heard_at:
        return False
    SyncRecord.objects.filter(pk=record.pk).update(heard_at=event.created_at)
    return True


def note_end(record: SyncRecord, booking: Booking, words: str) -> None:
    """Note what Calendly said of a visit's end, which it need not be told; what was owed to it before stays owed."""
    if record.told >= record.wanted:
        record = SyncRecord.objects.select_for_update().get(pk=record.pk)
        ids = {"external_id": record.external_id, "external_ref": record.external_ref}
        sync.adopt(booking=booking, system=CALENDLY, heard=words, **ids)


def note_link(booking: Booking, link: str | None) -> None:
    """Write down where a visit takes place now, if its event says so."""
    if link and link != booking.join_link:
        booking.join_link = link
        booking.save(update_fields=["join_link"])


def place(
    practitioner: Practitioner,
    span: diary.Span,
    event_id: str,
    *,
    calendar: Practitioner.CalendarProvider = Practitioner.CalendarProvider.CALENDLY,
    room: Room | None = None,
) -> tuple[DiaryEntry | None, str]:
    """
    Enter in the diary what Calendly, or another that is right, took already.

    Where that cannot be, the time is shown as busy, and a sentence says why somebody has to look.
    """
    calendars.give_way(practitioner=practitioner, external_id=event_id)
    is_on_grid = not any((moment - timegrid.EPOCH) % timegrid.CELL for moment in (span.starts_at, span.ends_at))
    if span.ends_at - span.starts_at > LONGEST_ENTRY:
        why = "Takes more than a day, so it stands outside the diary."
    elif is_on_grid:
        try:
            entry = diary.take(practitioner=practitioner, span=span, room=room, by=None)
        except diary.SlotTaken:
            why = f"Clashes with something else in {practitioner}'s diary. Move one of the two."
        else:
            entry.external_id = event_id
            entry.save(update_fields=["external_id"])
            return entry, ""
    else:
        why = "Begins or ends off the five-minute grid, so it stands outside the diary."
    BusyPeriod.objects.update_or_create(
        practitioner=practitioner,
        calendar=calendar,
        external_id=event_id,
        # Kept by the booking from now on, not by what is read of the calendar.
        defaults={"starts_at": span.starts_at, "ends_at": span.ends_at, "read_from": None},
    )
    return None, why


def member(event: CalendlyEvent) -> Practitioner | None:
    """Find whom Calendly gave the event to: by the member's address in Calendly, else by e-mail."""
    people = Practitioner.objects.active()
    return (
        people.filter(calendly_user_uri__in=event.member_uris).exclude(calendly_user_uri="").first()
        or people.annotate(address=Lower("email")).filter(address__in=map(str.lower, event.member_emails)).first()
    )


def new_patient(event: CalendlyEvent) -> Patient:
    """Write down the person who booked; whether that is somebody known, a person decides: e-mail is no identity."""
    return Patient.objects.create(
        name=event.name[:255],
        email=event.email,
        phone=event.phone or "",
        time_zone=event.timezone if event.timezone in zones.ALL else settings.CLINIC_TIME_ZONE,
    )

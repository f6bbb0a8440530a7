"""What changed at a vendor without our being told: read there, and put into the inbox as if it had been delivered."""

import logging
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from botaniqal.integrations import calendly, calendly_events, inbox
from botaniqal.integrations.calendly import event_of, uuid_of
from botaniqal.integrations.calendly_events import Kind
from botaniqal.integrations.http import VendorRefused
from botaniqal.integrations.models import InboundEvent, OwedQuerySet, Turn
from practitioners.models import CalendlyEventType

from ..models import Booking, SyncNote, SyncRecord

# No calendar is open further ahead.
FAR = timedelta(days=731)
# So long after a visit began somebody may still note in Calendly that nobody came.
NOTED_WITHIN = timedelta(days=2)
# Calendly's clock and ours, and a message that overtook the one before.
LEEWAY = timedelta(minutes=10)
# What each message is called, and how the invitee of whom it tells stands.
FORMS = {
    Kind.CREATED: ("invitee.created", "active"),
    Kind.CANCELED: ("invitee.canceled", "canceled"),
    Kind.NO_SHOW_CREATED: ("invitee_no_show.created", "active"),
}
STANDING = frozenset({Booking.State.PENDING_PAYMENT, Booking.State.CONFIRMED})
LONGEST_ID = 100

Row = dict[str, Any]

log = logging.getLogger(__name__)


def fetch_missed(*, since: datetime, until: datetime, now: datetime) -> int:
    """
    Put into the inbox what was booked, cancelled or missed in Calendly between two moments and never told; count it.

    Calendly lists events by their start alone, so that all that lie ahead, or began since, are read. What was told or
    stands here as it stands there is left alone, and so is what changed before: that is the drift desk's.

    :raises VendorUnavailable: nothing is lost: what was put into the inbox already is known to the next read.
    """
    client = calendly.client()
    events = list(_changed(client, since=since, until=until, now=now))
    told = _told({event["uri"] for event in events}, since=since - LEEWAY)
    states = _states({uuid_of(event["uri"]) for event in events})
    count = 0
    for event in events:
        kind = Kind.CREATED if event["status"] == "active" else Kind.CANCELED
        if (kind, event["uri"]) in told or not _differs(kind, states.get(uuid_of(event["uri"]))):
            continue
        count += sum(_deliver(kind, event, invitee) for invitee in client.raw_invitees(uuid_of(event["uri"])))
    return count + _fetch_no_shows(client, since=since, until=until, now=now)


def fetch_event(*, event_id: str) -> int:
    """
    Put one event that nobody here knows into the inbox, as if Calendly had told of it, and count what is news.

    :raises VendorUnavailable: Calendly could not be asked.
    """
    client = calendly.client()
    event = _event(client, event_id)
    if event is None or event["status"] != "active":
        return 0
    return sum(_deliver(Kind.CREATED, event, invitee) for invitee in client.raw_invitees(event_id))


def fetch_end(*, event_id: str) -> bool:
    """
    Put the end of an event into the inbox, and where it was moved the new one; answers whether that waits to be worked.

    :raises VendorUnavailable: Calendly could not be asked.
    """
    client = calendly.client()
    ahead, uris = [event_id], set()
    while ahead:
        event = _event(client, ahead.pop())
        if event is None or event["uri"] in uris:
            continue
        uris.add(event["uri"])
        kind = Kind.CREATED if event["status"] == "active" else Kind.CANCELED
        for invitee in client.raw_invitees(uuid_of(event["uri"])):
            _deliver(kind, event, invitee)
            if moved_to := invitee.get("new_invitee"):
                ahead.append(event_of(moved_to))
    return _in_inbox(uris).open().exists()


def was_booked_in_calendly(*, since: datetime, until: datetime, now: datetime) -> bool:
    """Tell whether anything was booked in Calendly between two moments, by whomever."""
    events = calendly.client().raw_events(
        organization=settings.CALENDLY_ORGANIZATION, min_start=since, max_start=now + FAR
    )
    return any(since <= _moment(event, "created_at") <= until for event in events)


def was_entered_in_outlook(*, mailbox: str, since: datetime, until: datetime) -> bool:
    """Tell whether we ourselves entered anything in a mailbox between two moments, which its owner hears of."""
    notes = SyncNote.objects.filter(turn=Turn.TOLD, at__gte=since, at__lte=until)
    return notes.filter(
        record__system=SyncRecord.System.OUTLOOK, record__booking__practitioner__mailbox__iexact=mailbox
    ).exists()


def _changed(client: calendly.Calendly, *, since: datetime, until: datetime, now: datetime) -> Iterator[Row]:
    """List the events of the portal's own event types that were booked or cancelled between two moments."""
    ours = set(CalendlyEventType.objects.values_list("calendly_id", flat=True))
    for event in client.raw_events(
        organization=settings.CALENDLY_ORGANIZATION, min_start=min(since, now), max_start=now + FAR
    ):
        if uuid_of(event.get("event_type") or "") in ours and since <= _moment(event, "updated_at") <= until:
            yield event


def _fetch_no_shows(client: calendly.Calendly, *, since: datetime, until: datetime, now: datetime) -> int:
    """
    Put into the inbox that somebody did not come, of visits that nobody ended here.

    A visit is not changed by that note, so those that have begun are looked at one by one.
    """
    begun = client.raw_events(
        organization=settings.CALENDLY_ORGANIZATION, min_start=since - NOTED_WITHIN, max_start=now
    )
    events = {uuid_of(event["uri"]): event for event in begun if event["status"] == "active"}
    count = 0
    for event_id, state in _states(set(events)).items():
        if state != Booking.State.CONFIRMED:
            continue
        for invitee in client.raw_invitees(event_id):
            if (note := invitee.get("no_show")) and since <= _moment(note, "created_at") <= until:
                count += _deliver(Kind.NO_SHOW_CREATED, events[event_id], invitee)
    return count


def _told(uris: set[str], *, since: datetime) -> set[tuple[str, str]]:
    """List what the inbox has of these events since then, whatever came of it: kind and event."""
    rows = _in_inbox(uris).filter(received_at__gte=since)
    return set(rows.values_list("kind", "payload__payload__event"))


def _in_inbox(uris: Iterable[str]) -> OwedQuerySet:
    return InboundEvent.objects.filter(vendor=InboundEvent.Vendor.CALENDLY, payload__payload__event__in=sorted(uris))


def _event(client: calendly.Calendly, event_id: str) -> Row | None:
    try:
        return client.raw_event(event_id)
    except VendorRefused as refusal:
        if refusal.status == 404:
            return None
        raise


def _states(ids: set[str]) -> dict[str, str]:
    records = SyncRecord.objects.filter(system=SyncRecord.System.CALENDLY, external_id__in=ids)
    return dict(records.values_list("external_id", "booking__state"))


def _differs(kind: Kind, state: str | None) -> bool:
    return state is None or (kind == Kind.CANCELED and state in STANDING)


def _deliver(kind: Kind, event: Row, invitee: Row) -> bool:
    """Put one invitee's side of an event into the inbox in a delivery's form; answers whether it was news."""
    name, status = FORMS[kind]
    if invitee.get("status") != status:
        return False
    at = {
        Kind.CREATED: invitee.get("created_at"),
        Kind.CANCELED: invitee.get("updated_at"),
        Kind.NO_SHOW_CREATED: (invitee.get("no_show") or {}).get("created_at"),
    }[kind]
    payload = {"event": name, "created_at": at, "payload": {**invitee, "scheduled_event": event}}
    try:
        calendly_events.parse(payload)
    except (calendly_events.MalformedEvent, AttributeError) as error:
        log.warning("an event that Calendly lists cannot be read: %s", type(error).__name__)
        return False
    ids = [uuid_of(each)[:LONGEST_ID] for each in (event["uri"], invitee["uri"])]
    _, is_new = inbox.keep(
        vendor=InboundEvent.Vendor.CALENDLY, key=f"backfill:{ids[0]}:{ids[1]}:{kind}", kind=kind, payload=payload
    )
    return is_new


def _moment(row: Row, name: str) -> datetime:
    return datetime.fromisoformat(row[name])

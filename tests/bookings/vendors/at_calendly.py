"""What the tests look at in Calendly, and what is told there."""

from bookings.models import SyncRecord
from bookings.vendors import sync


def tell():
    return sync.work_due(sync.System.CALENDLY)


def record_of(booking):
    return SyncRecord.objects.get(booking=booking, system=sync.System.CALENDLY)


def words_of(booking):
    return [note.words for note in record_of(booking).notes.exclude(turn="waiting")]


def standing(vendors):
    """The events in Calendly that take place: their start and id."""
    return [
        (event["start_time"][:16], event["uri"].rpartition("/")[2])
        for event in vendors.state("calendly")["events"]
        if event["status"] == "active"
    ]


def starts(vendors):
    return [start for start, _ in standing(vendors)]


def as_there(moment):
    return f"{moment:%Y-%m-%dT%H:%M}"

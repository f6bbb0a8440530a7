"""Who reads at each vendor what it did not tell us of, and whose changes the portal wants to be told of."""

from datetime import datetime, timedelta

from django.utils import timezone

from bookings.vendors import backfill
from botaniqal.integrations import subscriptions
from botaniqal.integrations.models import Subscription
from practitioners import calendars
from practitioners.models import Practitioner

# Calendly advises to read every hour what it may have failed to deliver, which it tries for a day.
LOOK_BACK = timedelta(days=2)


def mailboxes() -> list[str]:
    """List the Outlook mailboxes of those who work here."""
    people = Practitioner.objects.active().filter(calendar_provider=Practitioner.CalendarProvider.OUTLOOK)
    return list(people.exclude(mailbox="").values_list("mailbox", flat=True))


def _read_calendly(row: Subscription, since: datetime | None) -> None:
    """Read with every look; what is on its way is left to come by itself, unless something is known to be missing."""
    now = timezone.now()
    backfill.fetch_missed(
        since=min(filter(None, (since, now - LOOK_BACK))),
        until=now if since else now - subscriptions.on_its_way(),
        now=now,
    )


def _has_news_of_calendly(row: Subscription, since: datetime, until: datetime) -> bool:
    return backfill.was_booked_in_calendly(since=since, until=until, now=timezone.now())


def _read_mailbox(row: Subscription, since: datetime | None) -> None:
    # Otherwise the mirror reads often enough by itself.
    if since:
        calendars.look(mailbox=row.resource, now=timezone.now(), at_once=True)


def _has_news_of_mailbox(row: Subscription, since: datetime, until: datetime) -> bool:
    return backfill.was_entered_in_outlook(mailbox=row.resource, since=since, until=until)


READERS = {
    Subscription.Vendor.CALENDLY: subscriptions.Reader(fetch=_read_calendly, has_news=_has_news_of_calendly),
    Subscription.Vendor.GRAPH: subscriptions.Reader(fetch=_read_mailbox, has_news=_has_news_of_mailbox),
}

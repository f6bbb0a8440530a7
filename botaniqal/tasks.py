"""
The bells that commits and the scheduler ring: what there is to do stands in the database.

A worker runs them in threads. Of each bell two runs at most go on in a process, so that a vendor that is slow or down
leaves threads to the others; a bell that rings meanwhile is not missed, since a run goes on while anything is due.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import wraps
from threading import BoundedSemaphore

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from bookings import reminders
from bookings.intake import form_answers, form_asking
from bookings.money import money_compare, refunding, settlement
from bookings.reconcile import drift, settling
from bookings.self_service import online, portal
from bookings.vendors import sync
from bookings.waiting import earlier_offers
from botaniqal import counters, logs
from botaniqal.alerts import evaluating, telling
from botaniqal.api import health, idempotency
from botaniqal.integrations import inbox, subscriptions
from botaniqal.messages import sending
from botaniqal.readers import READERS, mailboxes
from botaniqal.reports import demand, metrics
from botaniqal.reports.figures import closing
from botaniqal.webhooks import HANDLERS
from practitioners import calendars, publish_check
from services import interest, nurture, prices
from triage import hand_over, red_flags

RUNS_AT_ONCE = 2


def bell(work: Callable[[], int]) -> Callable[[], int]:
    """Make a task that does what is due, unless enough runs are at it already."""
    places = BoundedSemaphore(RUNS_AT_ONCE)

    @shared_task(Request="botaniqal.unreceipted:Unreceipted")
    @wraps(work)
    def task() -> int:
        if not places.acquire(blocking=False):
            return 0
        try:
            with logs.under(), health.noted(work.__name__) as told, _counted(work.__name__):
                told["did"] = work()
            return told["did"]
        finally:
            places.release()

    return task


@contextmanager
def _counted(name: str) -> Iterator[None]:
    with counters.timed("bell_duration_seconds", bell=name, outcome="failed") as told:
        yield
        told["outcome"] = "ok"


@bell
def tell_calendly() -> int:
    """Bring Calendly up to date with the bookings that are owed to it."""
    return sync.work_due(sync.System.CALENDLY)


@bell
def tell_outlook() -> int:
    """Bring Outlook up to date with the bookings that are owed to it."""
    return sync.work_due(sync.System.OUTLOOK)


@bell
def tell_medirecords() -> int:
    """Bring MediRecords up to date with the bookings that are owed to it."""
    return sync.work_due(sync.System.MEDIRECORDS)


@bell
def tell_stripe() -> int:
    """Open, close and look at ways to pay, and give back what was decided."""
    return settlement.work_due() + refunding.work_due()


@bell
def compare_money() -> int:
    """Compare days of Stripe's with ours, where somebody asked for it and every night."""
    return money_compare.work_due(now=timezone.now())


@bell
def read_calendly() -> int:
    """Read the Calendly calendars at which a look is due."""
    return _read_calendars(calendars.CALENDLY)


@bell
def read_outlook() -> int:
    """Read the Outlook calendars at which a look is due."""
    return _read_calendars(calendars.OUTLOOK)


@bell
def send_messages() -> int:
    """Send the e-mails that wait."""
    return sending.send_due()


@bell
def remind() -> int:
    """Write the reminders that are due by now."""
    return reminders.remind_due(now=timezone.now())


@bell
def work_inbox() -> int:
    """Work what vendors told us."""
    return inbox.work_due(HANDLERS)


@bell
def reconcile() -> int:
    """Compare the portal with its vendors where somebody asked for it, and every night."""
    return drift.work_due(now=timezone.now())


@bell
def settle_drift() -> int:
    """Do at the vendors what was decided of things that belong to no booking."""
    return settling.work_due()


@bell
def keep_subscriptions() -> int:
    """Look after what vendors promised to tell us of, and read what they did not tell."""
    subscriptions.keep_up(mailboxes=mailboxes(), now=timezone.now())
    return subscriptions.work_due(READERS)


@bell
def evaluate_alerts() -> int:
    """Look whether anything has come about of which somebody wants to be told."""
    return evaluating.evaluate_due(now=timezone.now())


@bell
def tell_of_incidents() -> int:
    """Tell who is on call, or whom it concerns, what was opened and what is over."""
    return telling.work_due()


@bell
def read_forms() -> int:
    """Read what was sent in by forms, in case nobody told us."""
    return form_answers.fetch_missed(now=timezone.now())


@bell
def ask_for_forms() -> int:
    """Ask patients for the forms of their visits."""
    return form_asking.ask_due(now=timezone.now())


@bell
def write_demand() -> int:
    """Write down which times were looked for, so far only counted in Redis."""
    return demand.write_down(now=timezone.now())


@bell
def purge_inbox() -> int:
    """Delete what vendors told us long ago."""
    return inbox.purge(older_than=timezone.now() - timedelta(days=settings.INBOX_KEEP_DAYS))


@bell
def mind_calls() -> int:
    """Tell somebody of what calls left behind and nobody has looked at."""
    now = timezone.now()
    return red_flags.remind_due(now=now) + hand_over.alert_due(now=now)


@bell
def offer_freed_times() -> int:
    """Offer the times that became free to those who would come earlier."""
    return earlier_offers.offer_due(now=timezone.now())


@bell
def write_to_waitlists() -> int:
    """Tell those who wait for a service that it has begun, or what is due until it does."""
    now = timezone.now()
    return interest.tell_due(now=now) + nurture.send_due(now=now)


@bell
def check_catalogue() -> int:
    """Store which appointments can be offered, and why the others cannot."""
    now = timezone.now()
    return publish_check.refresh(day=prices.clinic_day(now), now=now)


@bell
def make_metrics() -> int:
    """Work out what /metrics tells, before anybody asks for it, and count the figures."""
    return len(metrics.make(timezone.now()))


@bell
def close_days() -> int:
    """Count the days that are over, and those again in which something has changed."""
    return closing.close_due(now=timezone.now())


@bell
def lapse_unpaid() -> int:
    """Give back the times that were not paid for."""
    return online.lapse_due(now=timezone.now())


@bell
def send_portal_links() -> int:
    """Send the links to their bookings that people asked for."""
    return portal.send_due(now=timezone.now())


@bell
def forget_old_answers() -> int:
    """Delete the answers that are kept for their Idempotency-Key and that nobody will ask for again."""
    return idempotency.forget_old(timezone.now())


def _read_calendars(provider: str) -> int:
    calendars.keep_up(now=timezone.now())
    return calendars.work_due(providers=[provider], on_own=_look_at_own)


def _look_at_own(provider: str, external_ids: Sequence[str]) -> int:
    return drift.look_at(system=provider, external_ids=external_ids, now=timezone.now())

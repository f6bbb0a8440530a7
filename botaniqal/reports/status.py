"""How the portal and everything around it does at this moment, from what is known: no vendor is called for it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, IntegerField, Min, Q, Value

from bookings.models import Checkout, Drift, MoneyDay, RefundDecision, SyncRecord
from botaniqal import tasks
from botaniqal.api import health
from botaniqal.integrations import answering
from botaniqal.integrations.answering import Answer
from botaniqal.integrations.models import InboundEvent, Incident, OwedQuerySet, Subscription
from botaniqal.messages.models import Message
from practitioners.models import OutsideCalendar, Practitioner

System, Sender, Provider = SyncRecord.System, InboundEvent.Vendor, Practitioner.CalendarProvider
CALENDLY, OUTLOOK, MEDIRECORDS, STRIPE = "Calendly", "Outlook", "MediRecords", "Stripe"
JOTFORM, MAIL, PAGERDUTY = "JotForm", "Amazon SES", "PagerDuty"


@dataclass(frozen=True, slots=True)
class Vendor:
    """Somebody outside: under which names it is called, and what has to be set before it is."""

    name: str
    called: tuple[str, ...]
    setting: str = ""


VENDORS = (
    Vendor(CALENDLY, ("Calendly",), "CALENDLY_API_KEY"),
    Vendor(OUTLOOK, ("Graph", "Microsoft"), "GRAPH_CLIENT_ID"),
    Vendor(MEDIRECORDS, ("MediRecords",), "MEDIRECORDS_API_KEY"),
    Vendor(STRIPE, ("Stripe",), "STRIPE_SECRET_KEY"),
    Vendor(JOTFORM, ("JotForm",), "JOTFORM_API_KEY"),
    Vendor(MAIL, ("SES",)),
    Vendor(PAGERDUTY, ("PagerDuty",), "PAGERDUTY_ROUTING_KEY"),
)


@dataclass(frozen=True, slots=True)
class Queue:
    """Work that is owed in rows: whom it needs, what it is, and the list that shows it."""

    vendor: str
    name: str
    address: str
    rows: OwedQuerySet


SYNC, HEARD = ("Visits", "bookings_syncrecord"), ("What it told us", "integrations_inboundevent")
LOOKS, SUBSCRIPTIONS = ("Calendars", "practitioners_outsidecalendar"), ("Subscriptions", "integrations_subscription")
QUEUES = (
    Queue(CALENDLY, *SYNC, SyncRecord.objects.filter(system=System.CALENDLY)),
    Queue(CALENDLY, *HEARD, InboundEvent.objects.filter(vendor=Sender.CALENDLY)),
    Queue(CALENDLY, *LOOKS, OutsideCalendar.objects.filter(provider=Provider.CALENDLY)),
    Queue(CALENDLY, *SUBSCRIPTIONS, Subscription.objects.filter(vendor=Subscription.Vendor.CALENDLY)),
    Queue(OUTLOOK, *SYNC, SyncRecord.objects.filter(system=System.OUTLOOK)),
    Queue(OUTLOOK, *LOOKS, OutsideCalendar.objects.filter(provider=Provider.OUTLOOK)),
    Queue(OUTLOOK, *SUBSCRIPTIONS, Subscription.objects.filter(vendor=Subscription.Vendor.GRAPH)),
    Queue(MEDIRECORDS, *SYNC, SyncRecord.objects.filter(system=System.MEDIRECORDS)),
    Queue(STRIPE, *HEARD, InboundEvent.objects.filter(vendor=Sender.STRIPE)),
    Queue(STRIPE, "Payments online", "bookings_checkout", Checkout.objects.all()),
    Queue(STRIPE, "Refunds", "bookings_refunddecision", RefundDecision.objects.all()),
    Queue(STRIPE, "Money by day", "bookings_moneyday", MoneyDay.objects.all()),
    Queue(JOTFORM, *HEARD, InboundEvent.objects.filter(vendor=Sender.JOTFORM)),
    Queue(MAIL, "Messages", "mail_message", Message.objects.all()),
    Queue(PAGERDUTY, "Incidents", "integrations_incident", Incident.objects.filter(action=Incident.Action.PAGE)),
    Queue("", "Drift", "bookings_drift", Drift.objects.all()),
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits in a queue: for a machine, of that again after a failure, and for a person."""

    queue: Queue
    count: int = 0
    tried: int = 0
    stuck: int = 0
    due_since: datetime | None = None
    next_try_at: datetime | None = None

    def overdue(self, now: datetime) -> timedelta:
        """For how long the oldest has been due."""
        return max(now - self.due_since, timedelta()) if self.due_since else timedelta()


@dataclass(frozen=True, slots=True)
class VendorState:
    """A vendor, what its last calls came to as far as anybody knows, and what waits for it."""

    vendor: Vendor
    is_set_up: bool
    answer: Answer | None
    waiting: int
    stuck: int
    next_try_at: datetime | None


@dataclass(frozen=True, slots=True)
class Job:
    """A periodic job in words, and how it last ran."""

    says: str
    run: health.Run


def queues() -> list[Waiting]:
    """Count what waits in each queue, in one query."""
    is_waiting = Q(needs_person=False)
    is_again = is_waiting & Q(attempts__gt=0)
    counted = [
        each.rows.open()
        .order_by()
        .values(number=Value(number, output_field=IntegerField()))
        .annotate(
            count=Count("pk", filter=is_waiting),
            tried=Count("pk", filter=is_again),
            stuck=Count("pk", filter=~is_waiting),
            due_since=Min("next_try_at", filter=is_waiting),
            next_try_at=Min("next_try_at", filter=is_again),
        )
        for number, each in enumerate(QUEUES)
    ]
    first, *others = counted
    found = {row.pop("number"): row for row in first.union(*others, all=True)}
    return [Waiting(queue, **found.get(number, {})) for number, queue in enumerate(QUEUES)]


def vendors(waits: list[Waiting]) -> list[VendorState]:
    """
    Say of each vendor how it does.

    :raises NoMarks: nobody knows.
    """
    known = answering.known(name for vendor in VENDORS for name in vendor.called)
    return [_vendor(vendor, known, [wait for wait in waits if wait.queue.vendor == vendor.name]) for vendor in VENDORS]


def jobs() -> list[Job]:
    """
    List the periodic jobs, the late and failed ones first.

    :raises NoMarks: nobody knows.
    """
    runs = health.last_runs().values()
    found = [Job((getattr(tasks, run.name).run.__doc__ or "").strip().rstrip("."), run) for run in runs]
    return sorted(found, key=lambda job: (not job.run.is_late, not job.run.failed_with, job.says))


def _vendor(vendor: Vendor, known: dict[str, Answer], waits: list[Waiting]) -> VendorState:
    answers = [known[name] for name in vendor.called if name in known]
    silent = [answer for answer in answers if not answer.is_up]
    return VendorState(
        vendor=vendor,
        is_set_up=not vendor.setting or bool(getattr(settings, vendor.setting)),
        answer=min(silent, key=_when) if silent else max(answers, key=_when, default=None),
        waiting=sum(wait.count for wait in waits),
        stuck=sum(wait.stuck for wait in waits),
        next_try_at=min((wait.next_try_at for wait in waits if wait.next_try_at), default=None),
    )


def _when(answer: Answer) -> datetime:
    return answer.at

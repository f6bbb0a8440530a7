"""What may come to differ at each vendor, and how the portal finds it."""

from django.utils import timezone

from bookings import lifecycle
from bookings.models import Drift, SyncRecord
from bookings.reconcile import drift, settling
from bookings.vendors import sync
from botaniqal import webhooks
from botaniqal.integrations import inbox
from tests.bookings.vendors.outside import CANCELLED, CODES, as_there
from tests.factories import PractitionerFactory, next_morning

NOON, TEN = next_morning(12), next_morning(10)
CALENDLY, OUTLOOK, MEDIRECORDS = "calendly", "outlook", "medirecords"


def work():
    """Let the workers do all that is due."""
    for _ in range(5):
        done = settling.work_due() + inbox.work_due(webhooks.HANDLERS)
        done += sum(sync.work_due(system) for system in sync.System)
        if not done:
            return


def compare():
    return drift.reconcile(by=None, now=timezone.now())


def open_drifts():
    return Drift.objects.unsettled().order_by("system", "field")


def found():
    return [(one.system, one.kind, one.field) for one in open_drifts()]


def portal_wins(one):
    return settling.portal_wins(drift_id=one.pk, by=None, now=timezone.now())


def vendor_wins(one):
    return settling.vendor_wins(drift_id=one.pk, by=None, now=timezone.now())


def cancel_here_only(booking, system):
    """A cancellation that a vendor was believed to know of."""
    lifecycle.cancel(booking_id=booking.pk, reason="Ill", by=None, now=timezone.now())
    SyncRecord.objects.filter(booking=booking, system=system).update(told=99, wanted=99)
    work()


def other_provider(outside, booking):
    other = PractitionerFactory(name="Dr Shivani", gives=[booking.appointment_type])
    outside.change_appointment(booking, providerId=str(other.medirecords_provider_id))


CHANGES = {
    "calendly moved": (CALENDLY, lambda o, b: o.move_event(b, NOON), ("differs", "time")),
    "calendly cancelled": (CALENDLY, lambda o, b: o.cancel_event(b), ("cancelled_there", "whole")),
    "calendly still stands": (CALENDLY, lambda o, b: cancel_here_only(b, CALENDLY), ("stands_there", "whole")),
    "outlook moved": (OUTLOOK, lambda o, b: o.change_mailbox_event(b, NOON), ("differs", "time")),
    "outlook longer": (OUTLOOK, lambda o, b: o.change_mailbox_event(b, TEN, 30), ("differs", "length")),
    "outlook deleted": (OUTLOOK, lambda o, b: o.delete_mailbox_event(b), ("missing", "whole")),
    "outlook still stands": (OUTLOOK, lambda o, b: cancel_here_only(b, OUTLOOK), ("stands_there", "whole")),
    "medirecords moved": (
        MEDIRECORDS,
        lambda o, b: o.change_appointment(b, scheduleTime=as_there(NOON)),
        ("differs", "time"),
    ),
    "medirecords longer": (
        MEDIRECORDS,
        lambda o, b: o.change_appointment(b, appointmentIntervalCode=CODES[30]),
        ("differs", "length"),
    ),
    "medirecords practitioner": (MEDIRECORDS, other_provider, ("differs", "practitioner")),
    "medirecords type": (
        MEDIRECORDS,
        lambda o, b: o.change_appointment(b, appointmentTypeId=o.other_type("CONSULT_ALT_30")),
        ("differs", "type"),
    ),
    "medirecords patient": (
        MEDIRECORDS,
        lambda o, b: o.change_appointment(b, patientId=o.add_patient()),
        ("differs", "patient"),
    ),
    "medirecords cancelled": (
        MEDIRECORDS,
        lambda o, b: o.change_appointment(b, appointmentStatus=CANCELLED, cancellationReason="Asked"),
        ("cancelled_there", "whole"),
    ),
    "medirecords deleted": (MEDIRECORDS, lambda o, b: o.delete_appointment(b), ("missing", "whole")),
}
NEVER_TAKEN_OVER = ("calendly still stands", "outlook still stands", "medirecords type", "medirecords patient")
TAKEN_OVER = [name for name in CHANGES if name not in NEVER_TAKEN_OVER]


def id_of(booking, system):
    """The vendor's own name of a booking."""
    return SyncRecord.objects.get(booking=booking, system=system).external_id

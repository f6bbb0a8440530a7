"""The drift desk of a running portal: asked for by a person, carried out by a worker."""

import re

from django.utils import timezone

from bookings.models import Booking, Drift, Reconciliation, SyncRecord
from tests.bookings.vendors.outside import Outside
from tests.stack import eventually

CANCELLED = 8  # MediRecords' number for it


def compare(stack):
    """Ask for a comparison at the desk, and wait for its end."""
    browser = stack.browser("ops")
    address = f"{stack.url}/admin/bookings/drift/compare/"
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', browser.get(address, timeout=60).text)[1]
    former = set(Reconciliation.objects.values_list("pk", flat=True))
    browser.post(address, data={"csrfmiddlewaretoken": token}, headers={"Referer": address}, timeout=60)
    return eventually(lambda: Reconciliation.objects.exclude(pk__in=former).exclude(ended_at=None).first(), within=60)


class TestDrift:
    def test_is_none_in_the_demo_and_found_when_the_practice_changes_something(self, stack):
        eventually(lambda: not SyncRecord.objects.open().exists(), within=60)
        first = compare(stack)
        ahead = Booking.objects.upcoming(timezone.now()).filter(sync_records__system="medirecords").first()
        # What other journeys made without telling anybody is none of the demo's.
        of_the_demo = Drift.objects.exclude(booking__number__startswith="T-")
        before = list(of_the_demo.values_list("system", "kind", "field", "ours", "theirs"))

        Outside(stack.sandbox, stack.env).change_appointment(
            ahead, appointmentStatus=CANCELLED, cancellationReason="Ill"
        )
        second = compare(stack)

        assert (before, first.problem) == ([], "")
        assert first.compared > 0
        assert second.found == 1
        found = Drift.objects.unsettled().get(booking=ahead)
        assert found.kind == Drift.Kind.CANCELLED_THERE
        Drift.objects.all().delete()

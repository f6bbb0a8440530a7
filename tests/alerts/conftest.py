"""Rules, and the outside as the sandbox plays it."""

from uuid import uuid4

import pytest
from django.utils import timezone

from bookings.models import SyncNote, SyncRecord
from botaniqal.alerts import evaluating, telling
from botaniqal.alerts.models import AlertRule
from botaniqal.messages import sending
from tests.factories import BookingFactory
from tests.messages.conftest import ses  # noqa: F401  (a fixture)


@pytest.fixture
def pagerduty(settings, sandbox):
    """PagerDuty as the sandbox plays it."""
    sandbox.reset()
    settings.PAGERDUTY_BASE_URL = f"{sandbox.url}/pagerduty"
    settings.VENDOR_TIMEOUT_SECONDS = 0.5
    settings.SYNC_BACKOFF_SECONDS = 0
    yield sandbox
    sandbox.clear_faults()


@pytest.fixture(autouse=True)
def _own_marks(settings):
    """Keep away from the marks of workers elsewhere."""
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": uuid4().hex}}


@pytest.fixture
def rule(db):
    """Make one of the first rules the only one that is active."""

    def make(code="calendar_sync_failure", **changes):
        AlertRule.objects.update(is_active=False)
        AlertRule.objects.filter(code=code).update(**{"is_active": True, **changes})
        return AlertRule.objects.get(code=code)

    return make


@pytest.fixture
def fail(db):
    """Have tries to tell a calendar fail, at moments that are given or now."""

    def fail(*moments, turn="put_off", system="calendly"):
        record = SyncRecord.objects.create(booking=BookingFactory(), system=system)
        notes = [SyncNote(record=record, turn=turn, words="No answer.") for _ in moments or [None]]
        SyncNote.objects.bulk_create(notes)
        for note, moment in zip(notes, moments, strict=False):
            note.at = moment
        SyncNote.objects.bulk_update(notes, ["at"])

    return fail


@pytest.fixture
def look():
    """Look at the rules now, tell whom it concerns, and send what was written."""

    def look(now=None):
        evaluating.evaluate_due(now=now or timezone.now())
        telling.work_due()
        sending.send_due()

    return look


def told(sandbox):
    """What PagerDuty was told: of each incident the actions, in order."""
    return [[turn["action"] for turn in incident["log"]] for incident in sandbox.state("pagerduty")["incidents"]]


def mails(sandbox):
    """What Amazon SES took: to whom, and the subject."""
    return sorted((address, mail["subject"]) for mail in sandbox.state("ses")["messages"] for address in mail["to"])

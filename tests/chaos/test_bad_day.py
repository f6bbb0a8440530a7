"""After a bad day every vendor holds exactly the portal's truth, and nobody's name stands where it should not."""

import os
import random
import time

import pytest

from bookings.models import Booking, SyncRecord
from bookings.vendors.heard import MOVED_MEANWHILE
from botaniqal.messages.models import Message

from . import bad_day
from .bad_day import FAMILY, Clinic

pytestmark = pytest.mark.slow

ACTS = int(os.environ.get("CHAOS_ACTS", "240"))
SECONDS = float(os.environ.get("CHAOS_SECONDS", "24"))
SEED = int(os.environ.get("CHAOS_SEED", "20261122"))
KILLS = max(3, ACTS // 80)
ROUNDS = 4  # what one decision frees may be what the next one needs
REST_SECONDS = float(os.environ.get("CHAOS_REST_SECONDS", "90"))


@pytest.fixture
def clinic(sandbox, workers):
    """A clinic whose vendors know it, with everything running."""
    sandbox.reset()
    sandbox.control("POST", "portal", json={"url": workers.url, "unasked": False})
    sandbox.seed(SEED)
    clinic = Clinic(sandbox=sandbox, chance=random.Random(SEED))
    clinic.open()
    workers.start_web()
    yield clinic
    sandbox.clear_faults()


class TestABadDay:
    def test_ends_with_one_truth_everywhere(self, clinic, workers, sandbox):
        kills = sorted(clinic.chance.sample(range(10, ACTS), KILLS))
        bad_day.wait_until(bad_day.is_listened_to, seconds=20, why=workers.logs)
        clinic.spoil()
        began = time.monotonic()
        for number in range(ACTS):
            clinic.act()
            if number in kills:
                workers.kill_worker()
                workers.start_worker()
            time.sleep(max(0.0, began + SECONDS * number / ACTS - time.monotonic()))
        sandbox.clear_faults()

        bad_day.wait_until(bad_day.is_at_rest, seconds=REST_SECONDS, why=bad_day.owed)
        for _ in range(ROUNDS):
            if not clinic.decide():
                break
            bad_day.wait_until(bad_day.is_at_rest, seconds=REST_SECONDS, why=bad_day.owed)

        # Of what a vendor's message did not tell, or not yet, the next look there does.
        bad_day.wait_until(
            lambda: bad_day.is_at_rest() and bad_day.is_one_truth(sandbox),
            seconds=REST_SECONDS,
            why=lambda: (bad_day.owed(), bad_day.truth(), bad_day.at_vendors(sandbox)),
        )
        assert not SyncRecord.objects.open().exists()
        assert clinic.done["decided"] <= ACTS // 20
        assert clinic.done["book"] > ACTS // 4
        assert all(clinic.done[verb] for verb in ("move", "cancel", "let_patient_move", "let_patient_cancel"))

        whys = Booking.objects.filter(state="cancelled").values_list("cancel_reason", flat=True)
        assert set(whys) <= {bad_day.OURS, bad_day.THEIRS, bad_day.DECIDED}  # never by an echo of what we did ourselves

        sent = sandbox.state("ses")["messages"]
        assert len(sent) >= Message.objects.count() > 0
        logs = workers.logs().lower()
        assert logs
        assert FAMILY not in logs
        assert FAMILY not in str(sandbox.state("pagerduty")).lower()
        assert set(Booking.objects.exclude(attention="").values_list("attention", flat=True)) <= {MOVED_MEANWHILE}

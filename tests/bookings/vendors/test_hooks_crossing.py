"""What Calendly tells that crosses what we did: our own visits, cancellations and moves."""

from datetime import timedelta
from itertools import permutations

import pytest
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from bookings import lifecycle
from bookings.models import Booking, SyncRecord
from bookings.vendors import hearing, hooks
from botaniqal.integrations import calendly_events
from botaniqal.integrations.owed import NeedsPerson, WaitFor
from tests.bookings.vendors.stories import AFTERNOON, NOON, State, clinic, hear, hear_all, invitee, told
from tests.calendly_deliveries import TEN

__all__ = ["clinic"]
pytestmark = pytest.mark.django_db


class TestOwn:
    """A booking of ours that comes back by the link that its patient was sent."""

    @pytest.fixture
    def linked(self):
        hear(told("invitee.created", "A"))
        link = {"link": "https://calendly.com/d/1", "email": "pat@example.com", "starts_at": TEN.isoformat()}
        SyncRecord.objects.filter(system="calendly").update(external_id="", external_ref="", told=0, underway=link)
        return Booking.objects.get()

    @staticmethod
    def used(booking, **fields):
        payload = told("invitee.created", "USED", **fields)
        payload["payload"]["tracking"]["utm_content"] = str(booking.pk)
        return payload

    @pytest.mark.parametrize("starts_at", [TEN, NOON], ids=["our time", "another time"])
    def test_stands_where_its_patient_put_it(self, linked, starts_at):
        hear(self.used(linked, starts_at=starts_at))

        booking, record = Booking.objects.get(), SyncRecord.objects.get(system="calendly")
        assert booking.starts_at == starts_at
        assert (record.external_id, record.underway, record.state) == ("USED", None, "synced")
        assert booking.entry.external_id == "USED"

    def test_ends_cancelled_when_that_is_heard_before_the_link_was_used(self, linked):
        gone = self.used(linked, starts_at=NOON)
        gone["event"] = "invitee.canceled"

        hear(gone)
        hear(self.used(linked, starts_at=NOON))

        assert Booking.objects.get().state == State.CANCELLED

    def test_is_not_moved_by_the_echo_of_what_we_entered_ourselves(self, linked):
        echo = self.used(linked, starts_at=NOON)
        echo["payload"]["scheduling_method"] = "api"

        hear(echo)

        assert Booking.objects.get().starts_at == TEN

    def test_is_not_moved_to_the_time_of_a_link_that_is_stale(self, linked):
        Booking.objects.update(starts_at=NOON, ends_at=NOON + timedelta(minutes=15))

        hear(self.used(linked, starts_at=TEN))

        assert Booking.objects.get().starts_at == NOON

    def test_leaves_a_second_event_to_a_person(self):
        hear(told("invitee.created", "A"))

        with pytest.raises(NeedsPerson, match="second event"):
            hear(self.used(Booking.objects.get(), starts_at=NOON))


class TestAMoveThatCrossedOurCancellation:
    @pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["as it was", "backwards"])
    def test_is_taken_out_of_calendly_and_pointed_out(self, order):
        hear(told("invitee.created", "FIRST"))
        booking = Booking.objects.get()
        lifecycle.cancel(booking_id=booking.pk, reason="Clinic closed", by=None, now=timezone.now())
        SyncRecord.objects.update(told=F("wanted"))
        pair = [
            told("invitee.canceled", "FIRST", minute=1, new="SECOND"),
            told("invitee.created", "SECOND", starts_at=NOON, minute=1, old="FIRST"),
        ]

        hear_all([pair[place] for place in order])

        booking.refresh_from_db()
        record = booking.sync_records.get(system="calendly")
        assert booking.state == State.CANCELLED
        assert booking.attention.startswith("The patient moved it in Calendly")
        assert (record.external_id, record.told < record.wanted) == ("SECOND", True)

    def test_needs_nobody_when_it_was_cancelled_there_in_the_end(self):
        hear(told("invitee.created", "FIRST"))
        booking = Booking.objects.get()
        lifecycle.cancel(booking_id=booking.pk, reason="Clinic closed", by=None, now=timezone.now())

        hear_all(
            [
                told("invitee.canceled", "SECOND", starts_at=NOON, minute=2, old="FIRST"),
                told("invitee.canceled", "FIRST", minute=1, new="SECOND"),
                told("invitee.created", "SECOND", starts_at=NOON, minute=1, old="FIRST"),
            ]
        )

        booking.refresh_from_db()
        assert booking.state == State.CANCELLED
        assert Booking.objects.count() == 1


class TestACancellationOfWhatWeHadNotWrittenDownYet:
    @pytest.fixture
    def booking(self):
        """A visit of ours that was sent to Calendly, by a worker that was killed before it heard the answer."""
        hear(told("invitee.created", "OTHER"))
        booking = Booking.objects.get()
        underway = {"email": booking.patient.email, "starts_at": booking.starts_at.isoformat()}
        booking.sync_records.filter(system="calendly").update(external_id="", external_ref="", underway=underway)
        return booking

    def cancellation(self, booking, **changes):
        tracking = {"utm_content": str(booking.pk)}
        return told("invitee.canceled", "OURS", minute=5, tracking=tracking, scheduling_method="api", **changes)

    def test_cancels_the_visit(self, booking):
        hear(self.cancellation(booking))

        booking.refresh_from_db()
        record = booking.sync_records.get(system="calendly")
        assert booking.state == State.CANCELLED
        assert (record.external_id, record.told, record.underway) == ("OURS", record.wanted, None)

    def test_leaves_a_visit_that_was_moved_here_meanwhile(self, booking):
        moved = {"starts_at": NOON, "ends_at": NOON + timedelta(minutes=15)}
        Booking.objects.update(**moved)

        hear(self.cancellation(booking))

        booking.refresh_from_db()
        assert booking.state == State.CONFIRMED


class TestAMoveThatCrossedOurMove:
    @pytest.fixture
    def booking(self):
        """A visit whose patient moved it in Calendly just before we gave up that event for another one there."""
        hear(told("invitee.created", "FIRST"))
        booking = Booking.objects.get()
        booking.sync_records.filter(system="calendly").update(
            external_id="OURS", external_ref=invitee("OURS"), former_refs=[invitee("FIRST")]
        )
        return booking

    def moved_by_patient(self, booking, name="invitee.created", **changes):
        tracking = {"utm_content": str(booking.pk)}
        return told(name, "THEIRS", starts_at=NOON, minute=2, old="FIRST", tracking=tracking, **changes)

    def test_stands_where_the_patient_wants_it_and_lets_our_event_go(self, booking):
        hear(self.moved_by_patient(booking))

        booking.refresh_from_db()
        record = booking.sync_records.get(system="calendly")
        assert booking.starts_at == NOON
        assert (record.external_id, record.underway) == ("THEIRS", {"leaves": "OURS"})
        assert record.told < record.wanted

    def test_lets_our_event_go_too_when_the_patient_cancels_theirs(self, booking):
        hear(self.moved_by_patient(booking))
        hear(self.moved_by_patient(booking, "invitee.canceled"))

        booking.refresh_from_db()
        record = booking.sync_records.get(system="calendly")
        assert booking.state == State.CANCELLED
        assert record.underway == {"leaves": "OURS"}
        assert record.told < record.wanted

    def test_stands_though_its_time_is_ours_by_chance(self, booking):
        tracking = {"utm_content": str(booking.pk)}

        hear(told("invitee.created", "THEIRS", starts_at=TEN, minute=2, old="FIRST", tracking=tracking))

        record = booking.sync_records.get(system="calendly")
        assert (record.external_id, record.underway) == ("THEIRS", {"leaves": "OURS"})

    @pytest.mark.parametrize("former", [{}, {"leaves": "BEFORE"}], ids=["alone", "while another leaves"])
    def test_lets_what_is_being_entered_at_that_moment_be_looked_for(self, booking, former):
        sought = {"email": booking.patient.email, "starts_at": AFTERNOON.isoformat()}
        SyncRecord.objects.update(external_id="", external_ref="", underway=sought | former)

        hear(self.moved_by_patient(booking))

        record = booking.sync_records.get(system="calendly")
        assert (record.external_id, record.underway) == ("THEIRS", sought | former)
        assert record.told < record.wanted


class TestACancellationThatCrossedOurEntering:
    def test_lets_what_was_entered_anew_leave(self):
        hear(told("invitee.created", "FIRST"))
        booking, record = Booking.objects.get(), SyncRecord.objects.get(system="calendly")
        event = calendly_events.parse(told("invitee.canceled", "FIRST", minute=1))
        # Between the look for the record and the cancellation.
        SyncRecord.objects.filter(pk=record.pk).update(external_id="ANEW", external_ref=invitee("ANEW"))

        with transaction.atomic():
            hooks.visits._cancel(record, booking, event, timezone.now())

        booking.refresh_from_db()
        record.refresh_from_db()
        assert booking.state == State.CANCELLED
        assert (record.external_id, record.told < record.wanted) == ("ANEW", True)


class TestAnEventOfOursThatNobodyRemembers:
    """It got there after it was looked for, or was sent in the moment in which something newer was heard."""

    @pytest.fixture
    def booking(self):
        hear(told("invitee.created", "KEPT"))
        return Booking.objects.get()

    @staticmethod
    def record_of(booking):
        return booking.sync_records.get(system="calendly")

    @staticmethod
    def lost(booking, name="invitee.created", *, starts_at=NOON, **changes):
        tracking = {"utm_content": str(booking.pk)}
        changes = {"scheduling_method": "api", **changes}
        return told(name, "LOST", starts_at=starts_at, minute=5, tracking=tracking, **changes)

    def test_leaves_where_the_booking_has_another(self, booking):
        SyncRecord.objects.update(leased_until=timezone.now() + timedelta(minutes=1))

        hear(self.lost(booking))
        hear(self.lost(booking, "invitee.canceled"))

        booking.refresh_from_db()
        record = self.record_of(booking)
        assert (booking.state, booking.starts_at) == (State.CONFIRMED, TEN)
        assert (record.external_id, record.underway) == ("KEPT", {"leaves": "LOST"})
        assert (record.told < record.wanted, record.leased_until) == (True, None)

    def test_is_looked_for_where_the_booking_has_none(self, booking):
        SyncRecord.objects.update(external_id="", external_ref="")

        hear(self.lost(booking))

        record = self.record_of(booking)
        assert record.underway == {"email": booking.patient.email, "starts_at": NOON.isoformat()}
        assert record.told < record.wanted

    def test_waits_for_what_is_under_way(self, booking):
        SyncRecord.objects.update(underway={"leaves": "FORMER"})

        with pytest.raises(WaitFor, match="nobody remembered"):
            hear(self.lost(booking))

        assert self.record_of(booking).underway == {"leaves": "FORMER"}

    @pytest.mark.parametrize(
        ("underway", "changes"),
        [
            ({"email": "pat@example.com", "starts_at": NOON.isoformat()}, {}),
            ({"leaves": "LOST"}, {}),
            (None, {"scheduling_method": None, "starts_at": TEN}),
            (None, {"starts_at": timezone.now() - timedelta(days=1)}),
        ],
        ids=["about to be found", "about to leave", "made by hand", "past"],
    )
    def test_is_none_of_these(self, booking, underway, changes):
        SyncRecord.objects.update(underway=underway)
        before = SyncRecord.objects.values().get(system="calendly")

        hear(self.lost(booking, **changes))

        assert SyncRecord.objects.values().get(system="calendly") == before

    def test_is_none_that_was_kept_while_its_echo_was_read(self, booking):
        SyncRecord.objects.update(external_id="LOST")
        event = calendly_events.parse(self.lost(booking))

        assert not hearing.entrust(booking, event, timezone.now())


class TestAnImportedVisit:
    """A visit that stood in Calendly before the portal did: known by its event, and not by its invitee."""

    @pytest.fixture
    def booking(self):
        hear(told("invitee.created", "FIRST"))
        SyncRecord.objects.filter(system="calendly").update(external_ref="")
        return Booking.objects.get()

    MOVED = (
        told("invitee.canceled", "FIRST", minute=1, new="SECOND"),
        told("invitee.created", "SECOND", starts_at=NOON, minute=1, old="FIRST"),
        told("invitee.canceled", "SECOND", starts_at=NOON, minute=2, new="THIRD", old="FIRST"),
        told("invitee.created", "THIRD", starts_at=AFTERNOON, minute=2, old="SECOND"),
    )

    @pytest.mark.parametrize("order", list(permutations(range(4))), ids=lambda order: "".join(map(str, order)))
    def test_stands_where_its_patient_moved_it(self, booking, order):
        hear_all([self.MOVED[place] for place in order])

        booking, record = Booking.objects.get(), SyncRecord.objects.get(system="calendly")
        assert (booking.state, booking.starts_at) == (State.CONFIRMED, AFTERNOON)
        assert (record.external_id, record.external_ref, record.state) == ("THIRD", invitee("THIRD"), "synced")

    def test_ends_cancelled_when_its_patient_cancels_it(self, booking):
        hear(told("invitee.canceled", "FIRST", minute=1))

        assert Booking.objects.get().state == State.CANCELLED

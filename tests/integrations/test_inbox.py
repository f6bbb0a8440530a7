from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from bookings.models import Patient
from botaniqal.errors import DomainError, Malformed
from botaniqal.integrations import inbox, owed
from botaniqal.integrations.models import InboundEvent, Owed
from botaniqal.integrations.owed import WaitFor
from tests.factories import PatientFactory, UserFactory

pytestmark = pytest.mark.django_db

CREATED = ("calendly", "created")


def keep(key="1", kind="created", **changes):
    return inbox.keep(vendor="calendly", key=key, kind=kind, payload={"name": "Leo"}, **changes)


class TestKeep:
    def test_keeps_a_delivery_once_however_often_it_comes(self):
        first, is_new = keep()
        again, is_new_again = keep()

        assert (is_new, is_new_again) == (True, False)
        assert again.pk == first.pk
        assert InboundEvent.objects.get().payload == {"name": "Leo"}

    def test_leaves_a_delivery_with_a_problem_to_a_person(self):
        event, _ = keep(problem="Nobody knows this event type.")

        assert event.state == Owed.State.NEEDS_PERSON
        assert inbox.work_due({CREATED: lambda event: "Done."}) == 0

    def test_refuses_what_the_database_cannot_hold(self):
        with pytest.raises(Malformed):
            inbox.keep(vendor="calendly", key="1", kind="created", payload={"name": "Leo\0"})


class TestWorkDue:
    def test_writes_down_what_came_of_each_message(self):
        event, _ = keep()

        done = inbox.work_due({CREATED: lambda event: f"Booked for {event.payload['name']}."})

        event.refresh_from_db()
        assert done == 1
        assert event.state == Owed.State.SYNCED
        assert event.outcome == "Booked for Leo."

    def test_ignores_a_kind_that_nobody_listens_to(self):
        event, _ = keep(kind="meeting_recap")

        inbox.work_due({CREATED: lambda event: "Booked."})

        event.refresh_from_db()
        assert event.state == Owed.State.SYNCED
        assert event.outcome.startswith("Ignored")

    def test_leaves_to_a_person_what_is_against_a_rule(self):
        event, _ = keep()

        def refuse(event):
            raise DomainError("The visit took place already.")

        inbox.work_due({CREATED: refuse})

        event.refresh_from_db()
        assert event.state == Owed.State.NEEDS_PERSON
        assert event.problem == "The visit took place already."

    def test_works_a_message_once(self):
        keep()
        seen = []

        for _ in range(2):
            inbox.work_due({CREATED: lambda event: seen.append(event.key) or "Done."})

        assert seen == ["1"]

    def test_lets_wait_what_waits_for_another_and_asks_a_person_after_a_while(self, settings):
        event, _ = keep()

        def wait(event):
            raise WaitFor("The other half has not come.", seconds=60)

        inbox.work_due({CREATED: wait})
        event.refresh_from_db()
        first = event.state
        settings.INBOX_WAIT_SECONDS = 0
        owed.retry(event, now=timezone.now())
        inbox.work_due({CREATED: wait})
        event.refresh_from_db()

        assert (first, event.state) == (Owed.State.PENDING, Owed.State.NEEDS_PERSON)
        assert event.problem == "The other half has not come."


class TestKeepAgain:
    def again(self):
        return inbox.keep_again(vendor="jotform", key="1", kind="form", payload={"id": "1"}, now=timezone.now())

    def test_has_what_comes_again_worked_again(self):
        handlers, seen = {("jotform", "form"): lambda event: seen.append(event.key) or "Done."}, []

        for _ in range(2):
            self.again()
            inbox.work_due(handlers)

        assert seen == ["1", "1"]
        assert InboundEvent.objects.count() == 1

    def test_knows_again_what_was_purged(self):
        self.again()
        InboundEvent.objects.update(payload=None, told=1)

        self.again()

        assert InboundEvent.objects.get().payload == {"id": "1"}


def settle(event, outcome="Booked.", **changes):
    InboundEvent.objects.filter(pk=event.pk).update(told=1, outcome=outcome, **changes)
    event.refresh_from_db()


class TestReplay:
    def test_works_once_more_what_was_worked(self):
        event, _ = keep()
        settle(event)

        inbox.replay(event=event, now=timezone.now())
        inbox.work_due({CREATED: lambda event: "Known already."})

        event.refresh_from_db()
        assert (event.state, event.outcome) == (Owed.State.SYNCED, "Known already.")

    def test_takes_up_what_waits_for_a_person(self):
        event, _ = keep(problem="Nobody knows this event type.")

        inbox.replay(event=event, now=timezone.now())

        assert inbox.work_due({CREATED: lambda event: "Done."}) == 1

    def test_refuses_what_was_purged(self):
        event, _ = keep()
        settle(event, payload=None)

        with pytest.raises(inbox.Purged, match="deleted for its age"):
            inbox.replay(event=event, now=timezone.now())

        assert InboundEvent.objects.get().state == Owed.State.SYNCED


class TestDryRun:
    def test_says_what_would_come_of_it_and_changes_nothing(self):
        event, _ = keep()
        before, rung = InboundEvent.objects.values().get(), []

        def book(event):
            PatientFactory()
            transaction.on_commit(lambda: rung.append("a bell"))
            return "Booked as BOT-2026-0012."

        with transaction.atomic():
            said = inbox.dry_run(event=event, handlers={CREATED: book})

        assert said == "Would do this: Booked as BOT-2026-0012."
        assert not Patient.objects.exists()
        assert not rung
        assert InboundEvent.objects.values().get() == before

    @pytest.mark.parametrize(
        ("trouble", "said"),
        [
            (DomainError("It is completed."), "Would wait for a person: It is completed."),
            (WaitFor("The other half has not come.", seconds=1), "Would wait: The other half has not come."),
            (ZeroDivisionError("Leo"), "The portal would fail at this (ZeroDivisionError)."),
        ],
        ids=["person", "wait", "fault"],
    )
    def test_says_what_would_be_in_the_way(self, trouble, said):
        event, _ = keep()

        def fail(event):
            PatientFactory()
            raise trouble

        assert inbox.dry_run(event=event, handlers={CREATED: fail}) == said
        assert not Patient.objects.exists()

    def test_asks_no_vendor(self):
        event, _ = keep()
        asked = []
        handler = inbox.AsksVendor(lambda event: asked.append(event) or "Fetched.", would="Would fetch it.")

        assert inbox.dry_run(event=event, handlers={CREATED: handler}) == "Would fetch it."
        assert not asked

    def test_refuses_what_was_purged(self):
        event, _ = keep()
        settle(event, payload=None)

        with pytest.raises(inbox.Purged):
            inbox.dry_run(event=event, handlers={CREATED: inbox.AsksVendor(len, would="Would fetch it.")})


class TestSetAside:
    def test_says_by_whom_and_why(self):
        event, _ = keep(problem="Nobody knows this event type.")
        olivia = UserFactory(first_name="Olivia", last_name="Park")

        inbox.set_aside(event=event, reason="A test of ours.", by=olivia)

        event.refresh_from_db()
        assert (event.state, event.problem) == (Owed.State.SYNCED, "")
        assert event.outcome == "Set aside by Olivia Park: A test of ours."

    def test_asks_for_a_reason(self):
        event, _ = keep()

        with pytest.raises(Malformed):
            inbox.set_aside(event=event, reason=" ", by=UserFactory())

    def test_has_no_say_in_what_is_done(self):
        event, _ = keep()
        settle(event)

        with pytest.raises(DomainError):
            inbox.set_aside(event=event, reason="Too late.", by=UserFactory())

        event.refresh_from_db()
        assert event.outcome == "Booked."


class TestPurge:
    def test_forgets_what_old_worked_messages_said_and_not_that_they_came(self):
        now = timezone.now()
        for number in range(5):
            settle(keep(key=str(number))[0])
        keep(key="open")
        InboundEvent.objects.update(received_at=now - timedelta(days=91))
        settle(keep(key="new")[0])

        purged = [inbox.purge(older_than=now - timedelta(days=90), at_once=2) for _ in range(2)]

        assert purged == [5, 0]
        kept = InboundEvent.objects.exclude(payload__isnull=True).values_list("key", flat=True)
        assert set(kept) == {"open", "new"}
        assert keep(key="3")[1] is False

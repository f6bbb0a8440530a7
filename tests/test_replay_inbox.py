"""The command that works vendors' messages again."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from bookings.models import Booking
from botaniqal.commands import NEEDS_PERSON
from botaniqal.integrations import inbox
from botaniqal.integrations.models import InboundEvent
from botaniqal.webhooks import HANDLERS
from tests.calendly_deliveries import delivery
from tests.factories import AppointmentTypeFactory, CalendlyEventTypeFactory, PractitionerFactory

pytestmark = pytest.mark.django_db


def keep(key="1", **changes):
    payload = delivery(event_type="VISIT", event_id=f"EVENT{key}")
    return inbox.keep(vendor="calendly", key=key, kind="created", payload=payload, **changes)[0]


@pytest.fixture
def known_type():
    visit = AppointmentTypeFactory()
    person = PractitionerFactory(gives=[visit])
    return CalendlyEventTypeFactory(calendly_id="VISIT", practitioner=person, appointment_type=visit)


class TestReplayInbox:
    def test_works_what_needs_a_person(self, known_type, capsys):
        keep(problem="Nobody knew the type then.")

        call_command("replay_inbox")

        assert Booking.objects.count() == 1
        assert capsys.readouterr().out == "1 worked.\n"

    def test_leaves_alone_what_was_worked(self, known_type, capsys):
        keep()
        inbox.work_due(HANDLERS)

        call_command("replay_inbox")

        assert capsys.readouterr().out == "Nothing to do.\n"

    def test_changes_nothing_the_second_time(self, known_type):
        keep()
        for _ in range(2):
            call_command("replay_inbox", "--kind", "created")

        assert Booking.objects.count() == 1

    def test_says_what_would_come_of_it_in_a_dry_run(self, known_type, capsys):
        event = keep()

        call_command("replay_inbox", "--key", "1", "--dry-run")

        said = capsys.readouterr().out
        event.refresh_from_db()
        assert "Would do this: Booked as BOT-" in said
        assert said.endswith("Dry run: 1 messages. Nothing was changed.\n")
        assert not Booking.objects.exists()
        assert event.told == 0

    def test_leaves_with_1_and_the_reason_when_a_person_is_still_needed(self, capsys):
        keep(problem="Nobody knew the type then.")

        with pytest.raises(CommandError) as left:
            call_command("replay_inbox")

        assert left.value.returncode == NEEDS_PERSON
        assert "! Calendly created 1: Nobody here knows this Calendly event type." in capsys.readouterr().out

    def test_takes_what_came_since_a_day(self, known_type, capsys):
        keep("old")
        InboundEvent.objects.update(received_at=timezone.now() - timedelta(days=3))
        keep("new")

        call_command("replay_inbox", "--since", f"{timezone.localdate()}")

        assert capsys.readouterr().out == "1 worked.\n"

    def test_counts_what_was_purged(self, known_type, capsys):
        keep()
        InboundEvent.objects.update(payload=None)

        call_command("replay_inbox", "--kind", "created")

        assert capsys.readouterr().out == "1 purged for their age.\n"

    def test_refuses_a_day_that_is_none(self):
        with pytest.raises(CommandError, match="--since"):
            call_command("replay_inbox", "--since", "yesterday")

    def test_says_no_name_of_a_patient(self, known_type, capsys):
        event = keep()
        name = event.payload["payload"]["name"]

        call_command("replay_inbox", "--key", "1", "--dry-run")

        assert name not in capsys.readouterr().out

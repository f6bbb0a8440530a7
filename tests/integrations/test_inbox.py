import pytest

from botaniqal.errors import DomainError, Malformed
from botaniqal.integrations import inbox
from botaniqal.integrations.models import InboundEvent, Owed

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

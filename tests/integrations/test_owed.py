import logging
import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from botaniqal.errors import DomainError
from botaniqal.integrations import owed
from botaniqal.integrations.http import VendorRefused, VendorUnavailable
from botaniqal.integrations.models import InboundEvent, Owed

pytestmark = pytest.mark.django_db


def owe(count=1, **fields):
    """Owe some work, and answer with the last row."""
    now = timezone.now()
    for number in range(count):
        row = InboundEvent.objects.create(
            vendor="calendly",
            key=str(number),
            kind="created",
            payload={},
            **{"next_try_at": now - timedelta(seconds=count - number), **fields},
        )
    return row


def work(do):
    return owed.work(InboundEvent.objects.all(), do)


def fails_with(error):
    def do(row):
        raise error

    return do


def seconds_until_next_try(row):
    row.refresh_from_db()
    return round((row.next_try_at - timezone.now()).total_seconds())


class TestWork:
    def test_does_what_is_due_the_longest_waiting_first(self):
        owe(3)
        seen = []

        done = work(lambda row: seen.append(row.key))

        assert done == 3
        assert seen == ["0", "1", "2"]

    def test_writes_down_what_the_work_answers_with(self):
        row = owe()

        work(lambda row: {"outcome": "Booked."})

        row.refresh_from_db()
        assert (row.state, row.outcome, row.attempts, row.leased_until) == (Owed.State.SYNCED, "Booked.", 0, None)

    def test_says_that_the_row_is_being_sent_while_it_works(self):
        row = owe()
        states = []

        work(lambda _: states.append(InboundEvent.objects.get(pk=row.pk).state) or {})

        assert states == [Owed.State.SENDING]

    @pytest.mark.parametrize(
        "fields",
        [
            {"told": 1},
            {"needs_person": True},
            {"next_try_at": timezone.now() + timedelta(hours=1)},
            {"leased_until": timezone.now() + timedelta(hours=1)},
        ],
        ids=["done", "needs a person", "put off", "leased"],
    )
    def test_leaves_alone_what_is_not_due(self, fields):
        owe(**fields)

        assert work(lambda row: {}) == 0

    def test_takes_up_again_what_a_killed_worker_left(self, settings):
        row = owe()

        class Killed(BaseException):
            """Nothing is tidied up after this, as after SIGKILL."""

        with pytest.raises(Killed):
            work(fails_with(Killed()))
        left_alone = work(lambda row: {})
        InboundEvent.objects.update(leased_until=timezone.now(), next_try_at=timezone.now())
        taken_up = work(lambda row: {})

        row.refresh_from_db()
        assert (left_alone, taken_up) == (0, 1)
        assert row.state == Owed.State.SYNCED

    def test_gives_up_on_a_row_that_kills_its_workers(self, settings):
        row = owe(attempts=settings.SYNC_TRIES)

        assert work(lambda row: {}) == 0

        row.refresh_from_db()
        assert row.state == Owed.State.NEEDS_PERSON

    def test_waits_longer_after_each_try_up_to_a_longest(self, settings):
        settings.SYNC_BACKOFF_SECONDS, settings.SYNC_BACKOFF_MAX_SECONDS = 60, 200
        row = owe()
        waits = []

        for _ in range(4):
            work(fails_with(VendorUnavailable("MediRecords GET /patients: 500")))
            waits.append(seconds_until_next_try(row))
            InboundEvent.objects.update(next_try_at=timezone.now())

        row.refresh_from_db()
        assert waits == [60, 120, 200, 200]
        assert row.state == Owed.State.RETRYING
        assert row.problem.startswith("MediRecords GET /patients: 500.")

    def test_waits_as_long_as_the_vendor_asks_for(self, settings):
        settings.SYNC_BACKOFF_SECONDS = 60
        row = owe()

        work(fails_with(VendorUnavailable("Calendly POST /invitees: 429", retry_after=500)))

        assert seconds_until_next_try(row) == 500

    def test_asks_for_a_person_after_the_last_try(self, settings):
        row = owe(attempts=settings.SYNC_TRIES - 1)

        work(fails_with(VendorUnavailable("MediRecords GET /patients: 500")))

        row.refresh_from_db()
        assert row.state == Owed.State.NEEDS_PERSON
        assert f"after {settings.SYNC_TRIES} tries" in row.problem

    @pytest.mark.parametrize(
        ("error", "problem"),
        [
            (VendorRefused("MediRecords POST /patients: 400", status=400), "MediRecords POST /patients: 400"),
            (owed.NeedsPerson("Dr Dia has no MediRecords provider."), "Dr Dia has no MediRecords provider."),
            (DomainError("The visit took place already."), "The visit took place already."),
        ],
        ids=["vendor refused", "needs a person", "against a rule"],
    )
    def test_asks_for_a_person_where_trying_again_does_not_help(self, error, problem):
        row = owe()

        work(fails_with(error))

        row.refresh_from_db()
        assert row.state == Owed.State.NEEDS_PERSON
        assert row.problem.startswith(problem)

    def test_stops_when_the_vendor_is_down(self):
        owe(5)
        asked = []

        def do(row):
            asked.append(row.key)
            raise VendorUnavailable("MediRecords GET /patients: no answer")

        work(do)

        assert len(asked) == owed.OUTAGE

    def test_goes_on_after_a_row_that_fails(self):
        owe(5)

        def do(row):
            if row.key in "013":
                raise VendorUnavailable("MediRecords GET /patients: no answer")

        assert work(do) == 2

    def test_tries_again_after_an_error_of_ours_and_tells_nobody_what_it_quotes(self, caplog):
        row = owe()

        with caplog.at_level(logging.INFO):
            work(fails_with(ValueError("leo.martin@example.com is no number")))

        row.refresh_from_db()
        assert row.state == Owed.State.RETRYING
        assert "ValueError" in caplog.text
        assert "leo.martin" not in caplog.text + row.problem

    def test_keeps_a_change_that_comes_meanwhile(self):
        row = owe()
        turns = []

        def do(row):
            if not turns:
                owed.want_again(InboundEvent.objects.filter(pk=row.pk), now=timezone.now())
            turns.append(row.wanted)

        work(do)

        row.refresh_from_db()
        assert turns == [1, 2]
        assert (row.told, row.wanted) == (2, 2)

    @pytest.mark.parametrize(
        "error", [VendorUnavailable("no answer"), VendorRefused("400", status=400)], ids=["put off", "refused"]
    )
    def test_does_not_let_an_old_failure_hold_up_a_newer_change(self, error):
        row = owe()
        turns = []

        def do(row):
            turns.append(row.wanted)
            if row.wanted == 1:
                owed.want_again(InboundEvent.objects.filter(pk=row.pk), now=timezone.now())
                raise error

        work(do)

        row.refresh_from_db()
        assert turns == [1, 2]
        assert (row.state, row.problem) == (Owed.State.SYNCED, "")

    def test_writes_nothing_after_its_lease_went_to_another(self):
        row = owe()
        until = timezone.now() + timedelta(hours=1)

        def do(row):
            InboundEvent.objects.update(leased_until=until)
            return {"outcome": "Done by one who was too late."}

        assert work(do) == 0

        row.refresh_from_db()
        assert (row.told, row.leased_until, row.outcome) == (0, until, "")


class TestRenew:
    def test_keeps_the_lease_and_what_a_later_try_must_know(self, settings):
        owe()
        leases = []

        def do(row):
            leases.append(row.leased_until)
            owed.renew(row, outcome="Sent, no answer yet.")
            leases.append(row.leased_until)
            raise VendorUnavailable("no answer", is_ambiguous=True)

        work(do)

        assert leases[1] > leases[0]
        assert InboundEvent.objects.get().outcome == "Sent, no answer yet."

    def test_stops_the_work_when_the_lease_went_to_another(self):
        owe()
        sent = []

        def do(row):
            InboundEvent.objects.update(leased_until=timezone.now() + timedelta(hours=1))
            owed.renew(row)
            sent.append(row)

        assert work(do) == 0
        assert sent == []

    def test_leaves_a_newer_change_due(self):
        row = owe()

        def do(row):
            if row.wanted == 1:
                owed.want_again(InboundEvent.objects.filter(pk=row.pk), now=timezone.now())
                owed.renew(row)

        assert work(do) == 2

        row.refresh_from_db()
        assert row.told == 2


class TestRetry:
    def test_makes_it_due_again_with_all_its_tries(self):
        row = owe(needs_person=True, attempts=8, problem="Dr Dia has no MediRecords provider.")

        owed.retry(row, now=timezone.now())

        row.refresh_from_db()
        assert (row.state, row.attempts, row.problem) == (Owed.State.PENDING, 0, "")
        assert work(lambda row: {}) == 1

    def test_leaves_alone_what_is_done(self):
        row = owe(told=1)

        owed.retry(row, now=timezone.now())

        assert work(lambda row: {}) == 0


@pytest.mark.django_db(transaction=True)
class TestTwoWorkers:
    def test_never_do_the_same_row(self):
        owe(20)
        seen = []
        start = threading.Barrier(4)

        def worker():
            start.wait()
            work(lambda row: seen.append(row.key))
            connection.close()

        workers = [threading.Thread(target=worker) for _ in range(4)]
        for thread in workers:
            thread.start()
        for thread in workers:
            thread.join()

        assert sorted(seen) == sorted(str(number) for number in range(20))
        assert not InboundEvent.objects.all().open().exists()

    def test_work_outside_any_transaction(self):
        owe()
        seen = []

        work(lambda row: seen.append(connection.in_atomic_block))

        assert seen == [False]

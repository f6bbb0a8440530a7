from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from bookings.models import Drift, Reconciliation
from tests.bookings.reconcile.differing import NOON, compare, work
from tests.bookings.vendors.outside import as_there
from tests.factories import next_morning

pytestmark = pytest.mark.django_db


def reconcile(*arguments):
    """Run the command; answers its words and its exit code."""
    out = StringIO()
    try:
        call_command("reconcile", *arguments, stdout=out, stderr=StringIO())
    except CommandError as error:
        return f"{out.getvalue()}{error}", error.returncode
    return out.getvalue(), 0


class TestReconcile:
    def test_says_that_all_agree(self, visit):
        visit()

        words, code = reconcile()

        assert (words.strip(), code) == ("1 compared.", 0)

    def test_lists_what_differs(self, changed):
        booking, _ = changed("medirecords moved")

        words, code = reconcile()

        assert code == 1
        assert f"! {booking.number}, MediRecords, time: here" in words

    def test_changes_nothing_in_a_dry_run(self, changed):
        changed("medirecords moved")

        words, code = reconcile("--dry-run", "--portal-wins")

        assert code == 1
        assert "MediRecords is brought back to what the portal says" in words
        assert not Drift.objects.exists()
        assert not Reconciliation.objects.exists()

    def test_lets_the_portal_win(self, changed):
        changed("medirecords moved")

        words, code = reconcile("--portal-wins", "--yes")
        work()
        run = compare()

        assert code == 0
        assert "1 settled: the portal wins" in words
        assert run.found == 0

    def test_lets_nobody_win_unasked(self, changed):
        changed("medirecords moved")

        _, code = reconcile("--portal-wins")

        assert code == 2
        assert Drift.objects.unsettled().count() == 1

    def test_says_what_could_not_be_compared(self, visit, vendors):
        visit()
        vendors.faults("medirecords", "error_before")

        words, code = reconcile()

        assert code == 2
        assert "MediRecords could not be read" in words

    def test_keeps_to_the_days_that_were_named(self, visit, outside):
        booking = visit()
        outside.change_appointment(booking, scheduleTime=as_there(NOON))
        day = f"{next_morning(9, days=9):%Y-%m-%d}"

        words, code = reconcile("--from", day, "--until", day)

        assert (words.strip(), code) == ("Nothing to do.", 0)

    @pytest.mark.parametrize(
        "arguments",
        [["--from", "tomorrow"], ["--from", "2026-12-01", "--until", "2026-11-01"], ["--until", "9999-12-30"]],
        ids=["no day", "backwards", "endless"],
    )
    def test_refuses_days_without_sense(self, arguments):
        _, code = reconcile(*arguments)

        assert code != 0

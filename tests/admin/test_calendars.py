"""Outside calendars for people: how much is known of them, and the button that has them read."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from practitioners.models import OutsideCalendar
from tests.factories import PractitionerFactory

pytestmark = pytest.mark.django_db

REFUSED = "Outlook knows no mailbox shivani@botaniqal.example."


@pytest.fixture
def calendar():
    practitioner = PractitionerFactory(name="Dr Shivani", calendar_provider="outlook", mailbox="s@botaniqal.example")
    return OutsideCalendar.objects.create(
        practitioner=practitioner, provider="outlook", account=practitioner.mailbox, read_at=timezone.now(), told=1
    )


def page_of(row):
    return reverse(f"admin:practitioners_{row._meta.model_name}_change", args=[row.pk])


def verb_of(row, name):
    return reverse(f"admin:practitioners_{row._meta.model_name}_verb", args=[row.pk, name])


def grow_old(minutes, **fields):
    OutsideCalendar.objects.update(read_at=timezone.now() - timedelta(minutes=minutes), **fields)


class TestPractitionerPage:
    @pytest.mark.parametrize(
        ("minutes", "fields", "shown"),
        [
            (3, {}, '<span class="badge ok">Fresh, read 3 min ago</span>'),
            (34, {}, '<span class="badge waiting">Stale for 34 min</span>'),
            (200, {"problem": REFUSED}, f'<span class="badge bad">Down for 3 h</span> {REFUSED}'),
        ],
        ids=["fresh", "stale", "down"],
    )
    def test_shows_how_fresh_the_calendar_is_and_why(self, operations, calendar, minutes, fields, shown):
        grow_old(minutes, **fields)

        assert shown in operations.get(page_of(calendar.practitioner)).content.decode()

    def test_says_when_none_is_mirrored(self, operations):
        page = operations.get(page_of(PractitionerFactory())).content.decode()

        assert "Not mirrored" in page
        assert "read_calendar" not in page

    def test_opens_for_somebody_new(self, operations):
        assert operations.get(reverse("admin:practitioners_practitioner_add")).status_code == 200

    def test_has_the_calendar_read_at_once(self, operations, calendar):
        operations.post(verb_of(calendar.practitioner, "read_calendar"))

        assert OutsideCalendar.objects.due(timezone.now()).get() == calendar


class TestList:
    def test_shows_first_what_needs_a_person(self, operations, calendar):
        address = reverse("admin:practitioners_outsidecalendar_changelist")
        well = operations.get(address).content.decode()
        OutsideCalendar.objects.update(wanted=2, needs_person=True, problem=REFUSED)

        stuck = operations.get(address).content.decode()

        assert REFUSED not in well
        assert REFUSED in stuck
        assert '<span class="badge bad">Needs help</span>' in stuck

    def test_has_a_view_of_what_is_stale(self, operations, calendar):
        address = reverse("admin:practitioners_outsidecalendar_changelist")

        fresh = operations.get(address, {"view": "stale"}).content.decode()
        grow_old(34)
        stale = operations.get(address, {"view": "stale"}).content.decode()

        assert "Stale for" not in fresh
        assert "Stale for 34 min" in stale

    def test_lets_one_be_read_at_once(self, operations, calendar):
        operations.post(verb_of(calendar, "read_now"))

        assert OutsideCalendar.objects.due(timezone.now()).get() == calendar

    def test_keeps_the_verb_from_those_who_may_not_mend_it(self, consultant, calendar):
        assert consultant.post(verb_of(calendar, "read_now")).status_code == 403


class TestToday:
    def test_names_whose_calendar_is_stale(self, operations, calendar):
        fresh = operations.get(reverse("admin:index")).content.decode()
        grow_old(34)

        stale = operations.get(reverse("admin:index")).content.decode()

        assert "could not be read for long" not in fresh
        assert "outside calendar of <strong>Dr Shivani</strong> could not be read for long" in stale

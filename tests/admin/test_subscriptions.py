"""What people see of subscriptions, and what they may have done about them."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from botaniqal.integrations.models import Incident, Subscription
from tests.admin.conftest import logged_in, somebody

pytestmark = pytest.mark.django_db

LIST = "admin:integrations_subscription_changelist"
VERBS = ["check_now", "set_up_anew", "fetch_missed"]


@pytest.fixture
def row():
    now = timezone.now()
    return Subscription.objects.create(
        vendor="graph", resource="dia@example.com", health="active", secret="only-graph-knows", checked_at=now, told=1
    )


def address(row, verb):
    return reverse("admin:integrations_subscription_verb", args=[row.pk, verb])


def local(moment):
    return f"{timezone.localtime(moment):%Y-%m-%dT%H:%M}"


class TestSubscriptions:
    def test_show_whose_they_are_and_how_well(self, operations, row):
        Subscription.objects.create(vendor="calendly", resource="https://api.calendly.com/x", health="disabled")

        page = operations.get(reverse(LIST)).content.decode()

        assert ">dia@example.com<" in page
        assert "The clinic&#x27;s organisation" in page
        assert "Switched off by the vendor" in page

    def test_show_nobody_what_the_deliveries_carry(self, operations, row):
        page = operations.get(reverse("admin:integrations_subscription_change", args=[row.pk])).content.decode()

        assert row.secret not in page

    def test_do_not_call_well_what_nobody_could_ask(self, operations, row):
        Subscription.objects.update(needs_person=True, wanted=2, problem="Outlook GET /subscriptions: 401.")

        page = operations.get(reverse(LIST)).content.decode()

        assert "Nobody knows" in page
        assert "Listening" not in page.partition("results")[2]

    def test_are_counted_in_the_sidebar_while_they_are_not_well(self, operations, row):
        Subscription.objects.update(health="silent")
        Incident.objects.create(key="portal:x", summary="Outlook does not tell the portal of changes.")

        page = operations.get(reverse("admin:index")).content.decode()

        assert "not well" in page
        assert "Incidents" in page

    def test_are_checked_now(self, operations, row):
        operations.post(address(row, "check_now"))

        assert Subscription.objects.get().state == "pending"

    def test_are_set_up_anew(self, operations, row):
        operations.post(address(row, "set_up_anew"))

        row.refresh_from_db()
        assert (row.state, row.health, row.secret) == ("pending", "new", "")

    def test_fetch_what_was_missed_since_a_moment(self, operations, row):
        since = timezone.now() - timedelta(days=3)

        operations.post(address(row, "fetch_missed"), {"since": local(since)})

        row.refresh_from_db()
        assert row.state == "pending"
        assert abs(row.missed_since - since) < timedelta(minutes=1)

    def test_do_not_forget_what_was_missed_before(self, operations, row):
        long_ago = timezone.now() - timedelta(days=9)
        Subscription.objects.update(missed_since=long_ago)

        operations.post(address(row, "fetch_missed"), {"since": local(timezone.now() - timedelta(days=3))})

        assert Subscription.objects.get().missed_since == long_ago

    @pytest.mark.parametrize("since", ["", "yesterday", "2020-01-01T00:00", "2999-01-01T00:00"])
    def test_fetch_nothing_from_times_that_make_no_sense(self, operations, row, since):
        operations.post(address(row, "fetch_missed"), {"since": since})

        assert Subscription.objects.get().missed_since is None

    @pytest.mark.parametrize("verb", VERBS)
    def test_change_nothing_when_a_page_is_looked_at(self, operations, row, verb):
        answer = operations.get(address(row, verb))

        assert answer.status_code == 200
        assert Subscription.objects.get().state == "synced"

    @pytest.mark.parametrize("verb", VERBS)
    @pytest.mark.parametrize("role", ["consultant", "management", "clinician"])
    def test_are_none_of_others_business(self, row, role, verb):
        answer = logged_in(somebody(role)).post(address(row, verb), {"since": "2026-11-01T00:00"})

        assert answer.status_code == 403
        assert Subscription.objects.get().state == "synced"

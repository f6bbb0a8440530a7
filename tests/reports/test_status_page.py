"""The status page: what it knows, whom it is for, and that it asks nobody outside."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from bookings.models import SyncRecord
from botaniqal.api import health
from botaniqal.integrations import answering, incidents
from botaniqal.integrations.models import InboundEvent, Subscription
from practitioners.models import OutsideCalendar
from tests.factories import BookingFactory, PractitionerFactory, UserFactory
from tests.sandbox_server import ENVIRONMENT

pytestmark = pytest.mark.django_db

QUERIES = 10


@pytest.fixture(autouse=True)
def own_cache(settings):
    """Keep away from the marks of workers elsewhere."""
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": uuid4().hex}}


@pytest.fixture
def operations(client):
    client.force_login(UserFactory(roles=["operations"], is_staff=True))
    return client


def part(answer, name):
    """Read one part of the page."""
    return answer.text.partition(f'id="status-{name}"')[2].partition("data-part")[2].partition("data-part")[0]


class TestRights:
    @pytest.mark.parametrize("role", ["operations", "administrator"])
    def test_let_in_who_looks_after_it(self, client, role):
        client.force_login(UserFactory(roles=[role], is_staff=True))

        assert client.get("/admin/status/").status_code == client.get("/admin/status/now/").status_code == 200

    @pytest.mark.parametrize("role", ["consultant", "clinician", "management"])
    def test_keep_out_the_others(self, client, role):
        client.force_login(UserFactory(roles=[role], is_staff=True))

        assert client.get("/admin/status/").status_code == client.get("/admin/status/now/").status_code == 403

    def test_is_for_reading(self, operations):
        assert operations.post("/admin/status/").status_code == 405


class TestVendors:
    def test_are_up_or_in_trouble_since_when(self, operations, time_machine):
        time_machine.move_to("2026-10-05T10:42:00+11:00", tick=False)
        answering.note("MediRecords", is_up=True)
        answering.note("Graph", is_up=True)
        answering.note("Microsoft", is_up=False)
        time_machine.shift(timedelta(minutes=5))
        answering.note("Microsoft", is_up=False)

        answer = operations.get("/admin/status/")

        assert "Up, answered 10:42:00" in part(answer, "vendors")
        assert "No answer since 10:42:00" in part(answer, "vendors")
        assert "Outlook has not answered since 10:42:00." in answer.text

    def test_are_well_again_once_they_answer(self, operations):
        answering.note("Calendly", is_up=False)
        answering.note("Calendly", is_up=True)

        assert "has not answered" not in operations.get("/admin/status/").text

    def test_are_not_called_for_it(self, operations, settings, sandbox):
        sandbox.reset()
        for name, value in ENVIRONMENT.items():
            setattr(settings, name, value)
        settings.CALENDLY_BASE_URL, settings.MEDIRECORDS_BASE_URL = sandbox.calendly_url, sandbox.medirecords_url
        settings.GRAPH_BASE_URL, settings.GRAPH_LOGIN_URL = sandbox.graph_url, sandbox.microsoft_url
        settings.STRIPE_BASE_URL, settings.JOTFORM_BASE_URL = sandbox.stripe_url, sandbox.jotform_url
        settings.PAGERDUTY_BASE_URL = sandbox.pagerduty_url

        operations.get("/admin/status/")

        assert sandbox.calls() == []


class TestQueues:
    def test_count_what_waits_and_for_whom(self, operations):
        now = timezone.now()
        booking = BookingFactory()
        owed = {"booking": booking, "next_try_at": now - timedelta(minutes=34)}
        SyncRecord.objects.create(system=SyncRecord.System.MEDIRECORDS, **owed)
        SyncRecord.objects.create(system=SyncRecord.System.OUTLOOK, needs_person=True, **owed)
        InboundEvent.objects.create(vendor="calendly", key="1", kind="created", payload={}, told=1)

        answer = part(operations.get("/admin/status/"), "queues")

        rows = {row.partition("</a>")[0].rpartition(">")[2]: row for row in answer.split("<tr>")[2:]}
        assert '<td>1</td><td><span class="badge waiting">34 min</span></td><td>–</td>' in rows["Visits: MediRecords"]
        assert '<td>–</td><td>–</td><td><span class="badge bad">1</span></td>' in rows["Visits: Outlook"]
        assert set(rows) == {"Visits: MediRecords", "Visits: Outlook"}


class TestJobs:
    def test_are_shown_with_how_they_ended(self, operations, time_machine):
        time_machine.move_to(timezone.now() - timedelta(hours=3))
        with health.noted("read_forms"):
            pass
        time_machine.move_to(timezone.now() + timedelta(hours=3))
        with pytest.raises(ValueError, match="Leo"), health.noted("remind"):
            raise ValueError("Leo Martin")

        answer = operations.get("/admin/status/")

        assert "Late: read_forms." in answer.text
        assert "A job failed when it last ran: Write the reminders that are due by now (ValueError)." in answer.text
        assert not re.search(r"\bLeo\b", answer.text)


class TestPage:
    def test_shows_incidents_calendars_and_subscriptions(self, operations):
        now = timezone.now()
        incidents.open_incident(key="k", summary="Calendly is silent", now=now)
        old = now - timedelta(days=1)
        OutsideCalendar.objects.create(practitioner=PractitionerFactory(name="Dr Dia"), provider="outlook", read_at=old)
        Subscription.objects.create(vendor="graph", resource="dia@botaniqal.example", health="lost")

        answer = operations.get("/admin/status/")

        assert "Calendly is silent" in part(answer, "incidents")
        assert "Dr Dia" in part(answer, "calendars")
        assert "Stale" in part(answer, "calendars")
        assert "Gone at the vendor" in part(answer, "subscriptions")

    def test_asks_as_few_queries_however_much_there_is(self, operations, django_assert_num_queries):
        for number in range(3):
            SyncRecord.objects.create(booking=BookingFactory(), system=SyncRecord.System.MEDIRECORDS)
            OutsideCalendar.objects.create(practitioner=PractitionerFactory(), provider="outlook")
            Subscription.objects.create(vendor="graph", resource=f"{number}@botaniqal.example")
            incidents.open_incident(key=f"{number}", summary="Calendly is silent", now=timezone.now())

        with django_assert_num_queries(QUERIES):
            operations.get("/admin/status/now/")

    def test_stands_while_redis_is_away(self, operations, settings):
        away = "redis://127.0.0.1:1/0"
        settings.REDIS_URL = away
        settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": away}}

        answer = operations.get("/admin/status/now/")

        assert answer.status_code == 200
        assert "Redis does not answer." in part(answer, "troubles")
        assert "Nobody knows" in part(answer, "vendors")

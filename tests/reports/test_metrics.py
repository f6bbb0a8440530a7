import gzip
import re
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal

import pytest
import redis
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings

from bookings.models import Payment, SyncRecord
from bookings.vendors import sync
from botaniqal import counters, tasks
from botaniqal.counters import FAMILIES
from botaniqal.integrations import incidents
from botaniqal.integrations.models import InboundEvent, Incident, Turn
from botaniqal.reports import figures, metrics
from botaniqal.reports.figures import Period
from botaniqal.reports.gauges import GAUGES
from botaniqal.reports.metrics import ABOUT_ITSELF
from services.prices import clinic_day
from tests.counting import Counts
from tests.factories import BookingFactory, PatientFactory, PractitionerFactory, SessionFactory

pytestmark = pytest.mark.django_db

TOKEN = "an invented token for the tests"
AS_TOKEN = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(autouse=True)
def _token(settings: Settings, counted: Counts, db: None) -> Iterator[None]:
    settings.METRICS_TOKEN = TOKEN
    cache.delete_many([metrics.KEPT, metrics.UNDER_WAY])
    yield
    wait_for_what_goes_on_behind()
    with suppress(redis.RedisError):
        cache.delete_many([metrics.KEPT, metrics.UNDER_WAY])


def wait_for_what_goes_on_behind() -> None:
    for thread in threading.enumerate():
        if thread.name == "metrics":
            thread.join(30)


def told(client: Client) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    """Read the answer as Prometheus does: values by name and labels; a series that comes twice is none."""
    answer = client.get("/metrics", headers=AS_TOKEN)
    assert answer.status_code == 200
    found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for family in text_string_to_metric_families(answer.content.decode()):
        for sample in family.samples:
            series = found.setdefault(sample.name, {})
            key = tuple(sorted(sample.labels.items()))
            assert key not in series
            series[key] = sample.value
    return found


class TestDoor:
    @pytest.mark.parametrize(
        "given",
        [{}, {"Authorization": ""}, {"Authorization": f"Basic {TOKEN}"}, {"Authorization": "Bearer"}]
        + [{"Authorization": f"Bearer {guess}"} for guess in ("", TOKEN[:-1], TOKEN + "x", "é" * 30, "x" * 10_000)],
    )
    def test_is_shut_without_the_token(self, client: Client, given: dict[str, str]):
        answer = client.get("/metrics", headers=given)

        assert answer.status_code == 401
        assert answer["WWW-Authenticate"] == 'Bearer realm="metrics"'
        assert b"_total" not in answer.content

    def test_is_nowhere_while_no_token_is_set(self, client: Client, settings: Settings):
        settings.METRICS_TOKEN = ""
        settings.DEMO = False

        assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404

    def test_is_open_to_the_demos_own_machine_alone(self, client: Client, settings: Settings):
        settings.METRICS_TOKEN, settings.DEMO = "", True

        assert client.get("/metrics").status_code == 200
        assert client.get("/metrics", REMOTE_ADDR="10.0.0.7").status_code == 404
        assert client.get("/metrics", headers={"X-Forwarded-For": "10.0.0.7"}).status_code == 404

    def test_is_for_reading(self, client: Client):
        assert client.post("/metrics", headers=AS_TOKEN).status_code == 405

        answer = client.head("/metrics", headers=AS_TOKEN)
        assert (answer.status_code, answer.content) == (200, b"")

    @pytest.mark.parametrize(
        ("accept", "content_type"),
        [
            ("", "text/plain; version=0.0.4"),
            ("*/*", "text/plain; version=0.0.4"),
            ("text/html", "text/plain; version=0.0.4"),
            ("application/openmetrics-text;version=1.0.0,text/plain;q=0.5", "application/openmetrics-text; version=1"),
            ("application/openmetrics-text; version=leo martin", "text/plain; version=0.0.4"),
            ("application/openmetrics-text;" * 5_000, "application/openmetrics-text; version=1"),
        ],
    )
    def test_speaks_the_format_that_is_asked_for(self, client: Client, accept: str, content_type: str):
        answer = client.get("/metrics", headers=AS_TOKEN | {"Accept": accept})

        assert answer.status_code == 200
        assert answer["Content-Type"].startswith(content_type)
        assert "Accept" in answer["Vary"]
        assert "no-store" in answer["Cache-Control"]

    def test_is_packed_for_whoever_unpacks(self, client: Client):
        answer = client.get("/metrics", headers=AS_TOKEN | {"Accept-Encoding": "gzip"})

        assert answer["Content-Encoding"] == "gzip"
        assert b"# TYPE inbox_age_seconds gauge" in gzip.decompress(answer.content)


class TestSeedsMetrics:
    """The nine that the clinic's specification names, each under its name."""

    def test_are_all_there(self, client: Client):
        text = client.get("/metrics", headers=AS_TOKEN).content.decode()

        for name, kind in {
            "triage_sessions_created_total": "counter",
            "triage_to_booking_conversion_ratio": "gauge",
            "phone_bookings_created_total": "counter",
            "calendar_sync_failures_total": "counter",
            "webhook_processing_time_seconds": "histogram",
            "available_slots_per_practitioner": "gauge",
            "revenue_per_booking_method_aud": "gauge",
            "practitioner_utilization_ratio": "gauge",
            "no_show_rate_by_type_ratio": "gauge",
        }.items():
            assert f"# TYPE {name} {kind}\n" in text

    def test_tell_what_the_figures_tell(self, client: Client):
        now = timezone.now()
        practitioner = PractitionerFactory(name="Dr Dia")
        person = (("practitioner", "Dr Dia"), ("practitioner_id", str(practitioner.pk)))
        came, missed = (
            BookingFactory(
                practitioner=practitioner,
                source="phone",
                state=state,
                starts_at=now - timedelta(minutes=60 * n + 15),
                ends_at=now - timedelta(minutes=60 * n),
            )
            for n, state in enumerate(("completed", "no_show"), start=1)
        )
        missed.appointment_type = came.appointment_type
        missed.save()
        Payment.objects.create(booking=came, amount=Decimal("119"), status="collected", method="cash", collected_at=now)

        found = told(client)

        window = ("window", "last_28")
        code = came.appointment_type.code
        period = Period.of("last_28", clinic_day(now))
        [rate] = figures.no_shows(period)
        assert found["no_show_rate_by_type_ratio"][(("appointment_type", code), window)] == 0.5
        assert rate.share.part / rate.share.whole == 0.5
        assert found["revenue_per_booking_method_aud"][(("method", "phone"), window)] == 119
        assert found["available_slots_per_practitioner"][person] == 0
        assert "triage_to_booking_conversion_ratio" not in found, "of nothing there is no share"


class TestCounted:
    def test_begins_at_zero_so_that_the_first_failures_are_an_increase(self, client: Client):
        found = told(client)

        assert set(found["calendar_sync_failures_total"].values()) == {0}
        assert found["counters_dropped_total"] == {(): 0}

    def test_a_failed_try_counts_as_the_time_line_tells_it(self, client: Client, counted: Counts):
        record = SyncRecord.objects.create(booking=BookingFactory(), system="calendly")
        for turn in (Turn.PUT_OFF, Turn.TOLD, Turn.HANDED_OVER, Turn.WAITING):
            record.note(turn, "An invented turn.")

        counters.flush()

        failures = {key[0][1]: number for key, number in told(client)["calendar_sync_failures_total"].items()}
        assert failures == {"calendly": 2, "outlook": 0, "medirecords": 0}
        since = timezone.now() - timedelta(minutes=5)
        assert len(sync.failed_tries(systems=["calendly"], after=since, until=timezone.now())) == 2

    def test_a_run_of_a_bell_counts_by_how_it_ended(self, client: Client, counted: Counts):
        tasks.work_inbox()
        counters.flush()

        buckets = told(client)["bell_duration_seconds_count"]
        assert buckets == {(("bell", "work_inbox"), ("outcome", "ok")): 1}

    def test_a_histogram_adds_up(self, client: Client):
        for seconds in (0.001, 0.3, 0.3, 90):
            counters.observe("vendor_call_duration_seconds", seconds, vendor="stripe", outcome="ok")
        counters.flush()

        found = told(client)
        labels = (("outcome", "ok"), ("vendor", "stripe"))
        places = {dict(key)["le"]: value for key, value in found["vendor_call_duration_seconds_bucket"].items()}
        assert [places[le] for le in ("0.05", "0.25", "0.5", "60.0", "+Inf")] == [1, 1, 3, 3, 4]
        assert found["vendor_call_duration_seconds_count"][labels] == 4
        assert found["vendor_call_duration_seconds_sum"][labels] == pytest.approx(90.601)


class TestNow:
    def test_tells_what_waits_and_where_it_stands(self, client: Client):
        now = timezone.now()
        old = now - timedelta(minutes=20)
        rows = {
            "pending": {},
            "retrying": {"attempts": 2},
            "sending": {"attempts": 1, "leased_until": now + timedelta(minutes=1)},
            "needs_person": {"needs_person": True},
        }
        for key, fields in rows.items():
            InboundEvent.objects.create(vendor="calendly", key=key, kind="invitee.created", payload={}, **fields)
        InboundEvent.objects.create(vendor="stripe", key="done", kind="x", payload={}, told=1)
        InboundEvent.objects.filter(key="pending").update(received_at=old)
        record = SyncRecord.objects.create(booking=BookingFactory(), system="outlook", next_try_at=old)
        Incident.objects.create(key="one", summary="One", severity="critical")
        Incident.objects.create(key="two", summary="Two", severity="critical", resolved_at=now)

        found = told(client)

        owed = found["owed_rows"]
        of_inbox = {dict(key)["state"]: n for key, n in owed.items() if ("system", "calendly") in key and n}
        assert of_inbox == dict.fromkeys(rows, 1)
        assert not any(n for key, n in owed.items() if ("system", "stripe") in key)
        assert record.state == "pending"
        assert owed[(("state", "pending"), ("system", "outlook"), ("work", "sync"))] == 1
        assert found["inbox_age_seconds"][()] == pytest.approx(1200, abs=30)
        assert found["sync_lag_seconds"][(("system", "outlook"),)] == pytest.approx(1200, abs=30)
        assert found["sync_lag_seconds"][(("system", "calendly"),)] == 0
        assert found["open_incidents"][(("severity", "critical"),)] == 1
        assert found["open_incidents"][(("severity", "warning"),)] == 0

    def test_costs_the_same_queries_however_much_there_is(self, client: Client):
        def queries() -> int:
            cache.delete(metrics.KEPT)
            with CaptureQueriesContext(connection) as captured:
                told(client)
            return len(captured)

        BookingFactory()
        queries()
        few = queries()
        for n in range(12):
            booking = BookingFactory(practitioner=PractitionerFactory(name=f"Dr {n}"))
            SyncRecord.objects.create(booking=booking, system="calendly")

        assert queries() == few


class TestKept:
    def test_a_storm_is_answered_from_what_was_worked_out_once(self, client: Client):
        told(client)
        cache.set(metrics.UNDER_WAY, 1, timeout=60)  # however slow the machine is

        with CaptureQueriesContext(connection) as captured:
            for _ in range(20):
                told(client)

        assert len(captured) == 0

    def test_the_first_who_asks_does_not_wait_for_it(self, client: Client):
        tasks.make_metrics()
        cache.set(metrics.UNDER_WAY, 1, timeout=60)  # however slow the machine is

        with CaptureQueriesContext(connection) as captured:
            assert told(client)["stale_calendars"] == {(): 0}

        assert len(captured) == 0

    def test_counters_are_never_kept(self, client: Client):
        told(client)
        counters.count("triage_sessions_created", source="online")
        counters.flush()

        assert told(client)["triage_sessions_created_total"][(("source", "online"),)] == 1

    @pytest.mark.django_db(transaction=True)
    def test_what_is_old_is_worked_out_behind_the_answer_by_one(self, client: Client):
        old = timezone.now() - timedelta(seconds=30)
        cache.set(metrics.KEPT, (old, [("stale_calendars", (), 7.0)]), timeout=60)
        cache.set(metrics.UNDER_WAY, 1, timeout=10)
        assert told(client)["stale_calendars"] == {(): 7}
        assert not [thread for thread in threading.enumerate() if thread.name == "metrics"]

        cache.delete(metrics.UNDER_WAY)
        with CaptureQueriesContext(connection) as captured:
            assert told(client)["stale_calendars"] == {(): 7}
        assert len(captured) == 0
        wait_for_what_goes_on_behind()

        assert told(client)["stale_calendars"] == {(): 0}
        assert cache.get(metrics.UNDER_WAY) is None

    def test_without_redis_it_tells_the_rest(self, client: Client, settings: Settings):
        settings.REDIS_URL = "redis://127.0.0.1:9/0"
        caches = settings.CACHES["default"] | {"LOCATION": settings.REDIS_URL}
        settings.CACHES = {"default": caches}

        found = told(client)

        assert found["metrics_part_up"] == {
            (("part", "counters"),): 0,
            (("part", "days"),): 1,
            (("part", "jobs"),): 0,
            (("part", "now"),): 1,
        }
        assert found["inbox_age_seconds"] == {(): 0}


class TestWords:
    def test_tell_of_no_patient(self, client: Client):
        patient = PatientFactory(
            name="Leonora Unmistakable", email="leonora@unmistakable.example", phone="+61400000123"
        )
        booking = BookingFactory(patient=patient, notes="An unmistakable note")
        SessionFactory(patient=patient)
        incidents.open_incident(key="one", summary="An unmistakable summary", now=timezone.now())
        SyncRecord.objects.create(booking=booking, system="calendly", problem="An unmistakable problem")

        text = client.get("/metrics", headers=AS_TOKEN).content.decode().lower()

        assert "open_incidents" in text
        assert "unmistakable" not in text
        assert "400000123" not in text
        assert str(booking.pk) not in text
        assert str(patient.pk) not in text

    def test_names_follow_prometheus(self):
        for name, family in (FAMILIES | GAUGES | ABOUT_ITSELF).items():
            assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
            assert not name.endswith("_total")
            assert not set(family.labels) & {"job", "instance", "le"}
            assert family.help.endswith(".")

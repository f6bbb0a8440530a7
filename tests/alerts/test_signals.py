from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.utils import timezone

from botaniqal.alerts import evaluating, signals
from botaniqal.alerts.models import Watched
from botaniqal.api import health
from botaniqal.integrations.models import InboundEvent, Incident, Subscription
from practitioners.models import OutsideCalendar
from tests.factories import (
    AppointmentTypeFactory,
    PractitionerFactory,
    SessionFactory,
)

pytestmark = pytest.mark.django_db

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MELBOURNE = ZoneInfo("Australia/Melbourne")
TEN = datetime(2026, 11, 25, 10, tzinfo=MELBOURNE)


def look(rule, since=None):
    now = timezone.now()
    return evaluating.look(rule, since=since or now - MINUTE, now=now)


class TestSignals:
    def test_are_there_for_all_that_can_be_watched(self):
        assert set(signals.SIGNALS) == set(Watched)

    @pytest.mark.parametrize(
        ("watched", "value", "shown"),
        [("sync_failures", "3.0", "3"), ("abandonment", "37.5", "37.5 %"), ("inbox_age", "10.0", "10 min")],
    )
    def test_write_values_with_their_unit(self, watched, value, shown):
        assert signals.SIGNALS[watched].shown(signals.Decimal(value)) == shown


class TestSyncFailures:
    def test_leaves_medirecords_out(self, rule, fail):
        fail(system="medirecords")
        fail(system="outlook")

        assert look(rule()).value == 1


class TestNobodyFree:
    @pytest.fixture
    def watched(self, rule):
        return rule("no_available_practitioners")

    def test_finds_what_nobody_has_a_time_for(self, watched):
        kind = AppointmentTypeFactory(name="GAPS", minutes=60)
        PractitionerFactory(gives=[kind], hours=False)

        found = look(watched)

        assert found.value == 1
        assert str(kind) in found.words
        assert found.stretches

    def test_is_content_with_one_free_person(self, watched):
        kind = AppointmentTypeFactory()
        PractitionerFactory(gives=[kind], hours=False)
        PractitionerFactory(gives=[kind])

        assert look(watched).value == 0

    def test_looks_two_weeks_ahead(self, watched):
        kind = AppointmentTypeFactory(min_notice_minutes=13 * 24 * 60)
        PractitionerFactory(gives=[kind])
        late = AppointmentTypeFactory(min_notice_minutes=15 * 24 * 60)
        PractitionerFactory(gives=[late])

        assert look(watched).value == 1

    @pytest.mark.parametrize("change", [{"verdict": "red"}, {"is_active": False}, {"service__status": "paused"}])
    def test_does_not_mind_what_is_not_offered(self, watched, change):
        AppointmentTypeFactory(**change)

        assert look(watched).value == 0

    def test_asks_as_little_for_many(self, watched, django_assert_max_num_queries):
        for _ in range(8):
            PractitionerFactory(gives=[AppointmentTypeFactory()], hours=False)

        with django_assert_max_num_queries(6):
            look(watched)


class TestAbandonment:
    @pytest.fixture
    def watched(self, rule):
        return rule("high_triage_abandonment", smallest_number=3)

    def calls(self, *outcomes, at):
        for outcome in outcomes:
            SessionFactory(
                consultation__starts_at=at, state="done", outcome=outcome, started_at=at, ended_at=at + 10 * MINUTE
            )

    def test_takes_the_share_of_today(self, watched):
        self.calls("referred", "referred", "no_show", "rejected", at=TEN)
        self.calls("no_show", "no_show", "no_show", at=TEN - DAY)

        with time_machine.travel(TEN + HOUR):
            found = look(watched)

        assert (found.value, found.stretches) == (25, [])
        assert found.words == "On 25 Nov 2026 1 of 4 calls were given up, 25.0 %."

    def test_takes_none_of_too_few(self, watched):
        self.calls("no_show", "no_show", at=TEN)

        with time_machine.travel(TEN + HOUR):
            found = look(watched)

        assert (found.value, found.stretches) == (None, [])
        assert "too few for a share" in found.words

    def test_looks_at_each_day_that_ended_meanwhile(self, watched):
        for days in (1, 2, 3):
            self.calls("referred", "no_show", "no_show" if days == 2 else "referred", at=TEN - days * DAY)

        with time_machine.travel(TEN):
            found = look(watched, since=TEN - 3 * DAY)

        midnights = [f"{stretch.first.astimezone(MELBOURNE):%a %H:%M}" for stretch in found.stretches]
        assert midnights == ["Mon 00:00", "Tue 00:00", "Wed 00:00"][-3:]

    def test_stays_open_until_there_are_calls_enough_to_know(self, watched):
        self.calls("no_show", "no_show", "no_show", at=TEN)
        with time_machine.travel(TEN + HOUR):
            evaluating.evaluate_due(now=timezone.now())
        with time_machine.travel(TEN + DAY):
            evaluating.evaluate_due(now=timezone.now())
        overnight = Incident.objects.get().resolved_at

        self.calls("referred", "referred", "referred", at=TEN + DAY)
        with time_machine.travel(TEN + DAY + 2 * HOUR):
            evaluating.evaluate_due(now=timezone.now())

        assert overnight is None
        assert Incident.objects.get().resolved_at


class TestSubscriptions:
    @pytest.fixture
    def watched(self, rule):
        return rule("subscription_silent")

    @pytest.mark.parametrize("state", ["silent", "disabled", "lost"])
    def test_counts_those_that_do_not_tell(self, watched, state):
        Subscription.objects.create(vendor="calendly", resource="x", health=state)
        Subscription.objects.create(vendor="graph", resource="y", health="active")

        found = look(watched)

        assert (found.value, found.words) == (1, "Calendly does not tell the portal of changes.")

    def test_leaves_out_what_is_mended_at_this_moment_or_not_wanted(self, watched):
        lease = timezone.now() + MINUTE
        Subscription.objects.create(vendor="calendly", resource="x", health="lost", leased_until=lease)
        Subscription.objects.create(vendor="graph", resource="y", health="lost", is_wanted=False)

        assert look(watched).value == 0

    def test_tells_nobody_of_what_is_well_again_within_five_minutes(self, watched):
        row = Subscription.objects.create(vendor="calendly", resource="x", health="lost")
        now = timezone.now()
        evaluating.evaluate_due(now=now)
        incident = Incident.objects.get()
        Subscription.objects.filter(pk=row.pk).update(health="active")

        evaluating.evaluate_due(now=now + MINUTE)

        assert incident.next_try_at == now + 5 * MINUTE
        assert Incident.objects.get().resolved_at == now


class TestStaleCalendars:
    def test_counts_and_names_them(self, rule):
        long_ago = timezone.now() - DAY
        for name, read_at in (("Dr Dia", long_ago), ("Dr Eve", long_ago), ("Dr Fay", timezone.now())):
            person = PractitionerFactory(name=name)
            OutsideCalendar.objects.create(practitioner=person, provider="outlook", account=name, read_at=read_at)

        found = look(rule("calendar_stale"))

        assert (found.value, found.words) == (2, "The calendar could not be read for long: Dr Dia, Dr Eve.")


class TestInboxAge:
    def test_takes_the_longest_waiting_and_when_it_came_of_age(self, rule):
        now = timezone.now()
        event = InboundEvent.objects.create(vendor="calendly", key="a", kind="created", payload={})
        InboundEvent.objects.filter(pk=event.pk).update(received_at=now - 25 * MINUTE, next_try_at=now - 25 * MINUTE)

        found = look(rule("inbox_old"))

        assert 24.9 < found.value < 25.2
        [stretch] = found.stretches
        assert abs(stretch.first - (now - 15 * MINUTE)) < MINUTE


class TestUnseen:
    @pytest.mark.parametrize(("code", "process"), [("worker_not_seen", "worker"), ("beat_not_seen", "beat")])
    def test_takes_the_time_since_its_last_mark(self, rule, code, process):
        now = timezone.now()
        with time_machine.travel(now - 7 * MINUTE, tick=False):
            health.mark(process)

        with time_machine.travel(now, tick=False):
            found = look(rule(code))

        assert found.value == 7
        assert found.stretches[0].first == now - 2 * MINUTE

    def test_knows_nothing_where_there_is_no_mark(self, rule):
        found = look(rule("beat_not_seen"))

        assert (found.value, found.stretches) == (None, [])

    def test_takes_a_gap_between_two_looks_as_time_without_a_worker(self, rule):
        now = timezone.now()
        health.mark(health.WORKER)
        rule("worker_not_seen", evaluated_until=now - HOUR)

        evaluating.evaluate_due(now=now)

        incident = Incident.objects.get()
        assert incident.opened_at == now - 55 * MINUTE
        assert incident.summary.startswith("No worker is seen: No worker was at work from ")

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from botaniqal.alerts import evaluating, telling
from botaniqal.alerts.models import AlertPeak, AlertRule
from botaniqal.api import health
from botaniqal.integrations.models import Incident
from tests.alerts.conftest import told

pytestmark = pytest.mark.django_db

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
KEY = "alert:calendar_sync_failure"


@pytest.fixture
def now():
    return timezone.now().replace(microsecond=0)


@pytest.fixture
def watched(rule, now):
    """Three failures in five minutes, looked at an hour ago."""
    return rule(evaluated_until=now - 60 * MINUTE)


def evaluate(now):
    return evaluating.evaluate_due(now=now)


def incidents_found():
    return list(Incident.objects.order_by("opened_at").values_list("opened_at", "resolved_at"))


class TestEvaluateDue:
    def test_opens_an_incident_once_for_a_storm(self, watched, fail, now, pagerduty):
        fail(*[now - n * SECOND for n in range(1_000)])

        for n in range(4):
            evaluate(now + n * SECOND)
            telling.work_due()

        assert Incident.objects.count() == 1
        assert told(pagerduty) == [["trigger"]]

    def test_says_what_was_found(self, watched, fail, now):
        fail(now, now, now, turn="handed_over")

        evaluate(now)

        incident = Incident.objects.get()
        assert incident.summary == (
            "Calendar sync fails: 3 tries to tell Calendly or Outlook of a booking failed within 5 min."
        )
        assert (incident.key, incident.severity, incident.action) == (KEY, "error", "on_call")
        watched.refresh_from_db()
        assert (watched.last_value, watched.last_words) == (3, "3 tries failed in the last 5 min.")

    def test_opens_nothing_below_the_threshold(self, watched, fail, now):
        fail(now, now)

        assert evaluate(now) == 1
        assert not Incident.objects.exists()

    def test_counts_tries_that_wait_or_were_heard_as_no_failures(self, watched, fail, now):
        for turn in ("waiting", "told", "heard", "tried_again"):
            fail(now, turn=turn)

        evaluate(now)

        assert not Incident.objects.exists()

    def test_ends_it_once_it_stayed_below_for_a_period(self, watched, fail, now):
        fail(now, now, now)
        evaluate(now)

        evaluate(now + 9 * MINUTE)
        still_open = incidents_found()
        evaluate(now + 11 * MINUTE)

        assert still_open == [(now, None)]
        assert incidents_found() == [(now, now + 10 * MINUTE)]

    def test_tells_once_of_what_flaps(self, watched, fail, now, pagerduty):
        for n in range(0, 40, 8):  # below for three minutes each time
            fail(*[now + n * MINUTE] * 3)
        for n in range(40):
            evaluate(now + n * MINUTE)
            telling.work_due()

        assert incidents_found() == [(now, None)]
        assert told(pagerduty) == [["trigger"]]

    def test_opens_another_when_it_begins_anew(self, watched, fail, now):
        fail(now, now, now)
        fail(*[now + 60 * MINUTE] * 3)
        for n in range(0, 62, 2):
            evaluate(now + n * MINUTE)

        assert incidents_found() == [(now, now + 10 * MINUTE), (now + 60 * MINUTE, None)]

    def test_leaves_switched_off_rules_alone_and_ends_what_they_opened(self, watched, fail, now):
        fail(now, now, now)
        evaluate(now)
        AlertRule.objects.update(is_active=False)

        assert evaluate(now + SECOND) == 0

        assert incidents_found() == [(now, now + SECOND)]
        watched.refresh_from_db()
        assert (watched.evaluated_until, watched.over_at) == (None, None)

    def test_goes_on_with_the_others_when_one_cannot_be_looked_at(self, watched, rule, fail, now, settings):
        rule("worker_not_seen")
        AlertRule.objects.filter(pk=watched.pk).update(is_active=True)
        settings.CACHES = {
            "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1:1/0"}
        }
        fail(now, now, now)

        assert evaluate(now) == 1

        blind = AlertRule.objects.get(code="worker_not_seen")
        assert (blind.evaluated_until, blind.problem) == (None, evaluating.Unknown.message)
        assert Incident.objects.get().key == KEY

    def test_keeps_the_highest_value_of_each_hour(self, watched, fail, now):
        hour = AlertPeak.hour_of(now)
        for moments in ([hour], [hour + 20 * MINUTE] * 2, [hour + 40 * MINUTE], [hour + 60 * MINUTE]):
            fail(*moments)
            evaluate(moments[0])

        assert list(AlertPeak.objects.order_by("hour").values_list("hour", "value")) == [
            (hour, 2),
            (hour + 60 * MINUTE, 1),
        ]

    def test_forgets_old_hours(self, watched, now):
        AlertPeak.objects.create(rule=watched, hour=now - timedelta(days=36), value=1)

        evaluate(now)

        assert AlertPeak.objects.get().hour > now - timedelta(days=1)

    def test_asks_as_much_of_the_database_whatever_there_is(self, fail, now):
        AlertRule.objects.update(is_active=True)
        fail(*[now - n * SECOND for n in range(50)])
        health.mark(health.WORKER)
        evaluate(now)

        with CaptureQueriesContext(connection) as captured:
            evaluate(now + SECOND)

        assert len(captured) <= 60


class TestEvaluateDueWhileMuted:
    """From 22:00 to 07:00 by Melbourne's clock, on the night in which it is put back: an hour longer than others."""

    NIGHT = datetime(2026, 4, 4, 23, tzinfo=ZoneInfo("Australia/Melbourne")).astimezone(UTC)
    MORNING = datetime(2026, 4, 5, 7, tzinfo=ZoneInfo("Australia/Melbourne")).astimezone(UTC)

    @pytest.fixture
    def muted(self, rule):
        hours = {"muted_from": "22:00", "muted_until": "07:00"}
        return rule(evaluated_until=self.NIGHT - MINUTE, period_minutes=60, **hours)

    def pass_the_night(self, fail, pagerduty, *, failing_until):
        """Look every half hour, and note when PagerDuty was told what."""
        heard = []
        for n in range(21):
            at = self.NIGHT + n * 30 * MINUTE
            with time_machine.travel(at, tick=False):
                if at <= failing_until:
                    fail(at, at, at)
                evaluate(timezone.now())
                telling.work_due()
            if (now_told := told(pagerduty)) != (heard[-1][1] if heard else []):
                heard.append((at, now_told))
        return heard

    def test_tells_in_the_morning_of_what_is_still_open(self, muted, fail, pagerduty):
        heard = self.pass_the_night(fail, pagerduty, failing_until=self.MORNING)

        assert heard[0] == (self.MORNING, [["trigger"]])

    def test_tells_nobody_of_what_is_over_by_then(self, muted, fail, pagerduty):
        heard = self.pass_the_night(fail, pagerduty, failing_until=self.NIGHT + 60 * MINUTE)

        assert heard == []
        assert Incident.objects.get().outcome == telling.OVER_BEFORE


class TestEvaluateDueWhatWasMissed:
    """The worker was down for an hour."""

    def test_opens_with_the_true_moment_and_ends_at_once(self, watched, fail, now):
        fail(*[now - 40 * MINUTE + n * SECOND for n in range(3)])

        evaluate(now)

        began = now - 40 * MINUTE + 2 * SECOND
        assert incidents_found() == [(began, now - 40 * MINUTE + 10 * MINUTE)]
        assert Incident.objects.get().found_at == now

    def test_leaves_open_what_goes_on(self, watched, fail, now):
        fail(*[now - n * MINUTE for n in range(30)])

        evaluate(now)

        assert incidents_found() == [(now - 27 * MINUTE, None)]

    def test_tells_times_apart(self, watched, fail, now):
        for ago in (50, 20):
            fail(*[now - ago * MINUTE] * 3)

        evaluate(now)

        assert incidents_found() == [
            (now - 50 * MINUTE, now - 40 * MINUTE),
            (now - 20 * MINUTE, now - 10 * MINUTE),
        ]

    def test_finds_a_window_that_began_before_it_went_down(self, watched, fail, now):
        fail(now - 64 * MINUTE, now - 62 * MINUTE, now - 59.5 * MINUTE)

        evaluate(now)

        assert incidents_found() == [(now - 59.5 * MINUTE, now - 54 * MINUTE)]

    def test_goes_on_with_what_was_open_then(self, watched, fail, now):
        fail(*[now - 61 * MINUTE] * 3)
        AlertRule.objects.update(evaluated_until=now - 62 * MINUTE)
        evaluate(now - 60 * MINUTE)

        fail(*[now - 53 * MINUTE] * 3)
        evaluate(now)

        assert incidents_found() == [(now - 61 * MINUTE, now - 43 * MINUTE)]

    def test_does_not_find_twice_what_it_looked_at(self, watched, fail, now):
        fail(*[now - 30 * MINUTE] * 3)
        evaluate(now)
        AlertRule.objects.update(evaluated_until=now - 60 * MINUTE)

        evaluate(now)

        assert Incident.objects.count() == 1

    def test_finds_what_was_written_down_late(self, watched, fail, now):
        evaluate(now)

        fail(*[now - 5 * SECOND] * 3)
        evaluate(now + 30 * SECOND)

        assert incidents_found() == [(now - 5 * SECOND, None)]


class TestEvaluateDueWithTheClockPutBack:
    def test_looks_at_what_comes_then(self, watched, fail, now):
        evaluate(now)
        earlier = now - 30 * MINUTE

        fail(*[earlier] * 3)
        evaluate(earlier)

        assert incidents_found() == [(earlier, None)]
        watched.refresh_from_db()
        assert watched.evaluated_until == earlier

    def test_keeps_what_is_open_and_ends_it_by_the_new_clock(self, watched, fail, now):
        fail(now, now, now)
        evaluate(now)
        earlier = now - 30 * MINUTE

        evaluate(earlier)
        kept = Incident.objects.get().resolved_at
        evaluate(earlier + 6 * MINUTE)

        assert kept is None
        assert Incident.objects.get().resolved_at == earlier + 5 * MINUTE


@pytest.mark.django_db(transaction=True)
class TestEvaluateDueAtOnce:
    def test_opens_one_and_pages_once(self, watched, fail, now, pagerduty):
        fail(now, now, now)
        line = Barrier(6)

        def run(_):
            connection.ensure_connection()
            line.wait()
            try:
                looked_at = evaluate(now)
                telling.work_due()
                return looked_at
            finally:
                connection.close()

        with ThreadPoolExecutor(6) as pool:
            looks = list(pool.map(run, range(6)))

        assert sum(looks) == 1, "one worker writes down what all of them found"
        assert Incident.objects.count() == 1
        assert told(pagerduty) == [["trigger"]]

    def test_holds_by_the_rule_as_it_is_by_then(self, watched, fail, now):
        """Somebody raises the threshold while a worker looks."""
        fail(now, now, now)
        looked = evaluating.look(watched, since=now - MINUTE, now=now)
        AlertRule.objects.filter(pk=watched.pk).update(threshold=5)

        assert not evaluating.write_down(watched, looked, now)
        assert not Incident.objects.exists()


class TestRequireRecent:
    def test_is_content_with_what_was_looked_at(self, watched, now):
        evaluate(now)

        evaluating.require_recent()

    def test_names_what_was_not_looked_at(self, watched, now):
        with pytest.raises(health.NotReady, match="were not looked at for 5 min: Calendar sync fails"):
            evaluating.require_recent()

    def test_minds_active_rules_alone(self, watched, now):
        AlertRule.objects.update(is_active=False)

        evaluating.require_recent()

    def test_minds_by_the_clock(self, watched, now):
        evaluate(now)

        with (
            time_machine.travel(now + evaluating.LATE_AFTER + MINUTE),
            pytest.raises(health.NotReady),
        ):
            evaluating.require_recent()

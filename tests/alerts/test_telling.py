import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import time_machine
from django.db import connection, transaction
from django.urls import reverse
from django.utils import timezone

from botaniqal.alerts import telling
from botaniqal.integrations import incidents, owed
from botaniqal.integrations.models import Incident
from tests.admin.conftest import somebody
from tests.alerts.conftest import told

pytestmark = pytest.mark.django_db

KEY = "portal:subscription:calendly:1"
SUMMARY = "Calendly does not tell the portal of changes."


def happen(key=KEY, **fields):
    incidents.open_incident(key=key, summary=SUMMARY, now=timezone.now(), **fields)


def end(key=KEY):
    return incidents.resolve(key=key, now=timezone.now())


class TestOpenIncident:
    def test_pages_whoever_is_on_call(self, pagerduty, settings):
        happen(severity=incidents.Severity.CRITICAL)

        telling.work_due()

        [theirs] = pagerduty.state("pagerduty")["incidents"]
        assert (theirs["dedup_key"], theirs["summary"], theirs["severity"]) == (KEY, SUMMARY, "critical")
        assert theirs["source"] == settings.PUBLIC_BASE_URL
        incident = Incident.objects.get()
        assert incident.outcome == telling.TOLD
        page = reverse("admin:integrations_incident_change", args=[incident.pk])
        assert theirs["events"][0]["links"][0]["href"] == settings.PUBLIC_BASE_URL + page

    def test_does_nothing_while_it_is_open(self, pagerduty):
        happen()
        telling.work_due()
        happen()
        telling.work_due()

        assert told(pagerduty) == [["trigger"]]
        assert Incident.objects.count() == 1

    def test_opens_another_after_the_first_is_over(self, pagerduty):
        for _ in range(2):
            happen()
            telling.work_due()
            end()
            telling.work_due()

        assert told(pagerduty) == [["trigger", "resolve"]] * 2

    def test_keeps_its_words_within_bounds(self, pagerduty):
        incidents.open_incident(key="k" * 300, summary="s" * 2000, now=timezone.now())
        incidents.open_incident(key="k" * 300, summary="s" * 2000, now=timezone.now())
        telling.work_due()

        assert told(pagerduty) == [["trigger"]]
        assert end("k" * 300)

    def test_is_undone_with_what_it_is_part_of(self):
        with transaction.atomic():
            happen()
            transaction.set_rollback(True)

        assert not Incident.objects.exists()


@pytest.mark.django_db(transaction=True)
class TestOpenIncidentAtOnce:
    def test_opens_one(self, pagerduty):
        start = threading.Barrier(8)

        def run():
            start.wait()
            happen()
            telling.work_due()
            connection.close()

        threads = [threading.Thread(target=run) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert Incident.objects.count() == 1
        assert told(pagerduty) == [["trigger"]]


class TestResolve:
    def test_tells_that_it_is_over(self, pagerduty):
        happen()
        telling.work_due()

        assert end()
        telling.work_due()

        assert told(pagerduty) == [["trigger", "resolve"]]
        assert Incident.objects.get().outcome == telling.TOLD_OVER

    def test_does_nothing_where_nothing_is_open(self, pagerduty):
        happen()
        end()

        assert not end()
        assert not end("portal:another")

    def test_pages_nobody_when_it_is_over_before(self, pagerduty):
        happen()
        end()

        telling.work_due()

        assert pagerduty.calls("pagerduty") == []
        assert Incident.objects.get().outcome == telling.OVER_BEFORE

    @pytest.mark.parametrize("fault", ["timeout_after", "error_after"])
    def test_ends_what_pagerduty_may_have_been_told_of(self, pagerduty, settings, fault):
        settings.SYNC_BACKOFF_SECONDS = 60
        pagerduty.faults("pagerduty", fault, calls=1)
        happen()
        telling.work_due()
        end()

        telling.work_due()

        assert told(pagerduty) == [["trigger", "resolve"]]

    def test_pages_nobody_when_it_is_over_within_its_grace(self, pagerduty):
        happen(grace=timedelta(minutes=5))
        telling.work_due()
        end()

        telling.work_due()

        assert pagerduty.calls("pagerduty") == []
        assert Incident.objects.get().outcome == telling.OVER_BEFORE

    def test_leaves_alone_what_began_again_under_its_key(self, pagerduty):
        happen()
        telling.work_due()
        end()
        older = Incident.objects.get()
        Incident.objects.update(needs_person=True)
        happen()
        telling.work_due()

        owed.retry(older, now=timezone.now())
        telling.work_due()

        assert told(pagerduty) == [["trigger", "trigger"]]
        assert pagerduty.state("pagerduty")["incidents"][0]["state"] == "open"
        assert not Incident.objects.open().exists()


class TestWorkDue:
    def test_settles_without_sending_where_there_is_nobody_to_page(self, pagerduty, settings):
        settings.PAGERDUTY_ROUTING_KEY = ""
        happen()

        assert telling.work_due() == 1

        incident = Incident.objects.get()
        assert (incident.state, incident.outcome) == ("synced", telling.NO_KEY)
        assert pagerduty.calls("pagerduty") == []

    @pytest.mark.parametrize("fault", ["throttled", "error_before", "timeout_before", "error_after", "timeout_after"])
    def test_tells_again_until_it_was_heard(self, pagerduty, fault):
        pagerduty.faults("pagerduty", fault, calls=2, retry_after=0)
        happen()

        telling.work_due()

        [theirs] = pagerduty.state("pagerduty")["incidents"]
        assert theirs["state"] == "open"
        assert Incident.objects.get().state == "synced"

    def test_tells_of_an_end_before_the_next_beginning(self, pagerduty, settings):
        settings.SYNC_BACKOFF_SECONDS = 60
        happen()
        telling.work_due()
        end()
        pagerduty.faults("pagerduty", "error_before", calls=1)
        telling.work_due()
        happen()

        telling.work_due()
        too_early = told(pagerduty)
        Incident.objects.update(next_try_at=timezone.now() - timedelta(seconds=1))
        telling.work_due()
        Incident.objects.update(next_try_at=timezone.now() - timedelta(seconds=1))
        telling.work_due()

        assert too_early == [["trigger"]]
        assert told(pagerduty) == [["trigger", "resolve"], ["trigger"]]

    def test_waits_for_a_person_where_pagerduty_refuses(self, pagerduty, settings):
        settings.PAGERDUTY_ROUTING_KEY = "0" * 32
        happen()

        telling.work_due()

        assert Incident.objects.get().state == "needs_person"

    def test_pages_once_pagerduty_is_back_after_it_was_given_up(self, pagerduty, settings):
        settings.SYNC_TRIES = 2
        pagerduty.faults("pagerduty", "error_before", calls=3)
        happen()
        telling.work_due()
        given_up = Incident.objects.get().state
        telling.work_due()
        untold = told(pagerduty)

        for hours in (1.1, 2.2):
            with time_machine.travel(timezone.now() + timedelta(hours=hours)):
                telling.work_due()

        assert (given_up, untold) == ("needs_person", [])
        assert told(pagerduty) == [["trigger"]]

    def test_wakes_nobody_before_the_muted_hours_end(self, pagerduty):
        now = timezone.now()
        happen(quiet_until=now + timedelta(hours=2))

        telling.work_due()
        untold = told(pagerduty)
        with time_machine.travel(now + timedelta(hours=2, seconds=1)):
            telling.work_due()

        assert untold == []
        assert told(pagerduty) == [["trigger"]]

    def test_wakes_nobody_where_it_is_over_before_the_muted_hours_end(self, pagerduty):
        now = timezone.now()
        happen(quiet_until=now + timedelta(hours=2))
        end()

        telling.work_due()
        with time_machine.travel(now + timedelta(hours=3)):
            telling.work_due()

        assert told(pagerduty) == []
        assert Incident.objects.get().outcome == telling.OVER_BEFORE

    def test_keeps_waiting_when_a_person_asks_for_it_in_muted_hours(self, pagerduty):
        happen(quiet_until=timezone.now() + timedelta(hours=2))
        owed.retry(Incident.objects.get(), now=timezone.now())

        telling.work_due()

        incident = Incident.objects.get()
        assert told(pagerduty) == []
        assert incident.state == "pending"
        assert incident.problem.startswith("Muted: nobody is told before")


def acknowledge(by):
    return incidents.acknowledge(incident_id=Incident.objects.get().pk, by=by, now=timezone.now())


class TestAcknowledge:
    def test_tells_pagerduty_that_somebody_looks_after_it(self, pagerduty):
        happen()
        telling.work_due()

        acknowledge(somebody("operations"))
        telling.work_due()

        assert told(pagerduty) == [["trigger", "acknowledge"]]
        assert Incident.objects.get().outcome == telling.TOLD_LOOKED_AFTER

    def test_wakes_nobody_any_more(self, pagerduty):
        happen()

        acknowledge(somebody("operations"))
        telling.work_due()
        end()
        telling.work_due()

        assert told(pagerduty) == []
        assert Incident.objects.get().outcome == telling.LOOKED_AFTER_BEFORE

    def test_is_the_firsts(self, pagerduty):
        happen()
        first = somebody("operations")
        acknowledge(first)

        with pytest.raises(incidents.LookedAfter, match=str(first)):
            acknowledge(somebody("management"))

        assert Incident.objects.get().acknowledged_by == first

    @pytest.mark.django_db(transaction=True)
    def test_is_one_persons_also_when_two_do_it_at_once(self, pagerduty):
        happen()
        telling.work_due()
        people, line = [somebody("operations") for _ in range(4)], threading.Barrier(4)

        def run(person):
            connection.ensure_connection()
            line.wait()
            try:
                return acknowledge(person).acknowledged_by
            except incidents.LookedAfter:
                return None
            finally:
                connection.close()

        with ThreadPoolExecutor(4) as pool:
            who = list(filter(None, pool.map(run, people)))
        telling.work_due()

        assert who == [Incident.objects.get().acknowledged_by]
        assert told(pagerduty) == [["trigger", "acknowledge"]]

    def test_is_refused_when_it_is_over(self, pagerduty):
        happen()
        end()

        with pytest.raises(incidents.NotOpen):
            acknowledge(somebody("operations"))

    def test_comes_after_what_pagerduty_could_not_be_told_before(self, pagerduty, settings):
        settings.SYNC_BACKOFF_SECONDS = 60
        pagerduty.faults("pagerduty", "timeout_after", calls=1)
        happen()
        telling.work_due()

        acknowledge(somebody("operations"))
        telling.work_due()

        assert told(pagerduty) == [["trigger", "acknowledge"]]

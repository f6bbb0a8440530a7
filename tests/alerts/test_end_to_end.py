"""Each of the first rules: it opens, somebody is told, somebody looks after it, it is over and that is told."""

from datetime import timedelta

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from botaniqal.api import health
from botaniqal.integrations.models import InboundEvent, Incident, Subscription
from botaniqal.messages.models import Message
from practitioners.models import OutsideCalendar, WorkingHours
from tests.admin.conftest import logged_in, somebody
from tests.alerts.conftest import mails, told
from tests.factories import AppointmentTypeFactory, PractitionerFactory, SessionFactory

pytestmark = pytest.mark.django_db

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
PAGED = ["calendar_sync_failure", "subscription_silent", "inbox_old", "worker_not_seen", "beat_not_seen"]
WRITTEN = {
    "no_available_practitioners": "operations",
    "calendar_stale": "operations",
    "high_triage_abandonment": "management",
}


def sync_fails(fail):
    fail(*[timezone.now()] * 3)
    return lambda: None


def subscription_is_lost(fail):
    row = Subscription.objects.create(vendor="calendly", resource="x", health="lost")
    return lambda: Subscription.objects.filter(pk=row.pk).update(health="active")


def inbox_gets_old(fail):
    row = InboundEvent.objects.create(vendor="calendly", key="a", kind="created", payload={})
    InboundEvent.objects.update(received_at=timezone.now() - HOUR)
    return lambda: InboundEvent.objects.filter(pk=row.pk).update(told=1)


def worker_is_gone(fail):
    return process_is_gone(health.WORKER)


def beat_is_gone(fail):
    return process_is_gone(health.BEAT)


def process_is_gone(process):
    with time_machine.travel(timezone.now() - HOUR):
        health.mark(process)
    return lambda: health.mark(process)


def nobody_is_free(fail):
    person = PractitionerFactory(gives=[AppointmentTypeFactory()], hours=False)
    return lambda: WorkingHours.objects.create(practitioner=person, weekday=0, starts="09:00", ends="17:00")


def calendar_gets_stale(fail):
    person = PractitionerFactory()
    row = OutsideCalendar.objects.create(
        practitioner=person, provider="outlook", account="x", read_at=timezone.now() - HOUR
    )
    return lambda: OutsideCalendar.objects.filter(pk=row.pk).update(read_at=timezone.now())


def calls_are_given_up(fail):
    def calls(outcome, count):
        at = timezone.now() - MINUTE
        for _ in range(count):
            SessionFactory(consultation__starts_at=at, state="done", outcome=outcome, started_at=at, ended_at=at)

    calls("no_show", 5)
    return lambda: calls("referred", 20)


HAPPENS = {
    "calendar_sync_failure": sync_fails,
    "subscription_silent": subscription_is_lost,
    "inbox_old": inbox_gets_old,
    "worker_not_seen": worker_is_gone,
    "beat_not_seen": beat_is_gone,
    "no_available_practitioners": nobody_is_free,
    "calendar_stale": calendar_gets_stale,
    "high_triage_abandonment": calls_are_given_up,
}


def acknowledge(browser):
    incident = Incident.objects.get()
    return browser.post(reverse("admin:integrations_incident_verb", args=[incident.pk, "acknowledge"]))


@pytest.fixture
def noon():
    """A Wednesday's noon of the clinic, so that nothing here passes midnight."""
    with time_machine.travel("2026-11-25T01:00:00+00:00", tick=False) as traveller:
        yield traveller


class TestFirstRules:
    @pytest.mark.parametrize("code", PAGED)
    def test_page_who_is_on_call_until_it_is_over(self, noon, rule, fail, look, pagerduty, code):
        rule(code)
        person = somebody("operations")
        mend = HAPPENS[code](fail)

        look()
        noon.shift(6 * MINUTE)
        if code == "calendar_sync_failure":
            fail(timezone.now(), timezone.now(), timezone.now())
        look()
        acknowledge(logged_in(person))
        look()
        mend()
        for _ in range(30):
            noon.shift(MINUTE)
            mend()
            look()

        assert told(pagerduty) == [["trigger", "acknowledge", "resolve"]]
        [theirs] = pagerduty.state("pagerduty")["incidents"]
        assert theirs["dedup_key"] == f"alert:{code}"
        incident = Incident.objects.get()
        assert incident.acknowledged_by == person
        assert incident.acknowledged_at < incident.resolved_at < timezone.now()

    @pytest.mark.parametrize(("code", "role"), WRITTEN.items())
    def test_write_to_a_role_when_it_begins_and_when_it_is_over(self, noon, rule, fail, look, ses, code, role):
        name = rule(code).name
        one, other = somebody(role), somebody(role)
        somebody("management" if role == "operations" else "operations")
        mend = HAPPENS[code](fail)

        look()
        noon.shift(MINUTE)
        look()
        begun = mails(ses)
        acknowledge(logged_in(one))
        look()
        mend()
        for _ in range(13):
            noon.shift(10 * MINUTE)
            if code == "calendar_stale":
                mend()
            look()

        summary = Incident.objects.get().summary
        assert summary.startswith(f"{name}: ")
        assert begun == sorted((person.email, f"Alert: {summary}") for person in (one, other))
        over = [(person.email, f"Over: {summary}") for person in (one, other)]
        assert mails(ses) == sorted([*begun, *over])
        assert Incident.objects.get().outcome == "E-mail to 2 people that it is over."
        assert set(Message.objects.values_list("kind", flat=True)) == {"alert"}

    @pytest.mark.parametrize(("code", "is_written"), [("calendar_sync_failure", True), ("inbox_old", False)])
    def test_are_not_lost_when_the_worker_was_down(self, noon, rule, fail, look, pagerduty, ses, code, is_written):
        """What is over by then wakes nobody, and operations hear of it; what goes on is paged."""
        rule(code, evaluated_until=timezone.now())
        person = somebody("operations")
        noon.shift(MINUTE)
        HAPPENS[code](fail)
        noon.shift(2 * HOUR)

        look()
        look()

        incident = Incident.objects.get()
        assert incident.opened_at < incident.found_at - HOUR
        assert [address for address, _ in mails(ses)] == ([person.email] if is_written else [])
        assert told(pagerduty) == ([] if is_written else [["trigger"]])
        if is_written:
            assert mails(ses)[0][1].startswith("Over: Calendar sync fails: 3 tries")

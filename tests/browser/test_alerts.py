"""Incidents and rules of alerts in a browser: looked after by keyboard, tried, refused in words."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from botaniqal.alerts import telling
from botaniqal.alerts.models import AlertPeak, AlertRule
from botaniqal.integrations import incidents
from botaniqal.integrations.models import Incident
from tests.admin.conftest import somebody

from .test_accessibility import looks  # noqa: F401  (a fixture)

pytestmark = pytest.mark.django_db(transaction=True)

RULES = "admin:alerts_alertrule_changelist"
INCIDENTS = "admin:integrations_incident_changelist"


@pytest.fixture
def rule():
    """A rule that has something open, of which operations were told, among others that are quiet."""
    now = timezone.now()
    AlertRule.objects.update(evaluated_until=now, last_value=0, last_words="All is well.")
    rules = AlertRule.objects.filter(code="no_available_practitioners")
    words = "In 14 days nobody is free for Alternative medicine, initial, GAPS follow-up, Weight loss and 2 more."
    rules.update(last_value=5, last_words=words, muted_from="22:00", muted_until="07:00")
    [rule] = rules
    for days in range(5):
        hour = AlertPeak.hour_of(now - timedelta(days=days))
        AlertPeak.objects.create(rule=rule, hour=hour, value=5 if days in (0, 3) else 0)
    for ago in (3, 0):
        began_at = now - timedelta(days=ago, minutes=20)
        summary = f"{rule.name}: {words}"
        action = incidents.Action.OPERATIONS
        incidents.open_incident(key=rule.key, summary=summary, action=action, began_at=began_at, now=began_at)
        if ago:
            incidents.resolve(key=rule.key, now=began_at + timedelta(hours=2))
    return rule


@pytest.fixture
def open_incidents(rule):
    """That one, one that nobody is told of, and one that somebody looks after."""
    now = timezone.now()
    olive = somebody("operations")
    telling.work_due()
    Incident.objects.create(
        key="alert:x", summary="Many calls are given up.", severity="warning", outcome=telling.NO_PEOPLE.format("x")
    )
    incidents.open_incident(key="drift", summary="21 new differences.", severity="warning", now=now)
    drift = Incident.objects.get(key="drift")
    incidents.acknowledge(incident_id=drift.pk, by=olive, now=now)
    return olive


class TestIncidents:
    def test_are_looked_after_by_keyboard(self, open_as, open_incidents, rule):
        page = open_as(open_incidents)
        page.goto(reverse(INCIDENTS))
        page.get_by_role("link", name=rule.name).first.click()
        page.get_by_role("link", name="I look after it").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog")).to_contain_text("PagerDuty wakes nobody else for it.")
        page.get_by_role("dialog").get_by_role("button", name="I look after it").press("Enter")

        expect(page.get_by_text("You look after it.")).to_be_visible()
        assert Incident.objects.get(key=rule.key, resolved_at=None).acknowledged_by == open_incidents

    def test_have_no_faults(self, looks, open_as, open_incidents, rule):  # noqa: F811
        page = open_as(open_incidents)
        opened = Incident.objects.get(key=rule.key, resolved_at=None)
        for address in (reverse(INCIDENTS), reverse("admin:integrations_incident_change", args=[opened.pk])):
            page.goto(address)
            looks.at(page, address)

        assert looks.wrong == []


class TestRules:
    def test_have_no_faults(self, looks, open_as, rule):  # noqa: F811
        page = open_as(somebody("management"))
        add, change = reverse("admin:alerts_alertrule_add"), reverse("admin:alerts_alertrule_change", args=[rule.pk])
        for address in (reverse(RULES), change, add):
            page.goto(address)
            looks.at(page, address)
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_text("Write from which value on somebody is told.")).to_be_visible()
        looks.at(page, "refused")

        assert looks.wrong == []

    def test_say_in_a_dialog_what_trying_does(self, open_as, rule):
        page = open_as(somebody("operations"))
        page.goto(reverse("admin:alerts_alertrule_change", args=[rule.pk]))
        page.get_by_role("link", name="Try it").click()
        page.get_by_role("dialog").get_by_role("button", name="Try it").click()

        expect(page.get_by_text("Somebody is free for every appointment on offer.")).to_be_visible()

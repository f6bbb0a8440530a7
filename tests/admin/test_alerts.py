"""What people see of incidents and rules, who may change what, and which rules are refused."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from botaniqal.alerts import evaluating, telling
from botaniqal.alerts.models import AlertPeak, AlertRule
from botaniqal.integrations import incidents
from botaniqal.integrations.models import Incident
from botaniqal.messages import sending
from botaniqal.messages.models import Message
from tests.admin.conftest import logged_in, somebody
from tests.alerts.conftest import fail  # noqa: F401  (a fixture)

pytestmark = pytest.mark.django_db

RULES = "admin:alerts_alertrule_changelist"
INCIDENTS = "admin:integrations_incident_changelist"
MINUTE = timedelta(minutes=1)
TYPED = {
    "name": "Many failures",
    "code": "many_failures",
    "signal": "sync_failures",
    "threshold": "3",
    "period_minutes": "5",
    "smallest_number": "1",
    "action": "operations",
    "severity": "warning",
    "muted_from": "22:00",
    "muted_until": "07:00",
    "is_active": "on",
}


@pytest.fixture
def management():
    return logged_in(somebody("management"))


@pytest.fixture
def rule():
    return AlertRule.objects.get(code="calendar_sync_failure")


@pytest.fixture
def incident():
    incidents.open_incident(
        key="alert:calendar_sync_failure",
        summary="Calendar sync fails.",
        action=incidents.Action.OPERATIONS,
        now=timezone.now(),
    )
    return Incident.objects.get()


def page_of(row, what="change", *args):
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_{what}", args=[row.pk, *args])


def words_of(answer):
    return answer.content.decode()


class TestRules:
    def test_are_there_from_the_beginning(self):
        seed = AlertRule.objects.filter(code__in=["calendar_sync_failure", "no_available_practitioners"])

        assert AlertRule.objects.count() == 8
        assert list(seed.values_list("threshold", "period_minutes", "action")) == [
            (3, 5, "on_call"),
            (1, 60, "operations"),
        ]
        share = AlertRule.objects.get(code="high_triage_abandonment")
        assert (share.threshold, share.period_minutes, share.action) == (30, 24 * 60, "management")

    def test_show_where_each_stands(self, operations, rule, incident):
        now = timezone.now()
        AlertRule.objects.filter(pk=rule.pk).update(last_value=4, evaluated_until=now)
        AlertRule.objects.filter(code="inbox_old").update(evaluated_until=now, last_value=2)
        AlertRule.objects.filter(code="calendar_stale").update(is_active=False)

        page = words_of(operations.get(reverse(RULES)))

        assert "Open since" in page
        assert "4, opens at 3" in page
        assert "2 min, opens at 10 min" in page
        assert "Switched off" in page
        assert "There is no active person of management." in page

    def test_say_that_they_are_not_looked_at(self, operations):
        AlertRule.objects.update(evaluated_until=timezone.now() - 6 * MINUTE)

        page = words_of(operations.get(reverse(RULES)))

        assert "Not all rules were looked at" in page
        assert "6 min ago" in page

    def test_say_that_nobody_would_be_paged(self, operations, rule, settings):
        settings.PAGERDUTY_ROUTING_KEY = ""

        assert "PAGERDUTY_ROUTING_KEY is not set." in words_of(operations.get(page_of(rule)))

    def test_show_what_they_opened_and_how_high_it_stood(self, operations, rule, incident):
        AlertPeak.objects.create(rule=rule, hour=AlertPeak.hour_of(timezone.now()), value=7)

        page = words_of(operations.get(page_of(rule)))

        assert page_of(incident) in page
        assert "7, at the threshold" in page

    def test_are_added_and_remembered(self, management):
        answer = management.post(reverse("admin:alerts_alertrule_add"), TYPED)

        added = AlertRule.objects.get(code="many_failures")
        assert answer.status_code == 302
        assert f"{added.muted_from:%H:%M}" == "22:00"
        assert LogEntry.objects.filter(object_id=added.pk).exists()

    def test_remember_who_changed_what(self, management, rule):
        answer = management.post(page_of(rule), {**TYPED, "threshold": "5"})

        rule.refresh_from_db()
        [entry] = LogEntry.objects.filter(object_id=rule.pk)
        assert answer.status_code == 302
        assert rule.threshold == 5
        assert "Threshold" in entry.get_change_message()
        assert rule.code == "calendar_sync_failure", "what it opened goes by its code"

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"threshold": ""}, "Write from which value on somebody is told."),
            ({"threshold": "-1"}, "Write a number above 0: everything reaches 0."),
            ({"threshold": "0"}, "Write a number above 0: everything reaches 0."),
            ({"threshold": "NaN"}, "Enter a number."),
            ({"threshold": "9" * 400}, "Ensure that there are no more than"),
            ({"threshold": "three"}, "Enter a number."),
            ({"period_minutes": ""}, "Write a period."),
            ({"period_minutes": "0"}, "A period is at least 1 minute long."),
            ({"period_minutes": "-5"}, "A period is at least 1 minute long."),
            ({"period_minutes": "99999"}, "A period is at most 31 days long"),
            ({"signal": "abandonment", "threshold": "101", "period_minutes": "1440"}, "A share is 100 % at most."),
            ({"signal": "abandonment", "threshold": "30"}, "A share is counted by whole days"),
            ({"signal": "weather"}, "The portal does not know how to watch this."),
            ({"action": "ring_the_bell"}, "The portal does not know this action."),
            ({"severity": "awful"}, "Select a valid choice."),
            ({"smallest_number": "0"}, "Write 1 or more"),
            ({"muted_until": "22:00"}, "That would mute it all day."),
            ({"muted_until": ""}, "Muted hours have a beginning and an end"),
            ({"muted_from": ""}, "Muted hours have a beginning and an end"),
            ({"muted_from": "25:00"}, "Enter a valid time."),
            ({"code": "Not A Code"}, "Write small letters, digits and _"),
            ({"code": "inbox_old"}, "already exists"),
            ({"name": ""}, "This field is required."),
        ],
    )
    def test_that_make_no_sense_are_refused_in_words(self, management, changes, words):
        answer = management.post(reverse("admin:alerts_alertrule_add"), TYPED | changes)

        assert answer.status_code == 200
        assert words in words_of(answer)
        assert AlertRule.objects.count() == 8

    @pytest.mark.parametrize(
        "wrong",
        [
            {"threshold": 0},
            {"threshold": -1},
            {"period_minutes": 0},
            {"smallest_number": 0},
            {"signal": "weather"},
            {"action": "ring_the_bell"},
            {"severity": "awful"},
            {"signal": "abandonment", "threshold": 101, "period_minutes": 1440},
            {"signal": "abandonment", "period_minutes": 60},
            {"muted_from": "22:00"},
            {"muted_from": "22:00", "muted_until": "22:00"},
        ],
    )
    def test_that_make_no_sense_are_refused_by_the_database(self, rule, wrong):
        with pytest.raises(IntegrityError), transaction.atomic():
            AlertRule.objects.filter(pk=rule.pk).update(**wrong)

    def test_are_never_deleted(self, management, rule):
        assert management.post(page_of(rule, "delete"), {"post": "yes"}).status_code == 403
        assert AlertRule.objects.filter(pk=rule.pk).exists()


class TestTryIt:
    def test_says_what_it_finds_and_would_have_found(self, operations, rule, fail):  # noqa: F811
        now = timezone.now()
        fail(*[now - timedelta(days=2)] * 3, *[now - timedelta(days=2) + 8 * MINUTE] * 3)
        fail(*[now - timedelta(days=1)] * 4)
        fail(now)

        answer = operations.post(page_of(rule, "verb", "try_it"), follow=True)

        page = words_of(answer)
        assert "1 try failed in the last 5 min. It would stay quiet: it opens from 3 on." in page
        assert "In the last 7 days it would have opened 2 times" in page, "what flaps is one"
        assert not Incident.objects.exists()
        assert AlertRule.objects.get(pk=rule.pk).evaluated_until is None

    def test_says_of_what_leaves_no_trace_what_was_looked_at(self, operations):
        stale = AlertRule.objects.get(code="calendar_stale")
        before = words_of(operations.post(page_of(stale, "verb", "try_it"), follow=True))
        AlertPeak.objects.create(rule=stale, hour=AlertPeak.hour_of(timezone.now()), value=2)

        after = words_of(operations.post(page_of(stale, "verb", "try_it"), follow=True))

        assert "it was never looked at" in before
        assert "In the last 7 days it reached that in 1 hour" in after

    def test_says_so_when_nobody_can_tell(self, operations, settings):
        settings.CACHES = {
            "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1:1/0"}
        }
        beat = AlertRule.objects.get(code="beat_not_seen")

        page = words_of(operations.post(page_of(beat, "verb", "try_it"), follow=True))

        assert evaluating.Unknown.message in page

    def test_changes_nothing_when_its_dialog_is_looked_at(self, operations, rule):
        assert operations.get(page_of(rule, "verb", "try_it")).status_code == 200
        assert not LogEntry.objects.exists()


class TestIncidents:
    def test_open_on_what_is_open(self, operations):
        now = timezone.now()
        Incident.objects.create(key="portal:x", summary="Outlook is silent.")
        Incident.objects.create(key="portal:y", summary="Calendly was silent.", resolved_at=now, told=2, wanted=2)

        page = words_of(operations.get(reverse(INCIDENTS)))

        assert "Outlook is silent." in page
        assert "Calendly was silent." not in page

    def test_are_told_again_on_request(self, operations):
        stuck = Incident.objects.create(key="portal:x", summary="Outlook is silent.", needs_person=True)

        operations.post(page_of(stuck, "verb", "tell_again"))

        assert Incident.objects.get().state == "pending"

    def test_show_who_looks_after_them(self, operations, management, incident):
        operations.post(page_of(incident, "verb", "acknowledge"))

        page = words_of(management.get(page_of(incident)))

        assert "Operations looks after it" in page
        assert "I look after it" not in page

    def test_are_acknowledged_once(self, operations, management, incident):
        operations.post(page_of(incident, "verb", "acknowledge"))

        answer = management.post(page_of(incident, "verb", "acknowledge"), follow=True)

        assert "no longer possible" in words_of(answer)
        assert str(Incident.objects.get().acknowledged_by) == "Operations"

    def test_are_acknowledged_by_the_dozen(self, operations, incident):
        now = timezone.now()
        Incident.objects.create(key="portal:y", summary="Another.")
        over = Incident.objects.create(key="portal:z", summary="Over.", resolved_at=now)
        keys = [str(row.pk) for row in Incident.objects.all()]

        operations.post(reverse(INCIDENTS), {"action": "acknowledge_all", "_selected_action": keys})

        assert Incident.objects.exclude(acknowledged_at=None).count() == 2
        over.refresh_from_db()
        assert over.acknowledged_at is None

    def test_show_which_mail_was_refused(self, operations, incident):
        telling.work_due()
        Message.objects.update(needs_person=True, problem="Refused.")

        page = words_of(operations.get(page_of(incident)))

        [message] = Message.objects.all()
        assert message.to in page
        assert "Needs help" in page
        sending.send_due()

    def test_say_that_nobody_was_told(self, management, incident):
        telling.work_due()

        page = words_of(management.get(reverse(INCIDENTS)))

        assert "There is no active person of operations." in page

    def test_change_nothing_when_a_dialog_is_looked_at(self, operations, incident):
        operations.get(page_of(incident, "verb", "acknowledge"))

        assert Incident.objects.get().acknowledged_at is None


class TestRights:
    READ = {"operations", "management", "administrator"}
    CHANGE = {"management", "administrator"}

    @pytest.mark.parametrize("role", ["operations", "management", "administrator", "consultant", "clinician"])
    def test_are_those_of_the_role_at_every_door(self, rule, incident, role):
        browser = logged_in(somebody(role))
        may_read, may_change = role in self.READ, role in self.CHANGE

        reads = [
            browser.get(reverse(RULES)),
            browser.get(page_of(rule)),
            browser.get(reverse(INCIDENTS)),
            browser.get(page_of(incident)),
            browser.post(page_of(rule, "verb", "try_it"), follow=True),
        ]
        changes = [
            browser.post(page_of(rule), {**TYPED, "threshold": "9"}),
            browser.post(reverse("admin:alerts_alertrule_add"), TYPED),
        ]
        acknowledged = browser.post(page_of(incident, "verb", "acknowledge"))

        assert {answer.status_code for answer in reads} == {200 if may_read else 403}
        assert {answer.status_code for answer in changes} == {302 if may_change else 403}
        assert acknowledged.status_code == (302 if may_read else 403)
        rule.refresh_from_db()
        assert (rule.threshold == 9) == may_change
        assert AlertRule.objects.filter(code="many_failures").exists() == may_change
        assert (Incident.objects.get().acknowledged_at is not None) == may_read

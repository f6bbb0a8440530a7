"""The list of soft rules that somebody went beyond."""

from datetime import timedelta
from http import HTTPStatus

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.factories import PractitionerFactory, SessionFactory, UserFactory, next_morning
from triage.models import Override

pytestmark = pytest.mark.django_db
ADDRESS = "admin:triage_override_changelist"


def override(session, rule="hours", days_ago=1):
    return Override.objects.create(
        session=session,
        practitioner=PractitionerFactory(),
        starts_at=next_morning(8),
        rule=rule,
        reason="They work all day.",
        at=timezone.now() - timedelta(days=days_ago),
        by=session.consultant.user,
    )


def page(user, **query):
    client = Client()
    client.force_login(user)
    return client.get(reverse(ADDRESS), query)


@pytest.fixture
def operations():
    return UserFactory(is_staff=True, roles=["operations"])


@pytest.fixture
def session():
    return SessionFactory(consultant__user__is_staff=True)


class TestList:
    def test_counts_by_rule_and_person(self, operations, session):
        for rule in ["hours", "hours", "notice"]:
            override(session, rule)

        text = page(operations).content.decode()

        assert "Outside the hours (2)" in text
        assert "Short notice (1)" in text
        assert f"{session.consultant.user} (3)" in text
        assert "They work all day." in text

    def test_opens_with_the_last_weeks(self, operations, session):
        override(session, days_ago=40)

        assert "They work all day." not in page(operations).content.decode()
        assert "They work all day." in page(operations, view="all").content.decode()

    def test_shows_a_consultant_their_own_calls_alone(self, session):
        override(session)
        other = PractitionerFactory(consultant=True, user__is_staff=True)

        assert "They work all day." in page(session.consultant.user).content.decode()
        assert "They work all day." not in page(other.user).content.decode()

    def test_is_not_for_management(self):
        assert page(UserFactory(is_staff=True, roles=["management"])).status_code == HTTPStatus.FORBIDDEN

    def test_cannot_be_written(self, operations, session):
        row = override(session)
        client = Client()
        client.force_login(operations)

        for name, args in [("add", []), ("delete", [row.pk])]:
            answer = client.post(reverse(f"admin:triage_override_{name}", args=args), {"post": "yes"})
            assert answer.status_code == HTTPStatus.FORBIDDEN
        client.post(reverse("admin:triage_override_change", args=[row.pk]), {"reason": "Other"})
        row.refresh_from_db()
        assert row.reason == "They work all day."


class TestPractitionerForm:
    def test_lets_operations_set_the_cap_and_the_right(self, operations):
        person = PractitionerFactory(consultant=True)
        client = Client()
        client.force_login(operations)

        text = client.get(reverse("admin:practitioners_practitioner_change", args=[person.pk])).content.decode()

        assert 'name="daily_cap"' in text
        assert 'name="may_override"' in text

    def test_lets_no_consultant_give_themselves_the_right(self):
        person = PractitionerFactory(consultant=True, user__is_staff=True)
        client = Client()
        client.force_login(person.user)

        client.post(reverse("admin:practitioners_practitioner_change", args=[person.pk]), {"may_override": "on"})

        person.refresh_from_db()
        assert not person.may_override

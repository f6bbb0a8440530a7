"""The desk in somebody's browser, and who and what stands around it."""

from datetime import datetime

import pytest
from django.test import Client
from django.urls import reverse

from tests.factories import AppointmentTypeFactory, PractitionerFactory, SessionFactory, next_morning

TEN = next_morning(10, days=2)


def moment(value: datetime) -> str:
    """A moment as the desk sends it."""
    return f"{value:%Y-%m-%dT%H:%M:%SZ}"


class Desk:
    """The desk in somebody's browser."""

    def __init__(self, user, session):
        self.client = Client()
        self.client.force_login(user)
        self.url = reverse("admin:triage_triagesession_desk", args=[session.pk])

    def page(self):
        return self.client.get(self.url)

    def get(self, name, **query):
        return self.client.get(f"{self.url}{name}/", query)

    def post(self, name, **body):
        return self.client.post(f"{self.url}{name}/", body, content_type="application/json")


@pytest.fixture
def kind():
    return AppointmentTypeFactory(name="Alternative medicine, initial")


@pytest.fixture
def doctor(kind):
    return PractitionerFactory(name="Dr Dia", gives=[kind])


@pytest.fixture
def sarah():
    return PractitionerFactory(consultant=True, name="Sarah Chen", user__is_staff=True)


@pytest.fixture
def tom():
    return PractitionerFactory(consultant=True, name="Tom Baker", user__is_staff=True)


@pytest.fixture
def session(sarah):
    return SessionFactory(consultant=sarah, primary_concern="Poor sleep")


@pytest.fixture
def desk(session):
    return Desk(session.consultant.user, session)


@pytest.fixture
def wanted(doctor, kind):
    return {"practitionerId": str(doctor.pk), "type": kind.code, "startsAt": moment(TEN)}

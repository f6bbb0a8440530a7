"""People in front of the portal, each with a role."""

import pytest
from django.test import Client

from botaniqal.accounts.models import User
from tests.factories import PractitionerFactory, UserFactory


def logged_in(user: User) -> Client:
    """A browser in which somebody has logged in."""
    client = Client()
    client.force_login(user)
    return client


def somebody(role: str) -> User:
    """Somebody of the staff with a role."""
    return UserFactory(is_staff=True, first_name=role.capitalize(), roles=[role])


@pytest.fixture
def operations(db) -> Client:
    return logged_in(somebody("operations"))


@pytest.fixture
def sarah(db):
    """A consultant."""
    return PractitionerFactory(consultant=True, name="Sarah Chen", user__is_staff=True)


@pytest.fixture
def tom(db):
    """Another consultant."""
    return PractitionerFactory(consultant=True, name="Tom Baker", user__is_staff=True)


@pytest.fixture
def consultant(sarah) -> Client:
    """Sarah's browser."""
    return logged_in(sarah.user)

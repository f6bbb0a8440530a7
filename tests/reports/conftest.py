"""The awkward clinic as its pages show it, at the moment to which it belongs."""

from collections.abc import Callable, Iterator

import pytest
import time_machine
from django.db import transaction
from django.test import Client

from tests.admin.conftest import logged_in, somebody
from tests.factories import UserFactory
from tests.reports.awkward import NOW, Awkward, awkward_clinic


@pytest.fixture(scope="module")
def at_that_time() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture(scope="module")
def shown(at_that_time, django_db_setup, django_db_blocker) -> Iterator[Awkward]:
    """Set up once for all tests: none of them leaves anything behind."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield awkward_clinic()
        transaction.set_rollback(True)


@pytest.fixture(scope="module")
def management(shown, django_db_blocker) -> Client:
    with django_db_blocker.unblock():
        return logged_in(somebody("management"))


@pytest.fixture
def practising(db, shown) -> Callable[..., Client]:
    """Let one of the practitioners log in, with a role."""

    def log_in(role: str, name: str = "Sarah") -> Client:
        practitioner = shown.people[name]
        practitioner.user = UserFactory(is_staff=True, roles=[role])
        practitioner.save(update_fields=["user"])
        return logged_in(practitioner.user)

    return log_in

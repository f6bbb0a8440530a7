"""What is changed in the admin and decides what can be offered rings for the publish check."""

import pytest
from django.contrib import admin
from django.urls import reverse

from botaniqal.bell_admin import RingsCatalogueCheck
from practitioners.models import CalendlyEventType, Practitioner, Room
from services.models import AppointmentType, Service
from tests.factories import RoomFactory

pytestmark = pytest.mark.django_db


def rung(callbacks) -> list[str]:
    """Which bells are rung after the commit."""
    return [name for callback in callbacks for name in getattr(callback, "args", ())]


class TestRooms:
    def test_ring_when_one_is_added(self, operations, django_capture_on_commit_callbacks):
        with django_capture_on_commit_callbacks() as callbacks:
            operations.post(reverse("admin:practitioners_room_add"), {"name": "Room 9", "is_active": "on"})

        assert Room.objects.exists()
        assert rung(callbacks) == ["check_catalogue"]

    def test_ring_when_one_is_closed(self, operations, django_capture_on_commit_callbacks):
        room = RoomFactory()

        with django_capture_on_commit_callbacks() as callbacks:
            operations.post(reverse("admin:practitioners_room_change", args=[room.pk]), {"name": room.name})

        assert rung(callbacks) == ["check_catalogue"]

    def test_ring_when_one_is_deleted(self, operations, django_capture_on_commit_callbacks):
        room = RoomFactory()

        with django_capture_on_commit_callbacks() as callbacks:
            operations.post(reverse("admin:practitioners_room_delete", args=[room.pk]), {"post": "yes"})

        assert not Room.objects.exists()
        assert rung(callbacks) == ["check_catalogue"]

    def test_ring_for_nothing_that_was_refused(self, operations, django_capture_on_commit_callbacks):
        with django_capture_on_commit_callbacks() as callbacks:
            operations.post(reverse("admin:practitioners_room_add"), {"name": ""})

        assert rung(callbacks) == []


class TestEverythingElse:
    @pytest.mark.parametrize("model", [Service, AppointmentType, Practitioner, Room, CalendlyEventType])
    def test_rings_too(self, model):
        assert isinstance(admin.site._registry[model], RingsCatalogueCheck)

"""What public pages have in common: their frame, errors, zones, and what they weigh."""

import re
from http import HTTPStatus
from ipaddress import IPv6Address
from uuid import uuid4

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError
from django.test import Client, RequestFactory
from django.urls import reverse

from botaniqal import zones
from botaniqal.public import public_page, shared_page
from tests.factories import AppointmentTypeFactory, PractitionerFactory, UserFactory


@pytest.fixture
def client():
    """A visitor with an address of their own, who is told of faults by a page."""
    return Client(REMOTE_ADDR=str(IPv6Address(uuid4().int)), raise_request_exception=False)


class TestZones:
    def asked(self, **query):
        return zones.to_choose(RequestFactory().get("/", query))

    def test_begin_with_the_clinics(self):
        shown = self.asked()

        assert (shown.chosen.key, shown.is_told, shown.has_more) == ("Australia/Melbourne", False, True)
        assert [region for region, _ in shown.regions] == ["Australia"]

    def test_know_all_places_of_australia(self):
        assert {name for name, _ in zones.AUSTRALIA} <= zones.ALL

    def test_add_the_place_of_who_is_abroad(self):
        shown = self.asked(zone="America/Indiana/Knox")

        assert shown.chosen.key == "America/Indiana/Knox"
        assert shown.regions[1] == ("Elsewhere", [("America/Indiana/Knox", "Knox (Indiana)")])

    def test_list_the_world_for_who_is_elsewhere(self):
        shown = self.asked(zone=zones.ELSEWHERE)

        listed = [name for _, places in shown.regions for name, _ in places]
        assert len(listed) == len(set(listed)) > 400
        assert set(listed) <= zones.ALL
        assert not shown.has_more

    @pytest.mark.parametrize("zone", ["Mars/Olympus", "UTC\0", "../Melbourne", "x" * 9999, "melbourne"])
    def test_take_the_clinics_for_one_that_nobody_knows(self, zone):
        shown = self.asked(zone=zone)

        assert (shown.chosen.key, shown.is_told) == ("Australia/Melbourne", True)


class TestErrors:
    def test_are_told_in_the_publics_frame(self, client, db):
        answer = client.get("/nowhere")

        page = answer.content.decode()
        assert answer.status_code == HTTPStatus.NOT_FOUND
        assert "There is no such page" in page
        assert reverse("services") in page
        assert "/admin/" not in page

    def test_are_told_in_staffs_frame_where_staff_are(self, client, db):
        client.force_login(UserFactory(is_staff=True, roles=["operations"]))

        assert "Go to Today" in client.get("/admin/nowhere/").content.decode()

    @pytest.mark.urls("tests.api.probe")
    def test_of_ours_are_told_without_what_they_were(self, client, db):
        answer = client.get("/fault")

        assert answer.status_code == HTTPStatus.INTERNAL_SERVER_ERROR
        assert "It is our fault" in answer.content.decode()
        assert "private" not in answer.content.decode()

    def test_tell_of_a_page_that_was_open_too_long(self, db):
        answer = Client(enforce_csrf_checks=True).post("/free-consultation", {"name": "Leo Martin"})

        assert answer.status_code == HTTPStatus.FORBIDDEN
        assert "open too long" in answer.content.decode()
        assert not re.search(r"\bLeo\b", answer.content.decode())


class TestPages:
    @pytest.mark.parametrize("made", [public_page, shared_page])
    def test_say_so_while_the_database_cannot_answer(self, made):
        def view(request):
            raise OperationalError("canceling statement due to lock timeout, Leo Martin")

        request = RequestFactory().get("/")
        request.user = AnonymousUser()
        answer = made(view)(request)

        assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
        assert "try again in a moment" in answer.content.decode()
        assert not re.search(r"\bLeo\b", answer.content.decode())
        assert "no-store" in answer["Cache-Control"]


class TestBodies:
    """Bodies that no form of ours has."""

    def test_without_end_are_refused(self, client, db):
        answer = client.post("/free-consultation", {"concern": "x" * 1_100_000})

        assert answer.status_code == HTTPStatus.BAD_REQUEST
        assert "was not understood" in answer.content.decode()

    def test_with_a_file_are_refused(self, client, db):
        file = SimpleUploadedFile("x.exe", b"x" * 3_000_000)

        answer = client.post("/free-consultation", {"concern": file})

        assert answer.status_code == HTTPStatus.BAD_REQUEST

    def test_with_thousands_of_fields_are_refused(self, client, db):
        answer = client.post("/free-consultation", {f"field{n}": "x" for n in range(1001)})

        assert answer.status_code == HTTPStatus.BAD_REQUEST

    @pytest.mark.parametrize(
        "content_type", ["multipart/form-data", "multipart/form-data; boundary=", "text/plain", ""]
    )
    def test_of_another_kind_are_answered(self, client, db, content_type):
        kind = AppointmentTypeFactory(free=True, practitioner_types=["consultant"])
        PractitionerFactory(consultant=True, gives=[kind])

        answer = client.generic("POST", "/free-consultation", b"\xff\xfe--x\r\n\0", content_type=content_type)

        assert answer.status_code == HTTPStatus.BAD_REQUEST

"""The patient's page of a visit, as staff see it."""

from datetime import timedelta
from http import HTTPStatus

import pytest
from django.utils import timezone

from bookings.models import Booking
from bookings.self_service import links
from tests.bookings.self_service.booking_online import page_of
from tests.factories import BookingFactory

from .conftest import logged_in, somebody

pytestmark = pytest.mark.django_db


@pytest.fixture
def booking(db):
    return BookingFactory()


def page(client, booking):
    return client.get(f"/admin/bookings/booking/{booking.pk}/change/").content.decode()


class TestPatientsPage:
    def test_can_be_copied_by_who_may_change_the_visit(self, operations, booking):
        assert links.to_visit(booking) in page(operations, booking)

    def test_is_kept_from_who_may_only_read(self):
        dia = somebody("clinician")
        booking = BookingFactory(practitioner__user=dia)

        shown = page(logged_in(dia), booking)

        assert booking.number in shown
        assert links.token_of(booking) not in shown

    def test_says_when_it_is_over(self, operations, booking):
        past = timezone.now() - timedelta(days=15)
        Booking.objects.update(starts_at=past - timedelta(minutes=15), ends_at=past)

        assert "Over, two weeks after" in page(operations, booking)


class TestMakeLinksVoid:
    def test_ends_every_link_that_was_sent_until_now(self, operations, booking, client):
        address = page_of(booking)

        operations.post(f"/admin/bookings/booking/{booking.pk}/do/make_links_void/")

        assert client.get(address).status_code == HTTPStatus.GONE
        booking.refresh_from_db()
        assert client.get(page_of(booking)).status_code == HTTPStatus.OK

    def test_is_for_who_may_change_the_visit(self, client):
        dia = somebody("clinician")
        booking = BookingFactory(practitioner__user=dia)

        logged_in(dia).post(f"/admin/bookings/booking/{booking.pk}/do/make_links_void/")

        assert client.get(page_of(booking)).status_code == HTTPStatus.OK

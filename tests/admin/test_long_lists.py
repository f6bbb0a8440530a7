"""Lists that are longer than anybody reads."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from botaniqal.lists import BoundedPaginator
from botaniqal.reports.figures import Trouble
from practitioners.models import Room
from tests.factories import BookingFactory, RoomFactory

pytestmark = pytest.mark.django_db


MOST = BoundedPaginator.MOST


def rooms(count: int) -> str:
    """The list of so many rooms."""
    Room.objects.bulk_create(RoomFactory.build_batch(count))
    return reverse("admin:practitioners_room_changelist")


class TestBoundedPaginator:
    def test_counts_what_it_can_turn_through(self, operations):
        page = operations.get(rooms(MOST)).content.decode()

        assert "<span>10,000 rooms</span>" in page

    def test_says_that_there_are_more(self, operations):
        page = operations.get(rooms(MOST + 1)).content.decode()

        assert "More than 10,000 rooms; search or filter to see others" in page

    def test_gives_a_page_in_the_lists_order_by_the_same_keys(self, django_assert_num_queries):
        rooms(7)
        listed = Room.objects.exclude(name="").order_by("-name")
        pages = BoundedPaginator(listed, 3)

        with django_assert_num_queries(3):  # how many there are, the page's keys, its rows
            second = list(pages.page(2).object_list)

        assert second == list(listed)[3:6]

    def test_ends_with_the_last_page_that_it_counted(self):
        rooms(MOST + 1)

        pages = BoundedPaginator(Room.objects.order_by("name"), 100)

        assert pages.num_pages == MOST / 100


class TestSearchOfBookings:
    @pytest.mark.parametrize("words", ["bot-2026-07", "BOT-2026-0777", "martin", "leo martin", "0491 570 156"])
    def test_finds_by_number_else_by_whose_it_is(self, operations, words):
        BookingFactory(number="BOT-2026-0777")
        BookingFactory(number="BOT-2020-0001", patient__name="Ava", patient__email="a@example.com", patient__phone="")
        address = reverse("admin:bookings_booking_changelist")

        page = operations.get(address, {"view": "all", "q": words}).content.decode()

        assert "BOT-2026-0777" in page
        assert "BOT-2020-0001" not in page


class TestTrouble:
    def test_names_the_day_of_a_try_that_is_not_today(self):
        noon = timezone.localtime().replace(hour=12, minute=0)

        today, later = (Trouble("Calendly", 1, noon + timedelta(days=days)).next_try for days in (0, 2))

        assert today == "at 12:00"
        assert later == f"on {noon + timedelta(days=2):%A %-d %B} at 12:00"

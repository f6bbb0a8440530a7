"""Which days are closed, and when."""

from datetime import date

import pytest

from bookings.models import Booking
from botaniqal.reports import figures
from botaniqal.reports.figures import Period, closing
from botaniqal.reports.models import Day
from botaniqal.tasks import close_days
from tests.factories import BookingFactory
from tests.reports.awkward import NOW, TODAY, anew, at, awkward_clinic, said

pytestmark = pytest.mark.django_db


class TestCloseDue:
    def test_closes_no_day_before_all_its_calls_were_due(self):
        awkward_clinic()

        closing.close_due(now=at(5, "00:59"))
        assert date(2026, 10, 4) not in set(Day.objects.values_list("day", flat=True))
        closing.close_due(now=at(5, "01:00"))
        assert date(2026, 10, 4) in set(Day.objects.values_list("day", flat=True))

    def test_goes_on_where_it_was_cut_off(self):
        awkward_clinic()

        closed = [closing.close_some(now=NOW, at_most=15) for _ in range(2)]

        assert closed == [15, 15]
        assert said() == anew()
        first = date(2026, 4, 4)  # on which the first visit was booked
        assert closing.close_due(now=NOW) == (TODAY - first).days - 30
        assert closing.close_due(now=NOW) == 0

    def test_has_nothing_to_do_where_nothing_ever_was(self):
        assert closing.close_due(now=NOW) == 0

    @pytest.mark.slow
    def test_does_not_go_back_to_a_slip_of_the_pen(self):
        booking = BookingFactory(starts_at=at(3, "09:00"), ends_at=at(3, "09:15"))
        Booking.objects.update(created_at=booking.starts_at.replace(year=202))

        assert closing.close_due(now=NOW) < 11 * 366

    def test_counts_the_first_day_again_when_what_was_first_is_moved(self):
        booking = BookingFactory(starts_at=at(3, "09:00"), ends_at=at(3, "09:15"))
        Booking.objects.update(created_at=at(1, "09:00"))
        closing.close_due(now=NOW)
        first = Period(date(2026, 10, 1), date(2026, 10, 1))
        assert figures.bookings_made(first, now=NOW) == 1

        Booking.objects.filter(pk=booking.pk).update(created_at=at(2, "09:00"))

        assert figures.bookings_made(first, now=NOW) == 0
        closing.close_due(now=NOW)
        assert figures.bookings_made(first, now=NOW) == 0
        assert figures.bookings_made(Period(first.first, TODAY), now=NOW) == 1

    def test_is_a_bell(self):
        BookingFactory(starts_at=at(3, "09:00"), ends_at=at(3, "09:15"))

        assert close_days() > 0

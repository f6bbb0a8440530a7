"""The price book: what holds on a day, and new prices for many at once."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from botaniqal.errors import DomainError, NotAllowed
from services import price_book
from services.models import AppointmentType, Price
from tests.factories import AppointmentTypeFactory, BookingFactory, UserFactory

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)
TODAY, LATER = date(2026, 3, 2), date(2026, 4, 1)


@pytest.fixture
def sleep():
    return AppointmentTypeFactory(code="sleep", name="Sleep", price=Decimal("119.00"))


@pytest.fixture
def rest(sleep):
    return AppointmentTypeFactory(code="rest", name="Rest", price=Decimal("79.00"), service=sleep.service)


@pytest.fixture
def operations():
    return UserFactory(roles=["operations"])


@pytest.fixture
def put(operations):
    """Set prices as operations do."""

    def do(wanted, **other):
        asked = {"starts_on": LATER, "reason": "The rent went up.", "by": operations, "now": NOW} | other
        return price_book.set_prices(wanted={kind.pk: Decimal(amount) for kind, amount in wanted.items()}, **asked)

    return do


def plan(wanted, starts_on=LATER):
    wanted = {kind.pk: Decimal(amount) for kind, amount in wanted.items()}
    return price_book.plan(wanted=wanted, starts_on=starts_on, now=NOW)


class TestMoved:
    @pytest.mark.parametrize(
        ("price", "by", "step", "expected"),
        [
            ("119.00", {"percent": "3"}, "0.01", "122.57"),
            ("119.00", {"percent": "3"}, "1.00", "123.00"),
            ("119.00", {"percent": "3"}, "0.05", "122.55"),
            ("79.00", {"percent": "-10"}, "5.00", "70.00"),
            ("10.50", {"amount": "0"}, "1.00", "11.00"),
            ("119.00", {"amount": "-20"}, "1.00", "99.00"),
            ("0.00", {"percent": "50"}, "1.00", "0.00"),
        ],
    )
    def test_rounds_halves_upwards(self, price, by, step, expected):
        by = {how: Decimal(much) for how, much in by.items()}

        assert str(price_book.moved(Decimal(price), **by, step=Decimal(step))) == expected


class TestBook:
    def test_shows_what_holds_what_comes_and_what_was(self, sleep, put):
        put({sleep: "129"})

        [(service, [line])] = price_book.book(TODAY)
        assert (service, line.price.amount, line.next.amount) == (sleep.service, Decimal(119), Decimal(129))
        assert [price.reason for price in line.history] == ["The rent went up.", ""]

    @pytest.mark.parametrize(("day", "amount"), [(LATER - timedelta(days=1), 119), (LATER, 129)])
    def test_tells_the_price_as_of_a_day(self, sleep, put, day, amount):
        put({sleep: "129"})

        [(_, [line])] = price_book.book(day)
        assert line.price.amount == amount

    def test_asks_two_questions_however_much_there_is(self, sleep, rest):
        with CaptureQueriesContext(connection) as of_two:
            price_book.book(TODAY)
        for _ in range(4):
            AppointmentTypeFactory()

        with CaptureQueriesContext(connection) as of_six:
            price_book.book(TODAY)

        assert len(of_two) == len(of_six) == 2


class TestPlan:
    def test_shows_old_and_new_and_changes_nothing(self, sleep, rest):
        changes = plan({sleep: "129", rest: "79"})

        assert [(each.kind, each.old, each.new) for each in changes] == [(sleep, Decimal(119), Decimal(129))]
        assert Price.objects.count() == 2

    def test_goes_by_the_price_of_the_first_day_not_of_today(self, sleep, put):
        put({sleep: "125"}, starts_on=date(2026, 3, 20))

        [change] = plan({sleep: "129"})

        assert change.old == Decimal(125)

    def test_says_until_when_it_holds(self, sleep, put):
        put({sleep: "139"}, starts_on=date(2026, 7, 1))

        [change] = plan({sleep: "129"})

        assert change.until == date(2026, 7, 1)

    def test_counts_the_visits_that_keep_another_price(self, sleep, rest):
        def visit(day, **state):
            return BookingFactory(appointment_type=sleep, starts_at=datetime(2026, *day, 0, tzinfo=UTC), **state)

        kept = visit((4, 2))
        visit((3, 30))  # before the first day
        visit((4, 3), state="completed")
        visit((4, 4), price=Decimal(129))  # at the new price
        BookingFactory(appointment_type=rest, starts_at=datetime(2026, 4, 2, 0, tzinfo=UTC))
        waiting = visit((4, 5), state="pending_payment", pays_until=NOW)

        [change] = plan({sleep: "129"})

        assert [one.number for one in change.kept] == [kept.number, waiting.number]
        assert change.kept_count == 2

    def test_counts_from_midnight_of_the_clinic(self, sleep):
        before = datetime(2026, 3, 31, 12, 59, tzinfo=UTC)  # 23:59 in Melbourne
        for moment in (before, before + timedelta(minutes=1)):
            BookingFactory(appointment_type=sleep, starts_at=moment)

        [change] = plan({sleep: "129"})

        assert [one.starts_at for one in change.kept] == [before + timedelta(minutes=1)]

    def test_lists_the_first_of_many_and_counts_all(self, sleep):
        for n in range(25):
            BookingFactory(appointment_type=sleep, starts_at=datetime(2026, 4, 2, n % 24, tzinfo=UTC))

        [change] = plan({sleep: "129"})

        assert (len(change.kept), change.kept_count) == (20, 25)
        assert [one.starts_at for one in change.kept] == sorted(one.starts_at for one in change.kept)

    def test_counts_the_visits_of_each_type_by_its_own_new_price(self, sleep, rest):
        for kind, price in ((sleep, 119), (sleep, 129), (rest, 79), (rest, 129)):
            BookingFactory(appointment_type=kind, price=price, starts_at=datetime(2026, 4, 2, tzinfo=UTC))

        changes = plan({sleep: "129", rest: "89"})

        kept = {change.kind.name: [one.price for one in change.kept] for change in changes}
        assert {name: sorted(prices) for name, prices in kept.items()} == {"Sleep": [119], "Rest": [79, 129]}


class TestSetPrices:
    def test_sets_all_with_who_and_why(self, sleep, rest, put, operations):
        put({sleep: "129", rest: "85.50"})

        rows = Price.objects.filter(starts_on=LATER).order_by("amount")
        assert [(row.amount, row.reason, row.created_by) for row in rows] == [
            (Decimal("85.50"), "The rent went up.", operations),
            (Decimal("129.00"), "The rent went up.", operations),
        ]

    def test_leaves_history_alone(self, sleep, put):
        put({sleep: "129"}, starts_on=TODAY)

        assert list(sleep.prices.values_list("amount", flat=True)) == [Decimal(129), Decimal(119)]

    def test_leaves_bookings_alone(self, sleep, put):
        booking = BookingFactory(appointment_type=sleep, starts_at=datetime(2026, 4, 2, tzinfo=UTC))

        put({sleep: "129"})

        booking.refresh_from_db()
        assert booking.price == Decimal(119)

    @pytest.mark.parametrize(
        ("amount", "said"),
        [
            ("-1", "greater than or equal to 0"),
            ("1.005", "2 decimal"),
            ("1000000", "6 digits before"),
            ("NaN", "number"),
        ],
    )
    def test_refuses_what_is_no_price_and_sets_none(self, sleep, rest, put, amount, said):
        with pytest.raises(price_book.BadPrices) as refusal:
            put({sleep: "129", rest: amount})

        [sentence] = refusal.value.details[f"amount_{rest.pk}"]
        assert said in sentence
        assert Price.objects.count() == 2

    @pytest.mark.parametrize(
        ("other", "field", "said"),
        [
            ({"starts_on": TODAY - timedelta(days=1)}, "starts_on", "past"),
            ({"starts_on": date(9999, 1, 1)}, "starts_on", "too far"),
            ({"starts_on": date(2024, 1, 1)}, "starts_on", "past"),
            ({"reason": "  "}, "reason", "Say why"),
            ({"reason": "x" * 201}, "reason", "200 characters"),
            ({"reason": "4111 1111 1111 1111"}, "reason", "card number"),
            ({"reason": "a\0b"}, "reason", "characters"),
        ],
    )
    def test_says_what_else_is_wrong(self, sleep, put, other, field, said):
        with pytest.raises(DomainError) as refusal:
            put({sleep: "129"}, **other)

        assert any(said in sentence for sentence in refusal.value.details[field])
        assert Price.objects.count() == 1

    def test_refuses_a_second_price_of_a_day(self, sleep, put):
        put({sleep: "129"})

        with pytest.raises(price_book.BadPrices) as refusal:
            put({sleep: "139"})

        assert "it costs $129.00 already" in refusal.value.details[f"amount_{sleep.pk}"][0]

    @pytest.mark.parametrize("amounts", [[], ["119"]])
    def test_says_when_nothing_would_change(self, sleep, put, amounts):
        with pytest.raises(price_book.BadPrices) as refusal:
            put(dict(zip([sleep], amounts, strict=False)))

        assert "Nothing would change" in refusal.value.details["amounts"][0]

    def test_says_when_a_type_is_gone(self, sleep, put):
        with pytest.raises(price_book.BadPrices) as refusal:
            put({sleep: "129", AppointmentType(pk=0): "1"})

        assert "not there any more" in refusal.value.details["amounts"][0]

    def test_sets_none_over_prices_that_moved_since_they_were_looked_at(self, sleep, put):
        put({sleep: "125"}, starts_on=date(2026, 3, 20))

        with pytest.raises(price_book.PricesMoved):
            put({sleep: "129"}, seen={sleep.pk: Decimal(119)})

    @pytest.mark.parametrize("role", ["consultant", "management", "clinician"])
    def test_is_for_operations(self, sleep, put, role):
        with pytest.raises(NotAllowed):
            put({sleep: "129"}, by=UserFactory(roles=[role]))

"""The price book's page: looked at, planned, set."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse
from django.utils import timezone

from services.models import Price
from tests.admin.conftest import logged_in, somebody
from tests.factories import AppointmentTypeFactory, BookingFactory, next_morning

pytestmark = pytest.mark.django_db

BOOK, PREVIEW, SET = (reverse(f"admin:price_book{name}") for name in ("", "_preview", "_set"))


@pytest.fixture
def sleep():
    return AppointmentTypeFactory(name="Sleep", price=Decimal("119.00"))


@pytest.fixture
def later():
    return timezone.localdate() + timedelta(days=30)


@pytest.fixture
def form(later):
    return {"how": "typed", "by": "", "step": "1.00", "starts_on": f"{later}", "reason": "The rent went up."}


def text_of(answer) -> str:
    return " ".join(answer.content.decode().split())


class TestBook:
    def test_shows_todays_and_the_next_price(self, operations, sleep, later):
        Price.objects.create(appointment_type=sleep, amount=129, starts_on=later, reason="Rent")

        page = text_of(operations.get(BOOK))

        assert "$119.00" in page
        assert f'$129.00 <small class="muted">from {later:%-d %b %Y}' in page
        assert ": Rent</li>" in page

    def test_shows_the_prices_of_another_day(self, operations, sleep, later):
        Price.objects.create(appointment_type=sleep, amount=129, starts_on=later)

        page = text_of(operations.get(BOOK, {"on": f"{later}"}))

        assert '<td class="figures">$129.00</td>' in page

    @pytest.mark.parametrize("on", ["soon", "2026-02-30", "9999-99-99", "1800-01-01", "", "x" * 5000])
    def test_takes_nonsense_for_today(self, operations, sleep, on):
        answer = operations.get(BOOK, {"on": on})

        assert answer.status_code == 200
        assert answer.context["is_today"]

    def test_offers_changes_to_operations_alone(self, operations, consultant, sleep):
        assert f'name="amount_{sleep.pk}"' in text_of(operations.get(BOOK))
        assert f'name="amount_{sleep.pk}"' not in text_of(consultant.get(BOOK))

    def test_changes_nothing_on_get(self, operations):
        assert [operations.get(address).status_code for address in (PREVIEW, SET)] == [405, 405]


class TestPreview:
    def test_shows_old_and_new_and_who_keeps_the_old(self, operations, sleep, form):
        booking = BookingFactory(appointment_type=sleep, starts_at=next_morning(10, days=40))

        page = text_of(operations.post(PREVIEW, form | {f"amount_{sleep.pk}": "129.50"}))

        assert "$119.00" in page
        assert "<strong>$129.50</strong>" in page
        assert booking.number in page
        assert "1 visit from that day on keeps the price at which it was booked." in page
        assert sleep.prices.count() == 1

    def test_shows_what_was_rounded(self, operations, sleep, form):
        sent = form | {"how": "percent", "by": "3", f"pick_{sleep.pk}": "on"}

        page = text_of(operations.post(PREVIEW, sent))

        assert '<strong>$123.00</strong><small class="muted"> rounded from $122.57</small>' in page

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({}, "Type a new price, or tick appointments"),
            ({"amount": "-1"}, "greater than or equal to 0"),
            ({"amount": "1.005"}, "2 decimal places"),
            ({"amount": "99999999999"}, "8 digits"),
            ({"amount": "lots"}, "Enter a number"),
            ({"amount": "119.00"}, "Nothing would change"),
            ({"amount": "129", "starts_on": "2020-01-01"}, "The past cannot be priced anew"),
            ({"amount": "129", "starts_on": "9999-01-01"}, "too far ahead"),
            ({"amount": "129", "starts_on": "later"}, "Enter a valid date"),
            ({"amount": "129", "reason": ""}, "This field is required"),
            ({"amount": "129", "reason": "4111 1111 1111 1111"}, "card number"),
            ({"how": "percent", "pick": "on"}, "Say by how much"),
            ({"how": "percent", "by": "-200", "pick": "on"}, "greater than or equal to 0"),
            ({"how": "amount", "by": "5"}, "tick appointments"),
            ({"how": "steal", "amount": "129"}, "Select a valid choice"),
        ],
    )
    def test_says_what_is_wrong_and_keeps_what_was_typed(self, operations, sleep, form, changes, said):
        sent = {f"{name}_{sleep.pk}" if name in ("amount", "pick") else name: value for name, value in changes.items()}

        answer = operations.post(PREVIEW, form | sent)

        assert answer.status_code == 400
        assert said in text_of(answer)
        assert changes.get("reason", "The rent went up.") in text_of(answer)
        assert sleep.prices.count() == 1

    def test_cannot_move_what_has_no_price(self, operations, form):
        kind = AppointmentTypeFactory(price="none")

        page = text_of(operations.post(PREVIEW, form | {"how": "percent", "by": "5", f"pick_{kind.pk}": "on"}))

        assert "It has no price that could be changed." in page

    def test_is_for_operations(self, consultant, form):
        assert consultant.post(PREVIEW, form).status_code == 403


class TestSet:
    def sent(self, browser, form) -> dict:
        """What the page of the plan sends, taken from it."""
        context = browser.post(PREVIEW, form).context
        sent = {"starts_on": f"{context['starts_on']}", "reason": context["reason"]}
        for each in context["changes"]:
            key = each["change"].kind.pk
            sent |= {f"amount_{key}": each["change"].new}
            sent |= {} if each["change"].old is None else {f"old_{key}": each["change"].old}
        return sent

    def test_sets_what_was_planned(self, operations, sleep, form, later):
        AppointmentTypeFactory()

        page = text_of(operations.post(SET, self.sent(operations, form | {f"amount_{sleep.pk}": "129"}), follow=True))

        price = Price.objects.get(starts_on=later)
        assert (price.appointment_type, price.amount, price.reason) == (sleep, Decimal(129), "The rent went up.")
        assert f"1 new price from {later:%-d %b %Y} on." in page
        assert "The rent went up." in LogEntry.objects.get(object_id=f"{sleep.pk}").change_message

    def test_prices_what_had_no_price(self, operations, form):
        kind = AppointmentTypeFactory(price="none")

        operations.post(SET, self.sent(operations, form | {f"amount_{kind.pk}": "89"}))

        assert kind.prices.get().amount == Decimal(89)

    def test_sets_nothing_twice(self, operations, sleep, form, later):
        sent = self.sent(operations, form | {f"amount_{sleep.pk}": "129"})
        operations.post(SET, sent)

        page = text_of(operations.post(SET, sent, follow=True))

        assert "Somebody set prices meanwhile." in page
        assert Price.objects.filter(starts_on=later).count() == 1

    @pytest.mark.parametrize("sent", [{}, {"starts_on": "x"}, {"starts_on": "2030-01-01", "reason": "x"}])
    def test_sets_nothing_from_what_cannot_be_read(self, operations, sleep, sent):
        page = text_of(operations.post(SET, sent, follow=True))

        assert "No price was set" in page
        assert sleep.prices.count() == 1

    @pytest.mark.parametrize("role", ["consultant", "management", "clinician"])
    def test_is_for_operations(self, role):
        assert logged_in(somebody(role)).post(SET, {}).status_code == 403

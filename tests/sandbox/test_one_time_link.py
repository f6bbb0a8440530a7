"""Calendly's page behind a one-time link, which leads to a booking that knows where it came from."""

import re

import pytest

from tests.sandbox.conftest import DOCTOR


@pytest.fixture
def link(calendly):
    body = {"max_event_count": 1, "owner": DOCTOR, "owner_type": "EventType"}
    return calendly.call("POST", "scheduling_links", json=body).json()["resource"]["booking_url"]


def times(page):
    return re.findall(r'<option value="(2\d{3}-[^"]+Z)"', page)


class TestFollow:
    def test_fills_in_what_the_link_says(self, browser, link):
        page = browser.get(f"{link}?name=Ava+Nguyen&email=ava%40example.com&a2=Sleep&utm_content=booking-1")

        assert page.status_code == 200
        assert all(f'value="{value}"' in page.text for value in ("Ava Nguyen", "ava@example.com", "Sleep"))

    def test_books_for_the_portal_to_hear_of(self, browser, link, portal):
        address = f"{link}?utm_source=portal&utm_content=booking-1"
        start = times(browser.get(address).text)[0]

        page = browser.press(address, name="Ava Nguyen", email="ava@example.com", start=start, a1="0491 570 006")

        payload = portal.wait_for(1)[0]["body"]["payload"]
        assert "Ava Nguyen" in page.text
        assert payload["scheduled_event"]["event_type"] == DOCTOR
        assert payload["scheduled_event"]["start_time"] == start
        assert payload["tracking"]["utm_content"] == "booking-1"
        assert payload["scheduling_method"] is None
        assert [row["answer"] for row in payload["questions_and_answers"]] == ["0491 570 006"]

    def test_is_good_for_one_booking(self, browser, link, portal):
        first, second = times(browser.get(link).text)[:2]
        browser.press(link, name="Ava Nguyen", email="ava@example.com", start=first)

        again = browser.press(link, name="Ava Nguyen", email="ava@example.com", start=second)

        assert again.status_code == 410
        assert browser.get(link).status_code == 410

    def test_works_on_a_plan_that_cannot_book(self, browser, link, portal, sandbox):
        sandbox.plan("free_no_booking")

        page = browser.press(link, name="Ava", email="ava@example.com", start=times(browser.get(link).text)[0])

        assert page.status_code == 200

    def test_says_that_a_time_was_taken_meanwhile(self, browser, link, calendly, booking):
        start = times(browser.get(link).text)[0]
        calendly.call("POST", "invitees", json=booking() | {"start_time": start})

        page = browser.press(link, name="Ava", email="ava@example.com", start=start)

        assert page.status_code == 422
        assert "Select a valid choice" in page.text
        assert browser.get(link).status_code == 200

    @pytest.mark.parametrize("query", ["date=never", "month=", "month=2027-13", "date=2001-01-01", "guests=,,"])
    def test_does_not_mind_an_odd_link(self, browser, link, query):
        assert browser.get(f"{link}?{query}").status_code == 200

    def test_is_unknown_for_another_link(self, browser):
        assert browser.get("d/unknown").status_code == 404

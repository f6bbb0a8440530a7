"""Online booking in a browser: time, details, payment at Stripe's page, and what patients do with their visit."""

import re
from datetime import datetime

import pytest
from django.conf import settings as django_settings
from django.utils import timezone
from playwright.sync_api import Page, expect

from bookings.models import Booking, RefundDecision, SyncRecord
from bookings.patients import consents
from bookings.self_service import links
from practitioners.models import Practitioner
from tests.bookings.self_service.booking_online import TEN, begin, online_type, page_of
from tests.factories import BookingFactory, PatientFactory, PractitionerFactory, next_morning
from tests.sandbox_server import ENVIRONMENT

from .looks import Looks

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _unthrottled(monkeypatch):
    for scope in ("public-book", "public-email"):
        monkeypatch.setitem(django_settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"], scope, "100000/h")


@pytest.fixture
def kind(transactional_db):
    return online_type(name="Alternative medicine, initial")


@pytest.fixture
def doctor(kind):
    return PractitionerFactory(
        name="Dr Dia", gives=[kind], calendar_provider="calendly", meeting_link="https://m.example/d"
    )


@pytest.fixture
def stripe(settings, live_server, sandbox):
    """The stand-in for Stripe, which knows where this portal is."""
    sandbox.reset()
    settings.STRIPE_BASE_URL, settings.STRIPE_CHECKOUT_URL = sandbox.stripe_url, sandbox.url
    settings.PUBLIC_BASE_URL = live_server.url
    for name in ("STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET"):
        setattr(settings, name, ENVIRONMENT[name])
    yield sandbox
    sandbox.clear_faults()


class Visitor:
    """Somebody who goes from page to page."""

    def __init__(self, page: Page, code: str) -> None:
        self.page, self.code = page, code

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def follow(self, name: str) -> None:
        self.page.get_by_role("link", name=name).click()

    def choose_time(self) -> None:
        self.page.goto(f"/book/{self.code}")
        expect(self.page.locator("select[data-zone=told]")).to_have_count(1)
        self.take_a_time()
        self.press("Go on")
        expect(self.page.get_by_role("heading", name="Your details")).to_be_visible()

    def take_a_time(self) -> None:
        """Take a time of the fourth day that is shown: far enough away for the money to come back."""
        day = self.page.locator("details.public-day").nth(3)
        day.locator("summary").click()
        day.locator("label.chip").nth(3).click()

    def say_who(self) -> None:
        self.page.get_by_label("Name of the patient").fill("Leo Martin")
        self.page.get_by_label("E-mail", exact=True).fill("leo.martin@example.com")
        self.page.get_by_label("Phone", exact=True).fill("0491 570 156")
        for box in self.page.get_by_role("checkbox").all():
            box.check()
        self.press("Go on")


@pytest.mark.main_way
def test_a_visit_is_booked_paid_moved_and_cancelled(open_as, kind, doctor, stripe):
    visitor = Visitor(open_as(None, width=390, height=844), kind.code)

    visitor.choose_time()
    visitor.say_who()
    expect(visitor.page.get_by_role("heading", name="Look at it once more")).to_be_visible()
    visitor.press("Book and pay $119.00")
    visitor.page.wait_for_url(f"{stripe.url}/pay/**")
    booking = Booking.objects.get()
    assert (booking.state, SyncRecord.objects.count()) == ("pending_payment", 0)
    visitor.page.get_by_role("button", name=re.compile("^Pay (?!from)")).click()
    visitor.follow("Back to the clinic")
    visitor.press("Look again")

    expect(visitor.page.locator(".badge", has_text="Confirmed")).to_be_visible()
    booking.refresh_from_db()
    assert booking.patient.time_zone == "Europe/London"
    assert {record.system for record in booking.sync_records.all()} == {"calendly", "medirecords"}

    visitor.follow("Move it to another time")
    visitor.take_a_time()
    visitor.press("Move it")
    expect(visitor.page.get_by_role("heading", name="Hello Leo")).to_be_visible()
    assert Booking.objects.get().revision == 1

    visitor.follow("Cancel it")
    visitor.page.get_by_label("Why?").select_option("Not wanted any more")
    visitor.press("Cancel this visit")
    expect(visitor.page.locator(".badge", has_text="Cancelled")).to_be_visible()
    decision = RefundDecision.objects.get()
    assert (decision.cause, decision.status, decision.suggested) == ("patient", "waiting", 119)


class TestPages:
    def test_have_no_faults_in_any_look(self, open_as, axe, kind, doctor, stripe, live_server):
        looks, page = Looks(axe), open_as(None)
        PractitionerFactory(name="Dr Shivani", gives=[kind])
        visitor = Visitor(page, kind.code)

        def at(state):
            looks.at(page, state)

        visitor.choose_time()
        page.go_back()
        at("times")
        page.go_forward()
        at("details")
        visitor.press("Go on")
        at("details with faults")
        visitor.say_who()
        at("summary")
        for practitioner in Practitioner.objects.all():
            begin(kind, starts_at=_chosen(page), practitioner_id=practitioner.pk)
        visitor.press("Book and pay $119.00")
        at("taken")
        waiting = begin(kind, starts_at=TEN)
        for name in ("visit", "visit-cancel"):
            page.goto(page_of(waiting, name))
            at(f"{name}, waiting")
        sure = BookingFactory(
            practitioner=doctor,
            appointment_type=kind,
            join_link="https://m.example/d",
            starts_at=next_morning(15, days=3),
        )
        for name in ("visit", "visit-move", "visit-cancel"):
            page.goto(page_of(sure, name))
            at(name)
        page.goto("/my-bookings")
        at("portal, asking")
        page.get_by_label("E-mail").fill("leo.martin@example.com")
        visitor.press("Mail me the link")
        at("portal, asked")
        BookingFactory(patient=PatientFactory(name="Mia Martin"))
        page.goto(links.to_portal(sure.patient, now=timezone.now()))
        at("portal")

        assert looks.wrong == []

    def test_work_without_javascript_up_to_the_payment(self, open_as, kind, doctor, stripe):
        page = open_as(None, java_script_enabled=False)
        visitor = Visitor(page, kind.code)

        page.goto(f"/book/{kind.code}")
        page.get_by_label("Where are you?").select_option("Perth")
        visitor.press("Show times there")
        visitor.take_a_time()
        visitor.press("Go on")
        visitor.say_who()
        visitor.press("Change something")
        expect(page.get_by_label("Name of the patient")).to_have_value("Leo Martin")
        visitor.press("Go on")
        visitor.press("Book and pay $119.00")

        page.wait_for_url(f"{stripe.url}/pay/**")
        booking = Booking.objects.get()
        assert booking.patient.time_zone == "Australia/Perth"
        assert booking.patient.consents.count() == len(consents.current())

    def test_are_gone_through_by_keyboard_alone(self, open_as, kind, doctor, stripe):
        page = open_as(None)
        page.goto(f"/book/{kind.code}?zone=Australia/Melbourne")

        page.locator("input[name=time]").first.focus()
        page.keyboard.press("Space")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Your details")).to_be_visible()
        page.get_by_label("Name of the patient").focus()
        for word in ("Leo Martin", "leo.martin@example.com", "0491 570 156"):
            page.keyboard.type(word)
            page.keyboard.press("Tab")
        page.get_by_role("checkbox").first.focus()
        for _ in consents.current():
            page.keyboard.press("Space")
            page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Look at it once more")).to_be_visible()


def _chosen(page: Page) -> datetime:
    return datetime.fromisoformat(page.locator("input[name=time]").first.get_attribute("value"))

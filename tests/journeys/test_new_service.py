"""A service from "coming soon" to booked, paid, moved and called off, without a line of code."""

import re
from collections.abc import Iterator
from decimal import Decimal

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from bookings.models import Booking, FormAnswers, MoneyDay, Payment, RefundDecision
from botaniqal.accounts.login import DEMO_PASSWORD
from botaniqal.messages.models import Message
from practitioners.models import Practitioner
from services.models import AppointmentType, InterestEntry, Service
from tests.stack import Stack, date_ahead, eventually

expect.set_options(timeout=20_000)  # everything runs on one machine here

SLUG, CODE, PRICE = "sleep-coaching", "initial-sleep-30min", "145.00"
CANCELLED = 8  # at MediRecords
NAME, EMAIL = "Hazel Finch", "hazel.finch@example.com"


@pytest.fixture
def stage(stack: Stack, browser: Browser) -> Iterator[BrowserContext]:
    """Open a browser at the portal."""
    context = browser.new_context(base_url=stack.url, viewport={"width": 1366, "height": 900}, locale="en-AU")
    context.set_default_timeout(20_000)
    yield context
    context.close()


@pytest.fixture
def operations(stack: Stack, browser: Browser) -> Iterator[Page]:
    """Log operations in."""
    context = browser.new_context(base_url=stack.url, viewport={"width": 1366, "height": 900}, locale="en-AU")
    context.set_default_timeout(20_000)
    page = context.new_page()
    page.goto("/admin/login/")
    page.fill("#id_username", "ops@botaniqal.example")
    page.fill("#id_password", DEMO_PASSWORD)
    page.press("#id_password", "Enter")
    page.wait_for_url(re.compile("/admin/$"))
    yield page
    context.close()


@pytest.fixture
def visitor(stage: BrowserContext) -> Page:
    """Somebody at the website."""
    return stage.new_page()


def press_verb(page: Page, label: str) -> None:
    """Press a verb's button, and confirm it in its dialog."""
    page.get_by_role("link", name=label, exact=True).or_(
        page.get_by_role("button", name=label, exact=True)
    ).first.click()
    page.locator("form.verb").get_by_role("button", name=label, exact=True).click()


def mails_to(stack: Stack, kind: Message.Kind) -> list[Message]:
    """What was sent to Hazel of one kind."""
    return list(Message.objects.filter(to=EMAIL, kind=kind).exclude(sent_at=None))


def link_in(message: Message, beginning: str) -> str:
    """Find the address in a message's text that begins so."""
    return re.search(rf"https?://\S+?{beginning}\S+", message.text)[0]


def announce(page: Page) -> Service:
    """Make the service, approve what is said of it, and have it coming soon."""
    page.goto("/admin/services/service/add/")
    page.fill("#id_name", "Sleep Coaching")
    page.fill("#id_description", "A plan for calmer nights, with one of our doctors by video.")
    page.fill("#id_launches_on", f"{date_ahead(20)}")
    page.check("#id_has_waitlist")
    page.select_option("#id_initial_form", label="Before your first visit")
    page.get_by_role("button", name="Save and stay").click()
    press_verb(page, "Approve wording")
    expect(page.locator(".messages, .messagelist")).to_contain_text("approved")
    return Service.objects.get(slug=SLUG)


def join(page: Page) -> None:
    """Put oneself on the interest list."""
    page.goto("/services")
    page.get_by_role("link", name="Sleep Coaching").click()
    page.get_by_role("link", name="Tell me when it starts").click()
    page.get_by_role("textbox", name="Your name").fill(NAME)
    page.get_by_role("textbox", name="E-mail").fill(EMAIL)
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Tell me when it begins").click()
    expect(page.get_by_role("status")).to_contain_text("You are on the list")


def refuses_to_open(page: Page, service: Service) -> None:
    """Try to open it while nothing can be booked."""
    page.goto(f"/admin/services/service/{service.pk}/change/")
    press_verb(page, "Open for booking")
    expect(page.locator("body")).to_contain_text("no appointment type")


def add_type(page: Page, service: Service) -> AppointmentType:
    """Say what can be booked, for how much, and who gives it."""
    page.goto("/admin/services/appointmenttype/add/")
    page.select_option("#id_service", label="Sleep Coaching")
    page.fill("#id_name", "Sleep coaching, first visit")
    page.fill("#id_code", CODE)
    page.select_option("#id_kind", "initial")
    page.get_by_label("Doctor").check()
    page.fill("#id_minutes", "30")
    page.check("#id_is_bookable_online")
    page.fill("#id_medirecords_type", "CONSULT_ALT_30")
    page.fill("#id_billing_code", "SLP-INIT-30")
    page.fill("#id_prices-0-starts_on", f"{date_ahead(0)}")
    page.fill("#id_prices-0-amount", PRICE)
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url(re.compile("/appointmenttype/$"))
    person = Practitioner.objects.get(name="Dr Shivani Rao")
    page.goto(f"/admin/practitioners/practitioner/{person.pk}/change/")
    page.get_by_label("Sleep coaching, first visit").check()
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url(re.compile("/practitioner/$"))
    return AppointmentType.objects.get(code=CODE)


def open_it(page: Page, service: Service) -> None:
    """Approve the new type's name, and open the service."""
    page.goto(f"/admin/services/service/{service.pk}/change/")
    press_verb(page, "Approve wording")
    expect(page.locator(".messages, .messagelist")).to_contain_text("approved")
    press_verb(page, "Open for booking")
    expect(page.locator(".messages, .messagelist")).to_contain_text("can be booked now")


def choose(page: Page, *, day: int) -> None:
    """Choose the first time of a day; the third day that has any is more than 24 hours away, whatever the hour."""
    shown = page.locator(".public-day").nth(day)
    if not shown.locator(".chip").first.is_visible():
        shown.locator("summary").click()
    shown.locator(".chip").first.click()


def book(page: Page, address: str) -> Booking:
    """Book a free time and pay."""
    page.goto(address)
    page.get_by_role("link", name=re.compile("Book online")).first.click()
    choose(page, day=2)
    page.get_by_role("button", name="Go on").last.click()
    page.get_by_role("textbox", name="Name of the patient").fill(NAME)
    page.get_by_role("textbox", name="E-mail").fill(EMAIL)
    page.get_by_role("textbox", name="Phone").fill("0491 570 156")
    for box in page.get_by_role("checkbox").all():
        box.check()
    page.get_by_role("button", name="Go on").click()
    expect(page.locator("main")).to_contain_text(PRICE)
    page.get_by_role("button", name=f"Book and pay ${PRICE}").click()
    page.get_by_role("button", name=re.compile("^Pay 145.00")).click()
    page.get_by_role("link", name="Back to the clinic").click()
    page.wait_for_url(re.compile("/visit/"))
    return Booking.objects.get(patient__email=EMAIL)


class TestANewService:
    def test_goes_from_coming_soon_to_booked_paid_moved_and_called_off(self, stack, operations, visitor):
        service = announce(operations)
        join(visitor)
        joined = eventually(lambda: mails_to(stack, Message.Kind.INTEREST_JOINED))
        refuses_to_open(operations, service)

        kind = add_type(operations, service)
        open_it(operations, service)
        launch = eventually(lambda: mails_to(stack, Message.Kind.LAUNCH))

        booking = book(visitor, link_in(launch[0], "/services/"))

        assert len(joined) == len(launch) == InterestEntry.objects.filter(service=service).count() == 1
        confirmed = eventually(lambda: mails_to(stack, Message.Kind.CONFIRMATION))
        booking.refresh_from_db()
        payment = Payment.objects.get(booking=booking)
        assert (booking.state, booking.price, booking.appointment_type) == ("confirmed", Decimal(PRICE), kind)
        assert (payment.status, payment.amount, payment.method) == ("collected", Decimal(PRICE), "stripe_link")
        assert eventually(lambda: stack.in_medirecords(booking.pk))
        eventually(lambda: not booking.sync_records.open().exists())

        self.fill_the_form(visitor, booking, link_in(confirmed[0], "/visit/"))
        self.move(visitor, booking)
        self.call_off(visitor, booking, payment)
        self.all_agree(stack, operations, booking)

    def fill_the_form(self, page, booking, address):
        """Answer what is asked before the visit."""
        page.goto(address)
        page.get_by_role("link", name="Fill in the form").click()
        page.get_by_role("textbox", name="What would you like help with?").fill("Waking at three every night")
        page.locator("input[name=since]").first.check()
        for name in ("has_conditions", "takes_medicines", "has_allergies"):
            page.locator(f"input[name={name}][value=no]").check()
        page.locator("input[name=pregnant]").last.check()
        page.locator("input[name=is_own]").check()
        page.get_by_role("button", name="Send", exact=True).click()

        expect(page.locator("main")).to_contain_text("Thank you")
        assert FormAnswers.objects.sent_in().get(booking=booking).version.form.slug == "mini-intake"

    def move(self, page, booking):
        """Choose another time."""
        former = booking.starts_at
        page.goto(self.own_page(booking))
        page.get_by_role("link", name="Move it to another time").click()
        choose(page, day=3)
        page.get_by_role("button", name="Move it").click()

        expect(page.get_by_role("heading", name=re.compile("Hello Hazel"))).to_be_visible()
        booking.refresh_from_db()
        assert booking.starts_at != former

    def call_off(self, page, booking, payment):
        """Cancel; what was paid waits for a decision."""
        page.goto(self.own_page(booking))
        page.get_by_role("link", name="Cancel it").click()
        page.get_by_label("Why?").select_option(index=1)
        page.get_by_role("button", name="Cancel this visit").click()

        expect(page.locator("main")).to_contain_text("Cancelled")
        decision = RefundDecision.objects.get(payment=payment)
        assert (decision.status, decision.cause) == ("waiting", "patient")
        assert decision.suggested == Decimal(PRICE)

    def all_agree(self, stack, operations, booking):
        """Everybody knows that the visit is off, and of the same money."""
        eventually(lambda: not booking.sync_records.open().exists())
        [appointment] = stack.in_medirecords(booking.pk)
        assert appointment["appointmentStatus"] == CANCELLED
        [session] = [
            row
            for row in stack.sandbox.state("stripe")["sessions"]
            if row["client_reference_id"] in {str(checkout.pk) for checkout in booking.checkouts.all()}
        ]
        assert (session["payment_status"], session["amount_total"]) == ("paid", 14500)
        operations.goto("/admin/bookings/moneyday/add/")
        operations.get_by_role("button", name="Compare now").click()
        today = MoneyDay.objects.filter(day=date_ahead(0), their_taken__gte=Decimal(PRICE))
        day = eventually(today.first)
        assert (day.differences, day.our_taken, day.our_given_back) == ([], day.their_taken, day.their_given_back)

    def own_page(self, booking):
        """The patient's own page, as the last e-mail about the visit has it."""
        about = Message.objects.filter(to=EMAIL, kind__in=[Message.Kind.CONFIRMATION, Message.Kind.MOVED])
        return link_in(about.order_by("-created_at").first(), "/visit/")

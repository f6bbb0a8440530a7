"""Waiting, in a browser: for a service to come, and for an earlier time that becomes free."""

import re
from datetime import timedelta

import pytest
from django.conf import settings as django_settings
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect

from bookings import lifecycle
from bookings.models import Booking, EarlierTimeOffer, EarlierTimeRequest
from bookings.self_service import links
from bookings.waiting import earlier, earlier_offers
from botaniqal.messages import sending
from services import interest
from services.models import InterestEntry, Service
from tests.factories import PatientFactory, PractitionerFactory, ServiceFactory, UserFactory, next_morning
from tests.messages.conftest import ses  # noqa: F401  (a fixture)
from tests.offering import approve_words
from tests.visits import booked_visit

from .looks import Looks

pytestmark = pytest.mark.django_db(transaction=True)

SOON, LATE = next_morning(10, days=5), next_morning(10, days=20)


@pytest.fixture(autouse=True)
def _unthrottled(monkeypatch):
    for scope in ("public-join", "public-email"):
        monkeypatch.setitem(django_settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"], scope, "100000/h")


@pytest.fixture
def equine(transactional_db):
    service = ServiceFactory(name="Equine", slug="equine", status=Service.Status.COMING_SOON, has_waitlist=True)
    approve_words(service)
    return service


@pytest.fixture
def clinic(kind):
    """Somebody to see, whose times are known."""
    return PractitionerFactory(name="Dr Dia", gives=[kind])


@pytest.fixture
def book(clinic, kind):
    def book(starts_at, name="Leo Martin", email="leo@example.com"):
        return booked_visit(clinic, starts_at, patient=PatientFactory(name=name, email=email))

    return book


def path_of(link: str) -> str:
    return "/" + link.partition("//")[2].partition("/")[2]


def ask(page: Page, booking: Booking) -> None:
    """Ask for an earlier time as patients do, from the page of their visit."""
    page.goto(path_of(links.to_visit(booking)))
    page.get_by_role("link", name="Ask for an earlier time").click()
    page.get_by_role("button", name="Put me on the list").click()
    expect(page.get_by_role("status")).to_contain_text("You are on the list")


def test_a_caller_is_put_on_the_list_for_an_earlier_time_by_keyboard(desk, kind, session):
    desk.look_for_times()
    desk["#ask-earlier"].focus()
    desk.press("Enter", "ArrowUp")
    desk["#asking-do"].focus()
    desk.press("Enter")

    expect(desk["#asking"]).to_be_hidden()
    request = EarlierTimeRequest.objects.get()
    assert (request.patient, request.appointment_type, request.urgency) == (session.patient, kind, 1)


@pytest.mark.slow
class TestEarlierTime:
    @pytest.fixture
    def mails(self, ses):  # noqa: F811
        """Send what waits, and read what came to an address."""

        def mails(address):
            sending.send_due()
            return [mail for mail in ses.state("ses")["messages"] if address in mail["to"]]

        return mails

    def link_in(self, mail, answer):
        return path_of(re.search(rf"https?://\S+/earlier/\S+answer={answer}", mail["text"])[0])

    def test_goes_to_who_accepts_it(self, open_as, book, mails):
        page, visit = open_as(None, width=390, height=844), book(LATE)
        ask(page, visit)
        lifecycle.cancel(booking_id=book(SOON, "Nora Quick", "nora@example.com").pk, reason="Ill", by=None, now=now())
        earlier_offers.offer_due(now=now())

        [mail] = mails("leo@example.com")
        page.goto(self.link_in(mail, "accept"))
        expect(page.get_by_role("heading", name="Leo, a time has become free")).to_be_visible()
        page.get_by_role("button", name="Take this time").click()

        expect(page.get_by_role("heading", name="Hello Leo")).to_be_visible()
        expect(page.locator("body")).to_contain_text(f"{timezone.localtime(SOON):%-d %B}")
        visit.refresh_from_db()
        assert visit.starts_at == SOON
        subjects = [sent["subject"] for sent in mails("leo@example.com")]
        assert any(subject.startswith("New time") for subject in subjects)

    def test_goes_to_the_next_when_it_is_declined(self, open_as, book, mails):
        page, first = open_as(None), book(LATE)
        second = book(LATE + timedelta(hours=1), "Mia Wong", "mia@example.com")
        ask(page, first)
        ask(page, second)
        lifecycle.cancel(booking_id=book(SOON, "Nora Quick", "nora@example.com").pk, reason="Ill", by=None, now=now())
        earlier_offers.offer_due(now=now())
        assert mails("mia@example.com") == []

        [mail] = mails("leo@example.com")
        page.goto(self.link_in(mail, "decline"))
        page.get_by_role("button", name="Let it go to the next").click()
        expect(page.get_by_role("status")).to_contain_text("goes to the next")
        earlier_offers.offer_due(now=now())

        [mail] = mails("mia@example.com")
        page.goto(self.link_in(mail, "accept"))
        page.get_by_role("button", name="Take this time").click()
        expect(page.get_by_role("heading", name="Hello Mia")).to_be_visible()
        first.refresh_from_db()
        second.refresh_from_db()
        assert (first.starts_at, second.starts_at) == (LATE, SOON)


@pytest.mark.slow
class TestInterestList:
    def test_is_joined_and_left_without_javascript(self, open_as, equine):
        page = open_as(None, java_script_enabled=False)
        page.goto("/services/equine")
        page.get_by_role("link", name="Tell me when it").click()
        page.get_by_role("button", name="Tell me when it begins").click()
        expect(page.get_by_role("alert")).to_contain_text("Something is missing")
        page.get_by_label("Your name").fill("Leo Martin")
        page.get_by_label("E-mail", exact=True).fill("leo@example.com")
        page.get_by_label("Please write to me by e-mail when Equine begins").check()
        page.get_by_role("button", name="Tell me when it begins").click()
        expect(page.get_by_role("status")).to_contain_text("You are on the list")

        page.goto(path_of(interest.unsubscribe_link(InterestEntry.objects.get())))
        page.get_by_role("button", name="Leave the list").click()

        expect(page.get_by_role("status")).to_contain_text("You are off the list")
        assert InterestEntry.objects.get().left_at

    def test_is_joined_on_the_phone_with_spoken_consent(self, equine, desk):
        desk.page.get_by_role("button", name="Equine").click()
        expect(desk["#asking-words"]).to_contain_text("Read out: “Please write to me")
        desk.page.get_by_label("The caller agrees").check()
        desk["#asking-do"].click()

        expect(desk.page.get_by_role("button", name="Equine: on the list")).to_be_visible()
        assert InterestEntry.objects.get().source == "desk"


@pytest.mark.slow
class TestLooks:
    """The pages of both lists, light and dark, wide and on a phone."""

    @pytest.fixture
    def looks(self, axe) -> Looks:
        return Looks(axe)

    def test_public_pages_have_no_faults(self, looks, open_as, equine, book):
        page, visit = open_as(None), book(LATE)
        page.goto("/interest/equine")
        looks.at(page, "interest")
        page.get_by_role("button", name="Tell me when it begins").click()
        looks.at(page, "interest, wrong")
        page.goto("/interest/equine?joined")
        looks.at(page, "joined")
        entry = interest.join(
            service=equine, name="Leo", email="l@example.com", phone="", source="page", wording="Yes.", now=now()
        )
        page.goto(path_of(interest.unsubscribe_link(entry)))
        looks.at(page, "unsubscribe")
        page.get_by_role("button", name="Leave the list").click()
        looks.at(page, "unsubscribed")
        ask(page, visit)
        looks.at(page, "asked for an earlier time")
        lifecycle.cancel(booking_id=book(SOON).pk, reason="Ill", by=None, now=now())
        earlier_offers.offer_due(now=now())
        page.goto(path_of(earlier_offers.earlier_answers.link_to(EarlierTimeOffer.objects.get())))
        looks.at(page, "offer")
        page.get_by_role("button", name="Let it go to the next").click()
        looks.at(page, "declined")

        assert looks.wrong == []

    def test_pages_of_operations_have_no_faults(self, looks, open_as, equine, book):
        visit, other = book(LATE), book(LATE + timedelta(hours=1), "Mia Wong", "mia@example.com")
        for booking, parts in ((visit, ["evening"]), (other, [])):
            earlier.ask(
                patient=booking.patient,
                appointment_type=booking.appointment_type,
                booking=booking,
                dayparts=parts,
                by=None,
                now=now(),
            )
        interest.join(
            service=equine, name="Leo", email="l@example.com", phone="", source="page", wording="Yes.", now=now()
        )
        lifecycle.cancel(booking_id=book(SOON).pk, reason="Ill", by=None, now=now())
        earlier_offers.offer_due(now=now())
        offer = EarlierTimeOffer.objects.get()
        page = open_as(UserFactory(is_staff=True, roles=["operations"]))
        names = ["services_interestentry", "services_nurturestep", "bookings_earliertimerequest"]
        names += ["bookings_freedtime", "bookings_earliertimeoffer"]
        for name in names:
            page.goto(reverse(f"admin:{name}_changelist"))
            looks.at(page, name)
        for row in (offer, offer.freed, offer.request, InterestEntry.objects.get()):
            page.goto(reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk]))
            looks.at(page, f"a row of {row._meta.model_name}")
        page.goto(reverse("admin:bookings_booking_change", args=[visit.pk]))
        page.get_by_role("link", name="Ask for an earlier time").click()
        expect(page.get_by_role("dialog")).to_be_visible()
        looks.at(page, "asking for an earlier time")

        assert looks.wrong == []

    def test_dialogs_of_the_desk_have_no_faults(self, looks, equine, desk):
        desk.look_for_times()
        desk["#ask-earlier"].click()
        looks.at(desk.page, "earlier time")
        desk["#asking-back"].click()
        desk.page.get_by_role("button", name="Equine").click()
        looks.at(desk.page, "interest list")

        assert looks.wrong == []


def now():
    return timezone.now()

"""The calendar, one's own day and the practitioner's page in a real browser."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect

from practitioners import availability, diary
from practitioners.models import BusyPeriod, OutsideCalendar, TimeOff
from tests.factories import (
    MELBOURNE,
    AppointmentTypeFactory,
    BookingFactory,
    PatientFactory,
    PractitionerFactory,
    RoomFactory,
    ServiceFactory,
    UserFactory,
    next_morning,
)
from triage.models import HandOver

from .looks import faults

pytestmark = pytest.mark.django_db(transaction=True)
TEN = next_morning(10, days=2)
DAY = TEN.astimezone(MELBOURNE).date()
CALENDAR = f"{reverse('admin:calendar')}?date={DAY}"


@pytest.fixture
def olive(transactional_db):
    return UserFactory(is_staff=True, first_name="Olive", roles=["operations"])


@pytest.fixture
def booking(doctor, kind):
    return taken(doctor, kind, TEN, "Leo Martin")


def taken(person, kind, starts_at, name, **details):
    """A booking that has its time in the diary."""
    entry = diary.take(practitioner=person, span=availability.occupied_span(kind, starts_at), by=None)
    patient = PatientFactory(name=name)
    return BookingFactory(
        practitioner=person, appointment_type=kind, starts_at=starts_at, entry=entry, patient=patient, **details
    )


def look_again(page: Page) -> None:
    """Have the page look at once, as it does when its window comes to the front."""
    with page.expect_response(lambda answer: "/calendar/" in answer.url):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


class TestCalendar:
    def test_opens_a_visit_by_keyboard_and_gives_the_focus_back(self, open_as, olive, booking):
        page = open_as(olive)
        page.goto(CALENDAR)
        visit = page.get_by_role("link", name="Leo Martin")
        visit.focus()

        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog", name="Leo Martin")).to_contain_text("10:00–10:15")
        page.keyboard.press("Escape")

        expect(page.get_by_role("dialog")).to_be_hidden()
        expect(visit).to_be_focused()

    def test_moves_a_visit_without_the_mouse(self, open_as, olive, booking, doctor):
        page = open_as(olive)
        page.goto(CALENDAR)
        page.get_by_role("link", name="Leo Martin").focus()
        page.keyboard.press("Enter")
        page.get_by_role("dialog").get_by_role("link", name="Move to…").focus()
        page.keyboard.press("Enter")
        moving = page.get_by_role("dialog", name="Move Leo Martin")
        first = moving.get_by_role("radio", name="09:00")
        expect(first).to_be_visible()

        first.focus()
        page.keyboard.press("Space")
        page.keyboard.press("ArrowRight")
        expect(moving.get_by_role("radio", name="09:15")).to_be_checked()
        page.keyboard.press("Enter")

        expect(page.get_by_role("status")).to_contain_text(["is moved to", ""])
        expect(page.get_by_role("link", name="Leo Martin")).to_contain_text("09:15")
        booking.refresh_from_db()
        assert booking.starts_at == TEN - timedelta(minutes=45)

    def test_moves_a_visit_without_javascript(self, open_as, olive, booking, doctor):
        page = open_as(olive, java_script_enabled=False)
        page.goto(CALENDAR)
        page.get_by_role("link", name="Leo Martin").click()
        page.get_by_role("link", name="Move to…").click()
        page.get_by_role("radio", name="09:30").check()
        page.get_by_role("button", name="Move to").click()

        expect(page.get_by_text("is moved to")).to_be_visible()
        booking.refresh_from_db()
        assert booking.starts_at == TEN - timedelta(minutes=30)

    def test_shows_what_others_book_and_leaves_the_focus_where_it_is(self, open_as, olive, booking, doctor, kind):
        page = open_as(olive)
        page.goto(CALENDAR)
        leo = page.get_by_role("link", name="Leo Martin")
        leo.focus()
        taken(doctor, kind, TEN + timedelta(hours=1), "Zoe Papas")

        look_again(page)

        expect(page.get_by_role("link", name="Zoe Papas")).to_be_visible()
        expect(leo).to_be_focused()

    def test_says_when_it_cannot_look(self, open_as, olive, booking):
        page = open_as(olive)
        page.goto(CALENDAR)
        expect(page.get_by_role("link", name="Leo Martin")).to_be_visible()
        page.context.set_offline(True)

        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        expect(page.get_by_text("Not up to date, will retry")).to_be_visible()
        page.context.set_offline(False)
        look_again(page)

        expect(page.get_by_text("Not up to date, will retry")).to_be_hidden()

    def test_cancels_from_the_panel(self, open_as, olive, booking):
        page = open_as(olive)
        page.goto(CALENDAR)
        page.get_by_role("link", name="Leo Martin").click()
        page.get_by_role("link", name="Cancel booking…").click()
        cancelling = page.get_by_role("dialog", name="Cancel booking")
        expect(cancelling).to_contain_text("The time becomes free")

        page.keyboard.press("Escape")

        expect(page.get_by_role("dialog")).to_be_hidden()
        expect(page.get_by_role("link", name="Leo Martin")).to_be_focused()

    def test_changes_nothing_under_an_open_panel(self, open_as, olive, booking, doctor, kind):
        page = open_as(olive)
        page.goto(CALENDAR)
        page.get_by_role("link", name="Leo Martin").click()
        expect(page.get_by_role("dialog")).to_be_visible()
        taken(doctor, kind, TEN + timedelta(hours=1), "Zoe Papas")

        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        expect(page.locator(".cal-visit")).to_have_count(1)
        page.get_by_role("link", name="Close").click()
        look_again(page)

        expect(page.locator(".cal-visit")).to_have_count(2)


@pytest.fixture
def full_day(doctor, kind, booking, sarah):
    """Something of each kind that the calendar shows, and a practitioner who has a login."""
    long = AppointmentTypeFactory(
        minutes=60, buffer_after_minutes=10, service=ServiceFactory(name="GAPS", colour="#5b4b9a")
    )
    doctor.user = UserFactory(is_staff=True, first_name="Dia", roles=["clinician"])
    doctor.registration_expires_on = timezone.localdate() + timedelta(days=20)
    doctor.save()
    RoomFactory()
    now = timezone.now()
    taken(doctor, long, TEN + timedelta(hours=1), "Zoe Papas", state="no_show")
    BookingFactory(practitioner=doctor, starts_at=TEN + timedelta(minutes=5), attention="Overlaps.")
    HandOver.objects.create(booking=booking, lines=[["Medicines", "None"]], remark="Prefers video.", made_at=now)
    TimeOff.objects.create(practitioner=doctor, starts_at=TEN - timedelta(hours=1), ends_at=TEN, reason="Dentist")
    BusyPeriod.objects.create(
        practitioner=doctor, starts_at=TEN + timedelta(hours=4), ends_at=TEN + timedelta(hours=5), calendar="calendly"
    )
    span = diary.Span(TEN + timedelta(hours=3), TEN + timedelta(hours=4))
    diary.hold(practitioner=doctor, span=span, held_for=booking.pk, by=None)
    OutsideCalendar.objects.get_or_create(practitioner=doctor, provider="calendly", defaults={"account": "x"})
    PractitionerFactory(name="Dr Far", time_zone="Australia/Perth")


@pytest.mark.parametrize(
    ("scheme", "width", "height"), [("light", 1366, 768), ("dark", 1366, 768), ("light", 320, 640)]
)
class TestAccessibility:
    def test_finds_no_faults(self, axe, open_as, olive, booking, doctor, full_day, scheme, width, height):
        page = open_as(olive, width=width, height=height, color_scheme=scheme)
        mine = open_as(doctor.user, width=width, height=height, color_scheme=scheme)
        addresses = [
            (page, CALENDAR),
            (page, f"{CALENDAR}&view=week"),
            (page, f"{CALENDAR}&view=week&who={doctor.pk}"),
            (page, f"{CALENDAR}&by=room"),
            (page, reverse("admin:calendar_booking", args=[booking.pk])),
            (page, reverse("admin:practitioners_practitioner_view", args=[doctor.pk])),
            (mine, f"{reverse('admin:my_day')}?date={DAY}"),
        ]
        found, sideways = {}, []

        for window, address in addresses:
            window.goto(address)
            found[address] = faults(axe, window)
            if window.evaluate("document.documentElement.scrollWidth > innerWidth"):
                sideways.append(address)
        page.goto(CALENDAR)
        page.get_by_role("link", name="Leo Martin").first.click()
        expect(page.get_by_role("dialog")).to_be_visible()
        found["panel"] = faults(axe, page)
        page.get_by_role("link", name="Move to…").click()
        expect(page.get_by_role("dialog", name="Move Leo Martin")).to_be_visible()
        found["move"] = faults(axe, page)

        assert found == {address: [] for address in found}
        assert sideways == []

"""The pages by keyboard alone, and in the narrowest window."""

from datetime import datetime

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from practitioners import availability, diary
from tests.factories import MELBOURNE, BookingFactory, PatientFactory, UserFactory, next_morning

from .desk import Desk

pytestmark = pytest.mark.django_db(transaction=True)
MOST_STOPS = 200

# What takes part: each control of its own, radio buttons of a name and roving groups as one.
SETUP = """() => {
    const keys = new Map();
    const controls = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]";
    const keyOf = (element) => {
        const named = element.type === "radio" && element.name;
        if (named) return `radio ${element.name}`;
        const roves = element.tabIndex < 0 || element.parentElement?.querySelector(':scope > [tabindex="-1"]');
        const group = roves && element.closest("[role=group], [role=grid], [role=toolbar], [role=tablist], table");
        const one = group || element;
        if (!keys.has(one)) keys.set(one, `${one.tagName.toLowerCase()}#${one.id} ${one.className} ${keys.size}: `
            + (one.getAttribute("aria-label") ?? one.textContent).trim().replace(/\\s+/g, " ").slice(0, 40));
        return keys.get(one);
    };
    const isPart = (element) => element.checkVisibility({ visibilityProperty: true })
        && !element.matches(":disabled, h1, h2, h3, [inert] *")
        && !(element.tabIndex < 0 && !element.closest("[role=group], [role=grid], [role=toolbar], table"))
        && !element.matches("main, #content");
    window.walk = {
        wanted: () => [...new Set([...document.querySelectorAll(controls)].filter(isPart).map(keyOf))],
        stop: () => {
            const element = document.activeElement;
            if (!element || element === document.body) return null;
            const shown = [element, element.nextElementSibling, element.closest("label")].filter(Boolean);
            const isSeen = shown.some((one) => {
                const { left, top, right, bottom, width, height } = one.getBoundingClientRect();
                if (width < 2 || height < 2) return false;
                const [x, y] = [(Math.max(left, 0) + Math.min(right, innerWidth)) / 2,
                    (Math.max(top, 0) + Math.min(bottom, innerHeight)) / 2];
                const there = right > 0 && bottom > 0 && left < innerWidth && top < innerHeight
                    && document.elementFromPoint(x, y);
                return there && (one.contains(there) || there.contains(one));
            });
            const isOutlined = shown.some((one) => {
                const { outlineStyle, outlineWidth } = getComputedStyle(one);
                return outlineStyle !== "none" && parseFloat(outlineWidth) > 0;
            });
            return { key: keyOf(element), isSeen, isOutlined };
        },
    };
}"""


def walk(page: Page) -> list[str]:
    """Press Tab until it comes round, and say what was wrong on the way."""
    page.evaluate(SETUP)
    page.evaluate("document.activeElement?.blur(), getSelection().removeAllRanges(), scrollTo(0, 0)")
    stops, wrong = [], []
    wanted = page.evaluate("walk.wanted()")
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        stop = page.evaluate("walk.stop()")
        if stop is None or stop["key"] in stops[-1:]:  # past the page's end, or the parts of a date
            continue
        if stop["key"] in stops[:1]:
            break
        wrong += [f"{stop['key']}: not seen"] * (not stop["isSeen"])
        wrong += [f"{stop['key']}: no outline"] * (not stop["isOutlined"])
        wrong += [f"{stop['key']}: twice"] * (stop["key"] in stops)
        stops.append(stop["key"])
    return wrong + [f"{key}: never reached" for key in wanted if key not in stops]


@pytest.fixture
def booking(doctor, kind):
    starts_at = next_morning(10, days=2)
    entry = diary.take(practitioner=doctor, span=availability.occupied_span(kind, starts_at), by=None)
    patient = PatientFactory(name="Leo Martin")
    return BookingFactory(practitioner=doctor, appointment_type=kind, starts_at=starts_at, entry=entry, patient=patient)


@pytest.mark.parametrize(("width", "height"), [(1366, 768), (320, 640)])
class TestTab:
    def test_comes_by_everything_of_the_desk(self, open_as, sarah, session, width, height):
        desk = Desk(open_as(sarah.user, width=width, height=height), session)
        before = walk(desk.page)
        desk["#start"].click()
        expect(desk["#timer"]).to_be_visible()
        desk.hold_soonest()

        assert (before, walk(desk.page)) == ([], [])
        assert desk.page.evaluate("document.documentElement.scrollWidth") <= width

    @pytest.mark.parametrize("place", ["today", "bookings", "booking", "calendar"])
    def test_comes_by_everything_of_the_page(self, open_as, session, booking, place, width, height):
        page = open_as(UserFactory(is_staff=True, first_name="Olive", roles=["operations"]), width=width, height=height)
        day = datetime.astimezone(booking.starts_at, MELBOURNE).date()
        page.goto(
            {
                "today": reverse("admin:index"),
                "bookings": reverse("admin:bookings_booking_changelist"),
                "booking": reverse("admin:bookings_booking_change", args=[booking.pk]),
                "calendar": f"{reverse('admin:calendar')}?date={day}",
            }[place]
        )
        page.wait_for_load_state("networkidle")

        assert walk(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width

"""At the call desk: two times held at once, how they are paid, and a confirmation whose answer is lost."""

import re
from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission
from django.utils import timezone
from playwright.sync_api import Route, expect

from bookings.models import Booking
from bookings.money import payments
from practitioners import diary
from tests.factories import PractitionerFactory

from .desk import Desk
from .looks import faults

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def other(kind):
    return PractitionerFactory(name="Dr Shivani", gives=[kind])


def free_time(desk, name):
    """A free time of somebody in the grid."""
    return desk[f'.desk-slot[aria-label*="{name}"][aria-pressed="false"]'].first


@pytest.fixture
def two(desk, other):
    """A desk that holds a time with each of two practitioners; the latter is chosen."""
    desk.look_for_times()
    free_time(desk, "Dr Dia").click()
    expect(desk["#summary"]).to_contain_text("Dr Dia")
    expect(desk["#held"]).to_be_visible()
    free_time(desk, "Dr Shivani").click()
    expect(desk["#held-times .chip"]).to_have_count(2)
    expect(desk["#summary"]).to_contain_text("Dr Shivani")
    return desk


def booked(session):
    return Booking.objects.filter(patient=session.patient).exclude(pk=session.consultation_id)


class TestTwoTimes:
    def test_are_chosen_between_by_arrow_keys_and_the_chosen_one_is_booked(self, two, session):
        two["#held-times input:checked"].focus()
        two.press("ArrowLeft")
        expect(two["#summary"]).to_contain_text("Dr Dia")
        expect(two["#held-times input:checked"]).to_be_focused()

        two.press("Enter")
        two.confirm_with_card()

        expect(two["#done"]).to_be_focused()
        assert booked(session).get().practitioner.name == "Dr Dia"
        assert diary.living_holds(held_for=session.pk) == []

    def test_stay_when_a_third_is_wanted_until_somebody_says_which_goes(self, two, session):
        third = free_time(two, "Dr Shivani").evaluate("slot => slot.time.startsAt")
        before = {held.pk for held in diary.living_holds(held_for=session.pk)}
        free_time(two, "Dr Shivani").click()
        expect(two["#alarm"]).to_contain_text("Two times are held already.")
        expect(two["#alarm button"].first).to_be_focused()
        assert {held.pk for held in diary.living_holds(held_for=session.pk)} == before

        two.press("Enter")

        expect(two["#alarm"]).to_be_hidden()
        expect(two["#held-times .chip"]).to_have_count(2)
        held = diary.living_holds(held_for=session.pk)
        assert len(held) == 2
        assert third in {f"{each.starts_at:%Y-%m-%dT%H:%M:%SZ}" for each in held}

    def test_are_let_go_one_by_one(self, two, session):
        two["#let-go"].click()

        expect(two["#summary"]).to_contain_text("Dr Dia")
        expect(two["#held-times"]).to_be_hidden()
        expect(two["#alarm"]).to_be_hidden()
        assert [held.practitioner.name for held in diary.living_holds(held_for=session.pk)] == ["Dr Dia"]

    def test_are_held_though_the_week_is_drawn_anew_between_press_and_release(self, desk, other):
        desk.look_for_times()
        late = []
        desk.page.route("**/desk/times/**", lambda route: late.append(route))
        free_time(desk, "Dr Dia").click()
        expect(desk["#held"]).to_be_visible()
        free_time(desk, "Dr Shivani").hover()
        desk.page.mouse.down()
        with desk.page.expect_response("**/desk/times/**"):
            late[0].continue_()
        desk.page.evaluate("() => new Promise(requestAnimationFrame)")

        desk.page.mouse.up()
        desk.page.unroute("**/desk/times/**")

        expect(desk["#held-times .chip"]).to_have_count(2)

    def test_are_drawn_anew_though_the_other_button_was_pressed_on_them(self, desk, other):
        desk.look_for_times()
        free_time(desk, "Dr Dia").hover()
        desk.page.mouse.down(button="right")

        desk["#with"].select_option(label="Dr Shivani")

        expect(free_time(desk, "Dr Dia")).to_have_count(0)
        expect(free_time(desk, "Dr Shivani")).to_be_visible()

    def test_are_both_told_of_when_they_run_out(self, desk, other, settings):
        settings.HOLD_SECONDS = 4
        desk.look_for_times()
        free_time(desk, "Dr Dia").click()
        expect(desk["#held"]).to_be_visible()
        free_time(desk, "Dr Shivani").click()

        both = re.compile(r"Dr Dia and on .*Dr Shivani ran out at \d\d:\d\d")
        expect(desk["#alarm"]).to_have_text(both, timeout=10_000)
        settings.HOLD_SECONDS = 300
        desk["#alarm button"].last.click()

        expect(desk["#summary"]).to_contain_text("Dr Shivani")
        expect(desk["#countdown"]).to_have_text("5:00")


class TestPaying:
    def test_on_the_terminal_needs_the_receipt(self, desk, session):
        desk.hold_soonest()
        desk['[value="card"]'].check()

        desk["#confirm"].click(force=True)

        expect(desk["#needed"]).to_have_text("Type the terminal's receipt number.")
        expect(desk["#reference"]).to_be_focused()
        assert not booked(session).exists()
        desk.type("T-1")
        expect(desk["#needed"]).to_be_hidden()

    def test_offers_no_other_price_to_whom_it_is_not(self, desk):
        desk.hold_soonest()

        expect(desk["#other-price"]).to_have_count(0)

    def test_of_another_price_is_for_those_with_the_right_and_needs_a_reason(self, open_as, sarah, session):
        sarah.user.user_permissions.add(Permission.objects.get(codename="charge_other_price"))
        desk = Desk(open_as(sarah.user), session)
        desk.hold_soonest()
        desk['[value="later"]'].check()
        desk["#other-price"].click()
        expect(desk["#other-amount"]).to_be_focused()
        desk.type("59,50")
        desk.press("Enter")
        expect(desk["#other-reason"]).to_be_focused()
        desk.type("Half price")

        desk.press("Control+Enter")

        expect(desk["#visit"]).to_contain_text("$59.50 to be paid")
        assert booked(session).get().price_reason == "Half price"

    def test_later_is_seen_while_the_desk_is_open(self, desk, session):
        desk.hold_soonest()
        desk['[value="later"]'].check()
        desk.press("Control+Enter")
        expect(desk["#visit"]).to_contain_text("$119.00 to be paid")

        payments.mark_collected(
            booking_id=booked(session).get().pk,
            method="bank_transfer",
            reference="B-7",
            amount=Decimal(119),
            by=None,
            now=timezone.now(),
        )

        expect(desk["#visit"]).to_contain_text("$119.00 paid, bank transfer")


class TestEverythingAtOnce:
    @pytest.mark.parametrize(("scheme", "width", "height"), [("light", 1366, 768), ("dark", 320, 640)])
    def test_has_no_faults_and_fits(self, axe, open_as, sarah, session, other, scheme, width, height):
        sarah.user.user_permissions.add(Permission.objects.get(codename="charge_other_price"))
        desk = Desk(open_as(sarah.user, width=width, height=height, color_scheme=scheme), session)
        desk.look_for_times()
        for name in ("Dr Dia", "Dr Shivani"):
            free_time(desk, name).click()
            expect(desk["#summary"]).to_contain_text(name)
            expect(desk["#held"]).to_be_visible()
        desk['[value="card"]'].check()
        desk["#other-price"].click()
        desk["#confirm"].click(force=True)
        expect(desk["#needed"]).to_be_visible()

        assert faults(axe, desk.page) == []
        assert not desk.page.evaluate("document.documentElement.scrollWidth > innerWidth")
        assert width < 1366 or not desk.page.evaluate("document.documentElement.scrollHeight > innerHeight")


class TestConfirming:
    def test_finds_out_by_looking_when_the_answer_was_lost(self, desk, session):
        def lose(route: Route):
            route.fetch()
            route.abort("internetdisconnected")

        desk.hold_soonest()
        desk['[value="later"]'].check()
        desk.page.route("**/confirm/", lose, times=1)

        desk.press("Control+Enter")

        expect(desk["#number"]).to_be_visible()
        expect(desk["#number"]).to_have_text(booked(session).get().number)
        expect(desk["#alarm"]).to_be_hidden()

    def test_can_be_done_again_when_it_never_arrived(self, desk, session):
        desk.hold_soonest()
        desk['[value="later"]'].check()
        desk.page.route("**/confirm/", lambda route: route.abort("internetdisconnected"), times=1)
        desk.press("Control+Enter")
        expect(desk["#alarm"]).to_contain_text("nothing is booked twice")

        desk.press("Control+Enter")

        expect(desk["#number"]).to_be_visible()
        expect(desk["#number"]).to_have_text(booked(session).get().number)
        expect(desk["#alarm"]).to_be_hidden()

    def test_books_once_for_a_double_click(self, desk, session):
        desk.hold_soonest()
        desk['[value="later"]'].check()

        desk["#confirm"].dblclick()

        expect(desk["#number"]).to_be_visible()
        assert booked(session).count() == 1

"""The end of a call at the desk: booked, undone, handed over, referred."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from bookings.models import Booking, Payment
from botaniqal.messages.models import Message
from tests.factories import PatientFactory, SessionFactory
from triage.models import HandOver, ReferralLetter, TriageSession

from .desk import Desk
from .looks import faults

GIVE_BACK = "$119 was paid. Give it back on the terminal, and operations note its slip."
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def booked(open_as, sarah, doctor):
    """A desk at which a visit was just booked and paid on the terminal."""
    session = SessionFactory(consultant=sarah, in_progress=True, primary_concern="Sleeps badly.")
    desk = Desk(open_as(sarah.user), session)
    desk.hold_soonest()
    desk["#payment input[value=card]"].check(force=True)
    desk["#reference"].fill("R-881")
    desk["#confirm"].click()
    expect(desk["#booked"]).to_be_visible()
    return desk


class TestUndo:
    def test_cancels_the_booking_and_goes_on_with_the_call(self, booked):
        expect(booked["#undo"]).to_contain_text("Undo")
        booked["#undo"].focus()
        booked.press("Enter")
        expect(booked["#undo-money"]).to_have_text(GIVE_BACK)
        expect(booked["#undo-not"]).to_be_focused()

        booked.press("Tab", "Enter")

        expect(booked["#owed"]).to_contain_text(GIVE_BACK)
        expect(booked["#booked"]).to_be_hidden()
        expect(booked["#notes"]).to_be_focused()
        booked.page.reload()
        booked.wait_until_ready()
        expect(booked["#owed"]).to_contain_text(GIVE_BACK)
        booking = Booking.objects.get(source=Booking.Source.PHONE, price=119)
        assert (booking.state, booking.payment.status) == (Booking.State.CANCELLED, Payment.Status.REFUND_DUE)
        assert Message.objects.filter(kind=Message.Kind.CORRECTION).count() == 1

    def test_can_be_thought_better_of(self, booked):
        booked["#undo"].click()
        booked.press("Escape")

        expect(booked["#undo-dialog"]).to_be_hidden()
        assert TriageSession.objects.get(pk=booked.session.pk).booking is not None

    def test_goes_away_with_its_time(self, booked, settings):
        settings.UNDO_SECONDS = 1

        expect(booked["#undo"]).to_be_hidden()
        expect(booked["#done"]).to_be_visible()


class TestCard:
    def test_keeps_a_remark_as_it_is_typed(self, booked):
        expect(booked["#card-lines"]).to_contain_text("Sleeps badly.")
        expect(booked["#card-read"]).to_have_text("Not read yet")

        booked["#remark"].fill("Speaks softly.")

        expect(booked["#remark-saved"]).to_have_text("Saved.")
        assert HandOver.objects.get().remark == "Speaks softly."

    def test_shows_what_another_window_wrote_beside_ones_own(self, booked):
        HandOver.objects.update(remark="Written elsewhere.")

        booked["#remark"].fill("Written here.")

        expect(booked["#remark-other"]).to_contain_text("Written elsewhere.")
        assert HandOver.objects.get().remark == "Written elsewhere."
        booked["#remark-other"].get_by_role("button", name="Keep mine").click()
        expect(booked["#remark-saved"]).to_have_text("Saved.")
        assert HandOver.objects.get().remark == "Written here."

    def test_keeps_what_is_typed_offline_and_saves_it_on_return(self, booked):
        booked.page.context.set_offline(True)
        booked["#remark"].fill("Typed on the train.")
        expect(booked["#remark-saved"]).to_contain_text("Not saved yet")
        booked.press("Control+Enter")
        expect(booked["#alarm"]).to_be_visible()

        booked.page.context.set_offline(False)

        expect(booked["#remark-saved"]).to_have_text("Saved.")
        assert HandOver.objects.get().remark == "Typed on the train."
        assert TriageSession.objects.get(pk=booked.session.pk).state == TriageSession.State.WRAP_UP

    def test_loses_nothing_typed_at_the_last_moment(self, booked):
        booked["#remark"].fill("And one thing more.")
        booked.press("Control+Enter")
        booked.page.wait_for_url("**/admin/")

        assert HandOver.objects.get().remark == "And one thing more."


class TestDone:
    def test_goes_on_to_the_next_call(self, open_as, sarah, doctor):
        mia = SessionFactory(consultant=sarah, patient=PatientFactory(name="Mia Wong"))
        Booking.objects.filter(pk=mia.consultation_id).update(starts_at=timezone.now() - timedelta(minutes=5))
        desk = Desk(open_as(sarah.user), SessionFactory(consultant=sarah, in_progress=True))
        desk.hold_soonest()
        desk["#payment input[value=later]"].check(force=True)
        desk["#confirm"].click()
        expect(desk["#next"]).to_contain_text("Mia")

        desk.press("Control+Enter")

        desk.page.wait_for_url(f"**/{mia.pk}/desk/")


class TestAccessibility:
    @pytest.mark.parametrize(
        ("scheme", "width", "height"), [("light", 1366, 768), ("dark", 1366, 768), ("light", 320, 640)]
    )
    def test_has_no_faults(self, axe, open_as, sarah, doctor, scheme, width, height):
        session = SessionFactory(consultant=sarah, in_progress=True, primary_concern="Sleeps badly.")
        desk = Desk(open_as(sarah.user, width=width, height=height, color_scheme=scheme), session)
        desk.hold_soonest()
        desk["#payment input[value=card]"].check(force=True)
        desk["#reference"].fill("R-881")
        desk["#confirm"].click()
        desk["#remark"].fill("Speaks softly.")
        expect(desk["#remark-saved"]).to_have_text("Saved.")
        found = {"card": faults(axe, desk.page)}
        # In this order: what is read again before anything was typed would be taken for the remark itself.
        desk["#remark"].fill("Written here.")
        HandOver.objects.update(remark="Written elsewhere.")
        expect(desk["#remark-other"]).to_be_visible()
        found["two remarks"] = faults(axe, desk.page)
        desk["#remark-other"].get_by_role("button", name="Take this one").click()
        desk["#undo"].click()
        found["undo"] = faults(axe, desk.page)
        desk["#undo-dialog button.primary"].click()
        desk["#end"].click()
        desk.press("Space", "Enter", "Space")
        found["ending"] = faults(axe, desk.page)
        desk.press("Enter")
        desk.page.wait_for_url("**/letter/")
        found["letter"] = faults(axe, desk.page)

        assert found == {state: [] for state in found}
        assert desk.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


class TestReferral:
    def test_ends_with_a_letter_that_is_drafted(self, open_as, sarah):
        session = SessionFactory(consultant=sarah, in_progress=True, primary_concern="A rash on both arms.")
        desk = Desk(open_as(sarah.user), session)
        desk["#end"].click()
        desk.press("Space", "Enter", "Space")
        expect(desk["#ending-go"]).to_have_text("End call, write the letter")
        desk.press("Enter")
        page = desk.page
        page.wait_for_url("**/letter/")
        expect(page.get_by_label("To")).to_have_value("GP")
        expect(page.locator("#id_text")).to_contain_text("A rash on both arms.")

        page.get_by_label("To").fill("Dr Adams, Carlton")
        page.get_by_role("button", name="Keep letter").click()

        expect(page.locator("#letter-standing")).to_contain_text("Kept")
        assert ReferralLetter.objects.get().to == "Dr Adams, Carlton"

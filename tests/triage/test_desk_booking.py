"""At the call desk: holding times, and booking one of them."""

from datetime import timedelta
from decimal import Decimal
from http import HTTPStatus
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission
from django.utils import timezone

from bookings.models import Booking, Checkout
from bookings.money import payments
from botaniqal.messages.models import Message
from practitioners import diary
from practitioners.models import DiaryEntry
from tests.factories import AppointmentTypeFactory, SessionFactory
from triage.models import TriageSession

from .conftest import TEN, Desk, moment

pytestmark = pytest.mark.django_db
State = TriageSession.State


class TestHold:
    def test_keeps_two_times_and_no_third(self, desk, session, wanted):
        times = [TEN + timedelta(hours=n) for n in range(3)]

        answers = [desk.post("hold", **wanted | {"startsAt": moment(starts_at)}) for starts_at in times]

        assert [answer.status_code for answer in answers] == [200, 200, 422]
        assert answers[2].json()["code"] == "too_many_holds"
        assert [held.starts_at for held in diary.living_holds(held_for=session.pk)] == times[:2]

    def test_takes_the_place_of_a_time_that_it_overlaps(self, desk, session, doctor, wanted):
        longer = AppointmentTypeFactory(minutes=30)
        doctor.appointment_types.add(longer)
        desk.post("hold", **wanted)

        answer = desk.post("hold", **wanted | {"type": longer.code})

        assert answer.status_code == HTTPStatus.OK
        [held] = diary.living_holds(held_for=session.pk)
        assert (held.ends_at, held.appointment_type) == (TEN + timedelta(minutes=30), longer)

    def test_keeps_the_former_time_and_offers_others_when_the_new_one_is_taken(self, desk, session, doctor, wanted):
        desk.post("hold", **wanted)
        taken = TEN + timedelta(minutes=15)
        diary.hold(
            practitioner=doctor, span=diary.Span(taken, taken + timedelta(minutes=15)), held_for=uuid4(), by=None
        )

        answer = desk.post("hold", **wanted | {"startsAt": moment(taken)})

        assert (answer.status_code, answer.json()["code"]) == (HTTPStatus.CONFLICT, "slot_taken")
        assert len(answer.json()["alternatives"]) == 3
        [held] = diary.living_holds(held_for=session.pk)
        assert held.starts_at == TEN

    def test_is_lost_by_an_idle_desk_and_then_blocks_nobody(self, desk, tom, wanted, settings):
        settings.HOLD_SECONDS = 0
        desk.post("hold", **wanted)

        others = Desk(tom.user, SessionFactory(consultant=tom)).post("hold", **wanted)

        assert desk.get("state").json()["holds"] == []
        assert others.status_code == HTTPStatus.OK

    def test_that_ran_out_is_told_of_until_something_is_held(self, desk, wanted, settings):
        settings.HOLD_SECONDS = 0
        desk.post("hold", **wanted)

        [gone] = desk.get("state").json()["ranOut"]
        settings.HOLD_SECONDS = 300
        desk.post("hold", **wanted)

        assert (gone["startsAt"], gone["type"]) == (wanted["startsAt"], wanted["type"])
        assert desk.get("state").json()["ranOut"] == []

    def test_that_was_let_go_did_not_run_out(self, desk, wanted):
        [held] = desk.post("hold", **wanted).json()["holds"]

        state = desk.post("let_go", hold=held["id"]).json()

        assert (state["holds"], state["ranOut"]) == ([], [])

    def test_that_ran_out_is_of_no_use_once_its_time_has_come(self, desk, session, wanted, settings):
        settings.HOLD_SECONDS = 0
        desk.post("hold", **wanted)
        begun = timezone.now() - timedelta(minutes=1)
        DiaryEntry.objects.filter(held_for=session.pk).update(starts_at=begun, ends_at=begun + timedelta(minutes=15))

        assert desk.get("state").json()["ranOut"] == []

    def test_is_not_renewed_by_looking(self, desk, session, wanted):
        desk.post("hold", **wanted)
        [before] = diary.living_holds(held_for=session.pk)

        desk.get("state")

        assert diary.living_holds(held_for=session.pk)[0].live_until == before.live_until


@pytest.fixture
def held(desk, wanted):
    """What the desk shows of a time that it holds."""
    return desk.post("hold", **wanted).json()["holds"][0]


class TestKeep:
    def test_says_when_that_time_is_not_kept_any_more(self, desk, wanted, held):
        desk.post("let_go", hold=held["id"])
        desk.post("hold", **wanted | {"startsAt": moment(TEN + timedelta(hours=1))})

        answer = desk.post("keep", hold=held["id"])

        assert (answer.status_code, answer.json()["code"]) == (HTTPStatus.CONFLICT, "hold_lapsed")

    def test_keeps_the_time_for_longer(self, desk, held):
        assert desk.post("keep", hold=held["id"]).json()["holds"][0]["lapsesAt"] > held["lapsesAt"]

    def test_needs_to_know_which(self, desk):
        assert desk.post("keep").status_code == HTTPStatus.BAD_REQUEST


class TestLetGo:
    def test_gives_that_time_back_and_keeps_the_other(self, desk, session, wanted, held):
        other = TEN + timedelta(hours=1)
        desk.post("hold", **wanted | {"startsAt": moment(other)})

        answer = desk.post("let_go", hold=held["id"]).json()

        assert [each["startsAt"] for each in answer["holds"]] == [moment(other)]
        assert [each.starts_at for each in diary.living_holds(held_for=session.pk)] == [other]

    def test_does_not_mind_a_time_that_is_gone(self, desk, held):
        answers = [desk.post("let_go", hold=held["id"]).status_code for _ in range(2)]

        assert answers == [HTTPStatus.OK, HTTPStatus.OK]

    def test_leaves_the_times_of_others(self, desk, doctor):
        span = diary.Span(TEN, TEN + timedelta(minutes=15))
        theirs = diary.hold(practitioner=doctor, span=span, held_for=SessionFactory().pk, by=None)

        answer = desk.post("let_go", hold=f"{theirs.pk}")

        assert answer.status_code == HTTPStatus.FORBIDDEN
        assert diary.living_holds(held_for=theirs.held_for)


class TestConfirm:
    def confirm(self, desk, wanted, **money):
        return desk.post("confirm", **wanted, **{"payment": "later", "amount": "119.00"} | money)

    def test_books_and_leaves_the_call_to_be_wrapped_up(self, desk, session, wanted, held):
        answer = self.confirm(desk, wanted, payment="card", reference="T-1029").json()

        assert answer["state"] == State.WRAP_UP
        assert answer["booking"]["payment"] == "$119.00 paid, card on the terminal"
        assert answer["booking"]["isPaymentDue"] is False
        assert {system["system"] for system in answer["booking"]["systems"]} >= {"medirecords", "email"}
        session.refresh_from_db()
        assert session.booking.payment.reference == "T-1029"
        assert [event.words for event in session.events.filter(kind="booked")] == [f"{session.booking} with Dr Dia"]
        assert Message.objects.filter(kind=Message.Kind.CONFIRMATION).count() == 1

    def test_gives_the_other_time_back(self, desk, session, wanted, held):
        desk.post("hold", **wanted | {"startsAt": moment(TEN + timedelta(hours=1))})

        answer = self.confirm(desk, wanted).json()

        assert answer["holds"] == diary.living_holds(held_for=session.pk) == []

    def test_notes_what_is_still_to_be_paid(self, desk, wanted):
        booking = self.confirm(desk, wanted).json()["booking"]

        assert (booking["payment"], booking["isPaymentDue"]) == ("$119.00 to be paid", True)

    def test_shows_when_it_turned_paid(self, desk, session, wanted):
        self.confirm(desk, wanted)
        session.refresh_from_db()
        payments.mark_collected(
            booking_id=session.booking_id,
            method="bank_transfer",
            reference="B-7",
            amount=Decimal(119),
            by=None,
            now=timezone.now(),
        )

        booking = desk.get("state").json()["booking"]

        assert (booking["payment"], booking["isPaymentDue"]) == ("$119.00 paid, bank transfer", False)

    @pytest.mark.parametrize("reference", ["", "  "])
    def test_needs_the_terminals_receipt(self, desk, session, wanted, held, reference):
        answer = self.confirm(desk, wanted, payment="card", reference=reference)

        assert (answer.status_code, answer.json()["code"]) == (422, "reference_needed")
        session.refresh_from_db()
        assert session.booking is None
        assert diary.living_holds(held_for=session.pk)

    def test_sends_a_payment_link_and_shows_how_it_stands(self, desk, session, wanted, settings):
        settings.STRIPE_SECRET_KEY = "sk_test_1"

        booking = self.confirm(desk, wanted, payment="link").json()["booking"]

        session.refresh_from_db()
        checkout = session.booking.checkouts.get()
        assert (checkout.amount, checkout.door, checkout.sends_link) == (119, "desk", True)
        assert checkout.created_by == session.consultant.user
        assert session.booking.state == "confirmed"
        assert booking["isPaymentDue"] is True
        assert booking["payment"] == "$119.00 to be paid: the payment link is on its way"

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"status": "open"}, "payment link open until"),
            ({"status": "expired"}, "the payment link lapsed unpaid"),
            ({"status": "void"}, "the payment link was taken back"),
            ({"needs_person": True}, "the payment link needs help"),
        ],
    )
    def test_says_what_became_of_the_link(self, desk, session, wanted, settings, change, words):
        settings.STRIPE_SECRET_KEY = "sk_test_1"
        self.confirm(desk, wanted, payment="link")
        Checkout.objects.update(**change)

        booking = desk.get("state").json()["booking"]

        assert words in booking["payment"]
        assert booking["isPaymentDue"] is True

    def test_sends_no_link_to_nobody(self, desk, session, wanted, settings):
        settings.STRIPE_SECRET_KEY = "sk_test_1"
        session.patient.email = ""
        session.patient.save()

        answer = self.confirm(desk, wanted, payment="link")

        assert (answer.status_code, answer.json()["code"]) == (422, "no_email")
        session.refresh_from_db()
        assert session.booking is None

    def test_sends_no_link_for_what_is_free(self, desk, session, wanted, kind, settings):
        settings.STRIPE_SECRET_KEY = "sk_test_1"
        kind.prices.update(amount=0)

        booking = self.confirm(desk, wanted, payment="link", amount="0").json()["booking"]

        assert booking["isPaymentDue"] is False
        assert not Checkout.objects.exists()

    def test_refuses_a_link_while_nothing_makes_links(self, desk, wanted, settings):
        settings.STRIPE_SECRET_KEY = ""

        answer = self.confirm(desk, wanted, payment="link")

        assert (answer.status_code, list(answer.json()["details"])) == (HTTPStatus.BAD_REQUEST, ["payment"])

    def test_refuses_a_price_that_no_longer_holds(self, desk, session, wanted):
        answer = self.confirm(desk, wanted, amount="99.00")

        assert (answer.status_code, answer.json()["code"]) == (HTTPStatus.UNPROCESSABLE_ENTITY, "wrong_amount")
        assert answer.json()["expectedAmount"] == 119
        session.refresh_from_db()
        assert session.booking is None

    @pytest.mark.parametrize(
        ("has_right", "reason", "status"), [(0, "Half price", 422), (1, "", 422), (1, "Half", 200)]
    )
    def test_takes_another_price_by_right_and_with_a_reason(self, desk, session, wanted, has_right, reason, status):
        if has_right:
            right = Permission.objects.get(codename="charge_other_price")
            session.consultant.user.user_permissions.add(right)

        answer = self.confirm(desk, wanted, amount="59.50", amountReason=reason)

        assert answer.status_code == status
        session.refresh_from_db()
        booked = session.booking and (session.booking.price, session.booking.price_reason)
        assert booked == ((Decimal("59.50"), "Half") if status == HTTPStatus.OK else None)

    def test_refuses_a_card_number_as_the_reason_of_a_price(self, desk, wanted):
        answer = self.confirm(desk, wanted, amountReason="4111 1111 1111 1111")

        assert list(answer.json()["details"]) == ["amountReason"]

    def test_shows_the_booking_when_the_same_is_confirmed_again(self, desk, session, wanted):
        first = self.confirm(desk, wanted).json()["booking"]

        again = self.confirm(desk, wanted, payment="card", reference="T-1029")

        assert again.status_code == HTTPStatus.OK
        assert (again.json()["booking"]["number"], again.json()["booking"]["payment"]) == (
            first["number"],
            first["payment"],
        )
        assert Booking.objects.filter(source="phone", patient=session.patient).exclude(price=0).count() == 1

    def test_refuses_another_visit_once_the_call_is_booked(self, desk, wanted):
        self.confirm(desk, wanted)

        answer = self.confirm(desk, wanted | {"startsAt": moment(TEN + timedelta(hours=1))})

        assert (answer.status_code, answer.json()["code"]) == (422, "session_closed")

    def test_shows_no_booking_to_whom_the_call_is_not(self, desk, session, tom, wanted):
        self.confirm(desk, wanted)

        answer = self.confirm(Desk(tom.user, session), wanted)

        assert answer.status_code == HTTPStatus.FORBIDDEN

"""A patient's own page."""

import re
from datetime import timedelta
from html import unescape
from http import HTTPStatus

import pytest
from django.utils import timezone

from bookings import lifecycle
from bookings.models import Booking, CancelReason, Payment, RefundDecision
from bookings.self_service import links, own_visit
from botaniqal.messages.models import Message
from practitioners import availability, diary
from tests.bookings.self_service.booking_online import TEN, begin, let_lapse, page_of
from tests.factories import BookingFactory, PractitionerFactory, SessionFactory

pytestmark = pytest.mark.django_db
State = Booking.State
ELEVEN = TEN + timedelta(hours=1)


@pytest.fixture
def doctor(kind):
    return PractitionerFactory(name="Dr Dia", gives=[kind], meeting_link="https://meet.example/dia")


@pytest.fixture
def pending(kind, doctor):
    return begin(kind)


@pytest.fixture
def paid(pending):
    """A visit that was paid online."""
    now = timezone.now()
    booking = lifecycle.confirm(booking_id=pending.pk, by=None, now=now)
    booking.checkouts.update(status="paid", paid_at=now, payment_intent="pi_1")
    Payment.objects.update(status=Payment.Status.COLLECTED, collected_at=now, reference="pi_1")
    Message.objects.all().delete()
    return booking


def text_of(answer):
    return unescape(answer.content.decode())


def written(moment):
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


class TestVisit:
    def test_says_first_name_time_and_how_to_join_and_nothing_else(self, client, paid):
        answer = client.get(page_of(paid))

        page = text_of(answer)
        assert "Hello Leo" in page
        assert "Perth time" in page
        assert "10:00 am in Melbourne" in page
        assert "https://meet.example/dia" in page
        assert "$119.00, paid" in page
        for private in ("Martin", "leo.martin", "570156", "570 156"):
            assert private not in page
        assert "no-store" in answer["Cache-Control"]
        assert "noindex" in page

    def test_says_until_when_a_time_is_kept_and_offers_to_pay(self, client, pending):
        page = text_of(client.get(page_of(pending)))

        assert "Waiting for payment" in page
        assert "We keep this time for you until" in page
        assert page_of(pending, "visit-pay") in page
        assert "meet.example" not in page
        assert page_of(pending, "visit-calendar") not in page

    def test_offers_no_payment_once_the_time_to_pay_is_over(self, client, pending):
        let_lapse(pending)

        page = text_of(client.get(page_of(pending)))

        assert "The time to pay is over" in page
        assert page_of(pending, "visit-pay") not in page

    def test_changes_nothing_however_often_it_is_opened(self, client, paid):
        before = Booking.objects.values().get(), Payment.objects.values().get()

        for page in ("visit", "visit-move", "visit-cancel", "visit-calendar"):
            assert client.get(page_of(paid, page)).status_code == HTTPStatus.OK
            assert client.head(page_of(paid, page)).status_code in (200, 405)

        assert (Booking.objects.values().get(), Payment.objects.values().get()) == before
        assert not Message.objects.exists()

    @pytest.mark.parametrize("page", ["visit", "visit-move", "visit-cancel", "visit-calendar"])
    def test_believes_no_link_that_was_not_written_here(self, client, paid, page):
        other = BookingFactory()
        address = page_of(paid, page)
        token = links.token_of(paid)

        for forged in (token[:-1], f"x{token}", token.replace(paid.pk.hex, other.pk.hex), "x", "a-b:c", "%00", "é"):
            assert client.get(address.replace(token, forged)).status_code == HTTPStatus.NOT_FOUND

    def test_is_over_two_weeks_after_the_visit(self, client, paid):
        Booking.objects.update(
            starts_at=timezone.now() - timedelta(days=15), ends_at=timezone.now() - timedelta(days=15, minutes=-5)
        )

        answer = client.get(page_of(paid))

        assert answer.status_code == HTTPStatus.GONE
        assert "too old" in text_of(answer)

    def test_is_over_once_its_links_were_made_void(self, client, paid):
        address = page_of(paid)
        links.make_void(booking=paid)

        assert client.get(address).status_code == HTTPStatus.GONE
        paid.refresh_from_db()
        assert client.get(page_of(paid)).status_code == HTTPStatus.OK

    def test_costs_a_fixed_number_of_queries(self, client, paid, django_assert_num_queries):
        with django_assert_num_queries(2):
            client.get(page_of(paid))


class TestPay:
    def test_keeps_the_time_and_lets_one_try_again_while_stripe_is_down(self, client, pending, settings):
        settings.STRIPE_BASE_URL = "http://127.0.0.1:9"

        answer = client.post(page_of(pending, "visit-pay"))

        assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
        assert pending.checkouts.count() == 1

    def test_is_no_address_to_be_opened(self, client, pending):
        assert client.get(page_of(pending, "visit-pay")).status_code == HTTPStatus.METHOD_NOT_ALLOWED

    def test_takes_nothing_for_a_time_that_is_not_kept_any_more(self, client, pending):
        let_lapse(pending)

        answer = client.post(page_of(pending, "visit-pay"))

        assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert "The time to pay is over" in text_of(answer)

    def test_takes_nothing_twice(self, client, paid):
        answer = client.post(page_of(paid, "visit-pay"))

        assert "nothing to pay" in text_of(answer)


class TestMove:
    def move(self, client, booking, moment=ELEVEN, **change):
        return client.post(page_of(booking, "visit-move"), {"time": written(moment), "who": "", **change})

    def test_moves_the_visit_and_keeps_its_price(self, client, paid):
        answer = self.move(client, paid)

        paid.refresh_from_db()
        assert answer["Location"] == page_of(paid)
        assert (paid.starts_at, paid.revision, paid.price) == (ELEVEN, 1, 119)
        assert Message.objects.get().kind == Message.Kind.MOVED

    def test_keeps_to_the_same_practitioner_where_they_are_free(self, client, paid, kind, doctor):
        PractitionerFactory(name="Dr Aa", gives=[kind])

        self.move(client, paid)

        assert Booking.objects.get().practitioner == doctor

    def test_goes_to_whoever_else_is_free(self, client, paid, kind, doctor):
        other = PractitionerFactory(name="Dr Aa", gives=[kind])
        diary.take(practitioner=doctor, span=availability.occupied_span(kind, ELEVEN), by=None)

        self.move(client, paid)

        assert Booking.objects.get().practitioner == other

    def test_goes_to_the_one_who_was_chosen(self, client, paid, kind):
        other = PractitionerFactory(gives=[kind])

        self.move(client, paid, who=other.pk)

        assert Booking.objects.get().practitioner == other

    def test_offers_other_times_where_somebody_was_quicker(self, client, paid, kind, doctor):
        diary.take(practitioner=doctor, span=availability.occupied_span(kind, ELEVEN), by=None)

        answer = self.move(client, paid)

        assert answer.status_code == HTTPStatus.CONFLICT
        assert len(re.findall(r"<button class=\"button big\">[^<]+ with Dr Dia", text_of(answer))) == 3
        assert Booking.objects.get().starts_at == TEN

    def test_moves_once_however_often_it_is_pressed(self, client, paid):
        self.move(client, paid)
        answer = self.move(client, paid)

        assert answer.status_code == HTTPStatus.FOUND
        assert Booking.objects.get().revision == 1

    def test_moves_no_more_than_once_a_minute(self, client, paid):
        self.move(client, paid)

        answer = self.move(client, paid, ELEVEN + timedelta(hours=1))

        assert "moved a moment ago" in text_of(answer)
        Booking.objects.update(moved_at=timezone.now() - timedelta(minutes=1))
        self.move(client, paid, ELEVEN + timedelta(hours=1))
        assert Booking.objects.get().revision == 2

    @pytest.mark.parametrize(
        "moment", [ELEVEN + timedelta(minutes=1), TEN + timedelta(hours=9), TEN - timedelta(days=9)]
    )
    def test_keeps_to_the_rules(self, client, paid, moment):
        answer = self.move(client, paid, moment)

        assert answer.status_code in (HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY)
        assert Booking.objects.get().starts_at == TEN

    def test_comes_too_late_within_the_notice(self, client, paid, kind):
        kind.min_notice_minutes = 60 * 24 * 4
        kind.save()

        answer = self.move(client, paid, ELEVEN + timedelta(days=9))

        assert "too late to move" in text_of(answer)
        assert page_of(paid, "visit-move") not in text_of(client.get(page_of(paid)))

    @pytest.mark.parametrize("fields", [{"time": ""}, {"time": "x"}, {"who": "x"}, {"who": "9" * 4000}])
    def test_survives_whatever_is_sent(self, client, paid, fields):
        answer = client.post(page_of(paid, "visit-move"), {"time": written(ELEVEN), "who": "", **fields})

        assert answer.status_code == HTTPStatus.BAD_REQUEST
        assert Booking.objects.get().revision == 0

    def test_is_not_for_what_waits_for_its_payment(self, client, pending):
        assert self.move(client, pending).status_code == HTTPStatus.UNPROCESSABLE_ENTITY

    def test_moves_a_call_with_the_same_consultant_alone(self, client):
        call = SessionFactory(consultation__starts_at=TEN)
        consultation, sarah = call.consultation, call.consultant
        sarah.appointment_types.add(consultation.appointment_type)
        PractitionerFactory(consultant=True, gives=[consultation.appointment_type])
        diary.take(practitioner=sarah, span=availability.occupied_span(consultation.appointment_type, ELEVEN), by=None)

        assert self.move(client, consultation).status_code == HTTPStatus.CONFLICT
        self.move(client, consultation, ELEVEN + timedelta(hours=1))

        consultation.refresh_from_db()
        assert (consultation.practitioner, consultation.starts_at) == (sarah, ELEVEN + timedelta(hours=1))

    def test_leaves_a_call_that_has_begun(self, client):
        call = SessionFactory(in_progress=True, consultation__starts_at=TEN)

        assert "ringing you" in text_of(self.move(client, call.consultation))

    def test_costs_as_many_queries_for_any_number_of_people(self, client, paid, kind, django_assert_num_queries):
        client.get(page_of(paid, "visit-move"))
        for _ in range(10):
            PractitionerFactory(gives=[kind])

        with django_assert_num_queries(5):
            client.get(page_of(paid, "visit-move"))


class TestCancel:
    def cancel(self, client, booking, **change):
        percent = re.search(r'name="percent" value="(\d+)"', text_of(client.get(page_of(booking, "visit-cancel"))))
        typed = {"percent": percent[1] if percent else "", "cause": "not_wanted", "detail": "", **change}
        return client.post(page_of(booking, "visit-cancel"), typed)

    def test_says_before_what_comes_back_and_has_somebody_decide_on_it(self, client, paid):
        page = text_of(client.get(page_of(paid, "visit-cancel")))
        assert "the <strong>$119.00</strong> that you paid come back" in page

        self.cancel(client, paid)

        paid.refresh_from_db()
        assert (paid.state, paid.cancel_cause.code) == (State.CANCELLED, "not_wanted")
        decision = RefundDecision.objects.get()
        assert (decision.cause, decision.suggested, decision.status) == ("patient", 119, "waiting")
        assert Message.objects.get().kind == Message.Kind.CANCELLED
        assert "Cancelled" in text_of(client.get(page_of(paid)))

    def test_says_when_less_comes_back_and_refuses_what_was_said_before(self, client, paid):
        soon = timezone.now() + timedelta(minutes=90)
        Booking.objects.update(starts_at=soon, ends_at=soon + timedelta(minutes=15))

        answer = self.cancel(client, paid, percent="100")

        assert answer.status_code == HTTPStatus.CONFLICT
        assert "has changed" in text_of(answer)
        assert Booking.objects.get().state == State.CONFIRMED

    def test_says_that_a_move_shortly_before_counts(self, client, paid, kind, doctor):
        """Who comes too late to cancel gets no more by moving the visit away first."""
        booked_before = timezone.now() - timedelta(hours=5)
        soon = timezone.now() + timedelta(minutes=90)
        Booking.objects.update(starts_at=soon, ends_at=soon + timedelta(minutes=15), created_at=booked_before)
        kind.min_notice_minutes = 0
        kind.save()
        own_visit.move(
            booking_id=paid.pk, starts_at=TEN + timedelta(days=1), practitioner_id=None, by=None, now=timezone.now()
        )

        page = text_of(client.get(page_of(paid, "visit-cancel")))
        self.cancel(client, paid)

        assert "You moved this visit shortly before its former time, and that counts." in page
        assert "<strong>Nothing</strong> of the $119.00 that you paid comes back" in page
        assert RefundDecision.objects.get().suggested == 0

    def test_gives_a_time_up_that_is_only_kept(self, client, pending, kind, doctor):
        self.cancel(client, pending)

        pending.refresh_from_db()
        assert pending.state == State.CANCELLED
        availability.check(practitioner=doctor, appointment_type=kind, starts_at=TEN)
        assert not Message.objects.exists()
        assert "not paid, or given up" in text_of(client.get(page_of(pending)))

    def test_cancels_once_however_often_it_is_pressed(self, client, paid):
        first = self.cancel(client, paid)
        again = client.post(page_of(paid, "visit-cancel"), {"percent": "100", "cause": "not_wanted"})

        assert first.status_code == again.status_code == HTTPStatus.FOUND
        assert RefundDecision.objects.count() == Message.objects.count() == 1

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"cause": ""}, "Choose a reason"),
            ({"cause": "mistake"}, "Choose a reason of the list"),
            ({"cause": "x" * 5000}, "Choose a reason of the list"),
            ({"cause": "other"}, "few words more"),
            ({"detail": "4111 1111 1111 1111"}, "card number"),
            ({"percent": "x"}, "has changed"),
            ({"percent": "9" * 5000}, "has changed"),
        ],
    )
    def test_says_what_is_wrong_and_cancels_nothing(self, client, paid, change, words):
        answer = self.cancel(client, paid, **change)

        assert words in text_of(answer)
        assert "4111" not in text_of(answer)
        assert Booking.objects.get().state == State.CONFIRMED

    def test_needs_no_reason_where_operations_offer_none(self, client, paid):
        CancelReason.objects.update(is_for_patients=False)

        self.cancel(client, paid, cause="")

        assert Booking.objects.get().cancel_reason == "Cancelled by the patient."

    def test_is_refused_once_the_visit_has_begun(self, client, paid):
        Booking.objects.update(starts_at=timezone.now() - timedelta(minutes=1))

        assert "cannot be cancelled any more" in text_of(self.cancel(client, paid))


class TestCalendar:
    def test_is_a_file_that_a_calendar_takes(self, client, paid):
        answer = client.get(page_of(paid, "visit-calendar"))

        assert answer["Content-Type"] == "text/calendar; charset=utf-8; method=PUBLISH"
        assert answer["Content-Disposition"] == 'attachment; filename="appointment.ics"'
        assert f"UID:{paid.pk}" in text_of(answer)
        assert not re.search(r"\bLeo\b", text_of(answer))

    def test_is_not_there_for_a_time_that_is_only_kept(self, client, pending):
        assert client.get(page_of(pending, "visit-calendar")).status_code == HTTPStatus.NOT_FOUND

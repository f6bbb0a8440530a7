"""Asking patients for the form of a visit: once, and once more before the visit."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from bookings import lifecycle
from bookings.intake import form_asking, form_filling
from bookings.models import Booking, FormAnswers
from bookings.self_service import links
from botaniqal.errors import RuleBroken
from botaniqal.messages.models import Message
from services import forms
from services.models import AppointmentType, Form
from tests.factories import AppointmentTypeFactory, BookingFactory, ServiceFactory, UserFactory

from .filling import NOW, save, sent

pytestmark = pytest.mark.django_db
AGO = timedelta(days=3)


def due(now=NOW):
    """Ask whoever is to be asked, and list the subjects written since."""
    before = set(Message.objects.values_list("pk", flat=True))
    form_asking.ask_due(now=now)
    return list(Message.objects.exclude(pk__in=before).values_list("subject", flat=True))


@pytest.fixture
def far(booked):
    """The visit, in a week."""
    Booking.objects.update(starts_at=NOW + timedelta(days=7), ends_at=NOW + timedelta(days=7, hours=1))
    booked.refresh_from_db()
    return booked


def near(booking, hours=30):
    starts_at = NOW + timedelta(hours=hours)
    Booking.objects.filter(pk=booking.pk).update(starts_at=starts_at, ends_at=starts_at + timedelta(hours=1))


class TestAskDue:
    def test_writes_once_with_the_link_and_nothing_of_health(self, far):
        subjects = due() + due()
        message = Message.objects.get()
        link = links.to_visit(far, page="visit-form")

        assert subjects == [f"A form for your appointment on {far.starts_at.astimezone(far.patient.zone):%A %-d %B}"]
        assert link in message.text
        assert link in message.html
        assert settings.PUBLIC_BASE_URL in link
        assert (message.reference, message.to) == (far.pk, far.patient.email)
        assert "Before your visit" not in message.subject + message.text + message.html

    def test_reminds_once_before_the_visit(self, far):
        due()
        Message.objects.update(created_at=NOW - AGO)
        near(far)

        assert [subject[:10] for subject in due() + due()] == ["Still open"]

    def test_reminds_who_only_began(self, far):
        due()
        save(far, concern="Sleep")
        Message.objects.update(created_at=NOW - AGO)
        near(far)

        assert [subject[:10] for subject in due()] == ["Still open"]

    def test_does_not_remind_at_once_who_was_asked_just_now(self, far):
        near(far)

        assert [subject[:6] for subject in due() + due()] == ["A form"]

    def test_does_not_remind_before_it_is_near(self, far):
        due()
        Message.objects.update(created_at=NOW - AGO)
        near(far, hours=49)

        assert due() == []

    def test_reminds_anew_for_nobody_whose_visit_moved(self, far):
        due()
        Message.objects.update(created_at=NOW - AGO)
        near(far)
        due()
        Message.objects.update(created_at=NOW - AGO)
        near(far, hours=40)

        assert due() == []

    def test_asks_for_the_follow_up_form_by_its_own(self, far):
        service = far.appointment_type.service
        followup = AppointmentTypeFactory(service=service, kind=AppointmentType.Kind.FOLLOWUP)
        BookingFactory(appointment_type=followup, patient=far.patient)

        assert len(due()) == 2
        assert {message.key.rpartition(":")[2] for message in Message.objects.all()} == {"intake", "medical-history"}

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda booking: Booking.objects.update(starts_at=NOW - timedelta(minutes=1)),
            lambda booking: lifecycle.cancel(booking_id=booking.pk, reason="Ill", by=None, now=NOW, tell_patient=False),
            lambda booking: Booking.objects.update(state="pending_payment", pays_until=NOW),
            lambda booking: type(booking.patient).objects.update(email=""),
            lambda booking: Form.objects.update(is_active=False),
            lambda booking: forms.retire(
                version_id=form_filling.wanted_of(booking).pk, by=UserFactory(), now=timezone.now()
            ),
            lambda booking: type(booking.appointment_type.service).objects.update(initial_form=None),
            lambda booking: sent(booking),
            lambda booking: FormAnswers.objects.create(
                source="jotform",
                form_id="240000000000001",
                external_id="1",
                answers=[],
                booking=booking,
                submitted_at=NOW,
                fetched_at=NOW,
            ),
        ],
        ids=["past", "cancelled", "unpaid", "no e-mail", "put away", "retired", "not wanted", "sent", "JotForm"],
    )
    @pytest.mark.parametrize("was_asked", [False, True])
    def test_writes_to_nobody_who_has_nothing_to_fill_in(self, far, spoil, was_asked):
        if was_asked:
            due()
            Message.objects.update(created_at=NOW - AGO)
        near(far)
        spoil(far)

        assert due() == []

    def test_leaves_free_consultations_alone_whose_service_wants_none(self, far):
        BookingFactory(appointment_type=AppointmentTypeFactory(free=True, service=ServiceFactory()))

        assert len(due()) == 1

    def test_looks_at_all_in_a_fixed_number_of_queries(self, far, django_assert_num_queries):
        due()
        for _ in range(3):
            BookingFactory(appointment_type=far.appointment_type)
        form_asking.ask_due(now=NOW)

        with django_assert_num_queries(4):
            assert form_asking.ask_due(now=NOW) == 0


class TestSendAgain:
    def test_sends_it_as_often_as_somebody_wants(self, far):
        for _ in range(2):
            form_asking.send_again(booking_id=far.pk, by=UserFactory(), now=NOW)

        assert Message.objects.filter(kind=Message.Kind.FORM_LINK, reference=far.pk).count() == 2

    def test_refuses_what_was_sent_in(self, far):
        sent(far)

        with pytest.raises(RuleBroken, match="sent already"):
            form_asking.send_again(booking_id=far.pk, by=UserFactory(), now=NOW)

    def test_says_when_there_is_no_address(self, far):
        type(far.patient).objects.update(email="")

        with pytest.raises(RuleBroken, match="no e-mail address"):
            form_asking.send_again(booking_id=far.pk, by=UserFactory(), now=NOW)

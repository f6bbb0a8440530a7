from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone
from icalendar import Calendar

from bookings import notices
from bookings.models import Booking, Payment, SyncRecord
from bookings.self_service import links
from botaniqal.messages.models import Message
from botaniqal.wording import gate
from tests.factories import AppointmentTypeFactory, BookingFactory, PatientFactory, PractitionerFactory, UserFactory

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 1, tzinfo=UTC)
MORNING = datetime(2026, 11, 22, 23, tzinfo=UTC)  # Monday at 10:00 in Melbourne, in summer time
LINK = "https://meet.example.com/j/1"


def dr_dia():
    return PractitionerFactory(name="Dr Dia", calendar_provider="calendly")


def book(**fields):
    return BookingFactory(**{"starts_at": MORNING, "practitioner": dr_dia(), "join_link": LINK, **fields})


def written():
    return Message.objects.get()


def owed_to_calendly(booking, **fields):
    return SyncRecord.objects.create(booking=booking, system=SyncRecord.System.CALENDLY, **fields)


class TestSendConfirmation:
    def test_says_who_when_where_and_under_which_number(self):
        booking = book()

        notices.send_confirmation(booking=booking, now=NOW)

        message = written()
        assert message.to == "leo.martin@example.com"
        assert message.subject == "Booked: your appointment with Dr Dia on Monday 23 November"
        for said in ("Hello Leo,", "Monday 23 November 2026, 10:00 am Melbourne time (AEDT)", LINK, booking.number):
            assert said in message.text
            assert said in message.html

    @pytest.mark.parametrize(
        ("zone", "when", "clinic_when"),
        [
            ("Australia/Perth", "Monday 23 November 2026, 7:00 am Perth time (AWST)", "10:00 am Melbourne time (AEDT)"),
            ("Australia/Lord_Howe", "Monday 23 November 2026, 10:00 am Lord Howe time (UTC+11)", ""),
            (
                "Europe/London",
                "Sunday 22 November 2026, 11:00 pm London time (GMT)",
                "Monday 23 November, 10:00 am Melbourne time (AEDT)",
            ),
        ],
    )
    def test_says_the_time_by_the_patients_clock_and_by_the_clinics_where_that_differs(self, zone, when, clinic_when):
        notices.send_confirmation(booking=book(patient=PatientFactory(time_zone=zone)), now=NOW)

        assert when in written().text
        assert clinic_when in written().text
        assert ("Melbourne" in written().text) == bool(clinic_when)

    @pytest.mark.parametrize(
        ("mode", "link", "place"),
        [
            ("telehealth", LINK, "By video"),
            ("telehealth", "", "The link to join comes in an e-mail of its own."),
            ("phone", "", "By phone: Dr Dia will ring you on +61 491 570 156"),
            ("in_person", "", "In person, at our clinic"),
        ],
    )
    def test_says_where(self, mode, link, place):
        booking = book(appointment_type=AppointmentTypeFactory(mode=mode), join_link=link)

        notices.send_confirmation(booking=booking, now=NOW)

        assert place in written().text

    @pytest.mark.parametrize(
        ("price", "status", "said"),
        [(119, "collected", "$119.00 (paid)"), (119, "pending", "$119.00 (to be paid)"), (0, "", "Free of charge")],
    )
    def test_says_what_it_costs(self, price, status, said):
        booking = book(price=Decimal(price))
        if status:
            Payment.objects.create(booking=booking, amount=price, method="cash", status=status, collected_at=NOW)

        notices.send_confirmation(booking=booking, now=NOW)

        assert said in written().text

    def test_leads_to_the_patients_own_page(self):
        booking = book()

        notices.send_confirmation(booking=booking, now=NOW)

        link = links.to_visit(booking)
        assert f"See, move or cancel it: {link}" in written().text
        assert f'href="{link}"' in written().html

    @pytest.mark.parametrize(("is_approved", "count"), [(True, 1), (False, 0)], ids=["approved", "not approved"])
    def test_says_what_the_service_has_to_say_once_it_is_approved(self, is_approved, count):
        booking = book()
        words = gate.Text(f"service:{booking.appointment_type.service.slug}:confirmation", "", "Bring your letters.")
        if is_approved:
            gate.approve(texts=[words], reason="", by=UserFactory(roles=["operations"]), now=NOW)

        notices.send_confirmation(booking=booking, now=NOW)

        assert written().text.count("Bring your letters.") == count
        assert written().html.count("Bring your letters.") == count

    def test_says_nothing_about_health(self):
        booking = book(notes="Has trouble sleeping", attention="Talk to the GP first")

        notices.send_confirmation(booking=booking, now=NOW)

        message = written()
        for channel in (message.subject, message.text, message.html, message.calendar):
            assert "sleeping" not in channel
            assert "GP" not in channel

    def test_keeps_markup_in_a_name_from_working(self):
        notices.send_confirmation(booking=book(practitioner=PractitionerFactory(name="Dr <b>O'Neil</b>")), now=NOW)

        assert "<b>" not in written().html
        assert "Dr <b>O'Neil</b>" in written().subject

    def test_writes_nothing_to_a_patient_without_an_address(self):
        notices.send_confirmation(booking=book(patient=PatientFactory(email="")), now=NOW)

        assert not Message.objects.exists()

    def test_attaches_the_appointment_for_the_patients_calendar(self):
        booking = book(revision=2)

        notices.send_confirmation(booking=booking, now=NOW)

        calendar = Calendar.from_ical(written().calendar)
        event = calendar.walk("VEVENT")[0]
        assert calendar["METHOD"] == "REQUEST"
        assert event["UID"] == str(booking.pk)
        assert event["SEQUENCE"] == 2
        assert event["SUMMARY"] == "Appointment with Dr Dia (Botaniqal)"
        assert (event["DTSTART"].dt, event["DTEND"].dt) == (MORNING, MORNING + timedelta(minutes=15))

    def test_lets_the_message_wait_for_a_join_link_that_calendly_will_make(self, settings):
        booking = book(join_link="")
        owed_to_calendly(booking)

        notices.send_confirmation(booking=booking, now=NOW)

        assert written().next_try_at == NOW + timedelta(seconds=settings.JOIN_LINK_WAIT_SECONDS)

    @pytest.mark.parametrize("record", [{"told": 1}, {"needs_person": True}], ids=["told", "stuck"])
    def test_does_not_wait_for_a_link_that_will_not_come(self, record):
        booking = book(join_link="")
        owed_to_calendly(booking, **record)

        notices.send_confirmation(booking=booking, now=NOW)

        assert written().next_try_at == NOW


class TestSendPreparation:
    def test_says_who_will_ring_and_what_to_have_ready(self):
        consultation = book(
            practitioner=PractitionerFactory(consultant=True, name="Sarah Reed"),
            appointment_type=AppointmentTypeFactory(free=True, mode="phone"),
            price=0,
        )

        notices.send_preparation(booking=consultation, now=NOW)

        message = written()
        assert message.kind == Message.Kind.PREPARATION
        for said in ("Sarah Reed", "10:00 am Melbourne time", LINK, "Before the call"):
            assert said in message.text
            assert said in message.html


class TestSendMoved:
    def test_says_the_new_time_without_the_link_of_the_former_one(self):
        booking = book(revision=1)
        owed_to_calendly(booking)

        notices.send_moved(booking=booking, now=NOW)

        message = written()
        assert "10:00 am Melbourne time" in message.text
        assert LINK not in message.text + message.html + message.calendar

    @pytest.mark.parametrize("tell", [notices.send_moved, notices.send_other_practitioner])
    def test_confirms_anew_whose_confirmation_still_waits_for_its_link(self, tell):
        booking = book(join_link="")
        owed_to_calendly(booking)
        notices.send_confirmation(booking=booking, now=NOW)
        booking.starts_at += timedelta(days=1)

        tell(booking=booking, now=NOW + timedelta(seconds=1))

        message = written()
        assert message.kind == Message.Kind.CONFIRMATION
        assert f"{booking.starts_at.astimezone(booking.patient.zone):%A %-d %B}" in message.text

    def test_tells_of_the_move_whoever_was_sent_the_confirmation(self):
        booking = book()
        notices.send_confirmation(booking=booking, now=NOW)
        Message.objects.update(told=1, sent_at=NOW)

        notices.send_moved(booking=booking, now=NOW)

        assert set(Message.objects.values_list("kind", flat=True)) == {"confirmation", "moved"}


class TestSendCancelled:
    def test_leads_to_no_page_of_a_visit_that_will_not_be(self):
        booking = book(state=Booking.State.CANCELLED, cancel_reason="ill", cancelled_at=NOW)

        notices.send_cancelled(booking=booking, now=NOW)

        assert "/visit/" not in written().text + written().html

    def test_takes_the_appointment_out_of_the_patients_calendar(self):
        booking = book(state=Booking.State.CANCELLED, cancel_reason="mistake", cancelled_at=NOW, revision=1)

        notices.send_cancelled(booking=booking, now=NOW)

        message = written()
        calendar = Calendar.from_ical(message.calendar)
        event = calendar.walk("VEVENT")[0]
        assert calendar["METHOD"] == "CANCEL"
        assert (event["STATUS"], event["SEQUENCE"]) == ("CANCELLED", 2)
        assert "mistake" not in message.text + message.html

    def test_tells_who_has_paid_that_we_will_be_in_touch(self):
        booking = book(state=Booking.State.CANCELLED, cancel_reason="ill", cancelled_at=NOW)
        Payment.objects.create(booking=booking, amount=119, method="cash", status="collected", collected_at=NOW)

        notices.send_cancelled(booking=booking, now=NOW)

        assert "in touch about the $119.00" in written().text
        assert "in touch about the $119.00" in written().html


class TestForgetUnsent:
    def test_takes_back_what_nobody_has_read(self):
        booking = book()
        notices.send_confirmation(booking=booking, now=NOW)

        notices.forget_unsent(booking=booking)

        assert not Message.objects.exists()

    @pytest.mark.parametrize("fields", [{"told": 1, "sent_at": NOW}, {"leased_until": NOW}], ids=["sent", "on its way"])
    def test_keeps_what_is_out_of_the_house(self, fields):
        booking = book()
        notices.send_confirmation(booking=booking, now=NOW)
        Message.objects.update(**fields)

        notices.forget_unsent(booking=booking)

        assert Message.objects.exists()

    def test_leaves_the_messages_of_other_bookings(self):
        notices.send_confirmation(booking=book(), now=NOW)

        notices.forget_unsent(booking=book())

        assert Message.objects.exists()


class TestNoteJoinLink:
    def test_writes_the_link_into_what_waits_for_it_and_lets_it_go(self):
        booking = book(join_link="")
        owed_to_calendly(booking)
        notices.send_confirmation(booking=booking, now=timezone.now())
        booking.join_link = LINK

        notices.note_join_link(booking=booking)

        message = written()
        assert message.next_try_at <= timezone.now()
        for channel in (message.text, message.html, message.calendar.replace("\r\n ", "")):
            assert LINK in channel

    def test_leaves_alone_what_was_sent(self):
        booking = book(join_link="")
        notices.send_confirmation(booking=booking, now=NOW)
        Message.objects.update(told=1, sent_at=NOW)
        booking.join_link = LINK

        notices.note_join_link(booking=booking)

        assert LINK not in written().text

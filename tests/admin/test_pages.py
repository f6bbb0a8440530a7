"""Every list and every page: who may open it, what it must not hold, what it may cost."""

import re
from datetime import datetime, timedelta

import pytest
from django.contrib import admin
from django.urls import reverse
from django.utils import timezone

from bookings.models import (
    Booking,
    Drift,
    EarlierTimeOffer,
    EarlierTimeRequest,
    FreedTime,
    Patient,
    Payment,
    SyncRecord,
)
from botaniqal.accounts.models import User
from botaniqal.accounts.roles import ROLES
from botaniqal.integrations.models import InboundEvent, Incident, Subscription
from botaniqal.messages.models import Message
from practitioners.models import BusyPeriod, DiaryEntry, OutsideCalendar, Room
from services.models import InterestEntry, NurtureStep
from tests.admin.conftest import logged_in, somebody
from tests.factories import (
    BookingFactory,
    CalendlyEventTypeFactory,
    PatientFactory,
    PractitionerFactory,
    RoomFactory,
    SessionFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

INLINE = re.compile(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)[^>]*>", re.IGNORECASE)
MODELS = {f"{model._meta.app_label}.{model._meta.model_name}": model for model in admin.site._registry}


def page_of(model, name: str, *args) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{name}", args=args)


def some_rows(count: int) -> None:
    """So many rows of everything that the portal lists."""
    for n in range(count):
        session = SessionFactory()
        booking = BookingFactory(patient=session.patient, created_by=UserFactory())
        Payment.objects.create(booking=booking, amount=119, method="cash", status="pending")
        SyncRecord.objects.create(booking=booking, system="medirecords", needs_person=True, problem="Refused.")
        InboundEvent.objects.create(
            vendor="calendly", key=f"{n}-{session.pk}", kind="invitee.created", payload={}, needs_person=True
        )
        Subscription.objects.create(vendor="graph", resource=f"{n}-{session.pk}@example.com", health="lost")
        Incident.objects.create(key=f"{n}-{session.pk}", summary="Calendly was switched off.")
        Drift.objects.create(
            booking=booking,
            system="medirecords",
            kind="differs",
            field="time",
            visit_at=later(hours=n),
            seen_at=later(),
        )
        Message.objects.create(
            kind="confirmation", reference=booking.pk, to="a@example.com", subject="Hello", text="Hi"
        )
        CalendlyEventTypeFactory(practitioner=PractitionerFactory())
        span = {"practitioner": PractitionerFactory(), "starts_at": later(hours=1), "ends_at": later(hours=2)}
        DiaryEntry.objects.create(**span, kind="booking", room=RoomFactory(), created_by=UserFactory())
        BusyPeriod.objects.create(**span, calendar="calendly", external_id=str(n))
        OutsideCalendar.objects.create(practitioner=span["practitioner"], provider="calendly", account="x")
        RoomFactory()
        waiting_rows(n, booking)


def waiting_rows(n: int, booking: Booking) -> None:
    """Somebody on the interest list, and somebody who has an offer of an earlier time."""
    service, now = booking.appointment_type.service, timezone.now()
    key = f"{n}-{booking.pk}"
    InterestEntry.objects.create(
        service=service, name="Sam", email=f"{key}@example.com", consented_at=now, joined_at=now, source="page"
    )
    NurtureStep.objects.create(service=service, days=n, subject="News", text="Soon.")
    request = EarlierTimeRequest.objects.create(
        patient=booking.patient, appointment_type=booking.appointment_type, booking=booking, asked_at=now
    )
    span = {"practitioner": PractitionerFactory(), "starts_at": later(hours=1), "ends_at": later(hours=2)}
    freed = FreedTime.objects.create(**span, freed_by=booking, freed_at=now, next_look_at=now)
    entry = DiaryEntry.objects.create(**span, kind="hold", held_for=booking.pk, live_until=later(hours=1))
    EarlierTimeOffer.objects.create(
        request=request, freed=freed, entry=entry, offered_at=now, expires_at=later(hours=1)
    )


def later(**span: int) -> datetime:
    """A moment that lies ahead."""
    return timezone.now() + timedelta(**span)


def form_of(patient: Patient) -> dict[str, object]:
    """What the page of a patient sends when nothing was typed."""
    sent = {name: getattr(patient, name) or "" for name in ("name", "phone", "email", "date_of_birth", "time_zone")}
    parts = ("bookings", "consents", "merges")
    return sent | {f"{part}-{count}_FORMS": 0 for part in parts for count in ("TOTAL", "INITIAL")}


class TestLists:
    @pytest.mark.parametrize("role", ROLES)
    @pytest.mark.parametrize("name", MODELS)
    def test_open_for_those_alone_who_may_read_the_rows(self, role, name):
        app_label, _, model_name = name.partition(".")
        is_private = name == "mail.message" and role in ("consultant", "clinician")
        may = f"{app_label}.view_{model_name}" in ROLES[role] and not is_private
        browser = logged_in(somebody(role))

        answer = browser.get(page_of(MODELS[name], "changelist"))

        assert answer.status_code == (200 if may else 403)

    @pytest.mark.parametrize("name", MODELS)
    def test_hold_no_inline_script_or_style(self, name, admin_client):
        some_rows(1)

        page = admin_client.get(page_of(MODELS[name], "changelist") + "?view=all").content.decode()

        assert not INLINE.findall(page)

    def test_find_a_patient_by_a_phone_number_as_people_type_it(self, operations):
        PatientFactory(name="Leo Martin", phone="+61491570156")
        PatientFactory(name="Ava Nguyen", phone="+61491570157")

        page = operations.get(reverse("admin:bookings_patient_changelist"), {"q": "0491 570 156"}).content.decode()

        assert "Leo Martin" in page
        assert "Ava Nguyen" not in page

    def test_say_what_to_do_when_they_are_empty(self, operations):
        page = operations.get(reverse("admin:bookings_booking_changelist")).content.decode()

        assert "Bookings are made at the call desk." in page

    def test_say_so_when_a_view_is_empty_and_the_list_is_not(self, operations):
        BookingFactory()

        page = operations.get(reverse("admin:bookings_booking_changelist"), {"view": "cancelled"}).content.decode()

        assert "Nothing is in this view" in page

    def test_are_called_what_the_sidebar_calls_them(self, operations):
        page = operations.get(reverse("admin:integrations_inboundevent_changelist")).content.decode()

        assert "<h1>Inbox</h1>" in page

    def test_open_on_what_needs_a_person(self, operations):
        stuck, done = BookingFactory(number="BOT-2026-0001"), BookingFactory(number="BOT-2026-0002")
        SyncRecord.objects.create(booking=stuck, system="calendly", needs_person=True)
        SyncRecord.objects.create(booking=done, system="calendly", told=1)

        page = operations.get(reverse("admin:bookings_syncrecord_changelist")).content.decode()

        assert stuck.number in page
        assert done.number not in page


class TestManagement:
    """Those who read figures meet no patient by name."""

    def test_finds_nobody_on_any_page(self):
        session = SessionFactory(patient=PatientFactory(name="Leonora Quill"))
        BookingFactory(patient=session.patient, attention="Ring Leonora Quill")
        some_rows(1)
        browser = logged_in(somebody("management"))

        addresses = [page_of(model, "changelist") for model in MODELS.values()]
        addresses += [
            page_of(model, "change", row.pk) for model in MODELS.values() for row in model._default_manager.all()[:3]
        ]
        pages = [browser.get(address).content.decode() for address in (reverse("admin:index"), *addresses)]

        assert not [page for page in pages if "Leonora" in page]


class TestOwnRows:
    """Consultants and clinicians read their own calls, visits and patients."""

    def test_are_a_consultants_own_calls_and_their_patients(self, consultant, sarah, tom):
        own, others = SessionFactory(consultant=sarah), SessionFactory(consultant=tom)

        seen = [
            consultant.get(page_of(type(row), "change", row.pk)).status_code
            for session in (own, others)
            for row in (session, session.patient, session.consultation)
        ]

        assert seen == [200, 200, 200, 302, 302, 302]

    def test_are_a_clinicians_own_visits(self):
        doctor = PractitionerFactory(user=somebody("clinician"))
        own, others = BookingFactory(practitioner=doctor), BookingFactory()
        browser = logged_in(doctor.user)

        seen = [browser.get(page_of(type(row), "change", row.pk)).status_code for row in (own, own.patient, others)]

        assert seen == [200, 200, 302]


class TestChangePages:
    @pytest.mark.parametrize("name", MODELS)
    def test_hold_no_inline_script_or_style(self, name, admin_client):
        some_rows(1)
        model = MODELS[name]
        row = model._default_manager.first()

        pages = [admin_client.get(page_of(model, "change", row.pk))] if row else []
        if admin.site._registry[model].has_add_permission(pages[0].wsgi_request) if pages else False:
            pages.append(admin_client.get(page_of(model, "add")))

        assert [page.status_code for page in pages] == [200] * len(pages)
        assert not [found for page in pages for found in INLINE.findall(page.content.decode())]

    def test_keep_a_payload_from_those_who_may_only_look(self, operations):
        event = InboundEvent.objects.create(vendor="calendly", key="1", kind="invitee.created", payload={"name": "Leo"})

        page = operations.get(page_of(InboundEvent, "change", event.pk)).content.decode()

        assert "&quot;Leo&quot;" in page

    def test_write_only_what_was_typed(self, operations):
        booking = BookingFactory(attention="Look at this.")
        address = page_of(type(booking), "change", booking.pk)

        answer = operations.post(address, {"attention": "", "notes": "Asked for the morning.", "state": "cancelled"})
        booking.refresh_from_db()

        assert answer.status_code == 302
        assert (booking.attention, booking.notes, booking.state) == ("", "Asked for the morning.", "confirmed")

    @pytest.mark.parametrize(
        ("source", "words"),
        [("phone", "A vendor&#x27;s message"), ("online", "The patient, online"), ("import", "An import")],
    )
    def test_say_who_made_a_booking_that_nobody_here_made(self, operations, source, words):
        booking = BookingFactory(source=source, created_by=None)

        page = operations.get(reverse("admin:bookings_booking_change", args=[booking.pk])).content.decode()

        assert words in page


class TestDelete:
    def test_asks_first_and_says_what_goes_with_it(self, operations):
        room = RoomFactory(name="Room 9")

        page = operations.get(page_of(type(room), "delete", room.pk)).content.decode()

        assert "Room 9 is gone for good then" in page
        assert ">Delete</button>" in page

    def test_offers_nothing_where_something_depends_on_it(self, operations):
        practitioner = BookingFactory().practitioner

        page = operations.get(page_of(type(practitioner), "delete", practitioner.pk)).content.decode()

        assert "cannot be deleted" in page
        assert ">Delete</button>" not in page

    def test_is_not_for_people(self, admin_client):
        person = UserFactory()

        assert admin_client.get(page_of(type(person), "delete", person.pk)).status_code == 403


class TestHistory:
    def test_tells_who_did_what(self, operations):
        booking = BookingFactory()
        operations.post(page_of(type(booking), "change", booking.pk), {"attention": "", "notes": "Rang twice."})

        page = operations.get(page_of(type(booking), "history", booking.pk)).content.decode()

        assert "Changed Notes" in page
        assert "Operations" in page

    def test_says_when_there_is_none(self, operations):
        booking = BookingFactory()

        page = operations.get(page_of(type(booking), "history", booking.pk)).content.decode()

        assert "Nobody has changed this here by hand." in page


class TestPeople:
    def test_are_added_with_a_password_and_given_a_role_after_that(self, admin_client):
        password = "lemon-myrtle-tea"
        sent = {"email": "new@botaniqal.example", "first_name": "Nora", "last_name": "Lee"}

        answer = admin_client.post(page_of(User, "add"), sent | {"password1": password, "password2": password})

        person = User.objects.get(email="new@botaniqal.example")
        assert answer.url == page_of(User, "change", person.pk)
        assert person.check_password(password)


class TestLogin:
    def test_does_not_say_which_of_the_two_was_wrong(self, client):
        page = client.post(reverse("admin:login"), {"username": "nobody@example.com", "password": "x"}).content.decode()

        assert "E-mail or password is wrong." in page


class TestForms:
    def test_keep_a_phone_number_in_one_shape(self, operations):
        patient = PatientFactory()

        operations.post(page_of(Patient, "change", patient.pk), form_of(patient) | {"phone": "0491 570 159"})
        patient.refresh_from_db()

        assert patient.phone == "+61491570159"

    @pytest.mark.parametrize(
        ("field", "typed", "sentence"),
        [
            ("phone", "hello", "That is no phone number."),
            ("phone", "12", "That is no phone number."),
            ("date_of_birth", "2999-01-01", "A date of birth lies between 1900 and today."),
            ("date_of_birth", "0001-01-01", "A date of birth lies between 1900 and today."),
            ("time_zone", "Mars/Base", "is not a time zone"),
        ],
    )
    def test_say_what_is_wrong(self, field, typed, sentence, operations):
        patient = PatientFactory()

        answer = operations.post(page_of(Patient, "change", patient.pk), form_of(patient) | {field: typed})

        assert sentence in answer.content.decode()

    def test_leave_a_phone_number_alone_that_came_in_another_shape(self, operations):
        patient = PatientFactory(phone="ask her sister")

        operations.post(page_of(Patient, "change", patient.pk), form_of(patient) | {"name": "Ava Long"})
        patient.refresh_from_db()

        assert (patient.name, patient.phone) == ("Ava Long", "ask her sister")

    def test_tell_plainly_what_was_done(self, operations):
        answer = operations.post(page_of(Room, "add"), {"name": "Room <7>", "is_active": "on"}, follow=True)

        page = answer.content.decode()
        assert "Room &lt;7&gt;" in page
        assert "was added." in page
        assert "successfully" not in page


class TestRoot:
    def test_leads_to_today(self, client):
        assert client.get("/").url == reverse("admin:index")


class TestErrorPages:
    def test_name_no_id_of_what_is_missing(self, operations):
        missing = "0b9d7a52-5b7f-4f6e-9a57-2f2f6b4f3a11"

        page = operations.get(page_of(Patient, "change", missing), follow=True).content.decode()

        assert "This patient is not there, or is not yours to see." in page
        assert missing not in page

    def test_say_what_happened(self, operations):
        missing, refused = operations.get("/admin/nothing-here/"), operations.get("/admin/accounts/user/")

        assert (missing.status_code, refused.status_code) == (404, 403)
        assert "There is no such page" in missing.content.decode()
        assert "You may not see this" in refused.content.decode()

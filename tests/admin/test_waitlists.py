import csv
import io
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from bookings import lifecycle
from bookings.models import EarlierTimeOffer, EarlierTimeRequest, FreedTime
from bookings.waiting import earlier, earlier_offers
from botaniqal.messages import suppression
from services import interest, nurture
from services.models import InterestEntry, NurtureStep, Service
from tests.admin.conftest import logged_in, somebody
from tests.factories import AppointmentTypeFactory, PatientFactory, PractitionerFactory, ServiceFactory, next_morning
from tests.offering import approve_words
from tests.visits import booked_visit

pytestmark = pytest.mark.django_db

SOON, LATE = next_morning(10, days=5), next_morning(10, days=20)


@pytest.fixture
def equine():
    service = ServiceFactory(name="Equine", status=Service.Status.COMING_SOON, has_waitlist=True)
    approve_words(service)
    return service


@pytest.fixture
def join(equine):
    def join(name="Leo Martin", email="leo@example.com", phone=""):
        return interest.join(
            service=equine, name=name, email=email, phone=phone, source="page", wording="Yes.", now=timezone.now()
        )

    return join


def do(browser, row, verb, **said):
    """Use a verb, and give the page that comes after it."""
    name = f"admin:{row._meta.app_label}_{row._meta.model_name}_verb"
    return browser.post(reverse(name, args=[row.pk, verb]), said, follow=True).content.decode()


class TestInterestEntries:
    def test_are_shown_by_where_they_stand(self, operations, join):
        waiting, left = join(), join(name="Mia Wong", email="mia@example.com")
        interest.leave(entry_id=left.pk, now=timezone.now())
        address = reverse("admin:services_interestentry_changelist")

        first, gone = operations.get(address), operations.get(f"{address}?view=left")

        assert waiting.name in first.content.decode()
        assert left.name not in first.content.decode()
        assert left.name in gone.content.decode()

    def test_tell_how_the_list_grows(self, operations, join):
        join()
        InterestEntry.objects.update(joined_at=timezone.now() - timedelta(days=10))
        join(email="mia@example.com")

        page = operations.get(reverse("admin:services_interestentry_changelist")).content.decode()

        assert "2 waiting · 1 joined in 7 days · 2 in 30 days" in page

    def test_are_taken_off_with_a_reason(self, operations, join):
        entry = join()

        page = do(operations, entry, "take_off", reason="Rang us")

        entry.refresh_from_db()
        assert entry.left_reason == "Rang us"
        assert "is off the list" in page

    def test_are_not_taken_off_without_one(self, operations, join):
        entry = join()

        do(operations, entry, "take_off", reason="")

        entry.refresh_from_db()
        assert entry.left_at is None

    def test_are_counted_on_their_services_page(self, operations, join, equine):
        join()

        page = operations.get(reverse("admin:services_service_change", args=[equine.pk])).content.decode()

        assert "1 waiting" in page


class TestExport:
    ADDRESS = "admin:services_interestentry_export"

    def rows(self, browser):
        return list(csv.reader(io.StringIO(browser.get(reverse(self.ADDRESS)).content.decode("utf-8-sig"))))

    def test_gives_those_who_may_be_written_to(self, operations, join):
        join(phone="0412 345 678")
        gone, bounced = join(email="gone@example.com"), join(email="bounced@example.com")
        interest.leave(entry_id=gone.pk, now=timezone.now())
        suppression.suppress(address=bounced.email, cause=suppression.Cause.BOUNCED, by=None, now=timezone.now())

        head, *rows = self.rows(operations)

        assert head[:4] == ["Service", "Name", "E-mail", "Phone"]
        assert [row[:4] for row in rows] == [["Equine", "Leo Martin", "leo@example.com", "+61412345678"]]
        assert rows[0][6] == "Yes."

    def test_holds_no_formula_of_a_stranger(self, operations, join):
        join(name="=HYPERLINK(A1)")

        assert self.rows(operations)[1][1] == "'=HYPERLINK(A1)"

    @pytest.mark.parametrize("role", ["consultant", "management", "clinician"])
    def test_is_for_operations(self, role):
        assert logged_in(somebody(role)).get(reverse(self.ADDRESS)).status_code == 403


class TestNurtureSteps:
    def test_go_out_once_somebody_approved_them(self, operations, equine):
        step = NurtureStep.objects.create(service=equine, days=3, subject="News", text="Soon, {first_name}.")

        page = do(operations, step, "approve", reason="")

        assert "It goes out from now on." in page
        assert nurture.gate.is_approved(nurture.public_text(step).subject, "News\n\nSoon, {first_name}.")

    def test_are_not_approved_with_words_that_are_forbidden(self, operations, equine):
        step = NurtureStep.objects.create(service=equine, days=3, subject="News", text="Medicinal cannabis is here.")

        page = do(operations, step, "approve", reason="")

        assert "cannot be published" in page
        assert not nurture.gate.is_approved(nurture.public_text(step).subject, nurture.public_text(step).text)

    def test_are_shown_as_they_are_read(self, operations, equine):
        step = NurtureStep.objects.create(
            service=equine, days=3, subject="News of {service}", text="Dear {first_name}."
        )

        page = operations.get(reverse("admin:services_nurturestep_change", args=[step.pk])).content.decode()

        assert "News of Equine" in page
        assert "Dear Sam." in page

    def test_take_no_braces_that_nobody_fills_in(self, operations):
        step = {"service": "", "days": 3, "subject": "News", "text": "Dear {name}", "is_active": "on"}

        page = operations.post(reverse("admin:services_nurturestep_add"), step).content.decode()

        assert "Take the other braces out." in page
        assert not NurtureStep.objects.filter(days=3).exists()

    def test_take_no_card_number(self, operations):
        step = {"service": "", "days": 3, "subject": "News", "text": "4242 4242 4242 4242", "is_active": "on"}

        operations.post(reverse("admin:services_nurturestep_add"), step)

        assert not NurtureStep.objects.filter(days=3).exists()


@pytest.fixture
def doctor():
    return PractitionerFactory(name="Dr Dia", gives=[AppointmentTypeFactory(name="Initial")])


@pytest.fixture
def book(doctor):
    def book(starts_at, name="Leo Martin"):
        return booked_visit(doctor, starts_at, patient=PatientFactory(name=name, email=f"{starts_at:%H%M}@example.com"))

    return book


@pytest.fixture
def ask(book):
    def ask(name="Leo Martin", hours=0, **wishes):
        booking = book(LATE + timedelta(hours=hours), name)
        kind, now = booking.appointment_type, timezone.now()
        return earlier.ask(patient=booking.patient, appointment_type=kind, booking=booking, by=None, now=now, **wishes)

    return ask


@pytest.fixture
def freed(book):
    booking = book(SOON, "Nora Quick")
    lifecycle.cancel(booking_id=booking.pk, reason="Ill", by=None, now=timezone.now())
    return FreedTime.objects.get()


class TestEarlierTimes:
    def test_are_asked_for_on_a_bookings_page(self, operations, book):
        booking = book(LATE)

        page = do(operations, booking, "ask_earlier", urgency="1", weekdays=["0"], same_person="on")

        request = EarlierTimeRequest.objects.get()
        assert (request.booking, request.urgency, request.weekdays) == (booking, 1, [0])
        assert request.practitioner == booking.practitioner
        assert "is on the list" in page

    def test_tell_the_order_in_words(self, operations, ask):
        ask()

        page = operations.get(reverse("admin:bookings_earliertimerequest_changelist")).content.decode()

        assert "most urgently first, among these whoever has waited longest" in page

    def test_are_withdrawn(self, operations, ask):
        request = ask()

        do(operations, request, "withdraw")

        request.refresh_from_db()
        assert request.state == EarlierTimeRequest.State.WITHDRAWN

    def test_are_not_for_consultants(self, consultant, ask):
        ask()

        assert consultant.get(reverse("admin:bookings_earliertimerequest_changelist")).status_code == 403


class TestFreedTimes:
    def test_tell_why_somebody_was_passed_over(self, operations, ask, freed):
        ask("Leo Martin", dayparts=["evening"])
        ask("Mia Wong", hours=1)
        earlier_offers.offer_due(now=timezone.now())

        page = operations.get(reverse("admin:bookings_freedtime_change", args=[freed.pk])).content.decode()

        assert "Leo Martin</strong>" in page
        assert "Cannot come in the morning." in page
        assert "Mia Wong" in page

    def test_are_offered_by_hand(self, operations, ask, freed):
        ask("Leo Martin")
        chosen = ask("Mia Wong", hours=1, dayparts=["evening"])

        page = do(operations, freed, "offer_to", request=chosen.pk)

        assert EarlierTimeOffer.objects.get().request == chosen
        assert "It is offered to Mia Wong" in page

    def test_say_why_they_cannot_be(self, operations, ask, freed):
        chosen = ask("Mia Wong")
        suppression.suppress(address=chosen.patient.email, cause=suppression.Cause.BOUNCED, by=None, now=timezone.now())

        page = do(operations, freed, "offer_to", request=chosen.pk)

        assert "E-mails do not reach their address." in page

    def test_are_not_offered_any_more(self, operations, ask, freed):
        ask()
        earlier_offers.offer_due(now=timezone.now())

        do(operations, freed, "stop")

        freed.refresh_from_db()
        assert freed.state == FreedTime.State.STOPPED


class TestOffers:
    def test_are_taken_back(self, operations, ask, freed):
        ask()
        earlier_offers.offer_due(now=timezone.now())
        offer = EarlierTimeOffer.objects.get()

        do(operations, offer, "take_back")

        offer.refresh_from_db()
        assert offer.state == EarlierTimeOffer.State.WITHDRAWN

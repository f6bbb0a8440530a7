"""How visits and calls end: the words for it, who may say it, and the letter."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from bookings.models import Booking, CancelReason
from tests.admin.conftest import logged_in, somebody
from tests.admin.test_verbs import verb_of
from tests.factories import BookingFactory, PractitionerFactory, SessionFactory, UserFactory
from triage.models import Disposition, HandOver, Outcome, ReferralLetter, TriageSession

pytestmark = pytest.mark.django_db
ENDS = [("complete", {}), ("mark_no_show", {}), ("correct", {"state": "no_show", "reason": "Never came"})]


def begun(**fields) -> Booking:
    """A visit that began an hour ago."""
    return BookingFactory(starts_at=timezone.now() - timedelta(hours=1), **fields)


@pytest.fixture
def clinician():
    return UserFactory(is_staff=True, roles=["clinician"])


class TestEndingAVisit:
    @pytest.mark.parametrize(("name", "form"), ENDS)
    def test_is_for_whoever_gives_it(self, clinician, name, form):
        state = "completed" if name == "correct" else "confirmed"
        booking = begun(practitioner=PractitionerFactory(user=clinician), state=state)

        logged_in(clinician).post(verb_of(booking, name), form)

        booking.refresh_from_db()
        assert booking.state == ("completed" if name == "complete" else "no_show")

    @pytest.mark.parametrize(("name", "form"), ENDS)
    def test_is_not_for_another_practitioner_who_knows_the_patient(self, clinician, name, form):
        own = begun(practitioner=PractitionerFactory(user=clinician))
        others = begun(patient=own.patient, state="completed" if name == "correct" else "confirmed")

        answer = logged_in(clinician).post(verb_of(others, name), form)

        others.refresh_from_db()
        assert answer.status_code == 403
        assert others.state in ("confirmed", "completed")

    @pytest.mark.parametrize(("name", "form"), ENDS)
    def test_is_not_for_consultants(self, sarah, consultant, name, form):
        booking = SessionFactory(consultant=sarah).consultation
        visit = begun(patient=booking.patient, state="completed" if name == "correct" else "confirmed")

        assert consultant.post(verb_of(visit, name), form).status_code == 403

    def test_is_for_operations_of_all(self, operations):
        booking = begun()

        operations.post(verb_of(booking, "complete"))

        booking.refresh_from_db()
        assert booking.state == "completed"

    def test_lets_a_practitioner_neither_cancel_nor_move(self, clinician):
        booking = begun(practitioner=PractitionerFactory(user=clinician))

        codes = [logged_in(clinician).get(verb_of(booking, name)).status_code for name in ("cancel", "move")]
        page = logged_in(clinician).get(reverse("admin:bookings_booking_change", args=[booking.pk])).content.decode()

        assert codes == [403, 403]
        assert "Took place" in page
        assert "Cancel booking" not in page


class TestCancel:
    def test_asks_for_words_beside_a_reason_that_says_too_little(self, operations):
        booking, other = BookingFactory(), CancelReason.objects.get(code="other")

        answer = operations.post(verb_of(booking, "cancel"), {"cause": other.pk})

        assert "“Other” says too little by itself." in answer.content.decode()

    def test_offers_no_reason_that_is_off(self, operations):
        booking, price = BookingFactory(), CancelReason.objects.get(code="price")
        CancelReason.objects.filter(pk=price.pk).update(is_active=False)

        operations.post(verb_of(booking, "cancel"), {"cause": price.pk})

        booking.refresh_from_db()
        assert booking.state == "confirmed"

    def test_takes_own_words_where_no_reason_is_offered(self, operations):
        CancelReason.objects.update(is_active=False)
        booking = BookingFactory()

        operations.post(verb_of(booking, "cancel"), {"reason": "Asked to"})

        booking.refresh_from_db()
        assert (booking.cancel_cause, booking.cancel_reason) == (None, "Asked to")


class TestBookingPage:
    def test_shows_the_card_and_whether_it_was_read(self, operations):
        booking = BookingFactory(practitioner__user=UserFactory())
        card = HandOver.objects.create(
            booking=booking, lines=[["Medicines", "None"]], remark="<b>Softly</b>", made_at=timezone.now()
        )
        address = reverse("admin:bookings_booking_change", args=[booking.pk])

        unread = operations.get(address).content.decode()
        HandOver.objects.filter(pk=card.pk).update(read_at=timezone.now(), read_by=booking.practitioner.user)
        read = operations.get(address).content.decode()

        assert "Unread" in unread
        assert "<dt>Medicines</dt><dd>None</dd>" in unread
        assert "&lt;b&gt;Softly" in unread
        assert "Unread" not in read


class TestToday:
    def test_tells_operations_of_an_unread_card_of_a_visit_that_is_near(self, operations, consultant):
        soon = timezone.now() + timedelta(minutes=5)
        booking = BookingFactory(starts_at=soon, practitioner__name="Dr Dia")
        HandOver.objects.create(booking=booking, made_at=timezone.now())

        pages = [browser.get(reverse("admin:index")).content.decode() for browser in (operations, consultant)]

        assert ["has not read the hand-over card of Leo" in page for page in pages] == [True, False]


WORDS = [
    ("bookings_cancelreason", CancelReason, {"label": "Weather", "code": "weather", "position": 3}),
    (
        "triage_disposition",
        Disposition,
        {"label": "To a dentist", "code": "dentist", "position": 3, "outcome": "referred", "asks_for": "letter"},
    ),
]


class TestWords:
    @pytest.mark.parametrize(("name", "model", "row"), WORDS)
    def test_are_added_and_switched_off(self, operations, name, model, row):
        operations.post(reverse(f"admin:{name}_add"), row | {"is_active": "on"})
        added = model.objects.get(code=row["code"])

        operations.post(reverse(f"admin:{name}_change", args=[added.pk]), row | {"label": "Otherwise"})

        added.refresh_from_db()
        assert (added.label, added.is_active) == ("Otherwise", False)

    @pytest.mark.parametrize(("name", "model", "row"), WORDS)
    def test_keep_their_code(self, operations, name, model, row):
        first = model.objects.first()

        operations.post(reverse(f"admin:{name}_change", args=[first.pk]), row | {"code": "another"})

        assert model.objects.get(pk=first.pk).code == first.code

    @pytest.mark.parametrize(("name", "model", "row"), WORDS)
    def test_are_not_for_consultants_to_change(self, consultant, name, model, row):
        first = model.objects.first()

        codes = [
            consultant.post(reverse(f"admin:{name}_add"), row).status_code,
            consultant.post(reverse(f"admin:{name}_change", args=[first.pk]), row).status_code,
        ]

        assert codes == [403, 403]

    def test_are_not_deleted_once_used(self, admin_client):
        used, unused = CancelReason.objects.get(code="price"), CancelReason.objects.get(code="mistake")
        BookingFactory(cancel_cause=used)

        codes = [
            admin_client.get(reverse("admin:bookings_cancelreason_delete", args=[word.pk])).status_code
            for word in (used, unused)
        ]

        assert codes == [403, 200]

    def test_for_a_call_come_under_an_outcome_without_a_booking(self, operations):
        row = {"label": "Booked by hand", "code": "by_hand", "position": 1, "outcome": Outcome.BOOKED, "asks_for": ""}

        operations.post(reverse("admin:triage_disposition_add"), row)

        assert not Disposition.objects.filter(code="by_hand").exists()


class TestLetter:
    @pytest.fixture
    def session(self, sarah):
        session = SessionFactory(consultant=sarah, primary_concern="A rash on both arms.")
        now, gp = timezone.now(), Disposition.objects.get(code="gp")
        fields = {"state": "done", "outcome": "referred", "disposition": gp, "started_at": now, "ended_at": now}
        TriageSession.objects.filter(pk=session.pk).update(**fields)
        return session

    @pytest.fixture
    def address(self, session):
        return reverse("admin:triage_triagesession_letter", args=[session.pk])

    def test_is_drafted_and_not_kept_by_looking(self, consultant, address):
        page = consultant.get(address).content.decode()

        assert "A rash on both arms." in page
        assert not ReferralLetter.objects.exists()

    def test_is_kept_on_post(self, consultant, address, sarah):
        consultant.post(address, {"to": "Dr Adams", "text": "Dear colleague"})

        letter = ReferralLetter.objects.get()
        assert (letter.to, letter.text, letter.written_by) == ("Dr Adams", "Dear colleague", sarah.user)

    def test_keeps_card_numbers_out_and_what_was_typed_in(self, consultant, address):
        answer = consultant.post(address, {"to": "Dr Adams", "text": "Paid with 4111 1111 1111 1111"})

        assert "That looks like a card number." in answer.content.decode()
        assert "Paid with" in answer.content.decode()
        assert not ReferralLetter.objects.exists()

    def test_is_not_for_another_consultant(self, tom, address):
        browser = logged_in(tom.user)

        codes = [browser.get(address).status_code, browser.post(address, {"to": "X", "text": "Y"}).status_code]

        assert codes == [403, 403]

    @pytest.mark.parametrize("role", ["clinician", "management"])
    def test_is_not_for_who_may_not_read_letters(self, address, role):
        assert logged_in(somebody(role)).get(address).status_code == 403

    def test_belongs_to_an_ending_that_asks_for_it(self, consultant, address):
        TriageSession.objects.update(disposition="clinician")

        assert consultant.get(address).status_code == 404

    def test_is_found_from_the_call(self, consultant, session, address):
        page = consultant.get(reverse("admin:triage_triagesession_change", args=[session.pk])).content.decode()

        assert address in page

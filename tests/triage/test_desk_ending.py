"""What the desk shows and does after a booking, and at the end of a call."""

from datetime import timedelta
from http import HTTPStatus

import pytest
from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from bookings.models import Booking, Payment
from bookings.money.payments import Taken
from tests.factories import (
    AppointmentTypeFactory,
    PatientFactory,
    PractitionerFactory,
    SessionFactory,
    UserFactory,
    next_morning,
)
from tests.triage.test_desk import Desk
from triage import booking as phone
from triage import hand_over
from triage.models import Disposition, HandOver, TriageSession

pytestmark = pytest.mark.django_db
TEN = next_morning(10, days=2)


@pytest.fixture
def kind():
    return AppointmentTypeFactory()


@pytest.fixture
def doctor(kind):
    return PractitionerFactory(name="Dr Dia", gives=[kind], user=UserFactory())


@pytest.fixture
def session(sarah, doctor, kind):
    """A call of Sarah's that has just led to a paid visit."""
    session = SessionFactory(consultant=sarah, in_progress=True, primary_concern="Sleeps badly.")
    phone.book_by_phone(
        session_id=session.pk,
        consultant=sarah,
        practitioner=doctor,
        appointment_type=kind,
        starts_at=TEN,
        taken=Taken(is_collected=True, reference="R-1"),
        by=sarah.user,
        now=timezone.now(),
        ends_call=False,
    )
    return session


@pytest.fixture
def desk(sarah, session):
    return Desk(sarah.user, session)


def ending(desk: Desk) -> dict:
    return desk.get("state").json()["ending"]


class TestEnding:
    def test_says_what_is_left_to_do(self, desk):
        said = ending(desk)

        assert said["undoUntil"] is not None
        assert said["giveBack"] == "119.00"
        assert said["card"] == {
            "lines": [["Main concern", "Sleeps badly."]],
            "remark": "",
            "readAt": None,
            "canEdit": True,
        }
        assert said["next"] is None

    def test_shows_the_card_as_it_will_be_when_the_call_is_closed(self, desk):
        TriageSession.objects.update(primary_concern="Sleeps badly since June.")

        assert ending(desk)["card"]["lines"] == [["Main concern", "Sleeps badly since June."]]

    def test_shows_that_it_was_read(self, desk, doctor):
        booking = Booking.objects.get(practitioner=doctor)

        hand_over.mark_read(booking_id=booking.pk, by=doctor.user, now=timezone.now())

        assert ending(desk)["card"]["readAt"] is not None

    def test_offers_no_undoing_after_its_time(self, desk):
        Booking.objects.update(created_at=timezone.now() - timedelta(seconds=settings.UNDO_SECONDS))

        assert ending(desk)["undoUntil"] is None

    def test_leads_to_the_next_call_of_today(self, desk, sarah, tom):
        mia, later = (SessionFactory(consultant=sarah, patient=PatientFactory(name=name)) for name in ("Mia", "Noa"))
        others = SessionFactory(consultant=tom)
        now = timezone.now()
        for call, minutes in ((mia, -10), (later, -5), (others, -20)):
            at = now + timedelta(minutes=minutes)
            Booking.objects.filter(pk=call.consultation_id).update(starts_at=at, ends_at=at + timedelta(minutes=15))

        said = ending(desk)["next"]

        assert (said["name"], said["address"]) == ("Mia", reverse("admin:triage_triagesession_desk", args=[mia.pk]))

    def test_is_for_others_only_to_be_seen(self, session):
        operations = Desk(UserFactory(is_staff=True, roles=["operations"]), session)

        said = ending(operations)

        assert (said["undoUntil"], said["card"]["canEdit"], said["next"]) == (None, False, None)

    def test_is_hidden_from_another_consultant(self, session, tom):
        assert ending(Desk(tom.user, session)) is None

    def test_says_what_is_to_be_given_back_until_it_is(self, desk, session):
        number = TriageSession.objects.get(pk=session.pk).booking.number
        desk.post("undo")

        assert desk.get("state").json()["owed"] == [{"number": number, "amount": "119.00", "isPaidOnline": False}]
        Payment.objects.update(status=Payment.Status.REFUNDED)
        assert desk.get("state").json()["owed"] == []

    def test_leads_from_a_referral_to_its_letter(self, sarah):
        session = SessionFactory(consultant=sarah, in_progress=True)

        answer = Desk(sarah.user, session).post("wrap_up", outcome="referred", disposition="gp").json()

        address = reverse("admin:triage_triagesession_letter", args=[session.pk])
        assert answer["ending"] == {"letter": address}

    def test_needs_no_finer_word_where_operations_offer_none(self, sarah):
        Disposition.objects.filter(outcome="rejected").update(is_active=False)
        session = SessionFactory(consultant=sarah, in_progress=True)

        answer = Desk(sarah.user, session).post("wrap_up", outcome="rejected", disposition="")

        assert (answer.status_code, answer.json()["ending"]) == (HTTPStatus.OK, None)


class TestUndo:
    def test_gives_the_call_back(self, desk):
        answer = desk.post("undo").json()

        assert (answer["state"], answer["booking"], answer["ending"]) == ("in_progress", None, None)

    def test_is_not_for_another_consultant(self, session, tom):
        answer = Desk(tom.user, session).post("undo")

        assert (answer.status_code, answer.json()["code"]) == (HTTPStatus.FORBIDDEN, "not_your_session")

    @pytest.mark.parametrize("role", ["clinician", "management"])
    def test_is_not_for_who_may_change_no_call(self, session, role):
        somebody = Desk(UserFactory(is_staff=True, roles=[role]), session)

        codes = [somebody.post(verb, former="", remark="x").status_code for verb in ("undo", "remark")]

        assert codes == [HTTPStatus.FORBIDDEN] * 2

    def test_says_that_it_is_too_late(self, desk):
        Booking.objects.update(created_at=timezone.now() - timedelta(hours=1))

        answer = desk.post("undo")

        assert (answer.status_code, answer.json()["code"]) == (HTTPStatus.UNPROCESSABLE_ENTITY, "too_late_to_undo")


class TestRemark:
    def test_is_kept(self, desk):
        answer = desk.post("remark", former="", remark="Speaks softly.\n").json()

        assert answer["ending"]["card"]["remark"] == "Speaks softly.\n"

    def test_comes_back_when_another_window_wrote(self, desk):
        HandOver.objects.update(remark="Written elsewhere.")

        answer = desk.post("remark", former="", remark="Written here.")

        assert (answer.status_code, answer.json()["remark"]) == (HTTPStatus.CONFLICT, "Written elsewhere.")

    @pytest.mark.parametrize("body", [{}, {"former": ""}, {"former": "", "remark": "x" * 5001}])
    def test_has_to_be_a_remark(self, desk, body):
        assert desk.post("remark", **body).status_code == HTTPStatus.BAD_REQUEST

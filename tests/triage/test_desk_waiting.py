"""At the call desk: callers who wait, for a service to come or for an earlier time."""

from datetime import timedelta
from http import HTTPStatus

import pytest
from django.utils import timezone

from bookings.models import EarlierTimeRequest, Patient
from services import interest
from services.models import InterestEntry, Service
from tests.factories import AppointmentTypeFactory, ServiceFactory, SessionFactory
from tests.offering import approve_words
from triage.models import TriageSession

from .conftest import Desk

pytestmark = pytest.mark.django_db


@pytest.fixture
def equine():
    service = ServiceFactory(name="Equine", slug="equine", status=Service.Status.COMING_SOON, has_waitlist=True)
    approve_words(service)
    return service


def agreed(service, **changes):
    return {"service": service.slug, "wording": interest.wording_for(service), "agrees": True, **changes}


class TestJoinList:
    def test_is_offered_with_the_words_to_read_out(self, desk, equine):
        page = desk.page().content.decode()

        assert 'data-list="equine"' in page
        assert interest.wording_for(equine) in page

    def test_is_not_offered_where_there_is_no_list(self, desk, equine):
        Service.objects.filter(pk=equine.pk).update(has_waitlist=False)

        assert "data-list" not in desk.page().content.decode()

    def test_puts_the_caller_on_the_list(self, desk, session, equine):
        answer = desk.post("join_list", **agreed(equine))

        entry = InterestEntry.objects.get()
        assert answer.status_code == HTTPStatus.OK
        assert (entry.name, entry.email, entry.source) == (session.patient.name, session.patient.email, "desk")
        assert entry.consent_wording == interest.wording_for(equine)

    def test_needs_the_spoken_consent(self, desk, equine):
        assert desk.post("join_list", **agreed(equine, agrees=False)).status_code == HTTPStatus.BAD_REQUEST
        assert not InterestEntry.objects.exists()

    def test_is_refused_with_other_words_than_were_read_out(self, desk, equine):
        answer = desk.post("join_list", **agreed(equine, wording="Anything."))

        assert (answer.status_code, answer.json()["code"]) == (HTTPStatus.CONFLICT, "words_changed")

    def test_needs_an_address(self, desk, session, equine):
        Patient.objects.filter(pk=session.patient_id).update(email="")

        answer = desk.post("join_list", **agreed(equine))

        assert "Ask for one first" in answer.json()["error"]

    def test_is_refused_in_somebody_elses_call(self, tom, session, equine):
        assert Desk(tom.user, session).post("join_list", **agreed(equine)).status_code == HTTPStatus.FORBIDDEN

    def test_is_refused_after_the_call(self, desk, session, equine):
        TriageSession.objects.filter(pk=session.pk).update(
            state=TriageSession.State.DONE, outcome="rejected", ended_at=timezone.now()
        )

        assert desk.post("join_list", **agreed(equine)).json()["code"] == "session_closed"


class TestAskEarlier:
    def test_puts_the_caller_on_the_list(self, desk, session, kind, doctor):
        until = timezone.localdate() + timedelta(days=9)

        answer = desk.post(
            "ask_earlier",
            type=kind.code,
            urgency=1,
            dayparts=["morning"],
            weekdays=[0, 2],
            untilOn=f"{until}",
            practitionerId=f"{doctor.pk}",
        )

        assert answer.status_code == HTTPStatus.OK
        request = EarlierTimeRequest.objects.get()
        assert (request.patient, request.appointment_type, request.practitioner) == (session.patient, kind, doctor)
        assert (request.urgency, request.dayparts, request.weekdays) == (1, ["morning"], [0, 2])
        assert (request.until_on, request.session_id) == (until, session.pk)
        assert (request.booking, request.asked_by) == (None, session.consultant.user)

    def test_is_about_the_visit_that_was_booked_in_the_call(self, desk, session, wanted, kind):
        desk.post("hold", **wanted)
        answer = desk.post("confirm", **wanted, payment="later", amount="119.00")
        code = answer.json()["booking"]["type"]

        desk.post("ask_earlier", type=code, urgency=2)

        session.refresh_from_db()
        assert EarlierTimeRequest.objects.get().booking == session.booking

    def test_changes_what_was_asked_for_when_sent_twice(self, desk, kind):
        for urgency in (2, 1):
            desk.post("ask_earlier", type=kind.code, urgency=urgency)

        assert EarlierTimeRequest.objects.get().urgency == 1

    @pytest.mark.parametrize(
        "changes",
        [
            {"urgency": 9},
            {"urgency": None},
            {"dayparts": ["night"]},
            {"weekdays": [7]},
            {"weekdays": "0"},
            {"untilOn": "2020-01-01"},
            {"untilOn": "soon"},
            {"type": "nothing"},
        ],
    )
    def test_says_what_cannot_be(self, desk, kind, changes):
        answer = desk.post("ask_earlier", **{"type": kind.code, "urgency": 2, **changes})

        assert answer.status_code == HTTPStatus.BAD_REQUEST
        assert not EarlierTimeRequest.objects.exists()

    def test_needs_an_address(self, desk, session, kind):
        Patient.objects.filter(pk=session.patient_id).update(email="")

        assert desk.post("ask_earlier", type=kind.code, urgency=2).json()["code"] == "cannot_ask_earlier"

    def test_is_not_for_what_is_not_offered(self, desk):
        off = AppointmentTypeFactory(is_active=False)

        assert desk.post("ask_earlier", type=off.code, urgency=2).status_code == HTTPStatus.BAD_REQUEST

    def test_is_refused_in_somebody_elses_call(self, sarah, tom, kind):
        others = SessionFactory(consultant=tom)

        assert Desk(sarah.user, others).post("ask_earlier", type=kind.code, urgency=2).status_code == 403

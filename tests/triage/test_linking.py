"""Whose call it is: linked to a known patient, taken back, or about somebody else."""

from datetime import date, datetime
from http import HTTPStatus
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from bookings.models import ConsentWording
from bookings.money.payments import Taken
from bookings.patients import consents, identity, merging
from botaniqal.errors import Malformed
from tests.factories import (
    AppointmentTypeFactory,
    PatientFactory,
    PractitionerFactory,
    SessionFactory,
    UserFactory,
    next_morning,
)
from triage import booking, linking, sessions
from triage.models import TriageSession

pytestmark = pytest.mark.django_db
THREE = ["name", "birth", "phone"]


@pytest.fixture
def session(sarah):
    return SessionFactory(consultant=sarah, in_progress=True)


@pytest.fixture
def known():
    return PatientFactory(name="Leo Martin", date_of_birth=date(1979, 3, 4))


def now() -> datetime:
    return timezone.now()


def link(session, known, consultant, identifiers=THREE):
    return linking.link(
        session_id=session.pk,
        consultant=consultant,
        patient_id=known.pk,
        identifiers=identifiers,
        by=consultant and consultant.user,
        now=now(),
    )


def unlink(session, consultant):
    return linking.unlink(session_id=session.pk, consultant=consultant, by=consultant.user, now=now())


def for_another(session, consultant, name="Mia Martin", born=None):
    return linking.make_for_another(
        session_id=session.pk, consultant=consultant, name=name, date_of_birth=born, by=None, now=now()
    )


class TestLink:
    def test_gives_call_and_consultation_to_the_known_patient(self, session, known, sarah):
        former = session.patient

        link(session, known, sarah)

        session.refresh_from_db()
        session.consultation.refresh_from_db()
        former.refresh_from_db()
        known.refresh_from_db()
        assert (session.patient, session.consultation.patient, former.merged_into) == (known, known, known)
        assert known.identified_at is not None
        assert session.events.filter(kind="linked").count() == 1

    @pytest.mark.parametrize("identifiers", [[], ["name", "birth"], ["birth", "phone"]])
    def test_wants_three_identifiers(self, session, known, sarah, identifiers):
        with pytest.raises(identity.NotIdentified):
            link(session, known, sarah, identifiers)

        session.refresh_from_db()
        assert session.patient != known

    def test_wants_identifiers_that_the_record_has(self, session, known, sarah):
        with pytest.raises(identity.NothingToCompare):
            link(session, known, sarah, ["name", "birth", "address"])

    def test_is_for_the_calls_consultant(self, session, known, tom):
        with pytest.raises(sessions.NotYourSession):
            link(session, known, tom)

    def test_is_not_for_a_call_that_is_over(self, session, known, sarah):
        TriageSession.objects.filter(pk=session.pk).update(state="done", outcome="rejected")

        with pytest.raises(sessions.SessionClosed):
            link(session, known, sarah)

    def test_refuses_the_same_record_and_a_merged_one(self, session, sarah):
        with pytest.raises(merging.CannotMerge):
            link(session, session.patient, sarah)
        with pytest.raises(merging.CannotMerge):
            link(session, PatientFactory(merged_into=session.patient), sarah)


class TestUnlink:
    def test_gives_the_call_back(self, session, known, sarah):
        former = session.patient
        link(session, known, sarah)

        unlink(session, sarah)

        session.refresh_from_db()
        session.consultation.refresh_from_db()
        assert (session.patient, session.consultation.patient) == (former, former)

    def test_has_nothing_to_take_back_without_a_link(self, session, sarah):
        with pytest.raises(linking.NotLinked):
            unlink(session, sarah)

    def test_is_for_the_calls_consultant(self, session, known, sarah, tom):
        link(session, known, sarah)

        with pytest.raises(sessions.NotYourSession):
            unlink(session, tom)


class TestMakeForAnother:
    def test_makes_a_record_on_the_same_e_mail_and_phone(self, session, sarah):
        caller = session.patient

        patient = for_another(session, sarah, born=date(2015, 1, 1))

        session.refresh_from_db()
        session.consultation.refresh_from_db()
        assert (session.patient, session.consultation.patient) == (patient, caller)
        assert (patient.email, patient.phone, patient.identified_at) == (caller.email, caller.phone, None)

    def test_is_for_the_calls_consultant(self, session, tom):
        with pytest.raises(sessions.NotYourSession):
            for_another(session, tom)

    def test_is_not_for_a_call_that_is_over(self, session, sarah):
        TriageSession.objects.filter(pk=session.pk).update(state="done", outcome="rejected")

        with pytest.raises(sessions.SessionClosed):
            for_another(session, sarah)

    @pytest.mark.parametrize(("name", "born"), [("", None), ("Mia", date(2999, 1, 1)), ("4111111111111111", None)])
    def test_refuses_what_is_no_person(self, session, sarah, name, born):
        with pytest.raises(Malformed):
            for_another(session, sarah, name=name, born=born)


class TestBookByPhone:
    def test_is_stopped_by_a_refused_consent(self, session, sarah):
        kind = AppointmentTypeFactory()
        doctor = PractitionerFactory(gives=[kind])
        wording = ConsentWording.objects.get(kind="telehealth", is_current=True)
        consents.record(
            patient_id=session.patient_id, wording_id=wording.pk, is_given=False, how="phone", by=None, now=now()
        )

        with pytest.raises(consents.ConsentRefused):
            booking.book_by_phone(
                session_id=session.pk,
                consultant=sarah,
                practitioner=doctor,
                appointment_type=kind,
                starts_at=next_morning(10, days=2),
                taken=Taken(),
                by=sarah.user,
                now=now(),
            )


class TestDesk:
    @pytest.fixture
    def post(self, session):
        def post(name, /, user=session.consultant.user, **body):
            client = Client()
            client.force_login(user)
            address = reverse("admin:triage_triagesession_desk", args=[session.pk])
            if body.pop("is_get", False):
                return client.get(f"{address}{name}/")
            return client.post(f"{address}{name}/", body, content_type="application/json")

        return post

    def test_answers_with_what_agreed(self, post):
        state = post("identify", identifiers=["name", "phone"]).json()["patient"]

        assert [one["code"] for one in state["identifiers"] if one["isChecked"]] == ["name", "phone"]
        assert not state["isIdentified"]

    def test_changes_all_details_or_none(self, post, session):
        changes = [{"field": "date_of_birth", "value": "1979-03-04"}, {"field": "phone", "value": "12"}]

        answer = post("details", changes=changes)

        session.patient.refresh_from_db()
        assert (answer.status_code, session.patient.date_of_birth) == (HTTPStatus.BAD_REQUEST, None)

    def test_decides_on_no_proposal_of_another_patient(self, post):
        assert post("decide", proposalId=404, isTaken=True).status_code == HTTPStatus.NOT_FOUND

    def test_notes_a_consent_with_who_asked(self, post, session):
        wording = ConsentWording.objects.get(kind="privacy", is_current=True)

        post("consent", wordingId=wording.pk, isGiven=True)

        consent = session.patient.consents.get()
        assert (consent.is_given, consent.how, consent.session_id) == (True, "phone", session.pk)
        assert consent.by == session.consultant.user

    @pytest.mark.parametrize(
        ("name", "body"),
        [
            ("identify", {"identifiers": ["name"]}),
            ("details", {"changes": [{"field": "name", "value": "Leo"}]}),
            ("decide", {"proposalId": 1, "isTaken": True}),
            ("consent", {"wordingId": 1, "isGiven": True}),
            ("link", {"patientId": str(uuid4()), "identifiers": THREE}),
            ("unlink", {}),
            ("another", {"name": "Mia"}),
        ],
    )
    def test_is_closed_to_other_consultants_and_to_clinicians(self, post, tom, name, body):
        clinician = UserFactory(is_staff=True, roles=["clinician"])

        assert post(name, user=tom.user, **body).status_code == HTTPStatus.FORBIDDEN
        assert post(name, user=clinician, **body).status_code == HTTPStatus.FORBIDDEN

    def test_shows_who_it_may_be_to_the_calls_consultant_alone(self, post, session, known, tom):
        shown = post("known", is_get=True).json()["candidates"]

        assert [one["id"] for one in shown] == [str(known.pk)]
        assert post("known", user=tom.user, is_get=True).status_code == HTTPStatus.FORBIDDEN

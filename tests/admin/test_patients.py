"""Patients in the portal: who decides on their details, which records are one, what they are asked."""

from http import HTTPStatus

import pytest
from django.urls import reverse
from django.utils import timezone

from bookings.models import ConsentWording
from bookings.patients import merging, proposals
from tests.factories import BookingFactory, PatientFactory, SessionFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def patient():
    return PatientFactory(name="Leo Martin", email="leo@example.com")


@pytest.fixture
def twin(patient):
    return PatientFactory(name="Leo Martin", email="leo@work.example.com")


@pytest.fixture
def proposal(patient):
    told = proposals.tell(
        patient_id=patient.pk, field="email", value="new@example.com", source="call", by=None, now=timezone.now()
    )
    return told.proposal


def do(client, row, name, **body):
    model = f"{row._meta.app_label}_{row._meta.model_name}"
    return client.post(reverse(f"admin:{model}_verb", args=[row.pk, name]), body)


def changelist(client, model, **query):
    return client.get(reverse(f"admin:bookings_{model}_changelist"), query).content.decode()


class TestPatientPage:
    def test_merges_with_a_record_that_is_alike_and_undoes_that(self, operations, patient, twin):
        booking = BookingFactory(patient=twin)

        do(operations, patient, "merge", other=str(twin.pk), reason="Same voice")

        booking.refresh_from_db()
        assert booking.patient == patient
        do(operations, patient, "undo_merge", merge=patient.merges.get().pk)
        booking.refresh_from_db()
        assert booking.patient == twin

    def test_merges_with_none_that_was_not_offered(self, operations, patient):
        other = PatientFactory(name="Zoe Quick", email="zoe@example.com", phone="+61491570999")

        do(operations, patient, "merge", other=str(other.pk), reason="Guess")

        other.refresh_from_db()
        assert other.merged_into is None

    def test_lets_no_consultant_merge(self, consultant, sarah, patient, twin):
        SessionFactory(consultant=sarah, patient=patient)

        answer = do(consultant, patient, "merge", other=str(twin.pk), reason="Same voice")

        assert answer.status_code == HTTPStatus.FORBIDDEN

    def test_lets_no_consultant_type_over_details(self, consultant, sarah, patient):
        SessionFactory(consultant=sarah, patient=patient)
        page = reverse("admin:bookings_patient_change", args=[patient.pk])

        answer = consultant.post(page, {"name": "Other", "time_zone": "Australia/Melbourne"})

        patient.refresh_from_db()
        assert (answer.status_code, patient.name) == (HTTPStatus.FORBIDDEN, "Leo Martin")

    def test_lists_a_merged_record_apart(self, operations, patient, twin):
        merging.merge(kept_id=patient.pk, given_up_id=twin.pk, reason="Same", by=None, now=timezone.now())

        assert "leo@work.example.com" not in changelist(operations, "patient")
        assert "leo@work.example.com" in changelist(operations, "patient", view="merged")

    def test_shows_a_merged_record_to_no_consultant_who_knows_the_other(self, consultant, sarah, patient, twin):
        SessionFactory(consultant=sarah, patient=twin)
        merging.merge(kept_id=patient.pk, given_up_id=twin.pk, reason="Same", by=None, now=timezone.now())

        assert "leo@example.com" in changelist(consultant, "patient")
        assert "leo@work.example.com" not in changelist(consultant, "patient", view="merged")


class TestProposedChanges:
    def test_are_taken_over_one_by_one(self, operations, patient, proposal):
        do(operations, proposal, "take")

        patient.refresh_from_db()
        assert patient.email == "new@example.com"

    def test_are_refused_in_bulk(self, operations, patient, proposal):
        address = reverse("admin:bookings_detailproposal_changelist")

        operations.post(address, {"action": "refuse_all", "_selected_action": [proposal.pk]})

        proposal.refresh_from_db()
        assert proposal.is_taken is False

    def test_are_not_for_a_consultant_to_decide_here(self, consultant, sarah, patient, proposal):
        SessionFactory(consultant=sarah, patient=patient)

        assert do(consultant, proposal, "take").status_code == HTTPStatus.FORBIDDEN

    def test_are_shown_to_nobody_who_does_not_know_the_patient(self, consultant, proposal):
        assert "new@example.com" not in changelist(consultant, "detailproposal")


class TestConsentWordings:
    def test_get_a_new_version_instead_of_a_change(self, operations):
        row = ConsentWording.objects.get(kind="privacy", is_current=True)

        do(operations, row, "new_version", text="New words.", is_required="on")

        new = ConsentWording.objects.get(kind="privacy", is_current=True)
        assert (new.text, new.version) == ("New words.", row.version + 1)

    def test_begin_on_a_page_of_their_own(self, operations):
        address = reverse("admin:bookings_consentwording_add")

        page = operations.get(address)
        operations.post(address, {"kind": "recording", "text": "May we record the call?"})

        assert page.status_code == HTTPStatus.OK
        assert ConsentWording.objects.get(kind="recording").version == 1

    def test_are_not_for_a_consultant_to_word(self, consultant):
        row = ConsentWording.objects.get(kind="privacy", is_current=True)

        assert consultant.get(reverse("admin:bookings_consentwording_add")).status_code == HTTPStatus.FORBIDDEN
        assert do(consultant, row, "withdraw").status_code == HTTPStatus.FORBIDDEN

    def test_are_asked_no_longer(self, operations):
        row = ConsentWording.objects.get(kind="sharing", is_current=True)

        do(operations, row, "withdraw")

        row.refresh_from_db()
        assert not row.is_current

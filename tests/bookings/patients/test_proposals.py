"""Details that somebody said to be otherwise, and who decides."""

from datetime import date, timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from bookings.models import DetailProposal
from bookings.patients import identity, proposals
from botaniqal.errors import Malformed, Missing
from tests.factories import BookingFactory, PatientFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def patient():
    return PatientFactory(email="leo@example.com")


@pytest.fixture
def operator():
    return UserFactory(roles=["operations"])


def told(patient, field, value):
    return proposals.tell(patient_id=patient.pk, field=field, value=value, source="call", by=None, now=timezone.now())


def decided(proposal, by, *, is_taken=True, session_id=None):
    return proposals.decide(
        proposal_id=proposal.pk, is_taken=is_taken, by=by, now=timezone.now(), session_id=session_id
    )


class TestTell:
    def test_fills_in_what_is_empty(self, patient):
        assert told(patient, "date_of_birth", "1979-03-04").is_filled

        patient.refresh_from_db()
        assert patient.date_of_birth == date(1979, 3, 4)

    def test_proposes_what_is_otherwise(self, patient):
        proposal = told(patient, "email", "new@example.com").proposal

        patient.refresh_from_db()
        assert patient.email == "leo@example.com"
        assert (proposal.ours, proposal.theirs) == ("leo@example.com", "new@example.com")

    def test_writes_a_phone_number_as_it_is_kept(self, patient):
        assert told(patient, "phone", "0412 345 678").proposal.theirs == "+61412345678"

    def test_keeps_the_latest_proposal_alone_open(self, patient):
        told(patient, "email", "new@example.com")
        told(patient, "email", "newer@example.com")

        waiting = patient.proposals.filter(decided_at=None)
        assert [row.theirs for row in waiting] == ["newer@example.com"]

    def test_proposes_the_same_once(self, patient):
        first, again = told(patient, "email", "new@example.com"), told(patient, "email", "new@example.com")

        assert first.proposal == again.proposal

    def test_withdraws_a_proposal_when_the_old_value_is_right_after_all(self, patient):
        told(patient, "email", "new@example.com")

        told(patient, "email", "leo@example.com")

        assert not patient.proposals.filter(decided_at=None).exists()

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("email", "no e-mail"),
            ("phone", "12"),
            ("date_of_birth", "1799-01-01"),
            ("date_of_birth", "3999-01-01"),
            ("date_of_birth", "yesterday"),
            ("time_zone", "Mars/Olympus"),
            ("name", "12"),
            ("name", " "),
            ("name", "x" * 256),
            ("address", "4111 1111 1111 1111"),
        ],
    )
    def test_refuses_what_cannot_be_such_a_detail(self, patient, field, value):
        with pytest.raises(Malformed):
            told(patient, field, value)


class TestDecide:
    def test_takes_it_over_and_owes_the_visits_ahead_to_the_vendors(self, patient, operator):
        booking = BookingFactory(patient=patient)
        proposal = told(patient, "email", "new@example.com").proposal

        decided(proposal, operator)

        patient.refresh_from_db()
        proposal.refresh_from_db()
        assert patient.email == "new@example.com"
        assert (proposal.is_taken, proposal.decided_by) == (True, operator)
        assert booking.sync_records.filter(system="medirecords").exists()

    def test_refuses_it(self, patient, operator):
        proposal = told(patient, "email", "new@example.com").proposal

        decided(proposal, operator, is_taken=False)

        patient.refresh_from_db()
        assert patient.email == "leo@example.com"

    def test_takes_over_a_date_of_birth(self, patient, operator):
        told(patient, "date_of_birth", "1979-03-04")
        proposal = told(patient, "date_of_birth", "1979-04-03").proposal

        decided(proposal, operator)

        patient.refresh_from_db()
        assert patient.date_of_birth == date(1979, 4, 3)

    def test_is_not_for_a_consultant_before_three_identifiers(self, patient):
        proposal = told(patient, "email", "new@example.com").proposal
        call = uuid4()
        identity.check(
            patient_id=patient.pk, identifiers=["name", "phone"], session_id=call, by=None, now=timezone.now()
        )

        with pytest.raises(proposals.MayNotDecide):
            decided(proposal, UserFactory(roles=["consultant"]), session_id=call)

    def test_is_for_a_consultant_after_three_identifiers_in_the_call(self, patient):
        told(patient, "date_of_birth", "1979-03-04")
        proposal = told(patient, "email", "new@example.com").proposal
        call, agreed = uuid4(), ["name", "birth", "phone"]
        identity.check(patient_id=patient.pk, identifiers=agreed, session_id=call, by=None, now=timezone.now())

        decided(proposal, UserFactory(roles=["consultant"]), session_id=call)

        patient.refresh_from_db()
        assert patient.email == "new@example.com"

    def test_is_done_once(self, patient, operator):
        proposal = told(patient, "email", "new@example.com").proposal
        decided(proposal, operator)

        with pytest.raises(proposals.AlreadyDecided):
            decided(proposal, operator, is_taken=False)

    def test_overwrites_nothing_that_was_changed_since(self, patient, operator):
        proposal = told(patient, "email", "new@example.com").proposal
        patient.email = "third@example.com"
        patient.save()

        with pytest.raises(proposals.ChangedMeanwhile):
            decided(proposal, operator)

    def test_knows_no_other_proposals(self, operator):
        with pytest.raises(Missing):
            decided(DetailProposal(pk=404), operator)


class TestShown:
    def test_writes_a_day_as_people_do(self):
        assert proposals.shown("date_of_birth", "1979-03-04") == "4 Mar 1979"

    def test_knows_no_birth_in_the_future(self):
        with pytest.raises(Malformed):
            proposals.as_kept(proposals.Field.BIRTH, f"{timezone.localdate() + timedelta(days=2)}")

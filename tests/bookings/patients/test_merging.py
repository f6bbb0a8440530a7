"""Two records that are one person's, and two again."""

from datetime import date
from uuid import uuid4

import pytest
from django.apps import apps
from django.utils import timezone

from bookings.models import (
    Consent,
    ConsentWording,
    DetailProposal,
    EarlierTimeRequest,
    IdentityCheck,
    Patient,
    PatientMerge,
)
from bookings.patients import merging
from botaniqal.errors import Malformed, Missing
from tests.factories import AppointmentTypeFactory, BookingFactory, PatientFactory, SessionFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def kept():
    return PatientFactory(name="Leo Martin", email="leo@example.com")


@pytest.fixture
def other():
    return PatientFactory(name="Leo Martyn", email="leo@work.example.com")


def merged(kept, other) -> PatientMerge:
    return merging.merge(kept_id=kept.pk, given_up_id=other.pk, reason="Same person", by=None, now=timezone.now())


def undone(row) -> PatientMerge:
    return merging.undo(merge_id=row.pk, by=None, now=timezone.now())


def a_consent(patient):
    wording = ConsentWording.objects.first()
    return Consent.objects.create(patient=patient, wording=wording, is_given=True, how="phone", at=timezone.now())


def a_proposal(patient):
    now = timezone.now()
    return DetailProposal.objects.create(
        patient=patient, field="address", theirs="1 St", source="call", proposed_at=now
    )


def a_check(patient):
    return IdentityCheck.objects.create(patient=patient, identifiers=["name"], checked_at=timezone.now())


def an_older_merge(patient):
    now = timezone.now()
    return PatientMerge.objects.create(kept=patient, given_up=PatientFactory(), reason="Twice", merged_at=now)


MAKERS = {
    "bookings.booking.patient": lambda patient: BookingFactory(patient=patient),
    "triage.triagesession.patient": lambda patient: SessionFactory(patient=patient),
    "bookings.consent.patient": a_consent,
    "bookings.detailproposal.patient": a_proposal,
    "bookings.identitycheck.patient": a_check,
    "bookings.earliertimerequest.patient": lambda patient: EarlierTimeRequest.objects.create(
        patient=patient, appointment_type=AppointmentTypeFactory(), asked_at=timezone.now()
    ),
    "bookings.patientmerge.kept": an_older_merge,
    "bookings.patient.merged_into": lambda patient: PatientFactory(merged_into=patient),
}
"""A row of everything that can belong to a patient."""


class TestRelations:
    def test_name_everything_that_points_at_a_patient(self):
        points = {
            f"{model._meta.label_lower}.{field.name}"
            for model in apps.get_models(include_auto_created=True)
            for field in model._meta.get_fields(include_hidden=True)
            if field.is_relation and field.concrete and field.related_model is Patient
        }

        assert points - {"bookings.patientmerge.given_up"} == set(MAKERS)
        assert {f"{field.model._meta.label_lower}.{field.name}" for field in merging.relations()} == set(MAKERS)


class TestMerge:
    @pytest.mark.parametrize("name", MAKERS)
    def test_moves_what_belongs_to_the_other_and_undo_gives_it_back(self, kept, other, name):
        row = MAKERS[name](other)
        field = name.rpartition(".")[2]

        merge = merged(kept, other)

        row.refresh_from_db()
        assert getattr(row, field) == kept
        assert str(row.pk) in map(str, merge.moved[name])

        undone(merge)

        row.refresh_from_db()
        assert getattr(row, field) == other

    def test_points_to_the_record_that_stays(self, kept, other):
        merged(kept, other)

        assert list(Patient.objects.standing()) == [kept]

    def test_proposes_what_differs_and_overwrites_nothing(self, kept, other):
        Patient.objects.filter(pk=other.pk).update(date_of_birth=date(1979, 3, 4))

        merged(kept, other)

        kept.refresh_from_db()
        assert (kept.email, kept.date_of_birth) == ("leo@example.com", None)
        proposed = kept.proposals.values_list("field", "theirs", "source")
        assert sorted(proposed) == [
            ("date_of_birth", "1979-03-04", "merge"),
            ("email", "leo@work.example.com", "merge"),
            ("name", "Leo Martyn", "merge"),
        ]

    def test_keeps_one_open_proposal_a_detail(self, kept, other):
        ours, theirs = a_proposal(kept), a_proposal(other)

        merge = merged(kept, other)

        theirs.refresh_from_db()
        assert theirs.patient == other
        assert list(kept.proposals.filter(field="address")) == [ours]
        undone(merge)

    def test_owes_the_visits_ahead_to_the_vendors(self, kept, other):
        booking = BookingFactory(patient=other)

        merged(kept, other)

        assert booking.sync_records.filter(system="medirecords").exists()

    def test_takes_over_the_record_at_medirecords(self, kept, other):
        key = uuid4()
        Patient.objects.filter(pk=other.pk).update(medirecords_id=key)

        merge = merged(kept, other)

        kept.refresh_from_db()
        assert kept.medirecords_id == key
        undone(merge)
        kept.refresh_from_db()
        other.refresh_from_db()
        assert (kept.medirecords_id, other.medirecords_id) == (None, key)

    def test_refuses_a_record_with_itself(self, kept):
        with pytest.raises(merging.CannotMerge):
            merged(kept, kept)

    def test_refuses_a_record_that_was_merged(self, kept, other):
        merged(kept, other)

        with pytest.raises(merging.CannotMerge):
            merged(PatientFactory(), other)
        with pytest.raises(merging.CannotMerge):
            merged(other, PatientFactory())

    def test_asks_for_a_reason(self, kept, other):
        with pytest.raises(Malformed):
            merging.merge(kept_id=kept.pk, given_up_id=other.pk, reason=" ", by=None, now=timezone.now())

    def test_knows_no_other_patients(self, kept):
        with pytest.raises(Missing):
            merging.merge(kept_id=kept.pk, given_up_id=uuid4(), reason="Same", by=None, now=timezone.now())


class TestUndo:
    def test_leaves_what_came_since(self, kept, other):
        merge = merged(kept, other)
        since = BookingFactory(patient=kept)

        undone(merge)

        since.refresh_from_db()
        assert since.patient == kept
        assert set(Patient.objects.standing()) == {kept, other}

    def test_takes_back_what_the_merge_proposed(self, kept, other):
        merge = merged(kept, other)

        undone(merge)

        assert not kept.proposals.filter(decided_at=None).exists()

    def test_is_done_once(self, kept, other):
        merge = merged(kept, other)
        undone(merge)

        with pytest.raises(merging.NotMerged):
            undone(merge)

    def test_follows_a_record_that_was_merged_again(self, kept, other):
        first, last = PatientFactory(), kept
        booking = BookingFactory(patient=first)
        inner = merged(other, first)
        merged(last, other)

        undone(inner)

        booking.refresh_from_db()
        first.refresh_from_db()
        assert (booking.patient, first.merged_into) == (first, None)

    def test_says_who_did_it(self, kept, other):
        merge, operator = merged(kept, other), UserFactory()

        merging.undo(merge_id=merge.pk, by=operator, now=timezone.now())

        merge.refresh_from_db()
        assert merge.undone_by == operator

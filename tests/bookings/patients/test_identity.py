"""Who somebody is: identifiers that agree, and who else it may be."""

from datetime import date
from uuid import uuid4

import pytest
from django.utils import timezone

from bookings.models import IdentityCheck
from bookings.patients import identity
from tests.factories import PatientFactory

pytestmark = pytest.mark.django_db
BORN = date(1979, 3, 4)


@pytest.fixture
def patient():
    return PatientFactory(name="Leo Martin", date_of_birth=BORN, address="1 Long Street, Kew")


def checked(patient, *identifiers, session_id=None):
    return identity.check(
        patient_id=patient.pk,
        identifiers=list(identifiers),
        session_id=session_id or uuid4(),
        by=None,
        now=timezone.now(),
    )


def somebody(**fields):
    return PatientFactory(**{"name": "Zoe Quick", "email": "zoe@example.com", "phone": "+61491570999"} | fields)


def found(patient):
    return [(one.patient, one.strength.name, "; ".join(one.reasons)) for one in identity.candidates(patient)]


class TestIsEnough:
    @pytest.mark.parametrize(
        ("identifiers", "is_enough"),
        [
            (["name", "birth", "phone"], True),
            (["name", "birth", "address"], True),
            (["name", "phone", "address"], True),
            (["name", "birth", "phone", "address"], True),
            (["birth", "phone", "address"], False),
            (["name", "birth"], False),
            (["name", "name", "birth"], False),
            ([], False),
        ],
    )
    def test_wants_the_name_and_two_more(self, identifiers, is_enough):
        assert identity.is_enough(identifiers) is is_enough


class TestCheck:
    def test_notes_when_enough_agreed(self, patient):
        assert checked(patient, "name", "birth", "phone")

        patient.refresh_from_db()
        assert patient.identified_at is not None

    def test_leaves_the_patient_unidentified_while_too_few_agree(self, patient):
        assert not checked(patient, "name", "birth")

        patient.refresh_from_db()
        assert patient.identified_at is None

    def test_goes_back_to_the_former_check_when_a_tick_is_taken_back(self, patient):
        checked(patient, "name", "birth", "phone")
        patient.refresh_from_db()
        former, call = patient.identified_at, uuid4()
        checked(patient, "name", "birth", "phone", session_id=call)

        checked(patient, "name", session_id=call)

        patient.refresh_from_db()
        assert patient.identified_at == former
        assert IdentityCheck.objects.count() == 2

    def test_refuses_what_is_not_recorded(self):
        with pytest.raises(identity.NothingToCompare):
            checked(PatientFactory(), "name", "birth", "phone")


class TestCandidates:
    def test_finds_the_same_name_and_birth_first(self, patient):
        weak = somebody(name="Leo Martin")
        same = somebody(name="LEO MARTIN", date_of_birth=BORN)

        assert found(patient) == [
            (same, "STRONG", "Same name and date of birth"),
            (weak, "WEAK", "Same name"),
        ]

    def test_finds_a_name_that_was_misspelt(self, patient):
        other = somebody(name="Leo Martyn", date_of_birth=BORN, phone=patient.phone)

        assert found(patient) == [(other, "STRONG", "Same date of birth and phone; similar name")]

    def test_takes_an_e_mail_alone_for_family(self, patient):
        other = somebody(name="Mia Chen", email=patient.email)

        assert found(patient) == [(other, "FAMILY", "Same e-mail; other name")]

    def test_takes_a_sister_for_family(self, patient):
        other = somebody(name="Mia Martin", email=patient.email, phone=patient.phone)

        assert found(patient) == [(other, "FAMILY", "Same phone and e-mail; other name")]

    @pytest.mark.parametrize("name", ["Martin Leo", "Leonard Martin", "Leo Martyn", "Leo James Martin", "leo  MARTIN"])
    def test_knows_a_name_again(self, patient, name):
        other = somebody(name=name, date_of_birth=BORN)

        assert [one.patient for one in identity.candidates(patient)] == [other]

    def test_takes_a_child_of_the_same_name_for_family(self, patient):
        other = somebody(name="Leo Martin", phone=patient.phone, date_of_birth=date(2015, 1, 1))

        assert found(patient) == [(other, "FAMILY", "Same name and phone; other date of birth")]

    def test_thinks_of_somebody_who_has_another_name_since(self, patient):
        other = somebody(name="Zoe Quick", phone=patient.phone, date_of_birth=BORN)

        assert found(patient) == [(other, "POSSIBLE", "Same date of birth and phone; other name")]

    def test_leaves_out_namesakes_of_another_birth(self, patient):
        somebody(name="Leo Martin", date_of_birth=date(1990, 1, 1))

        assert found(patient) == []

    def test_leaves_out_who_was_born_on_the_same_day_alone(self, patient):
        somebody(date_of_birth=BORN)

        assert found(patient) == []

    def test_leaves_out_records_that_were_merged(self, patient):
        somebody(name="Leo Martin", date_of_birth=BORN, merged_into=patient)

        assert found(patient) == []

    def test_shows_no_more_than_a_few(self, patient):
        for _ in range(30):
            somebody(name="Leo Martin")

        assert len(identity.candidates(patient)) == identity.SHOWN

    def test_asks_a_fixed_number_of_questions(self, patient, django_assert_max_num_queries):
        for n in range(10):
            somebody(name="Leo Martin", phone=f"+6149157{n:04}", email=patient.email)

        with django_assert_max_num_queries(8):
            identity.candidates(patient)

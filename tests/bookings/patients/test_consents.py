"""What patients agree to, and in which words they were asked."""

import pytest
from django.utils import timezone

from bookings.models import Consent, ConsentWording
from bookings.patients import consents
from botaniqal.errors import Malformed, Missing
from tests.factories import PatientFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def patient():
    return PatientFactory()


def wording(kind):
    return ConsentWording.objects.get(kind=kind, is_current=True)


def said(patient, kind, is_given, wording_id=None):
    return consents.record(
        patient_id=patient.pk,
        wording_id=wording_id or wording(kind).pk,
        is_given=is_given,
        how=Consent.How.PHONE,
        by=None,
        now=timezone.now(),
    )


def published(kind, text, is_required=True):
    return consents.publish(kind=kind, text=text, is_required=is_required, by=None, now=timezone.now())


class TestRecord:
    def test_lets_the_latest_of_a_kind_hold_and_keeps_the_former(self, patient):
        said(patient, "privacy", False)
        said(patient, "privacy", True)

        assert consents.latest_of(patient.pk)["privacy"].is_given
        assert patient.consents.count() == 2

    def test_writes_the_same_answer_once(self, patient):
        assert said(patient, "privacy", True) == said(patient, "privacy", True)

    def test_refuses_a_wording_that_was_replaced(self, patient):
        old = wording("privacy")
        published("privacy", "New words.")

        with pytest.raises(consents.OldWording):
            said(patient, "privacy", True, wording_id=old.pk)

    def test_knows_no_other_wordings(self, patient):
        with pytest.raises(Missing):
            said(patient, "privacy", True, wording_id=404404)


class TestRequireNoneRefused:
    def test_lets_pass_what_was_not_asked(self, patient):
        consents.require_none_refused(patient_id=patient.pk)

    def test_stops_at_what_a_booking_needs(self, patient):
        said(patient, "telehealth", False)

        with pytest.raises(consents.ConsentRefused, match="Telehealth") as refusal:
            consents.require_none_refused(patient_id=patient.pk)
        assert refusal.value.code == "consent_refused"

    def test_lets_pass_what_may_be_refused(self, patient):
        said(patient, "sharing", False)

        consents.require_none_refused(patient_id=patient.pk)

    def test_lets_pass_who_agreed_after_all(self, patient):
        said(patient, "telehealth", False)
        said(patient, "telehealth", True)

        consents.require_none_refused(patient_id=patient.pk)


class TestPublish:
    def test_puts_a_new_version_in_the_place_of_the_former(self):
        former = wording("privacy")

        new = published("privacy", "New words.")

        former.refresh_from_db()
        assert (new.version, former.is_current, wording("privacy")) == (former.version + 1, False, new)

    def test_changes_nothing_by_the_same_words(self):
        former = wording("privacy")

        assert (
            consents.publish(
                kind="privacy", text=f" {former.text} ", is_required=former.is_required, by=None, now=timezone.now()
            )
            == former
        )
        assert wording("privacy").version == former.version

    def test_begins_with_version_one(self):
        assert published("recording", "May we record?").version == 1

    @pytest.mark.parametrize(
        ("kind", "text"), [("privacy", " "), ("nothing", "Words"), ("privacy", "4111111111111111")]
    )
    def test_refuses_what_is_no_wording(self, kind, text):
        with pytest.raises(Malformed):
            published(kind, text)


class TestWithdraw:
    def test_asks_no_longer(self):
        consents.withdraw(wording_id=wording("sharing").pk, by=None, now=timezone.now())

        assert "sharing" not in [row.kind for row in consents.current()]

    def test_is_done_once(self):
        row = wording("sharing")
        consents.withdraw(wording_id=row.pk, by=None, now=timezone.now())

        with pytest.raises(consents.OldWording):
            consents.withdraw(wording_id=row.pk, by=None, now=timezone.now())

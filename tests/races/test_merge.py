"""A record that is given up while somebody books for it, or merges it the other way round."""

import pytest
from django.db import transaction
from django.utils import timezone

from bookings.models import Booking, Patient, PatientMerge
from bookings.money.payments import Taken
from bookings.patients import merging
from tests.factories import AppointmentTypeFactory, PatientFactory, PractitionerFactory, SessionFactory, next_morning
from tests.races.together import Other
from triage import booking, sessions

pytestmark = pytest.mark.django_db(transaction=True)


def merge(kept, given_up):
    return lambda: merging.merge(kept_id=kept.pk, given_up_id=given_up.pk, reason="Same", by=None, now=timezone.now())


class TestMerge:
    def test_leaves_one_record_when_both_are_given_up_at_once(self):
        one, other = PatientFactory(), PatientFactory()
        second = Other(merge(other, one))

        with transaction.atomic():
            merge(one, other)()
            second.begin()
        second.end()

        assert [type(failure) for failure in second.failures] == [merging.CannotMerge]
        assert (Patient.objects.standing().count(), PatientMerge.objects.count()) == (1, 1)

    def test_takes_along_a_visit_that_is_booked_meanwhile(self):
        kind = AppointmentTypeFactory()
        doctor, kept = PractitionerFactory(gives=[kind]), PatientFactory()
        session = SessionFactory(in_progress=True)
        merger = Other(merge(kept, session.patient))

        with transaction.atomic():
            sessions.locked(session.pk)  # as far as a booking is when somebody merges
            merger.begin()
            booking.book_by_phone(
                session_id=session.pk,
                consultant=session.consultant,
                practitioner=doctor,
                appointment_type=kind,
                starts_at=next_morning(10, days=2),
                taken=Taken(),
                by=session.consultant.user,
                now=timezone.now(),
            )
        merger.end()

        assert merger.failures == []
        assert set(Booking.objects.values_list("patient", flat=True)) == {kept.pk}

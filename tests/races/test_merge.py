"""A record that is given up while somebody books for it, or merges it the other way round."""

from threading import Barrier, Thread

import pytest
from django.db import connection
from django.utils import timezone

from bookings import merging
from bookings.models import Booking, Patient, PatientMerge
from bookings.payments import Taken
from botaniqal.errors import DomainError
from tests.factories import AppointmentTypeFactory, PatientFactory, PractitionerFactory, SessionFactory, next_morning
from triage import booking

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*doings) -> list[Exception]:
    """Do things at the same moment, and give what failed otherwise than by a rule of the clinic."""
    barrier, failures = Barrier(len(doings)), []

    def run(do):
        try:
            barrier.wait()
            do()
        except DomainError:
            pass
        except Exception as failure:
            failures.append(failure)
        finally:
            connection.close()

    threads = [Thread(target=run, args=[do]) for do in doings]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failures


def merge(kept, given_up):
    return lambda: merging.merge(kept_id=kept.pk, given_up_id=given_up.pk, reason="Same", by=None, now=timezone.now())


class TestMerge:
    @pytest.mark.parametrize("attempt", range(4))
    def test_leaves_one_record_when_both_are_given_up_at_once(self, attempt):
        one, other = PatientFactory(), PatientFactory()

        failures = at_once(merge(one, other), merge(other, one))

        assert failures == []
        assert (Patient.objects.standing().count(), PatientMerge.objects.count()) == (1, 1)

    @pytest.mark.parametrize("attempt", range(4))
    def test_takes_along_a_visit_that_is_booked_meanwhile(self, attempt):
        kind = AppointmentTypeFactory()
        doctor, kept = PractitionerFactory(gives=[kind]), PatientFactory()
        session = SessionFactory(in_progress=True)

        def book():
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

        failures = at_once(book, merge(kept, session.patient))

        assert failures == []
        assert set(Booking.objects.values_list("patient", flat=True)) == {kept.pk}

"""Free consultations that visitors ask for at the same moment."""

from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from bookings.models import Consent, Patient
from botaniqal.messages.models import Message
from tests.factories import AppointmentTypeFactory, PractitionerFactory, next_morning
from tests.races.together import at_once, codes
from triage import consultations
from triage.models import TriageSession

pytestmark = pytest.mark.django_db(transaction=True)
SENDERS = 4
ROUNDS = 4
TEN = next_morning(10, days=2)


@pytest.fixture(autouse=True)
def consultants(transactional_db):
    kind = AppointmentTypeFactory(free=True, practitioner_types=["consultant"])
    return PractitionerFactory.create_batch(SENDERS, consultant=True, gives=[kind])


def asking(key, starts_at=TEN):
    wording = consultations.privacy_wording()
    return lambda: consultations.plan(
        key=key,
        starts_at=starts_at,
        name="Leo Martin",
        email="leo.martin@example.com",
        phone="+61491570156",
        concern="",
        zone=ZoneInfo("Australia/Perth"),
        wording=str(wording.pk) if wording else "",
        now=timezone.now(),
    )


class TestPlan:
    def test_makes_one_call_of_a_form_that_is_sent_twice_at_once(self):
        for hour in range(ROUNDS):
            key, starts_at = consultations.new_key(), next_morning(9 + hour, days=2)

            came = at_once(*(asking(key, starts_at) for _ in range(SENDERS)))

            assert len({session.pk for session in came}) == 1
            assert TriageSession.objects.count() == Patient.objects.count() == Message.objects.count() == hour + 1
            assert Consent.objects.count() in (0, hour + 1)

    def test_gives_each_visitor_a_consultant_and_the_last_one_none(self, consultants):
        came = codes(at_once(*(asking(consultations.new_key()) for _ in range(SENDERS + 1))))

        assert came.count("slot_taken") == 1
        planned = [session for session in came if isinstance(session, TriageSession)]
        assert {session.consultant for session in planned} == set(consultants)

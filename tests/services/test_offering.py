"""Opening, announcing, pausing and retiring services."""

import pytest
from django.utils import timezone

from botaniqal.errors import Missing, NotAllowed
from services import offering
from services.models import AppointmentType, Service
from tests.factories import AppointmentTypeFactory, ServiceFactory, UserFactory

pytestmark = pytest.mark.django_db

VERBS = {
    "active": offering.open_for_booking,
    "coming_soon": offering.announce,
    "paused": offering.pause,
    "retired": offering.retire,
}
MOVES = {(was, to) for was, allowed in offering.ALLOWED.items() for to in allowed}


def do(verb, service, by=None):
    return verb(service_id=service.pk, by=by or UserFactory(roles=["operations"]), now=timezone.now())


def in_red(reason: str) -> list[dict[str, str]]:
    return [{"aspect": "price", "colour": "red", "reason": reason}]


class TestVerbs:
    @pytest.mark.parametrize("to", Service.Status.values)
    @pytest.mark.parametrize("was", Service.Status.values)
    def test_allow_what_the_table_allows_and_nothing_else(self, was, to):
        service = AppointmentTypeFactory(service__status=was).service

        if (was, to) in MOVES:
            do(VERBS[to], service)
        else:
            with pytest.raises(offering.WrongStatus):
                do(VERBS[to], service)

        service.refresh_from_db()
        assert service.status == (to if (was, to) in MOVES else was)

    @pytest.mark.parametrize("role", ["consultant", "management", "clinician"])
    @pytest.mark.parametrize("verb", VERBS.values())
    def test_are_for_operations(self, verb, role):
        with pytest.raises(NotAllowed):
            do(verb, ServiceFactory(status="paused"), UserFactory(roles=[role]))

    @pytest.mark.parametrize("verb", VERBS.values())
    def test_say_when_the_service_is_gone(self, verb):
        with pytest.raises(Missing):
            verb(service_id=0, by=UserFactory(roles=["operations"]), now=timezone.now())


class TestOpenForBooking:
    def test_refuses_a_service_without_appointments(self):
        with pytest.raises(offering.NotReady, match="no appointment type yet"):
            do(offering.open_for_booking, ServiceFactory(status="coming_soon"))

    def test_says_what_stands_in_the_way(self):
        service = ServiceFactory(status="coming_soon", name="Sleep")
        AppointmentTypeFactory(service=service, name="First", verdict="red", findings=in_red("It has no price yet."))
        AppointmentTypeFactory(service=service, name="Second", verdict="unchecked")

        with pytest.raises(offering.NotReady) as refusal:
            do(offering.open_for_booking, service)

        assert refusal.value.message.startswith("Nothing of Sleep could be booked yet. First: It has no price yet. Sec")
        assert Service.objects.get().status == "coming_soon"

    def test_opens_as_soon_as_one_appointment_can_be_booked(self):
        service = ServiceFactory(status="coming_soon")
        AppointmentTypeFactory(service=service, verdict="red", findings=in_red("It has no price yet."))
        AppointmentTypeFactory(service=service, verdict="amber")

        do(offering.open_for_booking, service)

        assert Service.objects.get().status == "active"

    def test_counts_no_appointment_that_is_off(self):
        service = AppointmentTypeFactory(service__status="paused", is_active=False).service

        with pytest.raises(offering.NotReady):
            do(offering.open_for_booking, service)


class TestRequireOffered:
    def test_lets_pass_what_can_be_booked(self):
        offering.require_offered(AppointmentTypeFactory(verdict="amber"))

    @pytest.mark.parametrize(
        ("state", "said"),
        [
            ({"is_active": False}, "is not offered at the moment"),
            ({"service__status": "paused"}, "is not offered at the moment"),
            ({"verdict": "unchecked"}, "not checked yet"),
            ({"verdict": "red", "findings": in_red("It has no price yet.")}, "It has no price yet."),
            ({"verdict": "red"}, "It cannot be offered."),
        ],
    )
    def test_refuses_the_rest_with_the_reason(self, state, said):
        with pytest.raises(offering.NotOffered, match=said) as refusal:
            offering.require_offered(AppointmentTypeFactory(**state))

        assert refusal.value.rule == "not_offered"

    def test_tells_the_public_less(self):
        inside = [{"aspect": "MediRecords type", "colour": "red", "reason": "It has no MediRecords type."}]
        kind = AppointmentTypeFactory(verdict="red", findings=inside)

        with pytest.raises(offering.NotOffered) as refusal:
            offering.require_offered(kind, is_public=True)

        assert "MediRecords" not in refusal.value.message

    def test_asks_the_database_for_nothing(self, django_assert_num_queries):
        AppointmentTypeFactory()
        kind = AppointmentType.objects.select_related("service").get()

        with django_assert_num_queries(0):
            offering.require_offered(kind)

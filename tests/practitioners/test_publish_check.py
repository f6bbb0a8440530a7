"""What the publish check finds, and what it stores."""

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from practitioners import publish_check
from practitioners.models import Practitioner
from practitioners.publish_check import Colour
from services.models import AppointmentType, Form, FormVersion, Price, Service
from tests.factories import AppointmentTypeFactory, PractitionerFactory, RoomFactory
from tests.offering import approve_words, check_again, give_forms

pytestmark = pytest.mark.django_db

TODAY = date(2026, 3, 2)


@pytest.fixture
def kind():
    """An appointment type that has all it needs."""
    kind = AppointmentTypeFactory(
        name="Sleep, initial", medirecords_type="CONSULT_ALT_15", billing_code="S15", reporting_category="Sleep"
    )
    give_forms(kind.service)
    approve_words(kind.service)
    PractitionerFactory(gives=[kind], calendar_provider="outlook", mailbox="dia@clinic.example")
    return kind


def found(kind: AppointmentType) -> dict[str, tuple[str, str]]:
    """What is not green, by aspect."""
    [verdict] = [each for each in publish_check.check(day=TODAY) if each.appointment_type == kind]
    return {one.aspect: (one.colour, one.reason) for one in verdict.findings if one.colour != Colour.GREEN}


class TestCheck:
    def test_finds_nothing_in_what_is_whole(self, kind):
        assert found(kind) == {}

    @pytest.mark.parametrize(
        ("spoil", "aspect", "colour", "words"),
        [
            (lambda kind: Price.objects.all().delete(), "price", "red", "no price"),
            (lambda kind: Price.objects.update(starts_on=date(2026, 3, 3)), "price", "red", "no price"),
            (lambda kind: change(kind, medirecords_type=""), "MediRecords type", "red", "no MediRecords type"),
            (lambda kind: change(kind, minutes=30), "its length", "amber", "the true one, 30 minutes"),
            (lambda kind: change(kind, billing_code=""), "billing code", "amber", "no billing code"),
            (lambda kind: change(kind, reporting_category=""), "category", "amber", "no reporting category"),
            (lambda kind: Practitioner.objects.update(is_active=False), "practitioners", "red", "Nobody active"),
            (lambda kind: Practitioner.objects.update(mailbox=""), "practitioners", "red", "Nobody who gives it"),
            (lambda kind: PractitionerFactory(name="Dr B", gives=[kind]), "practitioners", "amber", "Dr B has no cal"),
            (lambda kind: change(kind, mode="in_person"), "room", "red", "no room"),
            (lambda kind: change(kind, kind="followup", service_form=None), "form", "amber", "no form for follow-up"),
            (lambda kind: FormVersion.objects.update(state="draft"), "form", "amber", "No version of “Before"),
            (lambda kind: Form.objects.update(is_active=False), "form", "amber", "switched off"),
            (lambda kind: change(kind, code="new"), "wording", "red", "Sleep, initial: name"),
            (lambda kind: change(kind, name="Rest"), "wording", "amber", "former words: Rest"),
            (lambda kind: Service.objects.update(description="New"), "wording", "red", "Medicine: description"),
        ],
    )
    def test_names_what_is_wrong(self, kind, spoil, aspect, colour, words):
        spoil(kind)

        [(its_aspect, (its_colour, reason))] = found(kind).items()

        assert (its_aspect, its_colour) == (aspect, colour)
        assert words in reason

    def test_tells_of_a_launch_date_that_has_passed(self, kind):
        Service.objects.update(status="coming_soon", launches_on=TODAY - timedelta(days=1))

        assert found(kind)["launch"][0] == "amber"

    def test_asks_as_much_of_one_type_as_of_many(self, kind):
        with CaptureQueriesContext(connection) as of_one:
            publish_check.check(day=TODAY)
        for _ in range(5):
            another = AppointmentTypeFactory()
            give_forms(another.service)
            PractitionerFactory(gives=[another])

        with CaptureQueriesContext(connection) as of_many:
            publish_check.check(day=TODAY)

        assert len(of_many) == len(of_one)


def change(of: AppointmentType, /, **fields) -> None:
    if "service_form" in fields:
        Service.objects.update(followup_form=fields.pop("service_form"))
    AppointmentType.objects.filter(pk=of.pk).update(**fields)


class TestRefresh:
    def test_stores_the_verdict_with_what_is_not_green(self, kind):
        change(kind, billing_code="", medirecords_type="")

        check_again()

        kind.refresh_from_db()
        assert kind.verdict == "red"
        assert [(row["aspect"], row["colour"]) for row in kind.findings] == [
            ("MediRecords type", "red"),
            ("billing code", "amber"),
        ]
        assert kind.obstacle == "It has no MediRecords type."
        assert kind.public_obstacle == "It cannot be booked at the moment."

    def test_writes_only_what_changed(self, kind):
        check_again()
        since = AppointmentType.objects.get().checked_at

        altered = check_again()

        assert altered == 0
        assert AppointmentType.objects.get().checked_at == since

    def test_says_since_when_it_is_so(self, kind):
        AppointmentType.objects.update(verdict="red")
        before = timezone.now()

        check_again()

        kind.refresh_from_db()
        assert kind.checked_at >= before

    @pytest.mark.parametrize("off", [{"is_active": False}, {"service__status": "retired"}], ids=["type", "service"])
    def test_offers_nothing_that_it_did_not_look_at(self, off):
        """So that nothing is offered on an old verdict when it comes back."""
        kind = AppointmentTypeFactory(verdict="green", **off)

        check_again()

        kind.refresh_from_db()
        assert kind.verdict == "unchecked"

    def test_follows_the_day(self, kind):
        Price.objects.update(starts_on=date(2026, 3, 3))

        verdicts = []
        for day in (TODAY, TODAY + timedelta(days=1)):
            publish_check.refresh(day=day, now=timezone.now())
            verdicts.append(AppointmentType.objects.get().verdict)

        assert verdicts == ["red", "green"]


class TestOffered:
    @pytest.mark.parametrize(("verdict", "is_offered"), [("green", 1), ("amber", 1), ("red", 0), ("unchecked", 0)])
    def test_goes_by_the_stored_verdict(self, verdict, is_offered):
        AppointmentTypeFactory(verdict=verdict)

        assert AppointmentType.objects.offered().count() == is_offered

    def test_has_a_room_for_visits_in_person(self, kind):
        change(kind, mode="in_person")
        RoomFactory()

        check_again()

        assert AppointmentType.objects.offered().count() == 1

"""The accessibility of the pages in the states that people meet."""

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect

from bookings.models import FormAnswers, SyncRecord
from botaniqal.integrations.models import InboundEvent, Incident, Subscription
from practitioners.models import OutsideCalendar
from tests.factories import AppointmentTypeFactory, BookingFactory, UserFactory
from triage.models import TriageSession

from .desk import Desk

pytestmark = pytest.mark.django_db(transaction=True)


class TestDesk:
    """The call desk, light and dark, wide and on a phone."""

    @pytest.mark.parametrize(
        ("scheme", "width", "height"), [("light", 1366, 768), ("dark", 1366, 768), ("light", 320, 640)]
    )
    def test_has_no_faults(self, axe, open_as, sarah, session, scheme, width, height):
        AppointmentTypeFactory(price="none", service__name="Weight loss")
        desk = Desk(open_as(sarah.user, width=width, height=height, color_scheme=scheme), session)
        found = {"open": faults(axe, desk.page)}
        desk.hold_soonest()
        desk['[value="card"]'].check()
        desk["#reference"].fill("T-1029")
        found["held"] = faults(axe, desk.page)
        desk["#end"].click()
        found["dialog"] = faults(axe, desk.page)
        desk.press("Escape")
        sideways = desk.page.evaluate("document.documentElement.scrollWidth > innerWidth")
        desk["#confirm"].click()
        expect(desk["#done"]).to_be_visible()
        found["booked"] = faults(axe, desk.page)

        assert found == {state: [] for state in found}
        assert not sideways

    def test_has_no_faults_where_two_texts_meet(self, axe, desk):
        desk.page.context.set_offline(True)
        desk["#notes"].fill("Mine")
        TriageSession.objects.update(notes="Theirs", version=2)
        desk.page.context.set_offline(False)
        expect(desk['[data-conflict="notes"]']).to_be_visible()

        assert faults(axe, desk.page) == []

    def test_has_no_faults_in_anothers_call(self, axe, open_as, tom, session):
        toms = Desk(open_as(tom.user), session)

        assert faults(axe, toms.page) == []


@pytest.mark.slow
class TestOperations:
    """The pages on which people mend what vendors, calendars and forms left undone."""

    @pytest.fixture
    def pages(self, doctor):
        """Something of each kind that a person has to look at, and where it is looked at."""
        now, why = timezone.now(), "MediRecords GET /v1/patients/{id}: 500. It is tried again by itself."
        booking = BookingFactory(practitioner=doctor)
        calendar = OutsideCalendar.objects.get_or_create(
            practitioner=doctor, provider="calendly", defaults={"account": "x"}
        )[0]
        answers = [{"name": "concern", "question": "What helps?", "answer": "Sleep"}]
        rows = [
            SyncRecord.objects.create(booking=booking, system="medirecords", needs_person=True, problem=why),
            InboundEvent.objects.create(vendor="calendly", key="1", kind="created", payload={}, needs_person=True),
            FormAnswers.objects.create(form_id="1", external_id="2", answers=answers, submitted_at=now, fetched_at=now),
            Subscription.objects.create(vendor="graph", resource="dia@example.com", needs_person=True, problem=why),
            Incident.objects.create(key="drift-brake", summary="21 new differences."),
            calendar,
            booking,
            doctor,
        ]
        return [
            reverse("admin:index"),
            *(reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_changelist") for row in rows),
            *(reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk]) for row in rows),
        ]

    @pytest.mark.parametrize(
        ("scheme", "width", "height"), [("light", 1366, 768), ("dark", 1366, 768), ("light", 320, 640)]
    )
    def test_has_no_faults(self, axe, open_as, pages, scheme, width, height):
        olive = UserFactory(is_staff=True, first_name="Olive", roles=["operations"])
        page = open_as(olive, width=width, height=height, color_scheme=scheme)
        found, sideways = {}, []

        for address in pages:
            page.goto(address)
            found[address] = faults(axe, page)
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                sideways.append(address)

        assert found == {address: [] for address in found}
        assert sideways == []


def faults(axe: str, page: Page) -> list[str]:
    """Name what axe-core finds wrong on a page."""
    page.evaluate(axe)
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
    result = page.evaluate("tags => axe.run({ runOnly: tags })", tags)
    return [f"{rule['id']}: {node['html'][:120]}" for rule in result["violations"] for node in rule["nodes"]]

"""The accessibility of the pages in the states that people meet."""

import pytest
from playwright.sync_api import Page, expect

from tests.factories import AppointmentTypeFactory
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


def faults(axe: str, page: Page) -> list[str]:
    """Name what axe-core finds wrong on a page."""
    page.evaluate(axe)
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
    result = page.evaluate("tags => axe.run({ runOnly: tags })", tags)
    return [f"{rule['id']}: {node['html'][:120]}" for rule in result["violations"] for node in rule["nodes"]]

"""The status page in a real browser: it keeps itself up to date, and nobody's place on it gets lost."""

from uuid import uuid4

import pytest
from playwright.sync_api import expect

from botaniqal.integrations import answering
from botaniqal.integrations.models import Subscription
from tests.factories import UserFactory

from .looks import Looks

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def own_cache(settings):
    """Keep away from the marks of workers elsewhere."""
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": uuid4().hex}}


@pytest.fixture
def page(open_as):
    page = open_as(UserFactory(is_staff=True, roles=["operations"]))
    Subscription.objects.create(vendor="graph", resource="dia@botaniqal.example", health="active")
    page.goto("/admin/status/")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    return page


class TestStatus:
    def test_shows_what_changes_and_leaves_the_focus_where_it_is(self, page):
        row = page.get_by_role("link", name="dia@botaniqal.example")
        row.focus()

        answering.note("MediRecords", is_up=False)
        Subscription.objects.update(health="lost")

        vendors = page.get_by_role("region", name="Vendors")
        expect(vendors.get_by_text("No answer since")).to_be_visible(timeout=15_000)
        expect(page.get_by_text("Gone at the vendor")).to_be_visible()
        expect(row).to_be_focused()
        expect(page.locator("#live")).to_contain_text("MediRecords has not answered since")

    def test_says_when_it_cannot_be_kept_up(self, page):
        page.context.set_offline(True)

        expect(page.get_by_text("Offline, will retry")).to_be_visible(timeout=15_000)

    def test_has_no_faults(self, page, axe):
        answering.note("MediRecords", is_up=False)
        page.reload()
        looks = Looks(axe)

        looks.at(page, "in trouble")

        assert looks.wrong == []

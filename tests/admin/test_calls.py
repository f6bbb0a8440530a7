"""The list of calls, and a call's own page."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from tests.admin.test_today import call
from triage import claims

pytestmark = pytest.mark.django_db
LIST = "admin:triage_triagesession_changelist"


class TestList:
    def test_goes_by_when_somebody_is_to_be_rung(self, operations, sarah):
        later = timezone.now() + timedelta(hours=2)
        call(sarah, name="Ida Long", minutes=-60, call_back_at=later, call_back_revision=0)
        call(sarah, name="Uma Short", minutes=30)

        page = operations.get(reverse(LIST)).content.decode()

        assert page.index("Uma Short") < page.index("Ida Long")
        assert "Call-back" in page

    @pytest.mark.parametrize("order", ["2", "-2"])
    def test_can_be_sorted_by_it(self, operations, sarah, order):
        call(sarah)

        assert operations.get(reverse(LIST), {"o": order, "view": "all"}).status_code == 200

    def test_marks_what_is_parked(self, operations, sarah):
        call(sarah, in_progress=True, claimed_by=None, claimed_at=None)

        assert "Parked" in operations.get(reverse(LIST)).content.decode()


class TestPage:
    def test_shows_who_did_what(self, operations, sarah, tom):
        session = call(sarah, in_progress=True)
        claims.take_over(session_id=session.pk, consultant=tom, by=tom.user, now=timezone.now())

        page = operations.get(reverse("admin:triage_triagesession_change", args=[session.pk])).content.decode()

        assert "Taken over" in page
        assert "Tom Baker, from Sarah Chen" in page

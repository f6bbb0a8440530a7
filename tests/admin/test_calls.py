"""The list of calls, and a call's own page."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from tests.admin.test_today import call
from tests.factories import UserFactory
from triage import claims, scripts
from triage.models import Question, Script

pytestmark = pytest.mark.django_db
LIST = "admin:triage_triagesession_changelist"


@pytest.fixture
def somebodys_script(operations):
    """A script in use that asks one thing."""
    by = UserFactory()
    script = Script.objects.create(
        version=1, state="in_use", emergency_card="Ring 000.", approved_by=by, approved_at=timezone.now()
    )
    Question.objects.create(script=script, code="smokes", text="Do you smoke?", kind="yes_no")
    return script


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

    def test_shows_all_that_was_answered(self, operations, sarah, somebodys_script):
        session = call(sarah, in_progress=True)
        given = {"session_id": session.pk, "consultant": sarah, "code": "smokes", "by": sarah.user}
        first = scripts.answer(value="no", former=None, now=timezone.now(), **given)
        scripts.answer(value="unsure", former=first.pk, now=timezone.now(), **given)

        page = operations.get(reverse("admin:triage_triagesession_change", args=[session.pk])).content.decode()

        assert re.findall(r"<p>(No|Unsure|Yes)</p>", page) == ["No", "Unsure"]
        assert page.index("Before") < page.index(">Stands</span>")

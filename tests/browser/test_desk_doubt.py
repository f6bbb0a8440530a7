"""At the call desk, when a practitioner's outside calendar was not read for long."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from practitioners.models import OutsideCalendar
from tests.factories import PractitionerFactory

pytestmark = pytest.mark.django_db(transaction=True)

UNKNOWN = "alendar not read for 34 min"


class TestDoubt:
    def test_is_marked_with_its_age_before_and_after_a_time_is_held(self, desk, doctor, kind):
        PractitionerFactory(name="Dr Shivani", gives=[kind])
        read_at = timezone.now() - timedelta(minutes=34, seconds=1)
        OutsideCalendar.objects.create(practitioner=doctor, provider="calendly", account="x", read_at=read_at)
        desk.look_for_times()
        expect(desk["#grid th:has-text('Dr Dia') .badge.waiting"]).to_have_text(f"C{UNKNOWN}")
        expect(desk["#grid th:has-text('Dr Shivani') .badge"]).to_have_count(0)
        expect(desk["#grid .doubtful"].first).to_have_accessible_name(re.compile(f"with Dr Dia, c{UNKNOWN}$"))
        expect(desk.offer("soonest")).to_contain_text(UNKNOWN)
        expect(desk["#doubt"]).to_be_hidden()

        desk.press("Enter")

        expect(desk["#held"]).to_be_visible()
        expect(desk["#doubt"]).to_have_text(f"Dr Dia: c{UNKNOWN}. The time may be taken there.")

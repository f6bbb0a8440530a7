"""The queue of calls, when it is long."""

import pytest
from django.urls import reverse

from botaniqal.reports import queue
from tests.factories import PatientFactory, SessionFactory, next_morning

pytestmark = pytest.mark.django_db


class TestQueueFor:
    def test_shows_ones_own_calls_however_many_others_left_open(self, consultant, sarah, tom):
        for _ in range(queue.LONGEST):
            SessionFactory(consultant=tom, consultation__starts_at=next_morning(9, days=-1))
        SessionFactory(consultant=sarah, patient=PatientFactory(name="Zebedee Quill"))

        page = consultant.get(reverse("admin:today_queue")).content.decode()

        assert "Zebedee Quill" in page

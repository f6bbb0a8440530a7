"""The first version of something, begun twice in one moment: there is no row yet that could be locked."""

import pytest
from django.utils import timezone

from bookings.models import ConsentWording
from bookings.patients import consents
from tests.races.together import at_once
from triage import scripts
from triage.models import Script

pytestmark = pytest.mark.django_db(transaction=True)
AT_ONCE = 6


def publish(text):
    return consents.publish(kind="recording", text=text, is_required=False, by=None, now=timezone.now())


class TestMakeDraft:
    def test_begins_the_first_script_once(self):
        results = at_once(*[lambda: scripts.make_draft(of=None, by=None)] * AT_ONCE)

        assert sum(isinstance(each, Script) for each in results) == 1
        assert Script.objects.get().version == 1


class TestPublish:
    def test_puts_the_first_wording_into_use_once(self):
        results = at_once(*[lambda: publish("May we record?")] * AT_ONCE)

        assert {type(each) for each in results} == {ConsentWording}
        assert ConsentWording.objects.get(kind="recording").version == 1

    def test_gives_different_words_a_version_each(self):
        at_once(*[lambda n=n: publish(f"May we, {n}?") for n in range(AT_ONCE)])

        versions = ConsentWording.objects.filter(kind="recording").values_list("version", flat=True)
        assert sorted(versions) == list(range(1, AT_ONCE + 1))
        assert ConsentWording.objects.filter(kind="recording", is_current=True).count() == 1

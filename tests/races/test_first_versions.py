"""The first version of something, begun twice in one moment: there is no row yet that could be locked."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.utils import timezone

from bookings.models import ConsentWording
from bookings.patients import consents
from botaniqal.errors import DomainError
from triage import scripts
from triage.models import Script

pytestmark = pytest.mark.django_db(transaction=True)
AT_ONCE = 6


def at_once(do) -> list[object]:
    """Do the same several times in one moment; give each result, or by what it was refused."""

    def one(_):
        try:
            return do()
        except DomainError as refusal:
            return type(refusal)
        finally:
            connection.close()

    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(one, range(AT_ONCE)))


class TestMakeDraft:
    def test_begins_the_first_script_once(self):
        results = at_once(lambda: scripts.make_draft(of=None, by=None))

        assert sum(isinstance(each, Script) for each in results) == 1
        assert Script.objects.get().version == 1


class TestPublish:
    def test_puts_the_first_wording_into_use_once(self):
        results = at_once(
            lambda: consents.publish(
                kind="recording", text="May we record?", is_required=False, by=None, now=timezone.now()
            )
        )

        assert {type(each) for each in results} == {ConsentWording}
        assert ConsentWording.objects.get(kind="recording").version == 1

    def test_gives_different_words_a_version_each(self):
        words = iter(range(AT_ONCE))

        at_once(
            lambda: consents.publish(
                kind="recording", text=f"May we, {next(words)}?", is_required=False, by=None, now=timezone.now()
            )
        )

        versions = ConsentWording.objects.filter(kind="recording").values_list("version", flat=True)
        assert sorted(versions) == list(range(1, AT_ONCE + 1))
        assert ConsentWording.objects.filter(kind="recording", is_current=True).count() == 1

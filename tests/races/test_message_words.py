"""Drafts of the clinic's words that are begun at the same moment."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.utils import timezone

from botaniqal.errors import RuleBroken
from botaniqal.messages import words
from botaniqal.messages.models import MessageWords
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db(transaction=True)

PEOPLE, ROUNDS = 6, 5


class TestBegin:
    def test_makes_one_draft_whoever_begins_it(self):
        olive, start = UserFactory(), threading.Barrier(PEOPLE)

        def begin(_):
            start.wait()
            try:
                return words.begin(kind="confirmation", by=olive, now=timezone.now()).version
            except RuleBroken:
                return None
            finally:
                connection.close()

        for _ in range(ROUNDS):
            MessageWords.objects.all().delete()
            with ThreadPoolExecutor(PEOPLE) as threads:
                begun = set(threads.map(begin, range(PEOPLE)))

            assert begun <= {1, None}
            assert MessageWords.objects.count() == 1

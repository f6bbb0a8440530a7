"""Drafts of the clinic's words that are begun at the same moment."""

import pytest
from django.utils import timezone

from botaniqal.errors import RuleBroken
from botaniqal.messages import words
from botaniqal.messages.models import MessageWords
from tests.factories import UserFactory
from tests.races.together import at_once

pytestmark = pytest.mark.django_db(transaction=True)

PEOPLE, ROUNDS = 6, 5


class TestBegin:
    def test_makes_one_draft_whoever_begins_it(self):
        olive = UserFactory()

        def begin():
            return words.begin(kind="confirmation", by=olive, now=timezone.now()).version

        for _ in range(ROUNDS):
            MessageWords.objects.all().delete()

            begun = at_once(*[begin] * PEOPLE)

            assert all(each == 1 or isinstance(each, RuleBroken) for each in begun)
            assert MessageWords.objects.count() == 1

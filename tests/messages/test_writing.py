from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from botaniqal.messages import suppression, writing
from botaniqal.messages.models import Message
from tests.races.together import Other

pytestmark = pytest.mark.django_db

MARKETING = Message.Stream.MARKETING
WAY_OUT = "https://portal.example.com/unsubscribe/abc"


def write(**fields):
    return writing.write(
        **{
            "kind": Message.Kind.NO_ANSWER,
            "reference": uuid4(),
            "to": "leo.martin@example.com",
            "context": {"first_name": "Leo", "when": "Monday 23 November 2026", "link": "https://portal.example.com"},
            "send_at": timezone.now(),
            **fields,
        }
    )


def suppress(address):
    return suppression.suppress(address=address, cause=suppression.Cause.BOUNCED, by=None, now=timezone.now())


class TestWrite:
    def test_keeps_the_message_until_it_is_sent(self):
        message = write()

        kept = Message.objects.get()
        assert kept == message
        assert kept.text.startswith("Hello Leo,")
        assert kept.stream == Message.Stream.FACTUAL
        assert kept.state == Message.State.PENDING

    def test_writes_what_has_a_key_once(self):
        first, second = write(key="reminder:1"), write(key="reminder:1")

        assert second is None
        assert Message.objects.get() == first

    def test_leaves_the_transaction_whole_when_it_was_written_before(self):
        write(key="reminder:1")
        write(key="reminder:1")

        assert write(key="reminder:2")

    def test_writes_no_marketing_to_a_suppressed_address_however_it_is_written(self):
        suppress("Leo.Martin@Example.com")

        assert write(stream=MARKETING, unsubscribe_link=WAY_OUT) is None
        assert not Message.objects.exists()

    def test_refuses_marketing_without_a_way_out(self):
        with pytest.raises(IntegrityError):
            write(stream=MARKETING)

    def test_shows_the_way_out_in_marketing_alone(self):
        write(stream=MARKETING, unsubscribe_link=WAY_OUT)
        write(key="factual")

        marketing, factual = Message.objects.get(stream=MARKETING), Message.objects.get(key="factual")
        assert f"Unsubscribe: {WAY_OUT}" in marketing.text
        assert f'href="{WAY_OUT}"' in marketing.html
        assert "nsubscribe" not in factual.text + factual.html


class TestTakeBack:
    def test_deletes_what_has_not_gone_out(self):
        message = write()

        assert writing.take_back(writing.unsent(reference=message.reference)) == 1
        assert not Message.objects.exists()

    @pytest.mark.parametrize("field", ["leased_until", "sent_at"])
    def test_leaves_what_is_on_its_way_or_went_out(self, field):
        message = write()
        Message.objects.update(**{field: timezone.now()})

        assert writing.take_back(writing.unsent(reference=message.reference)) == 0
        assert Message.objects.exists()


class TestTakeBackWhileItBeginsToGoOut:
    @pytest.mark.django_db(transaction=True)
    def test_leaves_it(self):
        message = write()
        somebody = Other(lambda: writing.take_back(writing.unsent(reference=message.reference)))

        with transaction.atomic():
            Message.objects.update(leased_until=timezone.now() + timedelta(minutes=1))
            somebody.begin()
        somebody.end()

        assert somebody.failures == []
        assert Message.objects.get() == message

"""What the tests of earlier times have in common: the two times, and looking at offers."""

from datetime import datetime, time, timedelta

from django.utils import timezone

from bookings.models import EarlierTimeOffer, EarlierTimeRequest, FreedTime
from bookings.waiting import earlier_offers
from botaniqal.messages.models import Message
from tests.factories import MELBOURNE, next_morning

SOON, LATE = next_morning(10, days=5), next_morning(10, days=20)

HOUR = timedelta(hours=1)

Offer, Freed, Request = EarlierTimeOffer.State, FreedTime.State, EarlierTimeRequest.State


def offer(now=None):
    return earlier_offers.offer_due(now=now or timezone.now())


def standing():
    """The one offer that is out."""
    return EarlierTimeOffer.objects.get(state=Offer.OPEN)


def melbourne(day, hour, minute):
    return datetime.combine(day, time(hour, minute), MELBOURNE)


def reasons(freed_time):
    freed_time.refresh_from_db()
    return [row["reason"] for row in freed_time.passed_over]


def written():
    return Message.objects.filter(kind=Message.Kind.EARLIER_OFFER)

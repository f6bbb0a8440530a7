"""Ways to pay at Stripe: asked for in the booking's transaction, opened and closed there afterwards."""

from datetime import datetime
from functools import partial

from django.db import transaction
from django.db.models import F

from botaniqal.celery import ring
from botaniqal.integrations.owed import CLEARED

from .models import Booking, Checkout

Status = Checkout.Status


def take_back(*, booking: Booking, now: datetime) -> None:
    """Let nobody pay any more for a locked booking; what Stripe has open is closed there afterwards."""
    standing = Checkout.objects.select_for_update().filter(booking=booking, status__in=[Status.NEW, Status.OPEN])
    if standing.update(status=Status.VOID, wanted=F("wanted") + 1, next_try_at=now, **CLEARED):
        transaction.on_commit(partial(ring, "tell_stripe"))

"""Addresses that are not written to any more: they bounced, called our mail spam, or staff said so."""

from datetime import datetime

from django.db import transaction

from botaniqal import cards
from botaniqal.accounts.models import User
from botaniqal.errors import Conflict, Malformed
from botaniqal.messages.models import Suppression

Cause = Suppression.Cause


class NotSuppressed(Conflict):
    """The address is written to as any other."""

    code = "not_suppressed"
    message = "That address is written to again already."


def is_suppressed(address: str) -> bool:
    """Tell whether an address is not to be written to."""
    return Suppression.objects.of(address).exists()


@transaction.atomic
def suppress(*, address: str, cause: Cause, by: User | None, now: datetime, reason: str = "") -> Suppression:
    """
    Write to an address no more; doing it twice is doing it once.

    What waits already is stopped when it is about to go out.

    :raises Malformed: there is a card number in the reason.
    """
    cards.refuse(reason, "reason")
    row = Suppression(address=address, cause=cause, since=now, reason=reason.strip()[:200], by=by)
    Suppression.objects.bulk_create([row], ignore_conflicts=True)
    return Suppression.objects.of(address).get()


@transaction.atomic
def lift(*, suppression_id: int, reason: str, by: User, now: datetime) -> Suppression:
    """
    Write to an address again, since somebody made sure that it is right.

    :raises NotSuppressed: it was lifted before.
    :raises Malformed: no reason is given, or a card number in it.
    """
    if not reason.strip():
        raise Malformed("Say why it is right again.", details={"reason": ["Required."]})
    cards.refuse(reason, "reason")
    row = Suppression.objects.select_for_update().filter(pk=suppression_id, lifted_at=None).first()
    if row is None:
        raise NotSuppressed
    row.lifted_at, row.lifted_by, row.lift_reason = now, by, reason.strip()[:200]
    row.save(update_fields=["lifted_at", "lifted_by", "lift_reason"])
    return row

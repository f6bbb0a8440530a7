"""Why a booking was cancelled: the words that operations manage, and what they come to in a booking."""

from django.db.models import QuerySet

from botaniqal.errors import Malformed

from .models import CancelReason

MISTAKE, NOT_PAID = "mistake", "not_paid"


def offered() -> QuerySet[CancelReason]:
    """List the reasons that can be chosen now."""
    return CancelReason.objects.filter(is_active=True)


def for_patients() -> QuerySet[CancelReason]:
    """List the reasons that patients can choose."""
    return offered().filter(is_for_patients=True)


def not_paid() -> CancelReason | None:
    """Find the reason for what was not paid in time; operations may call it otherwise, or not offer it."""
    return CancelReason.objects.filter(code=NOT_PAID).first()


def mistake() -> CancelReason | None:
    """Find the reason for what was booked by mistake; operations may call it otherwise, or not offer it."""
    return CancelReason.objects.filter(code=MISTAKE).first()


def in_words(*, cause: CancelReason | None, detail: str) -> str:
    """
    Put a reason in words: the chosen one, with what was added.

    :raises Malformed: nothing says why, or the chosen reason asks for a few words more.
    """
    detail = detail.strip()
    if cause is None:
        if not detail:
            raise Malformed("Say why the booking is cancelled.", details={"reason": ["Required."]})
        return detail[:200]
    if cause.asks_for_detail and not detail:
        raise Malformed(f"“{cause}” asks for a few words more.", details={"reason": ["Add a few words."]})
    return f"{cause}: {detail}"[:200] if detail else cause.label

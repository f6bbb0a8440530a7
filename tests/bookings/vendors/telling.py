"""What happens to visits that vendors are told of."""

from datetime import timedelta

from django.utils import timezone

from bookings import lifecycle


def move(booking, starts_at, **others):
    lifecycle.note_move(
        booking=booking, starts_at=starts_at, ends_at=starts_at + timedelta(minutes=15), now=timezone.now(), **others
    )


def cancel(booking):
    lifecycle.cancel(booking_id=booking.pk, reason="Ill", by=None, now=timezone.now())

"""A booking is read for a change under a lock on its row, by every verb in the same way."""

from uuid import UUID

from botaniqal.errors import Missing

from .models import Booking


def locked(booking_id: UUID) -> Booking:
    """
    Read a booking for a change, so that nobody else changes it meanwhile.

    :raises Missing: there is no such booking.
    """
    # First the row alone, then what it points at: in one query, a row that changed while it was waited for would be
    # held against what it pointed at before, and not be found.
    if not Booking.objects.select_for_update().filter(pk=booking_id).values_list("pk", flat=True).first():
        raise Missing("There is no such booking.")
    related = ("appointment_type__service", "practitioner", "patient", "entry")
    return Booking.objects.select_related(*related).get(pk=booking_id)

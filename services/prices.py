"""What appointment types cost on a day."""

from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.conf import settings

from .models import AppointmentType, Price


def clinic_day(moment: datetime) -> date:
    """Return the day on the clinic's calendar, by which prices change."""
    return moment.astimezone(ZoneInfo(settings.CLINIC_TIME_ZONE)).date()


def prices_as_of(day: date) -> dict[int, Decimal]:
    """Return the price in AUD of every appointment type that has one on a day, by the type's key."""
    return dict(Price.objects.as_of(day).values_list("appointment_type_id", "amount"))


def price_of(appointment_type: AppointmentType, day: date) -> Decimal | None:
    """Return what an appointment type costs on a day, in AUD; None while no price has been set."""
    return appointment_type.prices.as_of(day).values_list("amount", flat=True).first()

"""What the clinic offers: services, appointment types, dated prices, forms, and who waits for what is to come."""

from .catalogue import (
    AppointmentType,
    AppointmentTypeQuerySet,
    PractitionerType,
    Price,
    PriceQuerySet,
    Service,
    ServiceQuerySet,
)
from .forms import Form, FormVersion
from .interest import InterestEntry, NurtureStep

__all__ = [
    "AppointmentType",
    "AppointmentTypeQuerySet",
    "Form",
    "FormVersion",
    "InterestEntry",
    "NurtureStep",
    "PractitionerType",
    "Price",
    "PriceQuerySet",
    "Service",
    "ServiceQuerySet",
]

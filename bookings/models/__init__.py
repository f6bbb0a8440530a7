"""Patients, bookings, money, and what the vendors still have to be told."""

from .booking import Booking, CancelReason, NumberCounter, Payment, on_clock
from .drift import Drift, Reconciliation
from .forms import FormAnswers
from .patients import (
    Consent,
    ConsentWording,
    DetailProposal,
    IdentityCheck,
    Patient,
    PatientMerge,
    ids_known_to,
)
from .sync import SyncNote, SyncRecord

__all__ = [
    "Booking",
    "CancelReason",
    "Consent",
    "ConsentWording",
    "DetailProposal",
    "Drift",
    "FormAnswers",
    "IdentityCheck",
    "NumberCounter",
    "Patient",
    "PatientMerge",
    "Payment",
    "Reconciliation",
    "SyncNote",
    "SyncRecord",
    "ids_known_to",
    "on_clock",
]

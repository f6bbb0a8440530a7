"""Patients, bookings, money, and what the vendors still have to be told."""

from .booking import Booking, CancelReason, NumberCounter, Payment, on_clock
from .drift import Drift, Reconciliation
from .earlier import EarlierTimeOffer, EarlierTimeRequest, FreedTime
from .forms import FormAnswers
from .money import Checkout, Dispute, MoneyDay, RefundDecision, RefundRule
from .patients import (
    Consent,
    ConsentWording,
    DetailProposal,
    IdentityCheck,
    Patient,
    PatientMerge,
    PortalRequest,
    ids_known_to,
)
from .sync import SyncNote, SyncRecord

__all__ = [
    "Booking",
    "CancelReason",
    "Checkout",
    "Consent",
    "ConsentWording",
    "DetailProposal",
    "Dispute",
    "Drift",
    "EarlierTimeOffer",
    "EarlierTimeRequest",
    "FormAnswers",
    "FreedTime",
    "IdentityCheck",
    "MoneyDay",
    "NumberCounter",
    "Patient",
    "PatientMerge",
    "Payment",
    "PortalRequest",
    "Reconciliation",
    "RefundDecision",
    "RefundRule",
    "SyncNote",
    "SyncRecord",
    "ids_known_to",
    "on_clock",
]

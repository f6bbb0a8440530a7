"""The call: the session, its script and answers, its red flags, and what is handed over."""

from .hand_over import HandOver, ReferralLetter
from .script import Answer, Question, RedFlag, Script
from .session import CANCELLED, DUE_AT, CallEvent, Disposition, Outcome, Override, TriageSession

__all__ = [
    "CANCELLED",
    "DUE_AT",
    "Answer",
    "CallEvent",
    "Disposition",
    "HandOver",
    "Outcome",
    "Override",
    "Question",
    "RedFlag",
    "ReferralLetter",
    "Script",
    "TriageSession",
]

"""Every figure of the clinic, each from one place: pages, exports, metrics and alerts ask here."""

from .calls import abandonment, funnel
from .drill import rows
from .hours import utilisation
from .moment import (
    DayOfBookings,
    Trouble,
    bookings_by_day,
    calls_of_day,
    collected,
    free_slots,
    inbox_age,
    sync_lag,
    sync_lags,
    troubles,
    use_of_week,
)
from .money import revenue
from .period import EVERYTHING, NAMES, Only, Period, day_start, parse, week_of
from .shapes import STEPS, Funnel, Growth, Money, Point, Rate, Share, Slots, Step, Unmet
from .touched import one_look
from .trend import series
from .visits import bookings_made, cancelled, holds, no_shows
from .waits import unmet, waitlist
from .words import definitions

__all__ = [
    "EVERYTHING",
    "NAMES",
    "STEPS",
    "DayOfBookings",
    "Funnel",
    "Growth",
    "Money",
    "Only",
    "Period",
    "Point",
    "Rate",
    "Share",
    "Slots",
    "Step",
    "Trouble",
    "Unmet",
    "abandonment",
    "bookings_by_day",
    "bookings_made",
    "calls_of_day",
    "cancelled",
    "collected",
    "day_start",
    "definitions",
    "free_slots",
    "funnel",
    "holds",
    "inbox_age",
    "no_shows",
    "one_look",
    "parse",
    "revenue",
    "rows",
    "series",
    "sync_lag",
    "sync_lags",
    "troubles",
    "unmet",
    "use_of_week",
    "utilisation",
    "waitlist",
    "week_of",
]

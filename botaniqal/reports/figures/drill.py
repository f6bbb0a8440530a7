"""The rows behind a figure: their count or sum is the figure."""

from typing import Any

from django.db.models import QuerySet

from .period import EVERYTHING, Only, Period


def rows(name: str, period: Period, only: Only = EVERYTHING, key: Any = None, by: str = "") -> QuerySet:
    """
    List the rows that a figure counted or added up.

    ``key`` narrows it to one line of a table that is told apart ``by`` service, method, practitioner or appointment
    type, as in that line's ``key``.

    :raises Malformed: no figure of that name has rows, or it cannot be told apart by that.
    """
    raise NotImplementedError

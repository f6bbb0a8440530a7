"""Admin pages of rows on which something else depends: changing them rings a bell."""

from collections.abc import Iterable
from functools import partial
from typing import Any

from django.contrib.admin.models import LogEntry
from django.db import transaction
from django.db.models import Model
from django.http import HttpRequest

from botaniqal.celery import ring


class RingsCatalogueCheck:
    """
    Has the publish check look again once what was done on these pages is committed; part of a model's admin.

    For rows on which it depends whether appointments can be offered.
    """

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> LogEntry:
        self._ring()
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> LogEntry:
        self._ring()
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: Iterable[Model]) -> list[LogEntry]:
        self._ring()
        return super().log_deletions(request, queryset)

    def _ring(self) -> None:
        transaction.on_commit(partial(ring, "check_catalogue"))

"""What a new portal begins with is made where there is nothing yet; from then on operations manage it."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.apps.registry import Apps


def fill(apps: Apps, using: str, label: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Make the first rows of a model, named as in ``triage.Disposition``, where there are none."""
    try:
        objects = apps.get_model(label).objects.using(using)
    except LookupError:  # migrated back to before there were any
        return
    if not objects.exists():
        objects.bulk_create([objects.model(**row) for row in rows], ignore_conflicts=True)

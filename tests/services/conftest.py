"""The initial catalogue, loaded and as a document to spoil."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from services import catalogue

FILE = Path(settings.BASE_DIR) / "services" / "catalogue.json"
TODAY = date(2026, 3, 2)


@pytest.fixture
def document() -> dict[str, Any]:
    """The initial catalogue, free to be altered."""
    return json.loads(FILE.read_text())


@pytest.fixture
def loaded(db: None) -> None:
    """A database that holds the initial catalogue."""
    catalogue.load(text=FILE.read_text(), day=TODAY)

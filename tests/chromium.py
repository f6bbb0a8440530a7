"""The browser of the journeys: one for a whole run, whoever asks for it."""

import os
import shutil
from collections.abc import Iterator

# Playwright's loop runs in this thread, and Django would refuse to ask the database beside it.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

import pytest
from playwright.sync_api import Browser, sync_playwright

# The shell has no windows to draw: a new page costs it a quarter of the time.
PROGRAMS = ("chromium-headless-shell", "chromium")
CHROMIUM = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, PROGRAMS)), "")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start Chromium once for all journeys."""
    if not shutil.which(CHROMIUM):
        pytest.skip("No Chromium: the browser journeys are left out. CHROMIUM may name one.")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()

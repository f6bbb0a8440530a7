"""A real browser in front of the portal; a test fails on anything that the browser complains about."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core.signals import request_finished, request_started
from django.test import Client
from playwright.sync_api import ConsoleMessage, Page
from pytest_django import Settings

from botaniqal.accounts.models import User
from tests.factories import AppointmentTypeFactory, PractitionerFactory, SessionFactory

from .desk import Desk

AXE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"
WAIT_MILLISECONDS = 5000

# The browser notes each answer that is no success; these are states that the page shows in words.
HANDLED = ("status of 400", "status of 403", "status of 409", "status of 422", "net::ERR_INTERNET_DISCONNECTED")


class Traffic:
    """The requests at work: the database must not be emptied under them."""

    def __init__(self) -> None:
        self._running = 0
        self._changed = threading.Condition()

    def begin(self, **_: object) -> None:
        """Count one more."""
        with self._changed:
            self._running += 1

    def end(self, **_: object) -> None:
        """Count one less."""
        with self._changed:
            self._running -= 1
            self._changed.notify_all()

    def wait_for_end(self) -> None:
        """Wait until all are answered."""
        with self._changed:
            self._changed.wait_for(lambda: self._running <= 0, timeout=WAIT_MILLISECONDS / 1000)


@pytest.fixture
def traffic() -> Iterator[Traffic]:
    """Watch the requests of a test."""
    watched = Traffic()
    request_started.connect(watched.begin)
    request_finished.connect(watched.end)
    yield watched
    request_started.disconnect(watched.begin)
    request_finished.disconnect(watched.end)


@pytest.fixture(autouse=True)
def _no_throttles(settings: Settings) -> None:
    """Let browsers knock as often as they like: all of them have one address."""
    rates = dict.fromkeys(settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"], "9999/s")
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "DEFAULT_THROTTLE_RATES": rates}


@pytest.fixture
def open_as(browser, live_server, traffic) -> Iterator[Callable[..., Page]]:
    """
    Open a window of its own in which somebody has logged in, or nobody.

    Its clock is far from the clinic's, so that a time of the browser's would be seen to be wrong.
    """
    contexts, complaints = [], []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error" and not any(known in message.text for known in HANDLED):
            complaints.append(message.text)

    def open_window(user: User | None, *, width: int = 1366, height: int = 768, **options) -> Page:
        context = browser.new_context(
            base_url=live_server.url,
            viewport={"width": width, "height": height},
            **{"timezone_id": "Europe/London", "locale": "en-AU", "reduced_motion": "reduce"} | options,
        )
        if user:
            client = Client()
            client.force_login(user)
            name = settings.SESSION_COOKIE_NAME
            context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": live_server.url}])
        context.set_default_timeout(WAIT_MILLISECONDS)
        contexts.append(context)
        page = context.new_page()
        page.on("console", note)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield open_window
    for context in contexts:
        context.close()
    traffic.wait_for_end()
    assert complaints == []


@pytest.fixture(scope="session")
def axe() -> str:
    """Read the accessibility checker."""
    if not AXE.exists():
        pytest.skip("axe-core is not installed: accessibility is not checked. `npm ci` installs it.")
    return AXE.read_text()


@pytest.fixture
def kind(transactional_db):
    return AppointmentTypeFactory(name="Alternative medicine, initial")


@pytest.fixture
def doctor(kind):
    return PractitionerFactory(name="Dr Dia", gives=[kind], calendar_provider="calendly")


@pytest.fixture
def sarah(transactional_db):
    return PractitionerFactory(consultant=True, name="Sarah Chen", user__is_staff=True)


@pytest.fixture
def tom(transactional_db):
    return PractitionerFactory(consultant=True, name="Tom Baker", user__is_staff=True)


@pytest.fixture
def session(sarah, doctor):
    return SessionFactory(consultant=sarah)


@pytest.fixture
def desk(open_as, sarah, session) -> Desk:
    return Desk(open_as(sarah.user), session)

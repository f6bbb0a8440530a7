"""A process in which many threads want the same time: prints how many each vendor let have it."""

import itertools
import json
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import FrameType
from typing import Any
from urllib.parse import urlencode

from django.test import RequestFactory

from botaniqal.sandbox import wsgi  # noqa: F401 - sets the sandbox up, before any other part of it is imported
from botaniqal.sandbox.calendly import clinic, events, link_page
from botaniqal.sandbox.calendly.free_times import free_times
from botaniqal.sandbox.medirecords import api as medirecords
from botaniqal.sandbox.store import store
from botaniqal.sandbox.stripe import api as stripe
from botaniqal.sandbox.vendors import Refused

THREADS = 4
turns = itertools.count()
PATIENT = "44444444-4444-4444-8444-444444444444"
PRACTICE = "55555555-5555-4555-8555-555555555555"


def book_event() -> None:
    """Book one hour from now with the first event type."""
    wanted = {
        "event_type": store.find("event_type")[0]["uri"],
        "start_time": (datetime.now(UTC) + timedelta(hours=1)).isoformat(),
        "invitee": {"name": "Ava Nguyen", "email": "ava@example.com", "timezone": "Australia/Melbourne"},
    }
    events.book(wanted, method="api")


def create_appointment() -> None:
    """Ask MediRecords for one provider's ten o'clock."""
    body = {
        "patientId": PATIENT,
        "appointmentTypeId": next(iter(medirecords.APPOINTMENT_TYPES)),
        "scheduleTime": "2027-03-01T10:00",
        "appointmentStatus": 2,
        "appointmentIntervalCode": 6,
        "providerId": PRACTICE,
    }
    request = RequestFactory().post("/", json.dumps(body), content_type="application/json")
    medirecords.create_appointment(request, PRACTICE)


def open_session() -> None:
    """Ask Stripe for a checkout session, with the same key as everybody."""
    form = {
        "mode": "payment",
        "success_url": "https://portal.example.com/paid",
        "line_items[0][quantity]": "1",
        "line_items[0][price_data][currency]": "aud",
        "line_items[0][price_data][unit_amount]": "11900",
        "line_items[0][price_data][product_data][name]": "Initial visit",
    }
    body, kind = urlencode(form), "application/x-www-form-urlencoded"
    stripe.create_session(RequestFactory(HTTP_IDEMPOTENCY_KEY="k1", HTTP_HOST="127.0.0.1").post("/", body, kind))


def follow_link() -> None:
    """Book by the same one-time link as everybody, each at a time of one's own."""
    event_type = store.find("event_type")[0]
    now = datetime.now(UTC)
    start = next(itertools.islice(free_times(event_type, start=now, end=now + timedelta(days=9)), next(turns), None))[0]
    form = {"name": "Ava", "email": "ava@example.com", "start": clinic.moment(start)}
    if link_page.follow(RequestFactory().post("/", form), "once").status_code != 302:
        raise Refused(410, "Somebody else was quicker")


def winners(work: Callable[[], None]) -> int:
    """Let all threads do the same at once and count those who were not refused."""
    start, won = threading.Barrier(THREADS), []

    def run() -> None:
        start.wait()
        try:
            work()
        except Refused:
            return
        won.append(True)

    threads = [threading.Thread(target=run) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(won)


def in_slow_motion(frame: FrameType, event: str, arg: object) -> Callable[..., Any] | None:
    """Rest at each line of the sandbox, so that the threads meet everywhere."""
    if "/botaniqal/sandbox/" not in frame.f_code.co_filename:
        return None
    if event == "line":
        time.sleep(0.0005)
    return in_slow_motion


if __name__ == "__main__":
    link_page.MOST_TIMES = THREADS  # in slow motion a page full of times takes long
    threading.settrace(in_slow_motion)
    store.put("patient", PATIENT, {"id": PATIENT})
    store.put("link", "once", {"owner": store.find("event_type")[0]["uri"]})
    won = [winners(book_event), winners(create_appointment), winners(follow_link)]
    winners(open_session)
    print(*won, store.count("stripe_session"))  # noqa: T201 - what the test reads

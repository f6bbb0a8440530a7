"""What Calendly's plan allows the clinic: whether it may book by API, and how many calls are taken in which time."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from botaniqal.sandbox import limits
from botaniqal.sandbox.store import store
from botaniqal.sandbox.vendors import Refused

PLANS = {"paid": "Paid: books by API", "free_no_booking": "Free: no booking by API, one-time links only"}


def plan() -> str:
    """Name the clinic's plan."""
    kept = store.get("setting", "calendly_plan")
    return kept["value"] if kept else settings.SANDBOX_CALENDLY_PLAN


def choose(plan: str) -> None:
    """Change the clinic's plan."""
    store.put("setting", "calendly_plan", {"value": plan})


def ask_for_booking() -> None:
    """
    Insist on a plan that can book.

    :raises Refused: 403 on one that cannot.
    """
    if plan() == "free_no_booking":
        raise Refused(403, "Please upgrade your Calendly account to a paid plan to schedule events by API.")


def limit(*, invitees: str | None = None, calls: str | None = None) -> None:
    """Set the limits for `POST /invitees` and for all calls, such as "10/60 50/3600", and count from nothing."""
    for name, value in {"invitees": invitees, "calls": calls}.items():
        if value is not None:
            store.put("setting", f"calendly_limits_{name}", {"value": value})
            limits.forget(f"calendly {name}")


def limited() -> dict[str, Any]:
    """Show the limits and how much of each is used."""
    return {
        name: {"limits": value, "windows": [vars(window) for window in limits.windows(f"calendly {name}", value)]}
        for name, value in (("invitees", _limits("invitees")), ("calls", _limits("calls")))
    }


def meter(request: HttpRequest) -> dict[str, str]:
    """
    Count a call; answers the headers that tell what is left.

    :raises Refused: 429 for one too many.
    """
    invitees, calls = _limits("invitees"), _limits("calls")
    found = [] if calls == limits.OFF else limits.take("calendly calls", calls)
    if request.method == "POST" and request.path.endswith("/invitees") and invitees != limits.OFF:
        found = limits.take("calendly invitees", invitees)
    return limits.headers(found)


def _limits(name: str) -> str:
    kept = store.get("setting", f"calendly_limits_{name}")
    if kept:
        return kept["value"]
    return settings.SANDBOX_CALENDLY_LIMITS if name == "invitees" else limits.OFF

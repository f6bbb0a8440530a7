"""How many calls a vendor takes in a span of time: counted from the first call, begun anew when the span is over."""

import re
import time
from dataclasses import dataclass, replace

from botaniqal.sandbox.store import store
from botaniqal.sandbox.vendors import Refused

OFF = "off"
ONE = r"[1-9]\d*/\d+(?:\.\d+)?"
FORM = rf"^({OFF}|{ONE}( {ONE})*)$"


@dataclass(frozen=True, kw_only=True)
class Window:
    """One limit as it stands now."""

    most: int
    seconds: float
    used: int
    ends_in: float

    @property
    def left(self) -> int:
        """How many calls are still taken."""
        return max(self.most - self.used, 0)


def windows(name: str, limits: str) -> list[Window]:
    """Read how much of each limit, such as those of "10/60 50/3600", is used."""
    now = time.time()
    return [_window(name, most, seconds, now) for most, seconds in _parse(limits)]


def take(name: str, limits: str) -> list[Window]:
    """
    Count one call against each limit; one that is refused is not counted.

    :raises Refused: 429, with the limit that is used up.
    """
    with store.transaction():
        before = windows(name, limits)
        full = [window for window in before if not window.left]
        if full:
            raise Refused(429, "You have exceeded the rate limit", headers=headers(full))
        now, after = time.time(), [replace(window, used=window.used + 1) for window in before]
        for window in after:
            id = _id(name, window.most, window.seconds)
            store.put("limit", id, {"id": id, "name": name, "used": window.used, "ends_at": now + window.ends_in})
        return after


def headers(windows: list[Window]) -> dict[str, str]:
    """Tell of the limit that is nearest to being used up, the longest of those that are."""
    if not windows:
        return {}
    nearest = min(windows, key=lambda window: (window.left, -window.ends_in))
    return {
        "X-RateLimit-Limit": str(nearest.most),
        "X-RateLimit-Remaining": str(nearest.left),
        "X-RateLimit-Reset": str(max(round(nearest.ends_in + 0.5), 1)),
    }


def forget(name: str) -> None:
    """Begin all spans of a name anew."""
    with store.transaction():
        for row in store.find("limit", name=name):
            store.delete("limit", row["id"])


def _window(name: str, most: int, seconds: float, now: float) -> Window:
    kept = store.get("limit", _id(name, most, seconds))
    if kept is None or kept["ends_at"] <= now:
        return Window(most=most, seconds=seconds, used=0, ends_in=seconds)
    return Window(most=most, seconds=seconds, used=kept["used"], ends_in=kept["ends_at"] - now)


def _id(name: str, most: int, seconds: float) -> str:
    return f"{name} {most}/{seconds:g}"


def _parse(limits: str) -> list[tuple[int, float]]:
    return [(int(most), float(seconds)) for most, seconds in re.findall(r"(\d+)/(\d+(?:\.\d+)?)", limits)]

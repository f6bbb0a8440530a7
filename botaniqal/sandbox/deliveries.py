"""Webhooks on their way to the portal: kept to look at, tried again as the vendor does, disordered by the dial."""

import heapq
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from uuid import uuid4

import requests
from django.conf import settings
from django.utils import timezone

from botaniqal.sandbox import dial
from botaniqal.sandbox.store import Document, store

# A burst of bookings must not open more connections to the portal than the vendor would.
LINES = 8


@dataclass(frozen=True, kw_only=True)
class Channel:
    """How one vendor delivers: what it signs, when it tries again, and what it makes of the portal's answer."""

    vendor: str
    # The headers of one try, with its signature and content type, for the raw body.
    headers: Callable[[Document, bytes], dict[str, str]]
    # Hours to wait before each try; SANDBOX_HASTE makes them short.
    hours: tuple[float, ...] = (0, 1, 2, 4, 8, 8)
    timeout_seconds: float = 15
    # Whether it may still be sent, asked before each try: the subscription may have ended.
    may_go: Callable[[Document], bool] = lambda delivery: True
    # What the vendor makes of a try: the delivery, and whether the portal took it.
    heard: Callable[[Document, bool], None] = lambda delivery, is_taken: None
    # End, disable or revive all subscriptions at once, by the state's name: answers how many; ValueError for another.
    set_state: Callable[[str], int] | None = None


CHANNELS: dict[str, Channel] = {}


def open_channel(channel: Channel) -> Channel:
    """Make a vendor's way of delivering known; what waits for it goes on at `resume`."""
    CHANNELS[channel.vendor] = channel
    return channel


def send(
    vendor: str, *, event: str, url: str, body: str, subscription: str | None = None, **about: str | None
) -> Document:
    """
    Begin to deliver a raw body, in the disorder that the dial asks for.

    `about` is kept with the delivery for the pages: `name` for who it is about, `scheduled_event` for Calendly's event.
    """
    disorder = dial.draw_disorder(vendor)
    is_held = "reordered" in disorder
    delay = sum(disorder[fault]["milliseconds"] / 1000 for fault in ("late", "reordered") if fault in disorder)
    now = time.time()
    delivery = {
        "id": str(uuid4()),
        "vendor": vendor,
        "event": event,
        "url": url,
        "subscription": subscription,
        "scheduled_event": None,
        "name": "",
        **about,
        "body": body,
        "state": "lost" if "lost" in disorder else "waiting",
        "disorder": sorted(disorder),
        "tries": [],
        "due_at": now + delay,
        "created_at": timezone.now().isoformat(timespec="microseconds"),
    }
    store.put("delivery", delivery["id"], delivery)
    if delivery["state"] == "waiting":
        line = _line(vendor)
        if is_held:
            line.hold(delivery["id"], delivery["created_at"])
        line.add(delivery["due_at"], delivery["id"])
        if "doubled" in disorder:
            line.add(now + delay, delivery["id"], is_extra=True)
    return delivery


def send_again(id: str, *, times: int) -> None:
    """Send a delivery some more times, all at once, each signed anew."""
    delivery = store.get("delivery", id)
    for _ in range(times if delivery else 0):
        _line(delivery.get("vendor", "calendly")).add(time.time(), id, is_extra=True)


def resume() -> None:
    """Go on with what was under way when the sandbox was stopped."""
    for delivery in store.find("delivery", state="waiting"):
        # What an earlier sandbox has kept names neither.
        delivery = {"vendor": "calendly", "due_at": time.time()} | delivery
        store.put("delivery", delivery["id"], delivery)
        if delivery["vendor"] in CHANNELS:
            _line(delivery["vendor"]).add(delivery["due_at"], delivery["id"])


def portal_url() -> str:
    """Where the portal is: as the environment says, unless somebody has pointed the sandbox elsewhere."""
    pointed = store.get("setting", "portal_url")
    return pointed["value"] if pointed else settings.PORTAL_URL


def seconds_of(hours: float) -> float:
    """Say how many seconds so many of the vendors' hours last here."""
    return hours * 3600 / settings.SANDBOX_HASTE


class Line:
    """The connections over which one vendor delivers, and what waits for them."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._changed = threading.Condition()
        self._waiting: list[tuple[float, int, str, bool]] = []
        self._order = count()
        self._held: dict[str, str] = {}
        for _ in range(LINES):
            # Daemons, so that a stop never waits for a portal that does not answer.
            threading.Thread(target=self._work, daemon=True).start()

    def add(self, due_at: float, id: str, *, is_extra: bool = False) -> None:
        """Try a delivery then; an extra try changes nothing about when it is tried again."""
        with self._changed:
            heapq.heappush(self._waiting, (due_at, next(self._order), id, is_extra))
            self._changed.notify()

    def hold(self, id: str, created_at: str) -> None:
        """Keep a delivery back until a later one has gone ahead of it."""
        with self._changed:
            self._held[id] = created_at

    def _work(self) -> None:
        session = requests.Session()
        # The portal is next door: a proxy from the environment would only lose the call.
        session.trust_env = False
        while True:
            with self._changed:
                while not self._waiting or self._waiting[0][0] > time.time():
                    self._changed.wait(self._waiting[0][0] - time.time() if self._waiting else None)
                due_at, _, id, is_extra = heapq.heappop(self._waiting)
            self._try(id, due_at, session, is_extra=is_extra)

    def _try(self, id: str, due_at: float, session: requests.Session, *, is_extra: bool) -> None:
        delivery = store.get("delivery", id)
        # Each change of the time has made an entry of its own: one that no longer fits is an old one.
        if delivery is None or not (is_extra or (delivery["state"], delivery["due_at"]) == ("waiting", due_at)):
            return
        if not is_extra and not self._channel.may_go(delivery):
            self._settle(id, "refused")
            return
        status = self._post(delivery, session)
        is_taken = status is not None and 200 <= status < 300
        if self._note(id, status, is_taken=is_taken, is_extra=is_extra):
            self._channel.heard(delivery, is_taken)
            self._let_go(delivery["created_at"])

    def _post(self, delivery: Document, session: requests.Session) -> int | None:
        """Post once; None stands for no answer."""
        body = delivery["body"].encode()
        # Closed after each call, so that no answer is lost with a connection that the portal has just given up.
        headers = self._channel.headers(delivery, body) | {"Connection": "close"}
        try:
            return session.post(
                delivery["url"],
                data=body,
                headers=headers,
                timeout=self._channel.timeout_seconds,
                allow_redirects=False,
            ).status_code
        except requests.RequestException:
            return None

    def _note(self, id: str, status: int | None, *, is_taken: bool, is_extra: bool) -> bool:
        """Write down what the portal answered; False where the delivery is forgotten meanwhile."""
        with store.transaction():
            delivery = store.get("delivery", id)
            if delivery is None:
                return False
            delivery["tries"].append({"at": timezone.now().isoformat(timespec="microseconds"), "status": status})
            if is_taken:
                delivery["state"] = "taken"
            elif not is_extra and delivery["state"] == "waiting":
                number = delivery["number"] = delivery.get("number", 0) + 1
                if number < len(self._channel.hours):
                    delivery["due_at"] = time.time() + seconds_of(self._channel.hours[number])
                    self.add(delivery["due_at"], id)
                else:
                    delivery["state"] = "refused"
            store.put("delivery", id, delivery)
            return True

    def _settle(self, id: str, state: str) -> None:
        with store.transaction():
            delivery = store.get("delivery", id)
            if delivery and delivery["state"] == "waiting":
                store.put("delivery", id, delivery | {"state": state})

    def _let_go(self, gone: str) -> None:
        """Send what was held back until one of this moment had gone."""
        with self._changed:
            free = [id for id, created_at in self._held.items() if created_at < gone]
            for id in free:
                del self._held[id]
        now = time.time()
        for id in free:
            with store.transaction():
                delivery = store.get("delivery", id)
                if delivery is None or delivery["tries"] or delivery["due_at"] <= now:
                    continue
                store.put("delivery", id, delivery | {"due_at": now})
            self.add(now, id)


_lines: dict[str, Line] = {}
_lines_lock = threading.Lock()


def _line(vendor: str) -> Line:
    with _lines_lock:
        if vendor not in _lines:
            _lines[vendor] = Line(CHANNELS[vendor])
        return _lines[vendor]

"""How often one caller may knock."""

import hashlib
import logging
import time
from functools import cache
from typing import Any

import redis
from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

log = logging.getLogger(__name__)


class Throttle(BaseThrottle):
    """
    So many requests in a fixed window, counted in Redis.

    A Redis that is down throttles nobody: the clinic goes on taking bookings.
    """

    scope: str

    def allow_request(self, request: Request, view: Any) -> bool:
        """Count this request, and say whether it is still within the rate."""
        count, _, period = settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"][self.scope].partition("/")
        self.window = SECONDS[period[0]]
        key = f"throttle:{self.scope}:{self.caller(request)}:{int(time.time() // self.window)}"
        try:
            counts = _counts(settings.REDIS_URL)
            taken = counts.incr(key)
            if taken == 1:
                counts.expire(key, self.window)
        except redis.RedisError as error:
            log.warning("requests are not throttled: %s", type(error).__name__)
            return True
        return taken <= int(count)

    def wait(self) -> float:
        """Count the seconds until the next window."""
        return self.window - time.time() % self.window

    def caller(self, request: Request) -> str:
        """Tell callers apart."""
        return self.get_ident(request)


class PublicRead(Throttle):
    """Reading by the public; whoever has logged in is not counted."""

    scope = "public-read"

    def allow_request(self, request: Request, view: Any) -> bool:
        """Count strangers alone."""
        return bool(request.user.is_authenticated) or super().allow_request(request, view)


class PublicWrite(Throttle):
    """Writing by the public."""

    scope = "public-write"


class PublicEmail(Throttle):
    """Having e-mails sent by the public, per caller and address; the address comes as ``email``."""

    scope = "public-email"

    def caller(self, request: Request) -> str:
        """Tell callers apart by the address as well."""
        said = request.data if hasattr(request, "data") else request.POST
        return f"{self.get_ident(request)}:{_hashed(said.get('email', ''))}"


class PublicBooking(Throttle):
    """Booking online, whatever the address: each keeps a time that nobody else can have meanwhile."""

    scope = "public-book"


class PublicJoin(Throttle):
    """Joining lists, whatever the address: nobody fills them for others."""

    scope = "public-join"


class Login(Throttle):
    """Trying passwords, per address and e-mail."""

    scope = "login"

    def caller(self, request: Request) -> str:
        """Tell callers apart by whom they say they are, too."""
        return f"{self.get_ident(request)}:{_hashed(request.data.get('email', ''))}"


@cache
def _counts(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, socket_timeout=0.5, socket_connect_timeout=0.5)


def _hashed(email: Any) -> str:
    return hashlib.sha256(str(email).strip().lower().encode(errors="replace")).hexdigest()

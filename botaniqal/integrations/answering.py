"""Which vendors answer, as the portal's own calls show it: nobody is called in order to know."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import redis
from django.core.cache import cache
from django.utils import timezone

from botaniqal.api import health


@dataclass(frozen=True, slots=True)
class Answer:
    """What the calls to a vendor came to: it answered last, or has not since then."""

    is_up: bool
    at: datetime


def note(vendor: str, *, is_up: bool) -> None:
    """Note whether a vendor answered a call; of a silence its beginning is kept."""
    key = f"vendor:{vendor.lower()}"
    with suppress(redis.RedisError):
        if is_up or (known := cache.get(key)) is None or known.is_up:
            cache.set(key, Answer(is_up, timezone.now()), timeout=None)


def known(vendors: Iterable[str]) -> dict[str, Answer]:
    """
    Tell what is known of these vendors; those that were never called are left out.

    :raises NoMarks: Redis, where it is kept, does not answer.
    """
    names = {f"vendor:{vendor.lower()}": vendor for vendor in vendors}
    try:
        return {names[key]: answer for key, answer in cache.get_many(names).items()}
    except redis.RedisError:
        raise health.NoMarks from None

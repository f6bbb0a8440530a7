"""What is counted, to each test its own."""

from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
import redis
from pytest_django import Settings

from botaniqal import counters

Counts = Callable[..., dict[tuple[str, ...], int]]


@pytest.fixture
def counted(settings: Settings) -> Iterator[Counts]:
    """Begin with nothing counted; read what is since, of all names or of one, without how long anything took."""
    counters.flush()
    settings.COUNTERS_PREFIX = f"counters-{uuid4()}"
    redis_url = settings.REDIS_URL

    def read(name: str = "") -> dict[tuple[str, ...], int]:
        counters.flush()
        found: dict[tuple[str, ...], int] = {}
        for (one, *values), number in counters.read().items():
            if counters.FAMILIES[one].buckets:
                *values, bucket = values
                number = 0 if bucket == counters.SUM else number
            if name in ("", one):
                key = (*values,) if name else (one, *values)
                found[key] = found.get(key, 0) + number
        return found

    yield read
    settings.REDIS_URL = redis_url
    counters.flush()
    store = redis.Redis.from_url(redis_url)
    for key in store.scan_iter(f"{settings.COUNTERS_PREFIX}:*"):
        store.delete(key)

"""
How much may be asked of a vendor, counted in Redis for all processes together and by Redis's own clock.

A window slides: in no span of its length do more calls begin than it allows. A bucket that refills while it is used
would let nearly twice as many through.
"""

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from uuid import uuid4

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

PATIENCE_SECONDS = 1.0
QUEUE_SECONDS = 60
REDIS_TIMEOUT_SECONDS = 0.5
SECOND = 1_000_000  # in Redis's microseconds
KEYS = ("calls", "places", "pause", "line", "back")
SPANS = {60: "a minute", 3_600: "an hour", 86_400: "a day"}

# Either the call counts under all limits or under none. Each limit has five keys: when its calls were made, which of
# them are under way until when at the latest, whether the vendor asked for a pause, who waits and of what rank, and
# until when each of those is expected back.
TAKE = """
local ticket, limits = ARGV[1], cjson.decode(ARGV[2])
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local longest, limit_at, window_at = 0, 0, 0

local function wait(span, i, w)
  if span > longest then longest, limit_at, window_at = span, i, w end
end

-- How long until a window has room for one more. A clock that was put back must not make that longer than the window.
local function opens(calls, most, span)
  if most < 1 then return span end
  local former = redis.call('ZRANGE', calls, -most, -most, 'WITHSCORES')[2]
  return former and math.min(former + span - now, span) or 0
end

for i, limit in ipairs(limits) do
  local calls, places, pause, line, back = unpack(KEYS, 5 * i - 4, 5 * i)
  if redis.call('ZSCORE', calls, ticket) or redis.call('ZSCORE', places, ticket) then
    return {0, 0, 0}  -- taken before, but the answer was lost
  end
  wait(redis.call('PTTL', pause) * 1000, i, 0)
  redis.call('ZREMRANGEBYSCORE', places, '-inf', now)
  if limit.at_once > 0 and redis.call('ZCARD', places) >= limit.at_once then
    wait(20000, i, -1)
  end
  local ahead = 0
  if limit.who then
    for _, gone in ipairs(redis.call('ZRANGEBYSCORE', back, '-inf', now)) do
      redis.call('ZREM', line, gone)
      redis.call('ZREM', back, gone)
    end
    ahead = redis.call('ZCOUNT', line, '-inf', '(' .. limit.rank)
  end
  for w, window in ipairs(limit.windows) do
    local most, span = window[1], window[2]
    local room = opens(calls, most, span)
    -- Those ahead may not come, so nobody waits long on their account alone.
    wait(math.max(room, math.min(opens(calls, most - ahead, span), limit.queue)), i, w)
  end
end

for i, limit in ipairs(limits) do
  local calls, places, pause, line, back = unpack(KEYS, 5 * i - 4, 5 * i)
  if longest > 0 then
    if limit.who then
      redis.call('ZADD', line, limit.rank, limit.who)
      redis.call('ZADD', back, now + longest + limit.late, limit.who)
      for _, key in ipairs({line, back}) do
        redis.call('PEXPIRE', key, math.ceil((math.max(longest, limit.longest) + limit.late) / 1000))
      end
    end
  else
    if limit.longest > 0 then
      redis.call('ZREMRANGEBYSCORE', calls, '-inf', now - limit.longest)
      redis.call('ZADD', calls, now, ticket)
      redis.call('PEXPIRE', calls, math.ceil(limit.longest / 1000))
    end
    if limit.at_once > 0 then
      redis.call('ZADD', places, now + limit.place, ticket)
      redis.call('PEXPIRE', places, math.ceil(limit.place / 1000))
    end
    if limit.who then
      redis.call('ZREM', line, limit.who)
      redis.call('ZREM', back, limit.who)
    end
  end
end
return {longest, limit_at, window_at}
"""
# The vendor counts a call when it arrives, so a call is as young as its answer.
END = """
local ticket, limits = ARGV[1], cjson.decode(ARGV[2])
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
for i, limit in ipairs(limits) do
  local calls, places = unpack(KEYS, 5 * i - 4, 5 * i)
  redis.call('ZREM', places, ticket)
  if redis.call('ZADD', calls, 'XX', 'CH', now, ticket) == 1 then
    redis.call('PEXPIRE', calls, math.ceil(limit.longest / 1000))
  end
end
"""


@dataclass(frozen=True)
class Limit:
    """
    What may be asked under one name: so many calls in each span of seconds, and so many at once.

    A process that dies gives its place back after `place_seconds`. `unit` is what people call a call. Of those who
    wait under a name and come back, each with a `turn` of who it is and its rank, the lowest rank goes first.
    """

    name: str
    windows: Sequence[tuple[int, float]] = ()
    at_once: int | None = None
    place_seconds: float = 60.0
    unit: str = "calls"
    turn: tuple[str, float] | None = None


class Busy(Exception):
    """A call would have been one too many and was not made; the message says which limit it waits for."""

    def __init__(self, message: str, *, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


@contextmanager
def within(*limits: Limit, vendor: str) -> Iterator[None]:
    """
    Count one call under all of these limits, for which it may wait a moment, and hold its places until it is over.

    :raises Busy: the wait would be long, or nobody can tell; nothing was counted.
    """
    if not limits:
        yield
        return
    ticket = uuid4().hex[:16]
    _take(ticket, limits, vendor)
    try:
        yield
    finally:
        # The places come back by themselves, and the call counts already.
        with suppress(redis.RedisError):
            if _are_counted(limits):
                _run(END, ticket, limits)


def pause(name: str, seconds: float) -> None:
    """Let nobody make a call under this name for so long: the vendor asked for it."""
    key, milliseconds = _keys(name)[KEYS.index("pause")], int(seconds * 1_000)
    if milliseconds <= 0:
        return
    # Where Redis does not answer nobody makes a call anyway.
    with suppress(redis.RedisError), _redis(settings.REDIS_URL).pipeline() as both:
        both.set(key, 1, px=milliseconds, nx=True)
        both.pexpire(key, milliseconds, gt=True)
        both.execute()


def _take(ticket: str, limits: Sequence[Limit], vendor: str) -> None:
    patience = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            microseconds, limit_at, window_at = _run(TAKE, ticket, limits)
        except redis.RedisError:
            if not _are_counted(limits):
                return
            # Without the count there is no telling how many calls the others make.
            why = f"Waits until the calls to {vendor} can be counted again: Redis does not answer."
            raise Busy(why, seconds=settings.SWEEP_SECONDS) from None
        if not microseconds:
            return
        seconds = microseconds / SECOND
        if time.monotonic() + seconds > patience:
            why = _why(limits[limit_at - 1], window_at, vendor)
            raise Busy(why, seconds=seconds if window_at >= 0 else PATIENCE_SECONDS)
        time.sleep(seconds)


def _are_counted(limits: Sequence[Limit]) -> bool:
    """Say whether there is anything to count: a limit that is off only knows pauses."""
    return any(limit.windows or limit.at_once for limit in limits)


def _why(limit: Limit, window_at: int, vendor: str) -> str:
    if not window_at:
        return f"Waits because {vendor} asked for a pause."
    if window_at < 0:
        return f"Waits for {vendor}'s limit: {limit.at_once} {limit.unit} at once."
    most, seconds = limit.windows[window_at - 1]
    return f"Waits for {vendor}'s limit: {most} {limit.unit} {SPANS.get(seconds, f'in {seconds:g} seconds')}."


def _run(script: str, ticket: str, limits: Sequence[Limit]) -> list[int]:
    keys = [key for limit in limits for key in _keys(limit.name)]
    numbers = [
        {
            "windows": [(most, int(seconds * SECOND)) for most, seconds in limit.windows],
            "longest": max((int(seconds * SECOND) for _, seconds in limit.windows), default=0),
            "at_once": limit.at_once or 0,
            "place": int(limit.place_seconds * SECOND),
            "queue": QUEUE_SECONDS * SECOND,
            # Whoever waits in a row of the database is looked at again by the next sweep.
            "late": int((2 * settings.SWEEP_SECONDS + PATIENCE_SECONDS) * SECOND),
            **({"who": limit.turn[0], "rank": f"{limit.turn[1]:.3f}"} if limit.turn else {}),
        }
        for limit in limits
    ]
    return _redis(settings.REDIS_URL).register_script(script)(keys, [ticket, json.dumps(numbers)])


def _keys(name: str) -> tuple[str, ...]:
    # A mailbox's address is somebody's name.
    known_as = hashlib.sha256(name.encode()).hexdigest()[:32] if "@" in name else name
    return tuple(f"{settings.LIMITS_PREFIX}:{known_as}:{part}" for part in KEYS)


@cache
def _redis(url: str) -> redis.Redis:
    # Tried once more, because a connection that idled through a restart of Redis fails at its next use.
    return redis.Redis.from_url(
        url,
        socket_timeout=REDIS_TIMEOUT_SECONDS,
        socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 1),
    )

"""
What Graph tells us: that something changed in a mailbox, or that a subscription is about to end.

After https://learn.microsoft.com/graph/change-notifications-delivery-webhooks (as of 2026-11-21). A notice carries no
news but the secret of its subscription; what changed is read from the calendar.
"""

import hmac
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from botaniqal.integrations.models import Subscription

MOST_NOTICES = 1_000
LONGEST_STATE = 128
ID = re.compile(r"[A-Za-z0-9._:-]{1,255}")

CHANGED = ""
REAUTHORIZE = "reauthorizationRequired"


class MalformedNotices(Exception):
    """A delivery that cannot be read; the message never quotes it."""


class TooManyNotices(MalformedNotices):
    """More in one delivery than a vendor has to say."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing told of a subscription: a change, or what becomes of it (`lifecycle`)."""

    subscription_id: str
    client_state: str
    lifecycle: str


def parse(raw_body: bytes) -> set[Notice]:
    """
    Read a delivery: what it tells, each thing once; what names no subscription and no secret tells nothing.

    :raises MalformedNotices: it is not what Graph sends.
    :raises TooManyNotices: it is far longer than what Graph sends.
    """
    try:
        rows = json.loads(raw_body)["value"]
    except (ValueError, RecursionError, TypeError, LookupError):
        raise MalformedNotices("The body is not what Graph sends.") from None
    if not isinstance(rows, list) or not rows:
        raise MalformedNotices("The body is not what Graph sends.")
    if len(rows) > MOST_NOTICES:
        raise TooManyNotices("So much is not taken at once.")
    return {notice for row in rows if isinstance(row, dict) and (notice := _notice(row))}


def vouched(notices: Iterable[Notice]) -> dict[Subscription, set[str]]:
    """Find the subscriptions whose secret the notices know, with what is told of each."""
    by_id: dict[str, list[Notice]] = {}
    for notice in notices:
        by_id.setdefault(notice.subscription_id, []).append(notice)
    rows = Subscription.objects.filter(vendor=Subscription.Vendor.GRAPH).exclude(secret="")
    known = {row.external_id: row for row in rows.filter(external_id__in=by_id)}
    # The first notice may come before the answer that tells the subscription's id.
    newborn = list(rows.filter(external_id="")) if by_id.keys() - known.keys() else []
    told: dict[Subscription, set[str]] = {}
    for subscription_id, of_one in by_id.items():
        for row in [known[subscription_id]] if subscription_id in known else newborn:
            told_of = {notice.lifecycle for notice in of_one if _knows(notice, row.secret)}
            if told_of:
                told.setdefault(row, set()).update(told_of)
    return told


def _notice(row: dict[str, Any]) -> Notice | None:
    id, state, lifecycle = (row.get(name) for name in ("subscriptionId", "clientState", "lifecycleEvent"))
    if not (isinstance(id, str) and ID.fullmatch(id) and isinstance(state, str) and len(state) <= LONGEST_STATE):
        return None
    if lifecycle is None:
        return Notice(id, state, CHANGED)
    return Notice(id, state, lifecycle[:LONGEST_STATE]) if isinstance(lifecycle, str) and lifecycle else None


def _knows(notice: Notice, secret: str) -> bool:
    return hmac.compare_digest(notice.client_state.encode(errors="replace"), secret.encode())

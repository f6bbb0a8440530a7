"""Graph's change notifications: who listens to a mailbox, what they are told, and what becomes of a subscription."""

import json
import threading
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import timezone

from botaniqal.sandbox import deliveries, dial
from botaniqal.sandbox.store import Document, store
from botaniqal.sandbox.vendors import GRAPH

SUBSCRIPTION = "outlook_subscription"
# What happens within so long is told in one delivery, as Graph does.
BATCH_SECONDS = 0.05
BATCH_SIZE = 100
LIFECYCLE = ("reauthorizationRequired", "subscriptionRemoved", "missed")
NO_TENANT = "00000000-0000-0000-0000-000000000000"


def notify(mailbox: str, event_id: str, change: str) -> None:
    """Tell everybody who listens to a mailbox that an event in it was created, updated or deleted."""
    for subscription in listening():
        if subscription["_mailbox"] != mailbox or change not in subscription["changeType"].split(","):
            continue
        if dial.draws(GRAPH.name, dial.WEBHOOKS, "expired"):
            store.delete(SUBSCRIPTION, subscription["id"])
            continue
        item = _about(subscription) | {
            "changeType": change,
            "resource": f"Users/{mailbox}/Events/{event_id}",
            "resourceData": {
                "@odata.type": "#Microsoft.Graph.Event",
                "@odata.id": f"Users/{mailbox}/Events/{event_id}",
                "id": event_id,
            },
        }
        _outgoing.add(subscription["notificationUrl"], subscription["id"], change, item)


def tell_of_life(subscription: Document, event: str) -> None:
    """Tell the owner of a subscription what became of it, where they wanted to know."""
    url = subscription["lifecycleNotificationUrl"]
    if url:
        item = _about(subscription) | {"lifecycleEvent": event, "resource": subscription["resource"]}
        _send(url, event, [(subscription["id"], item)])


def listening() -> list[Document]:
    """List the subscriptions that have not expired; one that has is forgotten, as Graph does without a word."""
    now = timezone.now()
    standing = []
    for subscription in store.find(SUBSCRIPTION):
        if datetime.fromisoformat(subscription["expirationDateTime"]) > now:
            standing.append(subscription)
        else:
            store.delete(SUBSCRIPTION, subscription["id"])
    return standing


def end(subscription: Document, *, aloud: bool) -> None:
    """Take a subscription away from Graph's side; `aloud` tells its owner."""
    store.delete(SUBSCRIPTION, subscription["id"])
    if aloud:
        tell_of_life(subscription, "subscriptionRemoved")


def set_state(state: str) -> int:
    """
    Let all subscriptions expire, or be removed aloud; answers how many there were.

    :raises ValueError: there is no such end.
    """
    if state not in {"expired", "removed"}:
        raise ValueError("state must be expired or removed")
    subscriptions = listening()
    for subscription in subscriptions:
        end(subscription, aloud=state == "removed")
    return len(subscriptions)


class Outgoing:
    """What is about to be told, gathered by address for a moment."""

    def __init__(self, send: Callable[..., None]) -> None:
        self._send = send
        self._lock = threading.Lock()
        self._waiting: defaultdict[str, list[tuple[str, str, dict[str, Any]]]] = defaultdict(list)

    def add(self, url: str, subscription_id: str, change: str, item: dict[str, Any]) -> None:
        """Tell an address of one more change, soon."""
        with self._lock:
            self._waiting[url].append((subscription_id, change, item))
            is_first = len(self._waiting[url]) == 1
        if is_first:
            timer = threading.Timer(BATCH_SECONDS, self._flush, args=(url,))
            timer.daemon = True
            timer.start()

    def _flush(self, url: str) -> None:
        with self._lock:
            rows = self._waiting.pop(url, [])
        for first in range(0, len(rows), BATCH_SIZE):
            some = rows[first : first + BATCH_SIZE]
            self._send(
                url, ", ".join(dict.fromkeys(change for _, change, _ in some)), [(id, item) for id, _, item in some]
            )


def _send(url: str, event: str, items: list[tuple[str, dict[str, Any]]]) -> None:
    # A subscription may have ended, and the sandbox been emptied, within the moment of gathering.
    is_life = event in LIFECYCLE
    told = [item for id, item in items if is_life or store.get(SUBSCRIPTION, id)]
    if told:
        deliveries.send(
            GRAPH.name,
            event=event,
            url=url,
            body=json.dumps({"value": told}),
            subscription=None if is_life else items[0][0],
            name=", ".join(dict.fromkeys(item["resource"].split("/")[1] for item in told)),
        )


def _about(subscription: Document) -> dict[str, Any]:
    return {
        "subscriptionId": subscription["id"],
        "subscriptionExpirationDateTime": subscription["expirationDateTime"],
        "clientState": subscription["_client_state"],
        "tenantId": settings.GRAPH_TENANT or NO_TENANT,
    }


def _headers(delivery: Document, body: bytes) -> dict[str, str]:
    return {"Content-Type": "application/json; charset=utf-8", "User-Agent": "Microsoft Graph"}


def _may_go(delivery: Document) -> bool:
    return delivery["subscription"] is None or store.get(SUBSCRIPTION, delivery["subscription"]) is not None


_outgoing = Outgoing(_send)
CHANNEL = deliveries.open_channel(
    deliveries.Channel(
        vendor=GRAPH.name,
        headers=_headers,
        # Four hours in all.
        hours=(0, 0.1, 0.4, 1, 2.5),
        timeout_seconds=10,
        may_go=_may_go,
        set_state=set_state,
    )
)

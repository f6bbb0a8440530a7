"""Graph's subscriptions: who wants to be told of a mailbox, and whether their addresses answer."""

from datetime import datetime, timedelta
from uuid import uuid4

import requests
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone

from botaniqal.sandbox.door import body_of
from botaniqal.sandbox.graph import contract, notices
from botaniqal.sandbox.graph.mailboxes import mailbox_called
from botaniqal.sandbox.graph.notices import SUBSCRIPTION
from botaniqal.sandbox.store import Document, store
from botaniqal.sandbox.vendors import Refused

SHORTEST, LONGEST = timedelta(minutes=45), timedelta(minutes=10_080)
HANDSHAKE_SECONDS = 10


def create(request: HttpRequest) -> JsonResponse:
    """Subscribe, once both addresses have answered the handshake."""
    body = body_of(request, contract.CREATE_SUBSCRIPTION)
    mailbox = mailbox_called(body["resource"].strip("/").split("/")[1])
    expires_at = _expiry(body["expirationDateTime"])
    for name in ("notificationUrl", "lifecycleNotificationUrl"):
        if name in body:
            _shake_hands(body[name])
    with store.transaction():
        if any(
            (row["resource"], row["changeType"], row["notificationUrl"])
            == (body["resource"], body["changeType"], body["notificationUrl"])
            for row in notices.listening()
        ):
            raise Refused(409, "A subscription with the same changeType and resource already exists.", code="Conflict")
        id = str(uuid4())
        subscription = {
            "_mailbox": mailbox["id"],
            "_client_state": body.get("clientState"),
            "id": id,
            "resource": body["resource"],
            "applicationId": settings.GRAPH_CLIENT_ID or None,
            "changeType": body["changeType"],
            # Told to nobody who asks: it proves that a notification is Graph's.
            "clientState": None,
            "notificationUrl": body["notificationUrl"],
            "lifecycleNotificationUrl": body.get("lifecycleNotificationUrl"),
            "expirationDateTime": expires_at,
            "creatorId": None,
            "includeResourceData": None,
            "latestSupportedTlsVersion": "v1_2",
            "notificationQueryOptions": None,
            "notificationUrlAppId": None,
        }
        store.put(SUBSCRIPTION, id, subscription)
    return JsonResponse(_shown(subscription) | {"clientState": body.get("clientState")}, status=201)


def list_all(request: HttpRequest) -> JsonResponse:
    """List the application's subscriptions."""
    return JsonResponse({"value": [_shown(row) for row in notices.listening()]})


def show(request: HttpRequest, id: str) -> JsonResponse:
    """Show one subscription."""
    return JsonResponse(_shown(_found(id)))


def renew(request: HttpRequest, id: str) -> JsonResponse:
    """Make a subscription last, or point it at another address that answers the handshake."""
    body = body_of(request, contract.PATCH_SUBSCRIPTION)
    subscription = _found(id)
    changes = {"expirationDateTime": _expiry(body["expirationDateTime"])}
    if "notificationUrl" in body:
        _shake_hands(body["notificationUrl"])
        changes["notificationUrl"] = body["notificationUrl"]
    with store.transaction():
        subscription = store.put(SUBSCRIPTION, id, _found(id) | changes)
    return JsonResponse(_shown(subscription))


def reauthorize(request: HttpRequest, id: str) -> HttpResponse:
    """Take note that the application may still read what it is told of."""
    _found(id)
    return HttpResponse(status=204)


def delete(request: HttpRequest, id: str) -> HttpResponse:
    """End a subscription."""
    _found(id)
    store.delete(SUBSCRIPTION, id)
    return HttpResponse(status=204)


def _found(id: str) -> Document:
    subscription = next((row for row in notices.listening() if row["id"] == id), None)
    if subscription is None:
        raise Refused(404, "The object was not found.", code="ResourceNotFound")
    return subscription


def _shown(subscription: Document) -> Document:
    return {name: value for name, value in subscription.items() if not name.startswith("_")}


def _expiry(text: str) -> str:
    """
    Read until when a subscription is to last; less than 45 minutes is raised to that.

    :raises Refused: 400 for a past moment or one too far ahead.
    """
    now, wanted = timezone.now(), datetime.fromisoformat(text)
    if not now < wanted <= now + LONGEST:
        raise Refused(
            400,
            "Subscription expiration must be in the future, by at most 10080 minutes for this resource.",
            code="InvalidRequest",
        )
    return max(wanted, now + SHORTEST).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _shake_hands(url: str) -> None:
    """
    Insist that an address gives the token back that it is shown.

    :raises Refused: 400 if it answers late, otherwise, or not at all.
    """
    token = f"Validation: Testing client application reachability for subscription Request-Id: {uuid4()}"
    with requests.Session() as session:
        session.trust_env = False
        try:
            answer = session.post(
                url,
                params={"validationToken": token},
                headers={"Content-Type": "text/plain; charset=utf-8"},
                timeout=HANDSHAKE_SECONDS,
                allow_redirects=False,
            )
            content_type = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
            is_right = (answer.status_code, content_type, answer.text) == (200, "text/plain", token)
        except requests.RequestException:
            is_right = False
    if not is_right:
        raise Refused(
            400,
            "Subscription validation request failed. The notification endpoint must answer 200 with the token as text.",
            code="ValidationError",
        )

"""Calendly's webhook subscriptions: who wants to be told of what."""

from uuid import uuid4

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone

from botaniqal.sandbox.calendly import contract
from botaniqal.sandbox.calendly.api import NOT_FOUND, ask_for_organization, resource
from botaniqal.sandbox.calendly.clinic import Host, learn_member, moment, uri
from botaniqal.sandbox.calendly.paging import page
from botaniqal.sandbox.door import body_of, query_of
from botaniqal.sandbox.store import store
from botaniqal.sandbox.vendors import Refused


def create(request: HttpRequest) -> JsonResponse:
    """Subscribe an address; the same one can subscribe once."""
    body = body_of(request, contract.CREATE_SUBSCRIPTION)
    ask_for_organization(body)
    if body["scope"] == "user" and "user" not in body:
        raise Refused(400, "The supplied parameters are invalid.", [("user", "is missing")])
    id, now = str(uuid4()), moment(timezone.now())
    with store.transaction():
        if store.find("subscription", callback_url=body["url"], scope=body["scope"]):
            raise Refused(409, "Hook with this url already exists")
        subscription = {
            "_signing_key": body.get("signing_key", ""),
            "uri": uri("webhook_subscriptions", id),
            "callback_url": body["url"],
            "created_at": now,
            "updated_at": now,
            "retry_started_at": None,
            "state": "active",
            "events": body["events"],
            "scope": body["scope"],
            "organization": body["organization"],
            "user": body.get("user"),
            "creator": learn_member(Host(email="clinic@example.com", name="Botaniqal"))["uri"],
        }
        store.put("subscription", id, subscription)
    return resource(subscription, status=201)


def list_all(request: HttpRequest) -> JsonResponse:
    """List the subscriptions of a scope."""
    query = query_of(request, contract.LIST_SUBSCRIPTIONS)
    ask_for_organization(query)
    rows = store.find("subscription", scope=query["scope"])
    if "user" in query:
        rows = [row for row in rows if row["user"] == query["user"]]
    return page(request, rows, query)


def show(request: HttpRequest, webhook_uuid: str) -> JsonResponse:
    """Show one subscription."""
    subscription = store.get("subscription", webhook_uuid)
    if subscription is None:
        raise Refused(404, NOT_FOUND)
    return resource(subscription)


def delete(request: HttpRequest, webhook_uuid: str) -> HttpResponse:
    """End a subscription."""
    show(request, webhook_uuid)
    store.delete("subscription", webhook_uuid)
    return HttpResponse(status=204)

"""How each vendor is asked to tell us of changes: what stands there, what is to be made, lengthened or ended."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from django.conf import settings
from django.utils.crypto import salted_hmac

from botaniqal.integrations import calendly, graph
from botaniqal.integrations.calendly import uuid_of
from botaniqal.integrations.http import VendorRefused, VendorUnavailable
from botaniqal.integrations.models import Subscription
from botaniqal.integrations.owed import NeedsPerson

Health, Vendor = Subscription.Health, Subscription.Vendor

EVENTS = frozenset({"invitee.created", "invitee.canceled", "invitee_no_show.created", "invitee_no_show.deleted"})

STANDS = "It listens."
NEW = "It is not set up yet."
CHANGED = "It is set up otherwise than the portal wants it by now."
DISABLED = "Calendly switched it off."
LOST = "It is gone at the vendor."
# A worker starts before the pages do, and Graph wants them to answer at once.
REFUSED_FOR_NOW = {
    400: "Outlook does not get the answer from the portal that it wants",
    409: "Outlook says that one is there already",
}
NO_SIGNING_KEY = (
    "CALENDLY_WEBHOOK_SIGNING_KEY is not set, so no delivery could be trusted. Set it, then check this again."
)


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a look at the vendor found: the subscription that may stay, if any, and those that must not."""

    health: Health
    words: str
    standing: str = ""
    expires_at: datetime | None = None
    surplus: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Promise:
    """A subscription that the vendor has just made or lengthened."""

    external_id: str
    expires_at: datetime | None = None


class Listener(Protocol):
    """What is the same for every vendor."""

    def look(self, row: Subscription, now: datetime) -> Found:
        """See what stands at the vendor, and change nothing."""

    def new_secret(self) -> str:
        """Choose what its deliveries will carry; written down before the vendor hears of it."""

    def make(self, row: Subscription, now: datetime) -> Promise:
        """Ask the vendor to tell us, with the row's secret, by exactly one request."""

    def lengthen(self, row: Subscription, found: Found, now: datetime) -> Promise:
        """Make what stands last, where it is time."""

    def end(self, external_id: str) -> None:
        """Ask the vendor to stop; one that is gone is fine."""


class CalendlyListener:
    """
    One subscription for the organisation, at one of the two addresses.

    Calendly sends everything to each address of an organisation, and the event type says whose it is: at both addresses
    every delivery would come twice. Both go on answering, for those that were set up by hand.
    """

    def __init__(self) -> None:
        self._client = calendly.client()
        self._place = f"{settings.PUBLIC_BASE_URL}/webhooks/calendly/"
        self._address = f"{self._place}practitioner"

    def look(self, row: Subscription, now: datetime) -> Found:
        """
        See what stands at Calendly.

        :raises NeedsPerson: without a signing key nothing may listen.
        """
        if not settings.CALENDLY_WEBHOOK_SIGNING_KEY:
            raise NeedsPerson(NO_SIGNING_KEY)
        everything = self._client.webhook_subscriptions(organization=row.resource)
        ours = [each for each in everything if each.url.startswith(self._place) or each.uri == row.external_id]
        known = next((each for each in ours if each.uri == row.external_id), None)
        # Calendly never tells the key of a subscription: only one that was made with today's may stay.
        is_signed = row.secret == self.new_secret()
        right = [
            each
            for each in ours
            if is_signed and each.is_active and each.url == self._address and each.events == EVENTS
        ]
        kept = known if known in right else next(iter(right), None)
        surplus = tuple(each.uri for each in ours if each is not kept)
        if kept:
            return Found(health=Health.ACTIVE, words=STANDS, standing=kept.uri, surplus=surplus)
        if any(not each.is_active for each in ours):
            return Found(health=Health.DISABLED, words=DISABLED, surplus=surplus)
        if row.external_id and known is None:
            return Found(health=Health.LOST, words=LOST, surplus=surplus)
        return Found(health=Health.NEW, words=CHANGED if ours else NEW, surplus=surplus)

    def new_secret(self) -> str:
        """Tell today's signing key from others without keeping it."""
        return salted_hmac(__name__, settings.CALENDLY_WEBHOOK_SIGNING_KEY, algorithm="sha256").hexdigest()

    def make(self, row: Subscription, now: datetime) -> Promise:
        """
        Have the organisation's events told.

        :raises VendorUnavailable: also where one is there by now: the next look finds it.
        """
        try:
            made = self._client.create_webhook_subscription(
                url=self._address,
                events=EVENTS,
                organization=row.resource,
                signing_key=settings.CALENDLY_WEBHOOK_SIGNING_KEY,
            )
        except VendorRefused as refusal:
            if refusal.status != 409:
                raise
            raise VendorUnavailable("Calendly says that one is there already, and does not show it") from None
        return Promise(external_id=made.uri)

    def lengthen(self, row: Subscription, found: Found, now: datetime) -> Promise:
        """Calendly's last until Calendly switches them off."""
        return Promise(external_id=found.standing)

    def end(self, external_id: str) -> None:
        """End it."""
        self._client.delete_webhook_subscription(uuid_of(external_id))


class GraphListener:
    """One subscription for each mailbox, which ends by itself unless it is lengthened."""

    def __init__(self) -> None:
        self._client = graph.client()
        self._address = f"{settings.PUBLIC_BASE_URL}/webhooks/graph"
        self._lifecycle = f"{self._address}/lifecycle"

    def look(self, row: Subscription, now: datetime) -> Found:
        """See what stands at Graph."""
        resource = f"users/{row.resource}/events".casefold()
        ours = {
            each.id: each
            for each in self._client.subscriptions()
            if each.id == row.external_id
            or (each.notification_url == self._address and each.resource.strip("/").casefold() == resource)
        }
        if (
            row.external_id
            and row.external_id not in ours
            and (known := self._client.get_subscription(row.external_id))
        ):
            ours[known.id] = known
        known = ours.get(row.external_id)
        # Graph tells nobody the client state: of those that we do not know by id, none may stay.
        if (
            known
            and row.secret
            and known.expires_at > now
            and (known.notification_url, known.lifecycle_url) == (self._address, self._lifecycle)
        ):
            surplus = tuple(id for id in ours if id != known.id)
            return Found(
                health=Health.ACTIVE, words=STANDS, standing=known.id, expires_at=known.expires_at, surplus=surplus
            )
        if row.external_id and (known is None or known.expires_at <= now):
            return Found(health=Health.LOST, words=LOST, surplus=tuple(ours))
        return Found(health=Health.NEW, words=CHANGED if ours else NEW, surplus=tuple(ours))

    def new_secret(self) -> str:
        """Choose a client state that nobody guesses."""
        return secrets.token_urlsafe(48)

    def make(self, row: Subscription, now: datetime) -> Promise:
        """
        Have a mailbox's changes told; Graph tries both addresses before it answers.

        :raises VendorUnavailable: also where the portal did not answer it, or one is there by now.
        """
        try:
            made = self._client.create_subscription(
                mailbox=row.resource,
                notification_url=self._address,
                lifecycle_url=self._lifecycle,
                client_state=row.secret,
                expires_at=now + _life(),
            )
        except VendorRefused as refusal:
            if why := REFUSED_FOR_NOW.get(refusal.status):
                raise VendorUnavailable(why) from None
            raise
        return Promise(external_id=made.id, expires_at=made.expires_at)

    def lengthen(self, row: Subscription, found: Found, now: datetime) -> Promise:
        """
        Make it last when less than half of its life is left.

        :raises VendorUnavailable: it went meanwhile, which the next look finds.
        """
        ends_at = min(found.expires_at, row.expires_at or found.expires_at)
        if ends_at - now > _life() / 2:
            return Promise(external_id=found.standing, expires_at=found.expires_at)
        try:
            renewed = self._client.renew_subscription(found.standing, expires_at=now + _life())
        except VendorRefused as refusal:
            if refusal.status != 404:
                raise
            raise VendorUnavailable("Outlook's subscription went while it was looked at") from None
        return Promise(external_id=renewed.id, expires_at=renewed.expires_at)

    def end(self, external_id: str) -> None:
        """End it."""
        self._client.delete_subscription(external_id)


def is_configured(vendor: Vendor) -> bool:
    """Tell whether the settings let us ask the vendor at all."""
    return all(NEEDED[vendor]())


def _life() -> timedelta:
    return timedelta(seconds=settings.SUBSCRIPTION_LIFE_SECONDS)


LISTENERS: dict[Vendor, Callable[[], Listener]] = {
    Vendor.CALENDLY: CalendlyListener,
    Vendor.GRAPH: GraphListener,
}

NEEDED: dict[Vendor, Callable[[], tuple[str, ...]]] = {
    Vendor.CALENDLY: lambda: (settings.CALENDLY_API_KEY,),
    Vendor.GRAPH: lambda: (settings.GRAPH_TENANT, settings.GRAPH_CLIENT_ID, settings.GRAPH_CLIENT_SECRET),
}

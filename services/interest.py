"""The interest list: who wants to hear when a service begins, and how they are told."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.urls import reverse

from botaniqal import cards, names, phones
from botaniqal.accounts.models import User
from botaniqal.errors import Malformed, Missing, RuleBroken
from botaniqal.messages import writing
from botaniqal.messages.models import Message
from botaniqal.signed import pieces_of

from .catalogue_words import shown
from .models import AppointmentType, InterestEntry, Service

BATCH = 100
WORDING = (
    "Please write to me by e-mail when {service} begins, and now and then until it does. "
    "Each e-mail has a link that ends this."
)
"""What people agree to; what they agreed to is kept word by word."""

OF_THE_LIST = (Message.Kind.INTEREST_JOINED, Message.Kind.NURTURE, Message.Kind.LAUNCH)

signer = signing.Signer(salt="leave an interest list")


class NoList(RuleBroken):
    """Nobody can wait for this service."""

    code = "no_waitlist"

    def __init__(self, service: Service) -> None:
        begun = service.status == Service.Status.ACTIVE
        why = "can be booked already, so there is no list to join" if begun else "has no list to join"
        super().__init__("waitlist", f"{public_name(service) or 'This service'} {why}.")


class NotOnList(RuleBroken):
    """Somebody left the list before."""

    code = "not_on_list"

    def __init__(self) -> None:
        super().__init__("waitlist", "They are not on the list any more.")


def public_name(service: Service) -> str:
    """Give the name of a service that the public may read; none where nobody approved one."""
    words = shown([service]).get(service.slug)
    return words.name if words else ""


def wording_for(service: Service) -> str:
    """Say what somebody agrees to who joins the list of a service."""
    return WORDING.format(service=public_name(service))


def open_lists() -> dict[str, str]:
    """Say of each service that people can wait for what they agree to, by its slug."""
    services = list(Service.objects.filter(status=Service.Status.COMING_SOON, has_waitlist=True))
    return {slug: WORDING.format(service=words.name) for slug, words in shown(services).items()}


def has_list(service: Service) -> bool:
    """Tell whether people can wait for a service: it is announced, by a name that somebody approved."""
    return service.status == Service.Status.COMING_SOON and service.has_waitlist and bool(public_name(service))


@transaction.atomic
def join(
    *, service: Service, name: str, email: str, phone: str, source: InterestEntry.Source, wording: str, now: datetime
) -> InterestEntry:
    """
    Put somebody on the list of a service to come, with what they agreed to, and confirm it by e-mail.

    Who is on it already stays as they are and gets no second e-mail; who had left, or had been told of an earlier
    beginning, is back with a new consent.

    :raises NoList: the service has none.
    :raises Malformed: no name, no address, no phone number, or none of the consent's words.
    """
    if not has_list(service):
        raise NoList(service)
    said = _read(name=name, email=email, phone=phone, wording=wording)
    said |= {"source": source, "consented_at": now, "joined_at": now}
    # The database has the last word on who is on it: of two who join at once with one address, one is kept.
    fresh = InterestEntry(service=service, **said)
    InterestEntry.objects.bulk_create([fresh], ignore_conflicts=True)
    entry = InterestEntry.objects.of(said["email"]).select_for_update().get(service=service)
    if entry.pk != fresh.pk:
        if entry.left_at is None and entry.told_at is None:
            return entry
        for field, value in {**said, "left_at": None, "left_reason": "", "told_at": None}.items():
            setattr(entry, field, value)
        entry.save()
    _write(entry, Message.Kind.INTEREST_JOINED, public_name(service), now)
    return entry


def unsubscribe_link(entry: InterestEntry) -> str:
    """Write the address at which somebody leaves the list; it needs no login and never ends."""
    return settings.PUBLIC_BASE_URL + reverse("unsubscribe", args=[signer.sign(entry.pk.hex)])


def entry_of(token: str) -> InterestEntry:
    """
    Find whose link it is.

    :raises Missing: nobody here wrote that link.
    """
    [pk] = pieces_of(token, signer=signer)
    entry = InterestEntry.objects.select_related("service").filter(pk=UUID(pk)).first()
    if entry is None:
        raise Missing("This address is on no list of ours.")
    return entry


@transaction.atomic
def leave(*, entry_id: UUID, now: datetime) -> InterestEntry:
    """
    Take off the list whoever wants to be: nothing more is written to them; leaving twice is leaving once.

    :raises Missing: there is no such entry.
    """
    entry = _locked(entry_id)
    if entry.left_at is None:
        _end(entry, now)
    return entry


@transaction.atomic
def take_off(*, entry_id: UUID, reason: str, by: User | None, now: datetime) -> InterestEntry:
    """
    Take somebody off the list who told staff so, or does not belong there.

    :raises Missing: there is no such entry.
    :raises NotOnList: they left before.
    :raises Malformed: no reason is given, or a card number in it.
    """
    if not reason.strip():
        raise Malformed("Say why they are taken off.", details={"reason": ["Required."]})
    cards.refuse(reason, "reason")
    entry = _locked(entry_id)
    if entry.left_at is not None:
        raise NotOnList
    entry.left_reason = reason.strip()[:200]
    _end(entry, now)
    return entry


def tell_due(*, now: datetime) -> int:
    """Tell everyone who waits for a service that can be booked now, and count them."""
    waited_for = InterestEntry.objects.untold().filter(service=OuterRef("pk"))
    bookable = AppointmentType.objects.offered().filter(service=OuterRef("pk"))
    begun = Service.objects.filter(Exists(waited_for), Exists(bookable), status=Service.Status.ACTIVE)
    return sum(tell_launch(service=service, now=now) for service in begun)


def tell_launch(*, service: Service, now: datetime) -> int:
    """
    Tell everyone who still waits for a service that it has begun, each once, and count them.

    Batch by batch: who was told is marked in the transaction of the telling, so that a run that is cut off is gone on
    with, and two that go on at once share the list.
    """
    told, name = 0, public_name(service) or service.name
    while batch := _tell_some(service, name, now):
        told += batch
    return told


@transaction.atomic
def _tell_some(service: Service, name: str, now: datetime) -> int:
    waiting = InterestEntry.objects.untold().filter(service=service).order_by("joined_at")
    batch = list(waiting.select_for_update(skip_locked=True)[:BATCH])
    for entry in batch:
        entry.service = service
        _forget_unsent(entry, [Message.Kind.NURTURE])  # “still to come” must not follow “it has begun”
        _write(
            entry,
            Message.Kind.LAUNCH,
            name,
            now,
            key=f"launch:{entry.pk}:{entry.joined_at:%Y%m%d%H%M%S}",
            stream=Message.Stream.MARKETING,
        )
    InterestEntry.objects.filter(pk__in=[entry.pk for entry in batch]).update(told_at=now)
    return len(batch)


def _write(entry: InterestEntry, kind: Message.Kind, name: str, now: datetime, **fields: str) -> None:
    context = {
        "first_name": entry.first_name,
        "service": name,
        "link": settings.PUBLIC_BASE_URL + reverse("service", args=[entry.service.slug]),
    }
    writing.write(
        kind=kind,
        reference=entry.pk,
        to=entry.email,
        context=context,
        send_at=now,
        unsubscribe_link=unsubscribe_link(entry),
        **fields,
    )


def _read(*, name: str, email: str, phone: str, wording: str) -> dict[str, str]:
    """
    Read who joins.

    :raises Malformed: something cannot be read.
    """
    kept = {"name": names.kept(name), "email": email.strip(), "phone": phones.kept(phone) if phone.strip() else ""}
    faults = {}
    if not kept["name"] or len(kept["name"]) > names.LONGEST:
        faults["name"] = ["Say a name, without addresses or signs."]
    try:
        validate_email(kept["email"])
    except ValidationError:
        faults["email"] = ["Say the whole address, like sam@example.com."]
    if kept["phone"] is None:
        faults["phone"] = ["Say the phone number like 0412 345 678, or with its country like +64 21 123 4567."]
    if not wording.strip():
        faults["consent"] = ["Say what was agreed to."]
    if faults:
        raise Malformed("Somebody joins with a name, an e-mail address and their consent.", details=faults)
    cards.refuse(kept["name"], "name")
    return {**kept, "consent_wording": wording}


def _locked(entry_id: UUID) -> InterestEntry:
    entry = InterestEntry.objects.select_for_update(of=["self"]).select_related("service").filter(pk=entry_id).first()
    if entry is None:
        raise Missing("There is no such entry.")
    return entry


def _end(entry: InterestEntry, now: datetime) -> None:
    entry.left_at = now
    entry.save(update_fields=["left_at", "left_reason"])
    _forget_unsent(entry, OF_THE_LIST)


def _forget_unsent(entry: InterestEntry, kinds: Iterable[Message.Kind]) -> None:
    writing.take_back(writing.unsent(reference=entry.pk).filter(kind__in=kinds))

"""What Calendly knows of the clinic before anybody books: its organisation, its members, their event types."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid4, uuid5

from django.conf import settings

from botaniqal.sandbox.store import Document, store
from botaniqal.sandbox.vendors import Refused

ROOT = "https://api.calendly.com"
SITE = settings.SANDBOX_URL or "https://calendly.com"


def uri(*parts: str) -> str:
    """Write an address the way Calendly writes it in bodies."""
    return "/".join((ROOT, *parts))


def id_of(address: str) -> str:
    """Read the id at the end of such an address."""
    return address.rstrip("/").rsplit("/", 1)[-1]


def moment(at: datetime) -> str:
    """Write a moment as Calendly does: UTC, microseconds; such texts sort like the moments."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def public(document: Mapping[str, Any]) -> Document:
    """Leave out what only the sandbox has to know."""
    return {name: value for name, value in document.items() if not name.startswith("_")}


ORGANIZATION = settings.CALENDLY_ORGANIZATION or uri("organizations", str(uuid5(NAMESPACE_URL, "botaniqal")))
BEGINNING = "2026-01-05T00:00:00.000000Z"


@dataclass(frozen=True, kw_only=True)
class Host:
    """A member of the organisation whose time an event type takes."""

    email: str
    name: str
    uri: str = ""

    @property
    def address(self) -> str:
        """The member's URI, made up where the portal has not told one."""
        return self.uri or uri("users", str(uuid5(NAMESPACE_URL, self.email)))


def learn_member(host: Host) -> Document:
    """Know a member from now on, by this name and e-mail."""
    id = id_of(host.address)
    member = {
        "uri": host.address,
        "name": host.name,
        "slug": host.email.partition("@")[0],
        "email": host.email,
        "scheduling_url": f"{SITE}/{host.email.partition('@')[0]}",
        "timezone": settings.TIME_ZONE,
        "avatar_url": None,
        "created_at": BEGINNING,
        "updated_at": BEGINNING,
        "current_organization": ORGANIZATION,
    }
    return store.put("user", id, member)


def member(named: str) -> Document:
    """
    Find a member by URI or e-mail.

    :raises Refused: 404 for somebody unknown.
    """
    # Whom the portal has told of comes after whom the environment has made up, maybe with the same e-mail.
    found = store.find("user", uri=named) or store.find("user", email=named)
    if not found:
        raise Refused(404, "No such member")
    return found[-1]


def make_busy(named: str, *, start: datetime, end: datetime) -> Document:
    """
    Enter a time of a calendar that a member has connected: Calendly offers and books nothing then.

    :raises Refused: 404 for an unknown member, 400 for a time that ends before it begins.
    """
    if end <= start:
        raise Refused(400, "It ends before it begins", [("end_time", "must come after start_time")])
    id = str(uuid4())
    entry = {"id": id, "user": member(named)["uri"], "start_time": moment(start), "end_time": moment(end)}
    return store.put("busy", id, entry)


def learn_event_type(
    *,
    address: str,
    name: str,
    minutes: int,
    hosts: list[Host],
    inbound: bool | None,
    active: bool = True,
    managed: bool = False,
) -> Document:
    """Know an event type from now on; `inbound` types bring free consultations in, the office looks after `managed`."""
    id = id_of(address)
    members = [learn_member(host) for host in hosts]
    known = store.get("event_type", id) or {"_inbound": False, "created_at": BEGINNING}
    alone = len(members) == 1
    return store.put(
        "event_type",
        id,
        {
            "_inbound": known["_inbound"] if inbound is None else inbound,
            "_hosts": [member["uri"] for member in members],
            "uri": address,
            "name": name,
            "active": active,
            "slug": id,
            "scheduling_url": f"{SITE}/{id}",
            "duration": minutes,
            "duration_options": None,
            "kind": "solo",
            "pooling_type": None if alone else "round_robin",
            "type": "StandardEventType",
            "color": "#17795e",
            "created_at": known["created_at"],
            "updated_at": moment(datetime.now(UTC)),
            "internal_note": None,
            "is_paid": False,
            "description_plain": None,
            "description_html": None,
            "profile": {
                "type": "User" if alone else "Team",
                "name": members[0]["name"] if alone else "Botaniqal",
                "owner": members[0]["uri"],
            },
            "secret": False,
            "booking_method": "instant",
            "custom_questions": [
                _question(0, "Phone number", "phone_number"),
                _question(1, "What would you like help with?", "text"),
            ],
            "deleted_at": None,
            "admin_managed": managed,
            "locations": [{"kind": "zoom_conference"}],
            "position": 0,
            "locale": "en",
        },
    )


def learn_from_environment() -> None:
    """Know the event types that the seed's variables name, unless the portal has told better."""
    consultant = Host(email="consultant@example.com", name="Consultant")
    practitioners = {
        "TRIAGE": ("Free consultation", 15, consultant),
        "CONSULTANT": ("Free consultation with a consultant", 15, consultant),
        "DR_DIA": ("Visit with Dr Dia", 15, Host(email="dr.dia@example.com", name="Dr Dia")),
        "DR_SHIVANI": ("Visit with Dr Shivani", 20, Host(email="dr.shivani@example.com", name="Dr Shivani")),
        "NURSE": ("Visit with the nurse", 15, Host(email="nurse@example.com", name="Nurse")),
        "GAPS_COACH": ("GAPS coaching", 60, Host(email="gaps.coach@example.com", name="GAPS coach")),
    }
    for variable, (name, minutes, host) in practitioners.items():
        calendar = settings.CALENDLY_CALENDARS[variable]
        if calendar and store.get("event_type", id_of(calendar)) is None:
            learn_event_type(
                address=uri("event_types", id_of(calendar)),
                name=name,
                minutes=minutes,
                hosts=[host],
                inbound=variable in {"TRIAGE", "CONSULTANT"},
            )


def free_consultation() -> Document | None:
    """Pick the event type by which new patients come in."""
    return next(iter(store.find("event_type", _inbound=True)), None)


def _question(position: int, name: str, kind: str) -> Document:
    return {
        "name": name,
        "type": kind,
        "position": position,
        "enabled": True,
        "required": False,
        "answer_choices": [],
        "include_other": False,
    }

"""In which time zone a visitor is: as their browser or they themselves say, without which the clinic's is taken."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.http import HttpRequest

ELSEWHERE = "elsewhere"
"""What is sent by who is in none of the places that are listed."""

ALL = frozenset(available_timezones())
AUSTRALIA = [
    ("Australia/Sydney", "Sydney, Canberra"),
    ("Australia/Melbourne", "Melbourne"),
    ("Australia/Brisbane", "Brisbane"),
    ("Australia/Adelaide", "Adelaide"),
    ("Australia/Perth", "Perth"),
    ("Australia/Hobart", "Hobart"),
    ("Australia/Darwin", "Darwin"),
    ("Australia/Broken_Hill", "Broken Hill"),
    ("Australia/Eucla", "Eucla"),
    ("Australia/Lord_Howe", "Lord Howe Island"),
    ("Pacific/Norfolk", "Norfolk Island"),
    ("Indian/Christmas", "Christmas Island"),
    ("Indian/Cocos", "Cocos (Keeling) Islands"),
]
WORLD = ("Africa", "America", "Antarctica", "Asia", "Atlantic", "Europe", "Indian", "Pacific")

Places = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Zones:
    """The zone by which times are shown, and those that may be chosen instead, by region."""

    ELSEWHERE = ELSEWHERE

    chosen: ZoneInfo
    is_told: bool
    regions: list[tuple[str, Places]]
    has_more: bool


def zone_of(request: HttpRequest) -> ZoneInfo:
    """Read the visitor's zone, ``zone`` in the form or the address; one that nobody knows is the clinic's."""
    name = _said(request)
    return ZoneInfo(name if name in ALL else settings.CLINIC_TIME_ZONE)


def to_choose(request: HttpRequest) -> Zones:
    """List the zones that a visitor may choose: Australia's, or the world's for who is elsewhere."""
    said, chosen = _said(request), zone_of(request)
    regions = [("Australia", AUSTRALIA)]
    if said == ELSEWHERE:
        regions += _world()
    elif chosen.key not in dict(AUSTRALIA):
        regions.append(("Elsewhere", [(chosen.key, place(chosen.key))]))
    return Zones(chosen, said is not None, regions, has_more=said != ELSEWHERE)


def place(name: str) -> str:
    """Name a zone by its place: Port Moresby, Knox (Indiana)."""
    _, _, rest = name.partition("/")
    region, _, city = (rest or name).replace("_", " ").rpartition("/")
    return f"{city} ({region})" if region else city


def _said(request: HttpRequest) -> str | None:
    return request.POST.get("zone") or request.GET.get("zone")


def _world() -> Iterable[tuple[str, Places]]:
    names = sorted(name for name in ALL - set(dict(AUSTRALIA)) if name.startswith(tuple(f"{r}/" for r in WORLD)))
    for region, found in groupby(names, key=lambda name: name.partition("/")[0]):
        yield region, sorted(((name, place(name)) for name in found), key=lambda each: each[1])

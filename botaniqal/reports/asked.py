"""What a report is asked for: its days, what it is narrowed to, with what it is compared; all of it in the address."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.urls import reverse

from botaniqal.errors import Malformed, NotAllowed
from practitioners.models import Practitioner
from services.models import Service

from .figures import NAMES, Only, Period, parse

USUAL = "last_28"
NO_COMPARISON = "none"
NAMES_OF_ASKED = ("period", "first", "last", "service", "practitioner", "compare")
"""What of an address says what is asked for."""
NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Asked:
    """The days and the part of the clinic that a report speaks of."""

    period: Period
    named: str
    only: Only
    compares: bool = True
    is_own: bool = False
    """Whether the practitioner is whoever asks, who may see no other's."""

    @property
    def before(self) -> Period | None:
        """With which days it is compared."""
        return self.period.before if self.compares else None

    @property
    def earlier(self) -> "Asked":
        """The same of the days with which it is compared."""
        return self.of(self.period.before)

    def of(self, period: Period) -> "Asked":
        """The same of other days."""
        return replace(self, period=period, named="")

    @property
    def narrowed(self) -> list[str]:
        """To what it is narrowed, in words."""
        whose = f"{self.only.practitioner}" if self.only.practitioner else ""
        own = "own work alone" if self.is_own else whose
        return [word for word in (f"{self.only.service or ''}", own) if word]

    @property
    def file_name(self) -> list[str]:
        """Its days and what it is narrowed to, for the name of a file."""
        days = [f"{self.period.first}", f"{self.period.last}"]
        service = [self.only.service.slug] if self.only.service else []
        person = [self.only.practitioner.name] if self.only.practitioner else []
        return [*days, *service, *person]

    @property
    def said(self) -> dict[str, str]:
        """What an address says of it, as short as it can be said."""
        said = {} if self.named == USUAL else {"period": self.named}
        if not self.named:
            said = {"first": self.period.first.isoformat(), "last": self.period.last.isoformat()}
        if self.only.service:
            said["service"] = self.only.service.slug
        if self.only.practitioner and not self.is_own:
            said["practitioner"] = str(self.only.practitioner.pk)
        if not self.compares:
            said["compare"] = NO_COMPARISON
        return said

    def query(self, **other: Any) -> str:
        """Write it as an address does; ``other`` is added, or said instead."""
        return urlencode({name: value for name, value in (self.said | other).items() if value is not None})

    def url(self, view: str, *args: Any, **other: Any) -> str:
        """Give the address of a page of the reports that speaks of the same."""
        query = self.query(**other)
        return reverse(f"admin:{view}", args=args) + (f"?{query}" if query else "")

    def rows_url(self, figure: str, key: Any = None, by: str = "") -> str:
        """Give the address of the rows behind a figure, or behind one line of its table."""
        return self.url("report_rows", figure, key=key, by=by if key is not None else None)


def read(said: Mapping[str, str], *, today: date, own: Practitioner | None = None) -> Asked:
    """
    Read what an address asks for; of the dates of a named period, which the form sends along, the name is kept.

    :raises Malformed: days, service or practitioner are none.
    :raises NotAllowed: somebody who sees their own work alone asks for another's.
    """
    named, first, last = (said.get(name, "").strip() for name in ("period", "first", "last"))
    if named and (first or last):
        meant = Period.of(named, today)
        if (first, last) == (meant.first.isoformat(), meant.last.isoformat()):
            first = last = ""
        else:
            named = ""
    period = parse(period=named or USUAL, first=first, last=last, today=today)
    practitioner = _practitioner(said.get("practitioner", ""))
    if own and practitioner not in (None, own):
        raise NotAllowed("You see the figures of your own work alone. Choose no other practitioner.")
    return Asked(
        period=period,
        named="" if first else named or USUAL,
        only=Only(service=_service(said.get("service", "")), practitioner=own or practitioner),
        compares=said.get("compare") != NO_COMPARISON,
        is_own=own is not None,
    )


def bar(
    asked: Asked | None, said: Mapping[str, str] = NOTHING, *, keeps: Mapping[str, str] = NOTHING
) -> dict[str, Any]:
    """
    Say what stands in the filter bar: what is asked for, or what was typed where that cannot be read.

    What it ``keeps`` of the address is asked for along with whatever else is chosen.
    """
    if asked is None:
        typed = {name: said.get(name, "") for name in NAMES_OF_ASKED}
        chosen = {"service": typed["service"], "practitioner": typed["practitioner"], "compare": typed["compare"]}
        days, is_own = (typed["first"], typed["last"]), False
    else:
        service, practitioner = asked.only.service, asked.only.practitioner
        chosen = {
            "service": service.slug if service else "",
            "practitioner": str(practitioner.pk) if practitioner else "",
            "compare": "" if asked.compares else NO_COMPARISON,
        }
        days, is_own = (asked.period.first.isoformat(), asked.period.last.isoformat()), asked.is_own
    fields = [_field("service", "Service", [("", "All services"), *_services()], chosen)]
    if not is_own:
        fields.append(_field("practitioner", "Practitioner", [("", "Everybody"), *_people()], chosen))
    compared = [("", "the period before"), (NO_COMPARISON, "nothing")]
    return {
        "first": days[0],
        "last": days[1],
        "hidden": {**({"period": asked.named} if asked and asked.named else {}), **keeps},
        "fields": [*fields, _field("compare", "Compared with", compared, chosen)],
        "presets": [
            {"name": label, "query": _named(asked, name, keeps), "is_on": asked is not None and asked.named == name}
            for name, label in NAMES.items()
        ],
    }


def _named(asked: Asked | None, name: str, keeps: Mapping[str, str]) -> str:
    if asked is None:
        return urlencode({"period": name, **keeps})
    return replace(asked, named=name).query(**keeps)


def _field(name: str, label: str, options: list[tuple[str, str]], chosen: dict[str, str]) -> dict[str, Any]:
    shown = [{"value": value, "name": words, "is_chosen": value == chosen[name]} for value, words in options]
    return {"name": name, "label": label, "options": shown}


def _services() -> list[tuple[str, str]]:
    return list(Service.objects.values_list("slug", "name"))


def _people() -> list[tuple[str, str]]:
    people = Practitioner.objects.order_by("-is_active", "name").values_list("pk", "name", "is_active")
    return [(str(pk), name if is_active else f"{name} (left)") for pk, name, is_active in people]


def _service(slug: str) -> Service | None:
    if not slug:
        return None
    service = Service.objects.filter(slug=slug).first()
    if service is None:
        raise Malformed("There is no such service. Choose one from the list.")
    return service


def _practitioner(key: str) -> Practitioner | None:
    if not key:
        return None
    try:
        found = Practitioner.objects.filter(pk=UUID(key)).first()
    except ValueError:
        found = None
    if found is None:
        raise Malformed("There is no such practitioner. Choose one from the list.")
    return found

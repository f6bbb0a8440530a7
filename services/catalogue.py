"""The catalogue as a file that a clinic manager can read, change and load again."""

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import Prefetch

from botaniqal.errors import Malformed

from .models import AppointmentType, Form, Price, Service

SERVICE_MEMBERS = (
    "slug",
    "name",
    "description",
    "status",
    "launches_on",
    "has_waitlist",
    "position",
    "colour",
    "confirmation_message",
    "initial_form",
    "followup_form",
)
TYPE_MEMBERS = (
    "code",
    "name",
    "kind",
    "mode",
    "minutes",
    "buffer_before_minutes",
    "buffer_after_minutes",
    "min_notice_minutes",
    "horizon_days",
    "step_minutes",
    "is_payment_required",
    "is_bookable_online",
    "is_active",
    "practitioner_types",
    "medirecords_type",
    "billing_code",
    "reporting_category",
    "position",
)
PRICE_MEMBERS = ("starts_on", "amount")

ON_THE_GRID = {"minutes", "buffer_before_minutes", "buffer_after_minutes", "step_minutes"}

# How a field is written: JSON's own types, and no others in their place ("15" is not 15, nor is true 1).
FORMS: tuple[tuple[type[models.Field], type, str, str], ...] = (
    (models.BooleanField, bool, "", "Write true or false."),
    (models.IntegerField, int, "", "Write a whole number."),
    (models.DateField, str, r"\d{4}-\d\d-\d\d", 'Write a day as "2024-01-31".'),
    (models.DecimalField, str, r"-?\d+\.\d\d", 'Write an amount as "119.00".'),
    (ArrayField, list, "", "Write a list: […]."),
    (models.ForeignKey, str, "", "Write a form's short name in quotes, or null."),
    (models.CharField, str, "", "Write text in quotes."),
    (models.TextField, str, "", "Write text in quotes."),
)


class BadCatalogue(Malformed):
    """The file cannot be loaded; ``details`` names every fault by its place in the file."""

    code = "bad_catalogue"
    message = "The catalogue was not loaded: it has faults."


@dataclass(frozen=True, kw_only=True)
class Change:
    """One row that a file adds or alters; ``before`` keeps the altered fields and is None for a new row."""

    row: Service | AppointmentType | Price
    before: dict[str, Any] | None = None

    def __str__(self) -> str:
        kind = self.row._meta.verbose_name
        match self.row:
            case Price():
                name = f"of {self.row.appointment_type.code}: {self.row}"
            case AppointmentType():
                name = self.row.code
            case Service():
                name = self.row.slug
        if self.before is None:
            return f"New {kind} {name}"
        altered = ", ".join(f"{key} {old} → {getattr(self.row, key)}" for key, old in self.before.items())
        return f"Changed {kind} {name}: {altered}"

    def save(self) -> None:
        """Write the row, and of a known one nothing but what differs."""
        self.row.save(update_fields=None if self.before is None else list(self.before))


@transaction.atomic
def load(*, text: str, day: date) -> list[Change]:
    """
    Bring the catalogue to what a file says, and return what that changed.

    What the file does not mention stays as it is. A price that is in force on ``day``, or was, is never altered.

    :raises BadCatalogue: the file has faults; nothing was changed.
    """
    reading = _Reading(day=day)
    reading.services(_parse(text))
    if reading.faults:
        raise BadCatalogue(details=reading.faults)
    for change in reading.changes:
        change.save()
    return reading.changes


def slugs_in(text: str) -> list[str]:
    """List the services that a file speaks of; it was loaded before, so that it has no faults."""
    return [service["slug"] for service in json.loads(text).get("services", [])]


def dump() -> str:
    """Write the whole catalogue as a file that loads without changing anything."""
    types = AppointmentType.objects.order_by("position", "code")
    services = Service.objects.select_related("initial_form", "followup_form").prefetch_related(
        Prefetch("appointment_types", types),
        Prefetch("appointment_types__prices", Price.objects.order_by("starts_on")),
    )
    document = {
        "services": [
            _members(service, SERVICE_MEMBERS)
            | {
                "appointment_types": [
                    _members(each, TYPE_MEMBERS)
                    | {"prices": [_members(price, PRICE_MEMBERS) for price in each.prices.all()]}
                    for each in service.appointment_types.all()
                ]
            }
            for service in services
        ]
    }
    return json.dumps(document, indent=2, ensure_ascii=False, default=_written) + "\n"


def _members(row: models.Model, names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


def _written(value: Any) -> str:
    return value.slug if isinstance(value, Form) else str(value)


class _Object(dict):
    """A JSON object that remembers which of its members were written twice."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.repeated = [name for name, times in Counter(name for name, _ in pairs).items() if times > 1]


def _parse(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_Object)
    except (ValueError, RecursionError) as error:
        raise BadCatalogue(details={"file": [f"This is not JSON: {error}."]}) from None


@dataclass(kw_only=True)
class _Reading:
    """One pass over a file: the rows it asks for, and the faults by their place."""

    day: date
    faults: dict[str, list[str]] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    forms: dict[str, Form] = field(default_factory=lambda: {form.slug: form for form in Form.objects.all()})

    def services(self, document: Any) -> None:
        known = Service.objects.select_for_update(of=["self"]).select_related("initial_form", "followup_form")
        stored = {service.slug: service for service in known}
        types = {each.code: each for each in AppointmentType.objects.select_for_update().prefetch_related("prices")}
        slugs: set[str] = set()
        codes: set[str] = set()
        top = self.object(document, "", ("services",))
        if "services" not in top:
            self.fault("services", "Is missing.")
        for place, raw in self.items(top, "services", "services"):
            members = self.object(raw, place, (*SERVICE_MEMBERS, "appointment_types"))
            service = self.known(stored, members.get("slug")) or Service()
            self.fill(service, members, SERVICE_MEMBERS, place)
            self.once(slugs, service.slug, f"{place}.slug")
            if "_" in service.slug:  # the API reads both as one
                self.fault(f"{place}.slug", "Write it with hyphens.")
            for type_place, raw_type in self.items(members, "appointment_types", f"{place}.appointment_types"):
                self.appointment_type(raw_type, type_place, service, types, codes)

    def appointment_type(
        self, raw: Any, place: str, service: Service, types: dict[str, AppointmentType], codes: set[str]
    ) -> None:
        members = self.object(raw, place, (*TYPE_MEMBERS, "prices"))
        row = self.known(types, members.get("code")) or AppointmentType(service=service)
        if row.service_id != service.pk:
            self.fault(f"{place}.code", f"Belongs to {row.service.slug}; an appointment type keeps its service.")
        self.fill(row, members, TYPE_MEMBERS, place)
        self.once(codes, row.code, f"{place}.code")
        stored = {price.starts_on: price for price in row.prices.all()} if row.pk else {}
        last: date | None = None
        for price_place, raw_price in self.items(members, "prices", f"{place}.prices"):
            price = self.price(raw_price, price_place, row, stored)
            if price and last and price.starts_on <= last:
                self.fault(f"{price_place}.starts_on", "Must come after the price above it.")
            last = price.starts_on if price else last

    def price(self, raw: Any, place: str, row: AppointmentType, stored: dict[date, Price]) -> Price | None:
        members = self.object(raw, place, PRICE_MEMBERS)
        wanted = Price(appointment_type=row)
        if not self.read(wanted, members, PRICE_MEMBERS, place):
            return None
        price = stored.get(wanted.starts_on)
        if price is None:
            self.changes.append(Change(row=wanted))
        elif price.amount != wanted.amount and price.starts_on <= self.day:
            self.fault(f"{place}.amount", f"Is ${price.amount} and in force; write a new price with a later day.")
        elif price.amount != wanted.amount:
            self.changes.append(Change(row=price, before={"amount": price.amount}))
            price.amount = wanted.amount
        return wanted

    def fill(self, row: Service | AppointmentType, members: dict[str, Any], names: Iterable[str], place: str) -> None:
        """Set a row's fields to what the file says of them, and note the row when that changes it."""
        is_new = row._state.adding
        before = _members(row, members.keys() & set(names))
        self.read(row, members, names, place)
        altered = {name: before[name] for name in names if name in before and before[name] != getattr(row, name)}
        if is_new or altered:
            self.changes.append(Change(row=row, before=None if is_new else altered))

    def read(self, row: models.Model, members: dict[str, Any], names: Iterable[str], place: str) -> bool:
        """Set a row's fields, hold them against the model's own rules, and tell whether all was well."""
        faults = len(self.faults)
        read = set()
        for name in names:
            its, its_place = row._meta.get_field(name), f"{place}.{name}"
            if name in members:
                if self.fits(its, members[name], its_place):
                    setattr(row, name, self.forms.get(members[name]) if its.is_relation else members[name])
                    read.add(name)
            elif row._state.adding and not its.blank and its.get_default() in its.empty_values:
                self.fault(its_place, "Is missing.")
        try:
            row.clean_fields(exclude={its.name for its in row._meta.fields if its.is_relation or its.name not in read})
        except ValidationError as error:
            for name, sentences in error.message_dict.items():
                self.fault(f"{place}.{name}", *sentences)
        return len(self.faults) == faults

    def fits(self, its: models.Field, value: Any, place: str) -> bool:
        """Tell whether a value is written in the form of its field."""
        if value is None and its.null:
            return True
        form, pattern, sentence = next(rule[1:] for rule in FORMS if isinstance(its, rule[0]))
        if type(value) is not form or (pattern and not re.fullmatch(pattern, value, re.ASCII)):
            return self.fault(place, sentence)
        if its.is_relation and value not in self.forms:
            return self.fault(place, f"There is no form “{value}”.")
        if its.choices and value not in dict(its.choices):
            return self.fault(place, f"“{value}” is none of: {', '.join(dict(its.choices))}.")
        if form is str and "\0" in value:
            return self.fault(place, "Has a character that no text may have.")
        if its.name in ON_THE_GRID and value % 5:
            return self.fault(place, "Must be a multiple of 5.")
        if form is list:
            misfits = [n for n, item in enumerate(value) if not self.fits(its.base_field, item, f"{place}[{n}]")]
            return not misfits
        return True

    def object(self, raw: Any, place: str, names: Iterable[str]) -> dict[str, Any]:
        """Read the members of an object that are known, and name the others."""
        if not isinstance(raw, _Object):
            self.fault(place, "Write an object: {…}.")
            return {}
        for name in raw.repeated:
            self.fault(f"{place}.{name}", "Stands here twice.")
        for name in sorted(raw.keys() - set(names)):
            self.fault(f"{place}.{name}", f"Unknown. Known are: {', '.join(names)}.")
        return raw

    def items(self, members: dict[str, Any], name: str, place: str) -> list[tuple[str, Any]]:
        """Read a list with the place of each item; one that is not there is empty."""
        items = members.get(name, [])
        if type(items) is not list:
            self.fault(place, "Write a list: […].")
            return []
        return [(f"{place}[{n}]", item) for n, item in enumerate(items)]

    def known(self, stored: dict[str, Any], name: Any) -> Any:
        return stored.get(name) if type(name) is str else None

    def once(self, seen: set[str], name: str, place: str) -> None:
        if name and name in seen:
            self.fault(place, f"“{name}” stands in the file already.")
        seen.add(name)

    def fault(self, place: str, *sentences: str) -> bool:
        self.faults.setdefault(place.removeprefix(".") or "file", []).extend(sentences)
        return False

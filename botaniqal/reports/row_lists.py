"""What is told of the rows behind a figure, to whom; a patient's name only to whoever may see patients."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from django.db.models import Count, Model, QuerySet, Sum
from django.urls import reverse
from django.utils import timezone

from bookings.models import Booking, Checkout, Dispute, EarlierTimeRequest, Payment, RefundDecision
from botaniqal.accounts.models import User
from practitioners.models import DiaryEntry
from services.models import InterestEntry

from .models import DayOfHours, Demand
from .table import Cell, Column, Kind, Row

NAMES, PRICES, BOOKINGS = "bookings.view_patient", "bookings.view_payment", "bookings.view_booking"
MONEY = "reports.view_money"

Read = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Told:
    """A column of such a list: how it is read from a row, and which rights show it; one of them is enough."""

    name: str
    read: Read
    kind: Kind = Kind.TEXT
    rights: tuple[str, ...] = ()
    booking: Read | None = None
    """Whose page it leads to."""


@dataclass(frozen=True, slots=True)
class RowList:
    """What is told of rows of a kind, the latest first."""

    latest: str
    told: list[Told]
    along: list[str] = field(default_factory=list)
    sums: dict[str, tuple[Kind, str]] = field(default_factory=dict)
    """What of them is added up, and how the sum is called."""


def path(dotted: str) -> Read:
    """Read along a path, on which anything may be missing."""
    *way, last = dotted.split(".")

    def read(row: Model) -> Any:
        for step in way:
            row = getattr(row, step, None)
            if row is None:
                return None
        return getattr(row, last, None)

    return read


def moment(dotted: str) -> Read:
    """Read a moment as the clinic's clock shows it."""
    at = path(dotted)

    def read(row: Model) -> str | None:
        found = at(row)
        return f"{timezone.localtime(found):%a %-d %b %Y %H:%M}" if found else None

    return read


def word(dotted: str) -> Read:
    """Read a choice by its label."""
    *way, name = dotted.split(".")
    owner = path(".".join(way)) if way else lambda row: row

    def read(row: Model) -> str | None:
        found = owner(row)
        return getattr(found, f"get_{name}_display")() or None if found is not None else None

    return read


def visit(dotted: str = "") -> Read:
    """Read the appointment type of a booking."""
    kind = path(f"{dotted}.appointment_type".lstrip("."))

    def read(row: Model) -> str | None:
        found = kind(row)
        return found.name if found else None

    return read


def number(dotted: str) -> Told:
    """Tell the number of a booking, which leads to its page."""
    return Told("Booking", path(f"{dotted}.number"), Kind.MARK, booking=path(dotted))


def of_money(dotted: str, at: str, happened: str, *more: Told) -> RowList:
    """Tell of money: of which booking, when it came or went, how much, and ``more`` before that."""
    return RowList(
        at,
        [
            number(dotted),
            Told(happened, moment(at), Kind.MARK),
            *more,
            Told("Amount", path("amount"), Kind.MONEY),
            Told("Visit", visit(dotted)),
            Told("Practitioner", path(f"{dotted}.practitioner")),
            Told("Booked through", word(f"{dotted}.source")),
            Told("Patient", path(f"{dotted}.patient.name"), rights=(NAMES,)),
        ],
        [f"{dotted.replace('.', '__')}__{name}" for name in ("appointment_type", "practitioner", "patient")],
        {"amount": (Kind.MONEY, "")},
    )


NUMBER = Told("Booking", attrgetter("number"), Kind.MARK, booking=lambda row: row)
PATIENT = Told("Patient", path("patient.name"), rights=(NAMES,))
A_CALL = RowList(
    "starts_at",
    [
        NUMBER,
        Told("When", moment("starts_at"), Kind.MARK),
        Told("Consultant", lambda row: path("call.consultant")(row) or row.practitioner),
        Told("Came through", word("source")),
        Told("Call", lambda row: word("call.outcome")(row) or row.get_state_display()),
        Told("Led to", path("call.booking.number"), Kind.MARK, booking=path("call.booking")),
        Told("Visit", visit("call.booking")),
        PATIENT,
    ],
    ["practitioner", "patient", "call__consultant", "call__booking__appointment_type"],
)
A_VISIT = RowList(
    "starts_at",
    [
        NUMBER,
        Told("When", moment("starts_at"), Kind.MARK),
        Told("Visit", visit()),
        Told("Practitioner", path("practitioner")),
        Told("Booked", moment("created_at"), Kind.MARK),
        Told("Through", word("source")),
        Told("State", word("state")),
        Told("Price", path("price"), Kind.MONEY, (MONEY, PRICES)),
        PATIENT,
    ],
    ["practitioner", "patient", "appointment_type"],
)
OF_KIND: dict[type[Model], RowList] = {
    Payment: of_money("booking", "collected_at", "Paid", Told("By", word("method"))),
    Checkout: of_money("booking", "paid_at", "Paid once more"),
    RefundDecision: of_money("payment.booking", "settled_at", "Given back", Told("Because", word("cause"))),
    Dispute: of_money("checkout.booking", "closed_at", "Lost"),
    DiaryEntry: RowList(
        "live_from",
        [
            Told("Held", moment("live_from"), Kind.MARK),
            Told("For", moment("starts_at"), Kind.MARK),
            Told("Practitioner", path("practitioner")),
            Told("Visit", visit()),
            Told("Became", lambda row: "A booking" if row.kind == DiaryEntry.Kind.BOOKING else "Nothing"),
        ],
        ["practitioner", "appointment_type"],
    ),
    InterestEntry: RowList(
        "joined_at",
        [
            Told("Joined", moment("joined_at"), Kind.MARK),
            Told("Service", path("service")),
            Told("Through", word("source")),
            Told("Told", moment("told_at"), Kind.MARK),
            Told("Left", moment("left_at"), Kind.MARK),
            Told("Person", path("name"), rights=("services.view_interestentry",)),
        ],
        ["service"],
    ),
    EarlierTimeRequest: RowList(
        "asked_at",
        [
            number("booking"),
            Told("Asked", moment("asked_at"), Kind.MARK),
            Told("Visit", visit()),
            Told("Urgency", word("urgency")),
            Told("State", word("state")),
            Told("Ended", moment("ended_at"), Kind.MARK),
            PATIENT,
        ],
        ["booking", "patient", "appointment_type"],
    ),
    Demand: RowList(
        "day",
        [
            Told("Day", lambda row: f"{row.day:%a %-d %b %Y}", Kind.MARK),
            Told("Visit", visit()),
            Told("Searches", path("searches"), Kind.COUNT),
            Told("Found nothing", path("empty"), Kind.COUNT),
        ],
        ["appointment_type"],
        {"searches": (Kind.COUNT, "searches"), "empty": (Kind.COUNT, "found nothing")},
    ),
    DayOfHours: RowList(
        "day",
        [
            Told("Day", lambda row: f"{row.day:%a %-d %b %Y}", Kind.MARK),
            Told("Practitioner", path("practitioner")),
            Told("Offered", path("offered_minutes"), Kind.MINUTES),
            Told("Booked", path("booked_minutes"), Kind.MINUTES),
        ],
        ["practitioner"],
        {"booked_minutes": (Kind.MINUTES, "booked"), "offered_minutes": (Kind.MINUTES, "offered")},
    ),
}


@dataclass(frozen=True, slots=True)
class ShownRows:
    """The rows behind a figure, as somebody may see them."""

    kind: RowList
    rows: QuerySet
    user: User
    is_file: bool = False

    @property
    def told(self) -> list[Told]:
        """What is told of each; a file leaves names in the portal, where reading them is known."""
        return [
            each
            for each in self.kind.told
            if not each.rights
            or (any(self.user.has_perm(right) for right in each.rights) and not (self.is_file and is_name(each)))
        ]

    @property
    def columns(self) -> list[Column]:
        """Its columns."""
        return [Column(each.name, each.kind) for each in self.told]

    @property
    def sorted(self) -> QuerySet:
        """The rows, the latest first, with all that is told of them."""
        return self._told_of(self.rows)

    def few(self, keys: Collection[Any]) -> QuerySet:
        """Those of the rows that have these keys: what made them rows of the figure is not asked again."""
        return self._told_of(self.rows.model.objects.filter(pk__in=keys))

    def summary(self) -> tuple[int, list[str]]:
        """Count the rows, and say what they come to and how many they are."""
        sums = {name: Sum(name) for name in self.kind.sums}
        found = self.rows.order_by().aggregate(
            rows=Count("pk"), **{f"of_{name}": added for name, added in sums.items()}
        )
        told = [
            f"{kind.shown(found[f'of_{name}'] or 0)} {words}".rstrip() for name, (kind, words) in self.kind.sums.items()
        ]
        return found["rows"], [*told, f"{found['rows']:,} row{'' if found['rows'] == 1 else 's'}"]

    def _told_of(self, rows: QuerySet) -> QuerySet:
        return rows.select_related(*self.kind.along).order_by(f"-{self.kind.latest}", "-pk")

    def shown(self, rows: Any) -> Iterator[Row]:
        """Put rows into a table's lines."""
        told, columns = self.told, self.columns
        leads = self.user.has_perm(BOOKINGS) and not self.is_file
        for row in rows:
            yield Row(
                [
                    Cell(column, _value(each, row), _url(each, row) if leads and each.booking else "")
                    for each, column in zip(told, columns, strict=True)
                ]
            )


def is_name(told: Told) -> bool:
    """Tell whether a column says who somebody is."""
    return bool(told.rights) and not told.kind.is_number


def list_of(rows: QuerySet, figure: str, user: User, *, is_file: bool = False) -> ShownRows:
    """Find what is told of the rows behind a figure."""
    of_booking = A_CALL if figure in OF_CALLS else A_VISIT
    kind = of_booking if rows.model is Booking else OF_KIND[rows.model]
    return ShownRows(kind, rows, user, is_file)


OF_CALLS = {"consultations", "calls", "bookings", "visits", "follow_ups", "due", "abandonment", "conversion"}
"""The figures that count consultations, by what became of them."""


def _value(told: Told, row: Model) -> Any:
    found = told.read(row)
    return found if found is None or told.kind.is_number else str(found)


def _url(told: Told, row: Model) -> str:
    booking = told.booking(row)
    return reverse("admin:bookings_booking_change", args=[booking.pk]) if booking else ""

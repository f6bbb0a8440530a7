"""What stands in the calendar's columns: visits, holds, hours, time off and what is taken outside."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http import HttpRequest
from django.urls import reverse

from bookings.models import Booking
from practitioners.day_plan import CLINIC, Plan, complement, held, plans_of
from practitioners.models import LONGEST_ENTRY, DiaryEntry, Practitioner, Room
from practitioners.timegrid import Span, day_edges
from triage.models import TriageSession

from .grid import Axis, Place, lanes
from .known import Known

Owner = Practitioner | Room
SHORT_MINUTES, SHORT_ROWS = 15, 4
SIGNS = {
    Booking.State.PENDING_PAYMENT: "waiting",
    Booking.State.CONFIRMED: "",
    Booking.State.COMPLETED: "ok",
    Booking.State.NO_SHOW: "bad",
}


@dataclass(frozen=True, slots=True)
class Visit:
    """A booking as the calendar shows it."""

    key: str
    url: str
    service_id: int
    from_to: tuple[str, str]
    name: str
    what: str
    with_whom: str
    state: str
    sign: str
    needs_look: bool
    row: int = 0
    span: int = 0
    lane: int | None = None

    @property
    def is_short(self) -> bool:
        """True where there is one line of room."""
        return self.span <= SHORT_ROWS


@dataclass(frozen=True, slots=True)
class Block:
    """Time without a visit: closed, away, busy outside, held for a call, or a visit's buffer."""

    kind: str
    row: int
    span: int
    words: str = ""
    from_to: tuple[str, str] = ("", "")

    @property
    def is_short(self) -> bool:
        """True where there is one line of room."""
        return self.span <= SHORT_ROWS


@dataclass(frozen=True, slots=True)
class Column:
    """A day of somebody, or of a room."""

    name: str
    note: str
    url: str
    is_today: bool
    is_stale: bool
    blocks: list[Block]
    visits: list[Visit]
    lanes: int
    now_row: int | None


@dataclass(frozen=True, slots=True)
class Grid:
    """Columns beside one axis."""

    axis: Axis
    columns: list[Column]
    is_fine: bool
    services: list[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Cell:
    """A day of somebody in the roster."""

    day: date
    url: str
    is_today: bool
    hours: str
    notes: list[str]
    visits: list[Visit]


@dataclass(frozen=True, slots=True)
class Line:
    """A week of somebody in the roster."""

    name: str
    note: str
    url: str
    is_stale: bool
    cells: list[Cell]


@dataclass(frozen=True, slots=True)
class Roster:
    """Everybody's week."""

    days: list[date]
    lines: list[Line]
    services: list[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Material:
    """Everything that was asked of the database for one page."""

    plans: dict[UUID | int, Plan]
    visits: dict[UUID | int, list[Booking]]
    calls: dict[UUID, TriageSession]
    known: Known
    is_by_room: bool

    @property
    def services(self) -> list[tuple[int, str]]:
        """The services that are seen, for the legend."""
        seen = {each.appointment_type.service for bookings in self.visits.values() for each in bookings}
        return [(service.pk, service.name) for service in sorted(seen, key=lambda each: (each.position, each.name))]


def grid(
    request: HttpRequest, *, owners: Sequence[Owner], days: Sequence[date], now: datetime, address: Callable[..., str]
) -> Grid:
    """Draw a day of several people or rooms, or a week of one."""
    material = _material(request, owners, days, now)
    bookings = [each for of_one in material.visits.values() for each in of_one]
    seen: list[Span] = [(each.starts_at, each.ends_at) for each in bookings]
    for plan in material.plans.values():
        seen += [(hold.starts_at, hold.ends_at) for hold in plan.holds] + plan.hours
    axis = Axis.over(days, seen)
    is_week = len(days) > 1
    columns = [
        Column(
            name=f"{day:%a %-d %b}" if is_week else owner.name,
            note="" if is_week else _zone_note(owner, day),
            url=address(view="day", date=day) if is_week else address(view="week", who=owner.pk),
            is_today=_is_on(now, day),
            is_stale=not is_week and getattr(owner, "has_stale_calendar", False),
            now_row=_now_row(axis, now, day),
            **_filled(axis, material, owner, day),
        )
        for owner in owners
        for day in days
    ]
    shortest = min((each.ends_at - each.starts_at for each in bookings), default=None)
    is_fine = shortest is not None and shortest.total_seconds() < SHORT_MINUTES * 60
    return Grid(axis=axis, columns=columns, is_fine=is_fine, services=material.services)


def roster(
    request: HttpRequest, *, owners: Sequence[Owner], days: Sequence[date], now: datetime, address: Callable[..., str]
) -> Roster:
    """Draw everybody's week: hours and visits as a list a day."""
    material = _material(request, owners, days, now)
    lines = []
    for owner in owners:
        cells = []
        for day in days:
            plan = material.plans[owner.pk]
            hours = [_from_to(*span) for span in plan.hours if _touches(span, day)]
            away = [f"Away: {reason}" for span, reason in plan.away if _touches(span, day)]
            holds = [
                _hold_words(hold, material) for hold in plan.holds if _touches((hold.starts_at, hold.ends_at), day)
            ]
            visits = [
                _visit(booking, material)
                for booking in material.visits[owner.pk]
                if _touches((booking.starts_at, booking.ends_at), day)
            ]
            cells.append(
                Cell(
                    day=day,
                    url=address(view="day", date=day),
                    is_today=_is_on(now, day),
                    hours=", ".join("–".join(each) for each in hours),
                    notes=away + holds,
                    visits=visits,
                )
            )
        lines.append(
            Line(
                name=owner.name,
                note=_zone_note(owner, days[0]),
                url=address(who=owner.pk),
                is_stale=getattr(owner, "has_stale_calendar", False),
                cells=cells,
            )
        )
    return Roster(days=list(days), lines=lines, services=material.services)


def _material(request: HttpRequest, owners: Sequence[Owner], days: Sequence[date], now: datetime) -> Material:
    """Ask the database, by the same number of queries for any number of people and days."""
    starts_at, ends_at = day_edges(days[0], CLINIC)[0], day_edges(days[-1], CLINIC)[1]
    is_by_room = bool(owners) and isinstance(owners[0], Room)
    bookings = (
        Booking.objects.filter(
            starts_at__gte=starts_at - LONGEST_ENTRY,  # the index is by start
            starts_at__lt=ends_at,
            ends_at__gt=starts_at,
            **{"entry__room__in" if is_by_room else "practitioner__in": owners},
        )
        .exclude(state=Booking.State.CANCELLED)
        .select_related("patient", "practitioner", "appointment_type__service", "entry__room")
        .defer("notes")
        .order_by("starts_at", "pk")
    )
    visits: dict[UUID | int, list[Booking]] = defaultdict(list)
    for booking in bookings:
        visits[booking.entry.room_id if is_by_room else booking.practitioner_id].append(booking)
    if is_by_room:
        plans: dict[UUID | int, Plan] = {room.pk: Plan() for room in owners}
        for entry in held(starts_at=starts_at, ends_at=ends_at, now=now).filter(room__in=owners):
            plans[entry.room_id].holds.append(entry)
    else:
        plans = plans_of(people=owners, starts_at=starts_at, ends_at=ends_at, now=now)
    held_for = {hold.held_for for plan in plans.values() for hold in plan.holds}
    calls = TriageSession.objects.filter(pk__in=held_for).select_related("patient", "consultant")
    return Material(
        plans=plans,
        visits=visits,
        calls={call.pk: call for call in calls} if held_for else {},
        known=Known.to(request, bookings),
        is_by_room=is_by_room,
    )


def _filled(axis: Axis, material: Material, owner: Owner, day: date) -> dict[str, object]:
    """Place what stands in one column."""
    plan, begins, over = material.plans[owner.pk], *day_edges(day, CLINIC)
    spans: list[tuple[str, Span, str]] = []
    if not material.is_by_room:
        spans += [("closed", span, "") for span in complement(plan.hours, begins, over)]
    spans += [("away", span, f"Away: {reason}") for span, reason in plan.away]
    spans += [("busy", span, f"Busy in {calendar}") for span, calendar in plan.busy]
    bookings = [each for each in material.visits[owner.pk] if _touches((each.starts_at, each.ends_at), day)]
    for booking in bookings:
        if booking.entry:
            before, after = (booking.entry.starts_at, booking.starts_at), (booking.ends_at, booking.entry.ends_at)
            spans += [("buffer", span, "") for span in (before, after) if span[0] < span[1]]
    spans += [("hold", (hold.starts_at, hold.ends_at), _hold_words(hold, material)) for hold in plan.holds]
    blocks = [
        Block(kind, place.row, place.span, words, _from_to(*span))
        for kind, span, words in spans
        if (place := axis.place(*span, day))
    ]
    places = [axis.place(each.starts_at, each.ends_at, day) or Place(0, 1) for each in bookings]
    lane_of, count = lanes(places)
    visits = [
        _visit(booking, material, place, lane) for booking, place, lane in zip(bookings, places, lane_of, strict=True)
    ]
    return {"blocks": blocks, "visits": visits, "lanes": count}


def _visit(booking: Booking, material: Material, place: Place | None = None, lane: int | None = None) -> Visit:
    what = str(booking.appointment_type)
    room = booking.entry.room if booking.entry else None
    if room and not material.is_by_room:
        what = f"{what}, {room}"
    return Visit(
        key=str(booking.pk),
        url=reverse("admin:calendar_booking", args=(booking.pk,)) if material.known.reads_bookings else "",
        service_id=booking.appointment_type.service_id,
        from_to=_from_to(booking.starts_at, booking.ends_at),
        name=material.known.name(booking),
        what=what,
        with_whom=booking.practitioner.name if material.is_by_room else "",
        state=booking.get_state_display(),
        sign=SIGNS[booking.state],
        needs_look=bool(booking.attention) and material.known.has(booking),
        row=place.row if place else 0,
        span=place.span if place else 0,
        lane=lane,
    )


def _hold_words(hold: DiaryEntry, material: Material) -> str:
    """Say for whose call a time is held."""
    call = material.calls.get(hold.held_for)
    if call is None:
        return "Held"
    if not material.known.reads_bookings:
        return f"Held by {call.consultant}"
    return f"Held by {call.consultant} for {call.patient.first_name}"


def _zone_note(owner: Owner, day: date) -> str:
    """Say how somebody's clock differs from the clinic's on a day: Perth, 3 h earlier."""
    if isinstance(owner, Room) or owner.time_zone == CLINIC.key:
        return ""
    noon = datetime.combine(day, time(12), CLINIC)
    apart = noon.astimezone(ZoneInfo(owner.time_zone)).utcoffset() - noon.utcoffset()
    city = owner.time_zone.rpartition("/")[2].replace("_", " ")
    minutes = int(apart.total_seconds()) // 60
    if not minutes:
        return city
    hours, rest = divmod(abs(minutes), 60)
    length = " ".join(part for part in (f"{hours} h" if hours else "", f"{rest} min" if rest else "") if part)
    return f"{city}, {length} {'later' if minutes > 0 else 'earlier'}"


def _from_to(starts_at: datetime, ends_at: datetime) -> tuple[str, str]:
    return f"{starts_at.astimezone(CLINIC):%H:%M}", f"{ends_at.astimezone(CLINIC):%H:%M}"


def _touches(span: Span, day: date) -> bool:
    begins, over = day_edges(day, CLINIC)
    return span[0] < over and span[1] > begins


def _is_on(moment: datetime, day: date) -> bool:
    return moment.astimezone(CLINIC).date() == day


def _now_row(axis: Axis, now: datetime, day: date) -> int | None:
    row = axis.row_of(now) if _is_on(now, day) else -1
    return row if 0 <= row < axis.length else None

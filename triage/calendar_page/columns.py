"""What stands in the calendar's columns: visits, holds, hours, time off and what is taken outside."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import date, datetime, time
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http import HttpRequest
from django.urls import reverse

from bookings.models import Booking
from practitioners import public_times
from practitioners.day_plan import CLINIC, complement
from practitioners.models import DiaryEntry, Room
from practitioners.timegrid import Span, day_edges

from .grid import Axis, Place, lanes
from .material import Booked, Material, Owner, gather
from .shapes import Block, Cell, Column, Grid, Line, Roster, Visit

SHORT_MINUTES = 15
MOST_A_CELL = 8
"""So many visits of a day are listed in everybody's week."""
SIGNS = {
    Booking.State.PENDING_PAYMENT: "waiting",
    Booking.State.CONFIRMED: "",
    Booking.State.COMPLETED: "ok",
    Booking.State.NO_SHOW: "bad",
}


def grid(
    request: HttpRequest, *, owners: Sequence[Owner], days: Sequence[date], now: datetime, address: Callable[..., str]
) -> Grid:
    """Draw a day of several people or rooms, or a week of one."""
    material = gather(request, owners, days, now)
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
    material = gather(request, owners, days, now, most_a_day=MOST_A_CELL)
    panel_at, lines = _panels(), []
    for owner in owners:
        cells, on_day = [], defaultdict(list)
        for each in material.visits[owner.pk]:
            on_day[each.starts_at.astimezone(CLINIC).date()].append(each)
        for day in days:
            plan = material.plans[owner.pk]
            hours = [_from_to(*span) for span in plan.hours if _touches(span, day)]
            away = [f"Away: {reason}" for span, reason in plan.away if _touches(span, day)]
            holds = [
                _hold_words(hold, material) for hold in plan.holds if _touches((hold.starts_at, hold.ends_at), day)
            ]
            booked = on_day[day]
            cells.append(
                Cell(
                    day=day,
                    url=address(view="day", date=day, who=owner.pk),
                    hours=", ".join("–".join(each) for each in hours),
                    notes=away + holds,
                    visits=[_visit(each, material, panel_at) for each in booked],
                    more=booked[0].of_day - len(booked) if booked else 0,
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
    heads = [(day, address(view="day", date=day), _is_on(now, day)) for day in days]
    return Roster(days=heads, lines=lines, services=material.services)


def _filled(axis: Axis, material: Material, owner: Owner, day: date) -> dict[str, object]:
    """Place what stands in one column."""
    plan, begins, over = material.plans[owner.pk], *day_edges(day, CLINIC)
    panel_at = _panels()
    spans: list[tuple[str, Span, str]] = []
    if not material.is_by_room:
        spans += [("closed", span, "") for span in complement(plan.hours, begins, over)]
    spans += [("away", span, f"Away: {reason}") for span, reason in plan.away]
    spans += [("busy", span, f"Busy in {calendar}") for span, calendar in plan.busy]
    bookings = [each for each in material.visits[owner.pk] if _touches((each.starts_at, each.ends_at), day)]
    for each in bookings:
        if each.taken_from and each.taken_until:
            before, after = (each.taken_from, each.starts_at), (each.ends_at, each.taken_until)
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
        _visit(each, material, panel_at, place, lane)
        for each, place, lane in zip(bookings, places, lane_of, strict=True)
    ]
    return {"blocks": blocks, "visits": visits, "lanes": count}


def _visit(
    booked: Booked,
    material: Material,
    panel_at: Callable[[UUID], str],
    place: Place | None = None,
    lane: int | None = None,
) -> Visit:
    known, kind = material.known, material.types[booked.type_id]
    return Visit(
        key=str(booked.pk),
        url=panel_at(booked.pk) if known.reads_bookings else "",
        service_id=kind.service_id,
        from_to=_from_to(booked.starts_at, booked.ends_at),
        name=known.name(booked.patient_id, booked.patient),
        what=f"{kind}, {booked.room}" if booked.room and not material.is_by_room else str(kind),
        with_whom=material.names.get(booked.practitioner_id, ""),
        state=Booking.State(booked.state).label,
        sign=SIGNS[booked.state],
        needs_look=bool(booked.attention) and known.has(booked.patient_id),
        row=place.row if place else 0,
        span=place.span if place else 0,
        lane=lane,
    )


def _panels() -> Callable[[UUID], str]:
    """Find where the panels of bookings are: once, for looking it up hundreds of times takes long."""
    nobody = UUID(int=0)
    before, after = reverse("admin:calendar_booking", args=(nobody,)).split(str(nobody))
    return lambda pk: f"{before}{pk}{after}"


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
    noon, zone = datetime.combine(day, time(12), CLINIC), ZoneInfo(owner.time_zone)
    apart, city = noon.astimezone(zone).utcoffset() - noon.utcoffset(), public_times.city(zone)
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

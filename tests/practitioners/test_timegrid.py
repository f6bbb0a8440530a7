"""Bit-mask time against wall clocks read minute by minute, and both daylight-saving changes written out by hand."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from practitioners.timegrid import (
    CELL,
    Span,
    WeeklyHours,
    Window,
    day_edges,
    hours_mask,
    mask_between,
    set_bits,
    slot_starts,
    starts_of,
    step_mask,
    wall_time,
)

MELBOURNE = ZoneInfo("Australia/Melbourne")
ADELAIDE = ZoneInfo("Australia/Adelaide")
BRISBANE = ZoneInfo("Australia/Brisbane")
PERTH = ZoneInfo("Australia/Perth")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")
ZONES = [MELBOURNE, ADELAIDE, BRISBANE, PERTH, LORD_HOWE]

AUTUMN = date(2026, 4, 5)  # Sunday; the clock goes back at 03:00 (Lord Howe: at 02:00, by half an hour)
SPRING = date(2026, 10, 4)  # Sunday; the clock goes forward at 02:00
CHANGES = [AUTUMN, SPRING, date(2027, 4, 4), date(2027, 10, 3)]
MONDAY, SUNDAY = 0, 6
MINUTE = timedelta(minutes=1)

days = st.one_of(
    st.sampled_from(CHANGES),
    st.builds(lambda day, n: day + timedelta(days=n), st.sampled_from(CHANGES), st.integers(-3, 3)),
    st.dates(date(2026, 1, 1), date(2027, 12, 31)),
)
small_hours = st.builds(time, st.integers(1, 3), st.integers(0, 59))
clocks = st.one_of(small_hours, st.builds(time, st.integers(0, 23), st.sampled_from(range(0, 60, 5))))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def whole_day(day: date, zone: ZoneInfo) -> Window:
    return Window.around(*day_edges(day, zone))


def moments(window: Window, mask: int) -> list[datetime]:
    return [window.moment(cell) for cell in set_bits(mask)]


def stretches(window: Window, mask: int) -> list[Span]:
    """Return a mask as spans, touching cells joined."""
    begins, ends = mask & ~(mask << 1), mask & ~(mask >> 1)
    return [(window.moment(a), window.moment(b + 1)) for a, b in zip(set_bits(begins), set_bits(ends), strict=True)]


@lru_cache(maxsize=64)
def clock_of(day: date, zone: ZoneInfo) -> list[tuple[datetime, datetime]]:
    """Return what the clock on the wall shows at every minute that could belong to this day."""
    first = datetime.combine(day, time.min, UTC) - timedelta(hours=15)
    minutes = [first + n * MINUTE for n in range(42 * 60)]
    return [(moment, moment.astimezone(zone).replace(tzinfo=None)) for moment in minutes]


def slow_wall_time(day: date, clock: time, zone: ZoneInfo) -> datetime:
    return next(moment for moment, shown in clock_of(day, zone) if shown >= datetime.combine(day, clock))


class TestWallTime:
    @pytest.mark.parametrize(
        ("zone", "clock", "expected"),
        [
            (MELBOURNE, time(1, 59), "2026-10-03T15:59"),
            (MELBOURNE, time(2, 0), "2026-10-03T16:00"),
            (MELBOURNE, time(2, 50), "2026-10-03T16:00"),
            (MELBOURNE, time(3, 0), "2026-10-03T16:00"),
            (MELBOURNE, time(3, 35), "2026-10-03T16:35"),
            (LORD_HOWE, time(1, 55), "2026-10-03T15:25"),
            (LORD_HOWE, time(2, 10), "2026-10-03T15:30"),
            (LORD_HOWE, time(2, 30), "2026-10-03T15:30"),
            (LORD_HOWE, time(2, 35), "2026-10-03T15:35"),
            (BRISBANE, time(2, 30), "2026-10-03T16:30"),
        ],
    )
    def test_clamps_what_spring_skips_to_the_jump(self, zone, clock, expected):
        assert wall_time(SPRING, clock, zone) == utc(expected)

    @pytest.mark.parametrize(
        ("zone", "clock", "expected"),
        [
            (MELBOURNE, time(1, 59), "2026-04-04T14:59"),
            (MELBOURNE, time(2, 0), "2026-04-04T15:00"),
            (MELBOURNE, time(2, 59), "2026-04-04T15:59"),
            (MELBOURNE, time(3, 0), "2026-04-04T17:00"),
            (LORD_HOWE, time(1, 25), "2026-04-04T14:25"),
            (LORD_HOWE, time(1, 30), "2026-04-04T14:30"),
            (LORD_HOWE, time(1, 59), "2026-04-04T14:59"),
            (LORD_HOWE, time(2, 0), "2026-04-04T15:30"),
            (PERTH, time(2, 30), "2026-04-04T18:30"),
        ],
    )
    def test_takes_the_first_of_what_autumn_repeats(self, zone, clock, expected):
        assert wall_time(AUTUMN, clock, zone) == utc(expected)

    def test_ignores_the_fold_of_a_stored_time(self):
        assert wall_time(AUTUMN, time(2, 30, fold=1), MELBOURNE) == utc("2026-04-04T15:30")

    @given(day=days, clock=clocks, zone=st.sampled_from(ZONES))
    @settings(deadline=None, max_examples=300)
    def test_is_the_first_moment_at_which_the_clock_has_come_so_far(self, day, clock, zone):
        assert wall_time(day, clock, zone) == slow_wall_time(day, clock, zone)


class TestDayEdges:
    @pytest.mark.parametrize(
        ("zone", "day", "starts_at", "ends_at"),
        [
            (MELBOURNE, AUTUMN, "2026-04-04T13:00", "2026-04-05T14:00"),  # 25 h
            (MELBOURNE, SPRING, "2026-10-03T14:00", "2026-10-04T13:00"),  # 23 h
            (LORD_HOWE, AUTUMN, "2026-04-04T13:00", "2026-04-05T13:30"),  # 24 h 30
            (LORD_HOWE, SPRING, "2026-10-03T13:30", "2026-10-04T13:00"),  # 23 h 30
            (BRISBANE, SPRING, "2026-10-03T14:00", "2026-10-04T14:00"),
        ],
    )
    def test_come_from_the_local_dates(self, zone, day, starts_at, ends_at):
        assert day_edges(day, zone) == (utc(starts_at), utc(ends_at))

    def test_begin_a_day_whose_midnight_is_skipped_at_the_jump(self):
        starts_at, _ = day_edges(date(2026, 9, 6), ZoneInfo("America/Santiago"))

        assert starts_at == utc("2026-09-06T04:00")


class TestWindow:
    def test_refuses_a_start_off_the_grid(self):
        with pytest.raises(ValueError, match="five minutes"):
            Window(utc("2026-07-01T00:02"), 12)

    def test_refuses_a_start_in_local_time(self):
        with pytest.raises(ValueError, match="UTC"):
            Window(datetime(2026, 7, 1, tzinfo=MELBOURNE), 12)

    def test_reaches_outwards_to_the_grid(self):
        window = Window.around(utc("2026-07-01T00:03"), utc("2026-07-01T01:01"), reach=timedelta(minutes=20))

        assert (window.starts_at, window.ends_at) == (utc("2026-06-30T23:40"), utc("2026-07-01T01:25"))

    def test_clips_what_lies_outside(self):
        window = Window(utc("2026-07-01T00:00"), 12)

        spans = [(utc("2026-06-01T00:00"), utc("2026-07-01T00:05")), (utc("2026-07-01T00:55"), utc("2026-08-01T00:00"))]

        assert set_bits(window.mask_of(spans)) == [0, 11]

    def test_takes_every_cell_that_a_span_touches(self):
        window = Window(utc("2026-07-01T00:00"), 12)

        mask = window.mask_of([(utc("2026-07-01T00:09:59.999999"), utc("2026-07-01T00:15:00.000001"))])

        assert set_bits(mask) == [1, 2, 3]

    def test_understands_moments_in_local_time(self):
        window = whole_day(AUTUMN, MELBOURNE)

        repeated = [datetime(2026, 4, 5, 2, 30, fold=fold, tzinfo=MELBOURNE) for fold in (0, 1)]

        assert [window.cell_floor(moment) for moment in repeated] == [30, 42]

    def test_begins_starts_no_earlier_than_asked(self):
        window = Window(utc("2026-07-01T00:00"), 12)

        assert set_bits(window.starts_between(utc("2026-07-01T00:01"), utc("2026-07-01T00:15"))) == [1, 2]


class TestHoursMask:
    @pytest.mark.parametrize(
        ("zone", "day", "opens", "closes", "expected"),
        [
            (MELBOURNE, SPRING, time(2, 50), time(3, 35), ("2026-10-03T16:00", "2026-10-03T16:35")),  # not inside out
            (MELBOURNE, SPRING, time(2, 10), time(2, 50), None),  # all of it skipped
            (MELBOURNE, SPRING, time(1), time(5), ("2026-10-03T15:00", "2026-10-03T18:00")),  # an hour shorter
            (LORD_HOWE, SPRING, time(1, 45), time(2, 45), ("2026-10-03T15:15", "2026-10-03T15:45")),
            (MELBOURNE, AUTUMN, time(1, 30), time(2, 30), ("2026-04-04T14:30", "2026-04-04T15:30")),  # its own length
            (MELBOURNE, AUTUMN, time(2, 30), time(4), ("2026-04-04T15:30", "2026-04-04T18:00")),  # with the extra hour
            (LORD_HOWE, AUTUMN, time(1, 15), time(2, 15), ("2026-04-04T14:15", "2026-04-04T15:45")),
            (MELBOURNE, AUTUMN, time(17), time(9), None),
            (PERTH, AUTUMN, time(9, 1), time(9, 14), ("2026-04-05T01:05", "2026-04-05T01:10")),  # rounded inwards
        ],
    )
    def test_reads_the_clock_on_the_wall(self, zone, day, opens, closes, expected):
        window = whole_day(day, zone)

        mask = hours_mask(window, ((day.weekday(), opens, closes, None, None),), zone)

        assert stretches(window, mask) == ([tuple(map(utc, expected))] if expected else [])

    def test_keeps_office_hours_by_the_wall_on_both_sides_of_the_change(self):
        window = Window.around(day_edges(date(2026, 4, 4), MELBOURNE)[0], day_edges(AUTUMN, MELBOURNE)[1])

        mask = hours_mask(window, tuple((weekday, time(9), time(17), None, None) for weekday in range(7)), MELBOURNE)

        assert stretches(window, mask) == [
            (utc("2026-04-03T22:00"), utc("2026-04-04T06:00")),
            (utc("2026-04-04T23:00"), utc("2026-04-05T07:00")),
        ]

    def test_is_empty_for_an_empty_window(self):
        window = Window(utc("2026-07-01T14:00"), 0)

        assert hours_mask(window, ((MONDAY, time(0), time(9), None, None),), MELBOURNE) == 0

    def test_is_read_in_the_practitioners_zone_whatever_day_the_visitor_asks_for(self):
        window = whole_day(date(2026, 7, 6), MELBOURNE)

        mask = hours_mask(window, ((SUNDAY, time(20), time(23), None, None),), PERTH)

        assert stretches(window, mask) == [(utc("2026-07-05T14:00"), utc("2026-07-05T15:00"))]

    def test_holds_on_the_first_and_the_last_day_of_its_bounds_only(self):
        window = Window.around(day_edges(date(2026, 7, 1), PERTH)[0], day_edges(date(2026, 7, 31), PERTH)[1])

        mask = hours_mask(window, ((MONDAY, time(9), time(10), date(2026, 7, 13), date(2026, 7, 20)),), PERTH)

        assert [starts_at for starts_at, _ in stretches(window, mask)] == [
            utc("2026-07-13T01:00"),
            utc("2026-07-20T01:00"),
        ]


class TestStepMask:
    @pytest.mark.parametrize(
        ("zone", "minutes", "starts_at", "ends_at", "expected"),
        [
            # Shown on the wall: 01:30, 03:00, 04:30.
            (MELBOURNE, 90, "2026-10-03T15:00", "2026-10-03T18:00", ["15:30", "16:00", "17:30"]),
            # 01:20, 02:00, 02:40, 02:00 again, 02:40 again, 03:20.
            (
                *(MELBOURNE, 40, "2026-04-04T14:05", "2026-04-04T17:25"),
                ["14:20", "15:00", "15:40", "16:00", "16:40", "17:20"],
            ),
            # 01:00, 03:00 (02:00 never comes), 04:00.
            (LORD_HOWE, 60, "2026-10-03T14:30", "2026-10-03T17:05", ["14:30", "16:00", "17:00"]),
            # 01:00, 02:00 (an hour and a half later), 03:00.
            (LORD_HOWE, 60, "2026-04-04T14:00", "2026-04-04T16:35", ["14:00", "15:30", "16:30"]),
            # 23:20, 00:00 (the count begins again), 00:50.
            (PERTH, 50, "2026-07-01T15:15", "2026-07-01T16:55", ["15:20", "16:00", "16:50"]),
            # 10:00.
            (ADELAIDE, 60, "2026-07-01T00:00", "2026-07-01T01:00", ["00:30"]),
        ],
    )
    def test_keeps_to_the_clock_on_the_wall(self, zone, minutes, starts_at, ends_at, expected):
        window = Window.around(utc(starts_at), utc(ends_at))

        steps = moments(window, step_mask(window, minutes, zone))

        assert [f"{moment:%H:%M}" for moment in steps] == expected


class TestStartsOf:
    @given(free=st.integers(0, 1 << 80), cells=st.integers(1, 40))
    def test_finds_every_run_that_is_long_enough(self, free, cells):
        run = mask_between(0, cells)

        assert set_bits(starts_of(free, cells)) == [at for at in range(81) if free >> at & run == run]


class TestSlotStarts:
    def test_puts_the_appointment_on_the_step_and_the_buffer_before_it(self):
        free = mask_between(0, 12)
        quarters = 0b001001001001

        starts = slot_starts(free, before=10, minutes=20, after=5, steps=quarters)

        assert set_bits(starts) == [3, 6]

    def test_takes_whole_cells_for_odd_lengths(self):
        assert set_bits(slot_starts(mask_between(0, 4), before=1, minutes=9, after=2, steps=-1)) == [1]


class TestSetBits:
    @given(st.sets(st.integers(0, 5000)))
    def test_lists_the_cells_in_order(self, cells):
        assert set_bits(sum(1 << cell for cell in cells)) == sorted(cells)


@dataclass(frozen=True)
class Question:
    """What somebody wants to know about one of their days; by default of a practitioner who never sleeps."""

    day: date
    asker: ZoneInfo
    zone: ZoneInfo
    rules: tuple[WeeklyHours, ...] = tuple((weekday, time(0), time(23, 55), None, None) for weekday in range(7))
    taken: list[Span] = field(default_factory=list)
    earliest: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    before: int = 10
    minutes: int = 45
    after: int = 5
    step: int = 45


def questions_of(day: date) -> st.SearchStrategy[Question]:
    around = datetime.combine(day, time(2), UTC)
    moments_near = st.one_of(
        st.integers(-300, 300).map(lambda n: around + n * CELL),
        st.integers(-1500, 1500).map(lambda n: around + n * MINUTE),
        st.timedeltas(timedelta(hours=-25), timedelta(hours=25)).map(lambda offset: around + offset),
    )
    lengths = st.one_of(st.integers(1, 36).map(lambda n: n * CELL), st.timedeltas(timedelta(), timedelta(hours=3)))
    bounds = st.one_of(st.none(), st.integers(-2, 2).map(lambda n: day + timedelta(days=n)))
    weekdays = st.integers(-1, 1).map(lambda n: (day.weekday() + n) % 7)
    hours = st.one_of(st.just((time(0), time(23, 55))), st.tuples(clocks, clocks).map(sorted))
    rules = st.builds(lambda weekday, hours, *valid: (weekday, *hours, *valid), weekdays, hours, bounds, bounds)
    return st.builds(
        Question,
        day=st.just(day),
        asker=st.sampled_from(ZONES),
        zone=st.sampled_from(ZONES),
        rules=st.lists(rules, min_size=1, max_size=5).map(tuple),
        taken=st.lists(st.builds(lambda at, length: (at, at + length), moments_near, lengths), max_size=4),
        earliest=moments_near.map(lambda moment: moment - timedelta(days=1)),
        before=st.sampled_from([0, 5, 10, 30]),
        minutes=st.sampled_from([5, 10, 15, 30, 45, 60, 90]),
        after=st.sampled_from([0, 5, 15]),
        step=st.sampled_from([5, 10, 15, 20, 30, 35, 45, 60, 90]),
    )


def offered(asked: Question) -> list[datetime]:
    starts_at, ends_at = day_edges(asked.day, asked.asker)
    window = Window.around(starts_at, ends_at, reach=timedelta(hours=2))
    wanted = window.starts_between(max(starts_at, asked.earliest), ends_at)
    starts = slot_starts(
        hours_mask(window, asked.rules, asked.zone) & ~window.mask_of(asked.taken),
        before=asked.before,
        minutes=asked.minutes,
        after=asked.after,
        steps=step_mask(window, asked.step, asked.zone) & wanted,
    )
    return moments(window, starts)


def slowly_offered(asked: Question) -> list[datetime]:
    """Try every minute that the asker's clock shows on the day, and every minute that the appointment would take."""
    opened = [
        (slow_wall_time(day, opens, asked.zone), slow_wall_time(day, closes, asked.zone))
        for day in (asked.day + timedelta(days=n) for n in range(-2, 3))
        for weekday, opens, closes, valid_from, valid_until in asked.rules
        if weekday == day.weekday() and (valid_from or day) <= day <= (valid_until or day)
    ]

    def is_free(cell: datetime) -> bool:
        is_open = any(starts_at <= cell and cell + CELL <= ends_at for starts_at, ends_at in opened)
        return is_open and not any(starts_at < cell + CELL and cell < ends_at for starts_at, ends_at in asked.taken)

    found = []
    for moment, shown in clock_of(asked.day, asked.asker):
        here = moment.astimezone(asked.zone)
        on_step = moment.minute % 5 == 0 and (here.hour * 60 + here.minute) % asked.step == 0
        if shown.date() == asked.day and moment >= asked.earliest and on_step:
            occupied = range(-asked.before, asked.minutes + asked.after, 5)
            if all(is_free(moment + n * MINUTE) for n in occupied):
                found.append(moment)
    return found


class TestAvailability:
    @given(asked=days.flatmap(questions_of))
    @example(asked=Question(AUTUMN, MELBOURNE, MELBOURNE))
    @example(asked=Question(SPRING, MELBOURNE, MELBOURNE))
    @example(asked=Question(AUTUMN, LORD_HOWE, LORD_HOWE))
    @example(asked=Question(SPRING, LORD_HOWE, LORD_HOWE))
    @settings(deadline=None, max_examples=300)
    def test_offers_what_a_person_reading_the_clock_would(self, asked):
        assert offered(asked) == slowly_offered(asked)

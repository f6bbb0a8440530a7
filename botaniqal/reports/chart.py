"""A bar chart as plain SVG numbers: no script, no style attribute."""

from dataclasses import dataclass

from .figures import DayOfBookings

LEFT, RIGHT, TOP, FLOOR = 28, 410, 10, 150


@dataclass(frozen=True, slots=True)
class Bar:
    """One day: where its bar stands, and what it says."""

    row: DayOfBookings
    x: float
    y: float
    width: float
    height: float
    middle: float
    has_label: bool


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars on a grid."""

    bars: list[Bar]
    lines: list[tuple[int, float]]
    total: int


def bars(rows: list[DayOfBookings]) -> Chart:
    """Lay out a bar a day under round numbers on the axis."""
    highest = max((row.made for row in rows), default=0)
    step = next(step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 10**9) if step * 4 >= highest)
    top = step * max(1, -(-highest // step))
    slot = (RIGHT - LEFT) / max(1, len(rows))

    def level(value: int) -> float:
        return round(FLOOR - (FLOOR - TOP) * value / top, 1)

    return Chart(
        bars=[
            Bar(
                row=row,
                x=round(LEFT + slot * (n + 0.2), 1),
                y=level(row.made),
                width=round(slot * 0.6, 1),
                height=round(FLOOR - level(row.made), 1),
                middle=round(LEFT + slot * (n + 0.5), 1),
                has_label=(len(rows) - 1 - n) % 2 == 0,
            )
            for n, row in enumerate(rows)
        ],
        lines=[(value, level(value)) for value in range(0, top + 1, step)],
        total=sum(row.made for row in rows),
    )

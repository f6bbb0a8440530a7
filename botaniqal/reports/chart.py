"""Charts as numbers for plain SVG without script or style; text keeps its size however wide the chart is drawn."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

HEIGHT = 180
"""Of the plot, in pixels; the width is the page's, so what lies across is told in per cent."""
LABELS = 7
"""So many labels fit below a chart on a wide page, half of them on a phone."""
LETTERS = 40
"""So many letters fit above the bars, all of them together."""
APART = 15
"""So many pixels lie between two lines of text."""
STEP, STEP_BAR = 52, 24
"""The height of a funnel's step with its name, and of its bar."""

BEFORE = "Before"
"""The line that the others are compared with."""
MAIN, OTHER = "main", "other"

Number = int | float | Decimal


@dataclass(frozen=True, slots=True)
class Datum:
    """A value, with the words that its table has for it."""

    name: str
    title: str
    value: Number | None
    shown: str
    is_part: bool = False
    """Whether it will grow, or was cut: it is drawn paler."""


@dataclass(frozen=True, slots=True)
class Level:
    """A round number on the axis."""

    shown: str
    y: float


@dataclass(frozen=True, slots=True)
class Tick:
    """A label below the chart; every other is left out where there is little room."""

    name: str
    middle: str
    is_minor: bool


@dataclass(frozen=True, slots=True)
class Bar:
    """A value that stands on the axis, or hangs below it."""

    datum: Datum
    x: str
    width: str
    middle: str
    y: float
    height: float
    label: str


@dataclass(frozen=True, slots=True)
class Line:
    """Values joined, with what the line is called beside its end."""

    name: str
    tone: str
    points: str
    dots: list[tuple[str, float]]
    label_y: float


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars and lines over one axis."""

    title: str
    levels: list[Level]
    ticks: list[Tick]
    floor: float
    bars: list[Bar]
    lines: list[Line]
    has_bands: bool = False
    """Whether the bars are bands of no colour, that only say what a line is there."""
    height: int = HEIGHT
    template: str = "reports/_chart.html"

    @property
    def line_box(self) -> str:
        """The room in which a line's points are told; it is stretched to the page."""
        return f"0 0 1000 {self.height}"


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a funnel."""

    datum: Datum
    share: str
    width: str
    y: int


@dataclass(frozen=True, slots=True)
class Funnel:
    """Steps, one below the other, as long as what is left."""

    title: str
    steps: list[Step]
    height: int
    bar: int = STEP_BAR
    template: str = "reports/_funnel.html"


def columns(
    title: str,
    data: Sequence[Datum],
    *,
    axis: Callable[[Number], str],
    beside: dict[str, Sequence[Datum]] | None = None,
) -> Chart:
    """Lay out a bar for each value; lines ``beside`` go from middle to middle of the bars."""
    others = beside or {}
    levels, level = _axis([datum.value for each in [data, *others.values()] for datum in each], axis)
    slot = 100 / max(1, len(data))
    labels = _labels(data)
    floor = level(0)
    bars = [
        Bar(
            datum=datum,
            x=_percent(slot * (n + 0.16)),
            width=_percent(slot * 0.68),
            middle=_percent(slot * (n + 0.5)),
            y=min(level(datum.value), floor),
            height=round(abs(floor - level(datum.value)), 1),
            label=labels[n],
        )
        for n, datum in enumerate(data)
    ]
    drawn = [_line(name, each, level, slot, slot / 2) for name, each in others.items()]
    return Chart(title, levels, _ticks(data, lambda n: slot * (n + 0.5)), floor, bars, [line for line in drawn if line])


def lines(title: str, data: dict[str, Sequence[Datum]], *, axis: Callable[[Number], str]) -> Chart:
    """Lay out named lines over the labels of the first; a band for each of its values says what it is."""
    levels, level = _axis([datum.value for each in data.values() for datum in each if datum.value is not None], axis)
    first = next(iter(data.values()))
    between = 100 / max(1, max(len(each) for each in data.values()) - 1)
    drawn = [_line(name, each, level, between) for name, each in data.items()]
    drawn = sorted((line for line in drawn if line), key=lambda line: -line.label_y)
    for n in range(1, len(drawn)):  # upwards from the lowest: below the floor are the labels of the days
        drawn[n] = replace(drawn[n], label_y=min(drawn[n].label_y, drawn[n - 1].label_y - APART))
    bands = [
        Bar(
            datum=datum,
            x=_percent(max(0, between * (n - 0.5))),
            width=_percent(between if 0 < n < len(first) - 1 else between / 2),
            middle=_percent(between * n),
            y=0,
            height=HEIGHT,
            label="",
        )
        for n, datum in enumerate(first)
    ]
    in_order = [line for name in data for line in drawn if line.name == name]
    return Chart(title, levels, _ticks(first, lambda n: between * n), level(0), bands, in_order, has_bands=True)


def funnel(title: str, data: Sequence[Datum], shares: Sequence[str]) -> Funnel:
    """Lay out steps below each other, each as long as its part of the first."""
    whole = max((datum.value for datum in data), default=0)
    steps = [
        Step(datum=datum, share=share, width=meter(datum.value, whole), y=n * STEP + STEP - STEP_BAR)
        for n, (datum, share) in enumerate(zip(data, shares, strict=True))
    ]
    return Funnel(title, steps, len(steps) * STEP)


def meter(value: Number, highest: Number) -> str:
    """Tell how much of a bar beside a number is filled."""
    return _percent(100 * max(0.0, min(1.0, float(value) / float(highest)))) if highest else "0%"


def _axis(values: Sequence[Number], shown: Callable[[Number], str]) -> tuple[list[Level], Callable[[Number], float]]:
    """Choose round numbers, at most five above each other, that hold all values and nought."""
    low, high = float(min([0, *values])), float(max([0, *values]))
    step = next(step for step in _round_steps() if step * 4 >= high - low)
    bottom, top = int(low // step), max(1 + int(low // step), -int(-high // step))

    def level(value: Number) -> float:
        return round(HEIGHT * (1 - (float(value) - bottom * step) / ((top - bottom) * step)), 1)

    return [Level(shown(step * n), level(step * n)) for n in range(bottom, top + 1)], level


def _round_steps():
    size = 1
    while True:
        yield from (size, 2 * size, 5 * size)
        size *= 10


def _ticks(data: Sequence[Datum], middle: Callable[[int], float]) -> list[Tick]:
    """Label from the last backwards, so that the latest always has its name."""
    stride = -(-len(data) // LABELS) or 1
    last = len(data) - 1
    return [
        Tick(datum.name, _percent(middle(n)), is_minor=(last - n) // stride % 2 == 1 and last > 2)
        for n, datum in enumerate(data)
        if (last - n) % stride == 0
    ]


def _labels(data: Sequence[Datum]) -> list[str]:
    """Name all values where there is room for it, else the first of the highest alone; nought needs no name."""
    if sum(len(datum.shown) for datum in data) <= LETTERS:
        return [datum.shown if datum.value else "" for datum in data]
    highest = max(range(len(data)), key=lambda n: data[n].value)
    return [datum.shown if n == highest and datum.value else "" for n, datum in enumerate(data)]


def _line(
    name: str, data: Sequence[Datum], level: Callable[[Number], float], between: float, begins: float = 0
) -> Line | None:
    """Join the values that there are; where some are missing, dots show which are not."""
    known = [(begins + between * n, level(datum.value)) for n, datum in enumerate(data) if datum.value is not None]
    if not known:
        return None
    _, end_y = known[-1]
    return Line(
        name=name,
        tone=OTHER if name == BEFORE else MAIN,
        points=" ".join(f"{10 * x:.1f},{y}" for x, y in known),
        dots=[(_percent(x), y) for x, y in (known[-1:] if len(known) == len(data) else known)],
        label_y=end_y,
    )


def _percent(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".") + "%"

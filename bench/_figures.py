"""The table of a run: each figure, its value, its budget, and whether it is met."""

LINE = "  {:<58} {:>12} {:>10}  {}"


def heading(text: str) -> None:
    """Begin a table."""
    print(f"\n{text}\n{LINE.format('', 'value', 'budget', '')}", flush=True)


def at_least(figure: str, value: float, budget: float) -> None:
    """Print a figure that must not be smaller than its budget."""
    _row(figure, _words(value), f"≥ {_words(budget)}", value >= budget)


def at_most(figure: str, value: float, budget: float, unit: str = "") -> None:
    """Print a figure that must not be greater than its budget."""
    _row(figure, _words(value, unit), f"≤ {_words(budget, unit)}", value <= budget)


def exactly(figure: str, value: int, budget: int) -> None:
    """Print a count that has to be right."""
    _row(figure, _words(value), f"= {_words(budget)}", value == budget)


def note(figure: str, value: float, unit: str = "") -> None:
    """Print a figure that has no budget."""
    print(LINE.format(figure, _words(value, unit), "", "").rstrip(), flush=True)


def _row(figure: str, value: str, budget: str, is_met: bool) -> None:
    print(LINE.format(figure, value, budget, "met" if is_met else "MISSED"), flush=True)


def _words(value: float, unit: str = "") -> str:
    number = f"{value:,}" if isinstance(value, int) else f"{value:.2f}" if value < 10 else f"{value:,.0f}"
    return f"{number} {unit}".rstrip()

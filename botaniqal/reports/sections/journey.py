"""The patient journey: from the free consultation to the visit, and to the next."""

from ..asked import Asked
from ..chart import Datum, funnel
from ..figures import Funnel, Share, definitions
from ..figures import funnel as journey_of
from ..table import Column, Kind, change, table
from .section import Content, Section, both, over_time


def journey(asked: Asked) -> Content:
    """Show how far the consultations of these days came."""
    return Content(
        [], [steps(asked, *both(asked, journey_of)), over_time("consultations", "Consultations", Kind.COUNT, asked)]
    )


def steps(asked: Asked, now: Funnel, before: Funnel | None) -> Section:
    """Draw the funnel over its table."""
    heads = [
        Column("Step", Kind.TEXT, definitions["funnel"]),
        Column("Consultations"),
        Column("Of the step before", Kind.PERCENT),
        Column("Of all", Kind.PERCENT),
    ]
    if before:
        heads += [Column("Before"), Column("Change", Kind.CHANGE)]
    values = []
    for n, step in enumerate(now.steps):
        line = [step.label, step.count]
        line += [step.share.percent, Share(step.count, now.consultations).percent] if n else [None, None]
        if before:
            line += [before.steps[n].count, change(step.count, before.steps[n].count, Kind.COUNT)]
        values.append(line)
    urls = [{"Consultations": asked.rows_url(step.name)} for step in now.steps]
    if before:
        urls = [
            each | {"Before": asked.earlier.rows_url(step.name)} for each, step in zip(urls, now.steps, strict=True)
        ]
    means = [(step.label, definitions[step.name]) for step in now.steps]
    shares = ["" if line[2] is None else f"{line[2]}%" for line in values]
    data = [Datum(line[0], line[0], line[1], f"{line[1]:,}") for line in values]
    return Section(
        table=table("journey", "From consultation to follow-up", heads, values, urls=urls, means=means),
        chart=funnel("How far consultations came", data, shares),
        is_empty=not (now.consultations or (before and before.consultations)),
        is_wide=True,
    )

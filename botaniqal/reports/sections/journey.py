"""The patient journey: from the free consultation to the visit, and to the next."""

from botaniqal.reports import figures
from botaniqal.reports.asked import Asked
from botaniqal.reports.chart import Datum, funnel
from botaniqal.reports.table import Column, Kind, change, table

from .section import Content, Section, over_time


def journey(asked: Asked) -> Content:
    """Show how far the consultations of these days came."""
    return Content([], [steps(asked), over_time("consultations", "Consultations", Kind.COUNT, asked)])


def steps(asked: Asked) -> Section:
    """Draw the funnel over its table."""
    now = figures.funnel(asked.period, asked.only)
    before = figures.funnel(asked.before, asked.only) if asked.before else None
    heads = [
        Column("Step", Kind.TEXT, "Everything is counted of the consultations of these days, whenever it happened."),
        Column("People"),
        Column("Of the step before", Kind.PERCENT),
        Column("Of all", Kind.PERCENT),
    ]
    if before:
        heads += [Column("Before"), Column("Change", Kind.CHANGE)]
    values = []
    for n, step in enumerate(now.steps):
        share = step.share.percent if n else None
        line = [step.label, step.count, share, figures.Share(step.count, now.consultations).percent]
        if before:
            line += [before.steps[n].count, change(step.count, before.steps[n].count, Kind.COUNT)]
        values.append(line)
    urls = [{"People": asked.rows_url(step.name)} for step in now.steps]
    made = table("journey", "From consultation to follow-up", heads, values, urls=urls)
    shares = ["" if line[2] is None else f"{line[2]}% of the step before" for line in values]
    data = [Datum(line[0], line[0], line[1], f"{line[1]:,}") for line in values]
    return Section(
        table=made,
        chart=funnel("How far consultations came", data, shares),
        is_empty=not (now.consultations or (before and before.consultations)),
        is_wide=True,
    )

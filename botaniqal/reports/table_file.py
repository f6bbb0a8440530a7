"""A table as a file that spreadsheets open, sent line by line."""

import csv
from collections.abc import Iterable, Iterator

from django.http import StreamingHttpResponse
from django.utils.text import slugify

from .table import Column, Row, plain

BOM = "\ufeff"
"""By which Excel knows that it is UTF-8."""


class _Line:
    """What ``csv`` writes to: it hands each line on."""

    def write(self, text: str) -> str:
        return text


def csv_of(
    columns: list[Column], rows: Iterable[Row], *, about: list[tuple[str, str]], name: list[str]
) -> StreamingHttpResponse:
    """Send a table, and below it what it is of and what it means."""
    answer = StreamingHttpResponse(_lines(columns, rows, about), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{slugify("-".join(["botaniqal", *name]))}.csv"'
    return answer


def _lines(columns: list[Column], rows: Iterable[Row], about: list[tuple[str, str]]) -> Iterator[str]:
    write = csv.writer(_Line()).writerow
    yield BOM + write([column.written for column in columns])
    for row in rows:
        yield write([cell.written for cell in row.cells])
    yield write([])
    for line in about:
        yield write([plain(words) for words in line])

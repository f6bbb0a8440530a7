"""What goes into the logs of an error: its kind and its place, never its text."""

import logging
import re
import traceback
from types import TracebackType

SECRET_ADDRESS = re.compile(r"(/webhooks/jotform/)[^\s?\"'<>]+|(/)[^\s/?\"'<>]+:[\w-]{27,}")
"""An address that is a secret as a whole, or a signed link: whoever has it sees what is somebody's own."""


class WithoutWords(logging.Formatter):
    """
    Write errors down without what they say: a database quotes the row that it refused, with the patient in it.

    Nor do addresses appear that are secrets.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Write down a record."""
        return SECRET_ADDRESS.sub(r"\1\2…", super().format(record))

    def formatException(self, ei: tuple[type[BaseException], BaseException, TracebackType | None]) -> str:  # noqa: N802
        """Write down an error and those that it came from, each by name and place."""
        error: BaseException | None = ei[1]
        told = []
        while error:
            told.append("".join([*traceback.format_tb(error.__traceback__), type(error).__qualname__]))
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        return "\nbecause of\n".join(told)

"""What goes into the logs of an error: its kind and its place, never its text."""

import logging
import traceback
from types import TracebackType


class WithoutWords(logging.Formatter):
    """Write errors down without what they say: a database quotes the row that it refused, with the patient in it."""

    def formatException(self, ei: tuple[type[BaseException], BaseException, TracebackType | None]) -> str:  # noqa: N802
        """Write down an error and those that it came from, each by name and place."""
        error: BaseException | None = ei[1]
        told = []
        while error:
            told.append("".join([*traceback.format_tb(error.__traceback__), type(error).__qualname__]))
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        return "\nbecause of\n".join(told)

"""
What goes into the logs: each line under its request's id; of errors their kind and place, never their text.

A request's id goes along with whatever comes of it: kept in rows of owed work, taken up by the worker, told to vendors.
"""

import json
import logging
import re
import traceback
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

HEADER = "X-Request-ID"
LONGEST_ID = 64
SANE_ID = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{7,{LONGEST_ID - 1}}}")

SECRET_ADDRESS = re.compile(r"(/webhooks/jotform/)[^\s?\"'<>]+|(/)[^\s/?\"'<>]+:[\w-]{27,}")
"""An address that is a secret as a whole, or a signed link: whoever has it sees what is somebody's own."""
# What ends a line somewhere, or moves a terminal's cursor: by it somebody could write lines of their own.
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
LONGEST_MESSAGE = 10_000

_current: ContextVar[str] = ContextVar("request_id", default="")


def request_id() -> str:
    """Tell under which request's id this happens; empty outside of all."""
    return _current.get()


@contextmanager
def under(known: str = "") -> Iterator[str]:
    """Do something under a request's id: under this one, else the one that goes on, else a new one."""
    token = _current.set(known or _current.get() or uuid.uuid4().hex)
    try:
        yield _current.get()
    finally:
        _current.reset(token)


def sane(given: str) -> str:
    """Take an id from outside as it is where it is short and plain, else none."""
    return given if SANE_ID.fullmatch(given) else ""


def to_send() -> dict[str, str]:
    """Give the header by which a vendor is told the request's id, where there is one."""
    return {HEADER: _current.get()} if _current.get() else {}


def without_secrets(text: str) -> str:
    """Hide addresses that are secrets, and what could pass for another line."""
    text = CONTROL.sub(lambda sign: ascii(sign[0])[1:-1], text[:LONGEST_MESSAGE])
    return SECRET_ADDRESS.sub(r"\1\2…", text)


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """Walk from an error to those that it came from."""
    while error:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def kind(error: BaseException) -> str:
    """Name the kind of an error."""
    return type(error).__qualname__


class WithoutWords(logging.Formatter):
    """
    Write errors down without what they say: a database quotes the row that it refused, with the patient in it.

    Nor do addresses appear that are secrets.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Write down a record."""
        record.message, record.request_id = said(record), id_of(record) or "-"
        record.asctime = self.formatTime(record)
        text = self.formatMessage(record)
        if error := error_of(record):
            text += "\n" + "\nbecause of\n".join(
                "".join([*traceback.format_tb(each.__traceback__), kind(each)]) for each in chain(error)
            )
        return text


class JsonLines(logging.Formatter):
    """The same as one JSON object a line, for machines."""

    def format(self, record: logging.LogRecord) -> str:
        """Write down a record."""
        told: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": said(record),
            "requestId": id_of(record),
        }
        told |= {name: value for name, value in getattr(record, "fields", {}).items() if name not in told}
        if error := error_of(record):
            told["errors"] = [{"kind": kind(each), "place": places(each)} for each in chain(error)]
        return json.dumps(told)


def said(record: logging.LogRecord) -> str:
    """Read a record's message, in which nothing of its error's own words stands."""
    try:
        message = record.getMessage()
    except Exception:  # its arguments do not fit: better a line without them than none
        message = str(record.msg)
    for error in chain(error_of(record)):
        for words in (repr(error), str(error)):
            if words.strip():
                message = message.replace(words, "…")
    return without_secrets(message)


def id_of(record: logging.LogRecord) -> str:
    """Tell whose line it is; what Django says of an answer after all is done knows the request itself."""
    return request_id() or getattr(getattr(record, "request", None), "request_id", "")


def error_of(record: logging.LogRecord) -> BaseException | None:
    """Find the error that a record is about."""
    return record.exc_info[1] if isinstance(record.exc_info, tuple) else None


def places(error: BaseException) -> list[str]:
    """List where an error came through, outermost first."""
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]

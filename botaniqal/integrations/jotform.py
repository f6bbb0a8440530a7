"""
JotForm's API: https://api.jotform.com/docs (as of 2026-11-21).

Whatever a form's answer looks like there, it is one line of text here. Answers 200 are no promise: the true code stands
in the body.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from django.conf import settings

from botaniqal.integrations.http import VendorRefused, Wire, Words
from botaniqal.integrations.limits import Limit

SUBMISSION = "/submission/{id}"
FORM_SUBMISSIONS = "/form/{id}/submissions"

PAGE_SIZE = 100
MAX_PAGES = 1_000
# Its times have no offset. Where an account's own zone is meant instead, they are some hours out, so that a list begins
# a day early.
TIME_ZONE = ZoneInfo("America/New_York")
EARLIER = timedelta(days=1)

LONGEST_ANSWER = 10_000
# What stands in a form and asks nothing.
LAYOUT = {
    "control_button",
    "control_captcha",
    "control_collapse",
    "control_divider",
    "control_head",
    "control_image",
    "control_pagebreak",
    "control_text",
}
NAME = ("prefix", "first", "middle", "last", "suffix")
PHONE = ("country", "area", "phone")
ADDRESS = ("addr_line1", "addr_line2", "city", "state", "postal", "country")

Item = TypeVar("Item")


@dataclass(frozen=True, kw_only=True)
class FormAnswer:
    """One question with what was answered, in words; `name` is what the form's maker calls it, and stays."""

    name: str
    question: str
    answer: str


@dataclass(frozen=True, kw_only=True)
class Submission:
    """A filled form; one that was deleted there has another status than ACTIVE."""

    id: str
    form_id: str
    status: str
    created_at: datetime
    updated_at: datetime | None
    answers: tuple[FormAnswer, ...]


def client() -> "JotForm":
    """Make the client that the settings describe."""
    return JotForm(
        base_url=settings.JOTFORM_BASE_URL,
        api_key=settings.JOTFORM_API_KEY,
        timeout=settings.VENDOR_TIMEOUT_SECONDS,
        limit=Limit("jotform"),
    )


class JotForm:
    """JotForm's wire; every call raises VendorUnavailable or VendorRefused and nothing else."""

    def __init__(self, *, base_url: str, api_key: str, timeout: float, limit: Limit | None = None) -> None:
        self._wire = Wire(
            vendor="JotForm", base_url=base_url, token="", timeout=timeout, headers={"APIKEY": api_key}, limit=limit
        )

    def submission(self, id: str) -> Submission:
        """Fetch one submission as it stands now."""
        return self._get(SUBMISSION, id=id, read=_submission)

    def form_submissions(self, form_id: str, *, since: datetime) -> Iterator[Submission]:
        """List what was sent in with a form since a moment, newest first, some perhaps twice and some from before."""
        day = (since - EARLIER).astimezone(TIME_ZONE)
        query: Words = {
            "filter": json.dumps({"created_at:gt": f"{day:%Y-%m-%d %H:%M:%S}"}),
            "orderby": "created_at",
            "limit": PAGE_SIZE,
        }
        for number in range(MAX_PAGES):
            # Newest first: one that comes in meanwhile moves others to the next page and none off it.
            page = {**query, "offset": number * PAGE_SIZE}
            found = self._get(FORM_SUBMISSIONS, id=form_id, query=page, read=lambda rows: [*map(_submission, rows)])
            yield from found
            if len(found) < PAGE_SIZE:
                return
        raise self._wire.unusable(FORM_SUBMISSIONS, "a list without an end")

    def _get(self, path: str, *, id: str, query: Words | None = None, read: Callable[[Any], Item]) -> Item:
        def read_content(answer: Mapping[str, Any]) -> Item:
            code = int(answer["responseCode"])
            if code == 429 or code >= 500:
                raise self._wire.unusable(path, f"{code} in the answer")
            if code != 200:
                raise VendorRefused(f"JotForm GET {path}: {code} in the answer", status=code)
            return read(answer["content"])

        return self._wire.get(path, ids={"id": id}, query=query or {}, read=read_content)


def _submission(row: Mapping[str, Any]) -> Submission:
    # PHP writes an empty table as an empty list.
    answers = row["answers"] or {}
    asked = sorted(answers.items(), key=lambda pair: (_number(pair[1].get("order")), _number(pair[0])))
    return Submission(
        id=str(row["id"]),
        form_id=str(row["form_id"]),
        status=str(row["status"]),
        created_at=_moment(row["created_at"]),
        updated_at=_moment(row["updated_at"]) if row.get("updated_at") else None,
        answers=tuple(
            FormAnswer(
                name=_plain(question.get("name")),
                question=_plain(question.get("text")),
                answer=_in_words(question.get("answer"))[:LONGEST_ANSWER],
            )
            for _, question in asked
            if question.get("type") not in LAYOUT
        ),
    )


def _in_words(answer: Any) -> str:
    """Write an answer as one line: a name, a date, a place, a list, or each part with its name."""
    if isinstance(answer, list):
        return ", ".join(filter(None, map(_in_words, answer)))
    if not isinstance(answer, dict):
        return _plain(answer)
    parts = {name: _in_words(part) for name, part in answer.items()}
    if parts.get("full"):
        return parts["full"]
    if {"year", "month", "day"} <= parts.keys():
        return _date(parts)
    for names, between in ((NAME, " "), (PHONE, " "), (ADDRESS, ", ")):
        if parts.keys() <= set(names):
            return between.join(parts[name] for name in names if parts.get(name))
    return ", ".join(f"{name}: {part}" for name, part in parts.items() if part)


def _date(parts: Mapping[str, str]) -> str:
    if not (parts["year"] and parts["month"] and parts["day"]):
        return ""
    day = f"{parts['year']}-{parts['month']:0>2}-{parts['day']:0>2}"
    if not parts.get("hour"):
        return day
    return " ".join(filter(None, [day, f"{parts['hour']}:{parts.get('min') or '0':0>2}", parts.get("ampm", "")]))


def _plain(value: Any) -> str:
    if value is None:
        return ""
    # What no database keeps: NUL, and half of a surrogate pair.
    return str(value).replace("\x00", "").encode("utf-8", "replace").decode().strip()


def _number(value: Any) -> int:
    return int(value) if str(value).isdecimal() else 0


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=TIME_ZONE)

"""
What Calendly tells us: is it truly from Calendly, and what does it say?

After https://developer.calendly.com/api-docs (webhook signatures and payloads, as of 2026-10-02) and, in either case,
the form that the clinic's first specification took for Calendly's.
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from botaniqal import phones
from botaniqal.integrations.calendly import uuid_of

SIGNATURE_HEADER = "calendly-webhook-signature"
TIMESTAMP_HEADER = "calendly-webhook-timestamp"
LONGEST_HEADER = 2_000
TOLERANCE = timedelta(seconds=180)
FUTURE_TOLERANCE = timedelta(seconds=60)

TIMESTAMP = re.compile(r"[0-9]{10}|[0-9]{13}")
HEX_DIGEST = re.compile(r"[0-9a-f]{64}")
BASE64_DIGEST = re.compile(r"[A-Za-z0-9+/]{43}=")

LONGEST_PHONE_ANSWER = 250
LONGEST_ID = 100
LONGEST_URI = 255
LONGEST_EMAIL = 254
LONGEST_LINK = 500
FIRST_YEAR, LAST_YEAR = 2000, 2200  # far from where dates overflow when minutes or zones are added
WEB_ADDRESS = re.compile(r"https?://[^\s\x00-\x1f\x7f]+")
EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
PHONE_QUESTION = re.compile(r"phone|mobile|\bcell|\bnumber\b", re.IGNORECASE)
CONCERN_QUESTION = re.compile(r"concern|reason|help|symptom|condition|brings? you|about", re.IGNORECASE)


class SignatureRefused(Exception):
    """A delivery that nobody vouches for; `reason` is a machine word."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Calendly's signature was refused: {reason}.")
        self.reason = reason


class MalformedEvent(Exception):
    """A delivery that cannot be read; the message names the field and never its content."""


class Kind(StrEnum):
    CREATED = "created"
    CANCELED = "canceled"
    NO_SHOW_CREATED = "no_show_created"
    NO_SHOW_DELETED = "no_show_deleted"
    OTHER = "other"


KINDS = {
    "invitee.created": Kind.CREATED,
    "invitee.canceled": Kind.CANCELED,
    "invitee_no_show.created": Kind.NO_SHOW_CREATED,
    "invitee_no_show.deleted": Kind.NO_SHOW_DELETED,
}


@dataclass(frozen=True, kw_only=True)
class CalendlyEvent:
    """
    One delivery, whichever form it came in.

    `event_id` and `event_type_id` are bare ids, invitees and members full URIs. A delivery of kind `other` is read no
    further: it has a `delivery_key` and nothing else.
    """

    kind: Kind
    delivery_key: str
    created_at: datetime | None = None
    event_id: str = ""
    event_type_id: str | None = None
    invitee_uri: str | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    name: str = ""
    email: str = ""
    phone: str | None = None
    concern: str | None = None
    timezone: str | None = None
    member_uris: tuple[str, ...] = ()
    member_emails: tuple[str, ...] = ()
    join_url: str | None = None
    is_reschedule: bool = False
    old_invitee: str | None = None
    new_invitee: str | None = None
    cancel_reason: str | None = None
    utm_content: str | None = None
    is_by_api: bool = False


def verify(
    *, headers: Mapping[str, str], raw_body: bytes, key: str, now: datetime, tolerance: timedelta = TOLERANCE
) -> None:
    """
    Make sure that Calendly sent exactly these bytes, not long ago.

    :raises SignatureRefused: `unconfigured` (no key: nothing is trusted), `missing`, `malformed`, `wrong` or `stale`.
    """
    if not key:
        raise SignatureRefused("unconfigured")
    timestamp, candidates, as_hex = _claim({name.lower(): value for name, value in headers.items()})
    digest = hmac.new(key.encode(), timestamp.encode() + b"." + raw_body, hashlib.sha256)
    expected = digest.hexdigest() if as_hex else base64.b64encode(digest.digest()).decode()
    if not any(hmac.compare_digest(candidate, expected) for candidate in candidates):
        raise SignatureRefused("wrong")
    # Thirteen digits are milliseconds, as JavaScript counts.
    sent_at = int(timestamp) / (1_000 if len(timestamp) == 13 else 1)
    age = now.timestamp() - sent_at
    if not -FUTURE_TOLERANCE.total_seconds() <= age <= tolerance.total_seconds():
        raise SignatureRefused("stale")


def parse(payload: Mapping[str, Any]) -> CalendlyEvent:
    """
    Read a delivery in Calendly's form or in the first specification's.

    :raises MalformedEvent: a field of the wrong type, a time without offset, no start or no e-mail.
    """
    event_name = _text(payload, "event", "")
    if event_name is None:
        raise MalformedEvent("event is missing.")
    kind = KINDS.get(event_name, Kind.OTHER)
    created_at = _moment(payload, "created_at", "")
    if kind == Kind.OTHER:
        return CalendlyEvent(kind=kind, delivery_key=_digest(payload), created_at=created_at)

    invitee = _object(payload, "payload", "")
    event, where = _event_of(invitee)
    starts_at, ends_at = _moment(event, "start_time", where), _moment(event, "end_time", where)
    email = _text(invitee, "email", "payload")
    if starts_at is None:
        raise MalformedEvent(f"{where}.start_time is missing.")
    if ends_at is not None and ends_at <= starts_at:
        raise MalformedEvent(f"{where}.end_time is not after start_time.")
    if email is None or len(email) > LONGEST_EMAIL or not EMAIL.fullmatch(email):
        raise MalformedEvent("payload.email is missing or no e-mail address.")

    event_type_id = _id(event, "event_type", where) or _id(event, "calendar_id", where)
    event_id = (
        _id(event, "uri", where)
        or _id(event, "uuid", where)
        or _digest([event_type_id, starts_at.isoformat(), email.lower()])
    )
    invitee_uri = _uri(invitee, "uri", "payload")
    old_invitee, new_invitee = _uri(invitee, "old_invitee", "payload"), _uri(invitee, "new_invitee", "payload")
    answers = _answers(invitee)
    phone, phone_question = _phone(answers, _text(invitee, "text_reminder_number", "payload"))
    members = _rows(event, "event_memberships", where)
    cancellation = _object(invitee, "cancellation", "payload") or _object(event, "cancellation", where)

    return CalendlyEvent(
        kind=kind,
        delivery_key=_delivery_key(payload, kind, _id(invitee, "uri", "payload") or event_id, created_at),
        created_at=created_at,
        event_id=event_id,
        event_type_id=event_type_id,
        invitee_uri=invitee_uri,
        starts_at=starts_at,
        ends_at=ends_at,
        name=_name(invitee),
        email=email,
        phone=phone,
        concern=_concern(answers, phone_question),
        timezone=_text(invitee, "timezone", "payload"),
        member_uris=_present(_text(row, "user", f"{where}.event_memberships") for row in members),
        member_emails=_present(_text(row, "user_email", f"{where}.event_memberships") for row in members),
        join_url=_link(_object(event, "location", where), "join_url", f"{where}.location"),
        # Somebody who moved once may still cancel for good: then only `old_invitee` is set.
        is_reschedule=old_invitee is not None if kind == Kind.CREATED else _flag(invitee, "rescheduled", "payload"),
        old_invitee=old_invitee,
        new_invitee=new_invitee,
        cancel_reason=_text(cancellation, "reason", "cancellation"),
        utm_content=_text(_object(invitee, "tracking", "payload"), "utm_content", "payload.tracking"),
        is_by_api=_text(invitee, "scheduling_method", "payload") == "api",
    )


def _claim(headers: Mapping[str, str]) -> tuple[str, list[str], bool]:
    """Take timestamp, digests and their form out of the headers; only well-formed ones come back."""
    signature = headers.get(SIGNATURE_HEADER, "")
    if not signature:
        raise SignatureRefused("missing")
    if len(signature) > LONGEST_HEADER:
        raise SignatureRefused("malformed")
    pairs = [part.strip().partition("=") for part in signature.split(",")]
    candidates = [value for name, _, value in pairs if name == "v1" and HEX_DIGEST.fullmatch(value)]
    if candidates:
        timestamps = [value for name, _, value in pairs if name == "t"]
    elif BASE64_DIGEST.fullmatch(signature):
        timestamps = [headers.get(TIMESTAMP_HEADER, "")]
        if timestamps == [""]:
            raise SignatureRefused("missing")
    else:
        raise SignatureRefused("malformed")
    if len(timestamps) != 1 or not TIMESTAMP.fullmatch(timestamps[0]):
        raise SignatureRefused("malformed")
    return timestamps[0], candidates or [signature], bool(candidates)


def _event_of(invitee: Mapping[str, Any]) -> tuple[Mapping[str, Any], str]:
    """Find the scheduled event: an object of its own, or `event` itself in the first specification's form."""
    if invitee.get("scheduled_event") is not None:
        return _object(invitee, "scheduled_event", "payload"), "payload.scheduled_event"
    if isinstance(invitee.get("event"), dict):
        return invitee["event"], "payload.event"
    raise MalformedEvent("payload.scheduled_event is missing.")


def _name(invitee: Mapping[str, Any]) -> str:
    parts = (_text(invitee, "first_name", "payload"), _text(invitee, "last_name", "payload"))
    return _text(invitee, "name", "payload") or " ".join(_present(parts))


def _answers(invitee: Mapping[str, Any]) -> list[tuple[str, str]]:
    where = "payload.questions_and_answers"
    rows = _rows(invitee, "questions_and_answers", "payload")
    return [(_text(row, "question", where) or "", _text(row, "answer", where) or "") for row in rows]


def _phone(answers: list[tuple[str, str]], text_reminder_number: str | None) -> tuple[str | None, str | None]:
    """Find the number in E.164 and the question that it answers, if it answers one."""
    for question, answer in answers:
        if not PHONE_QUESTION.search(question):
            continue
        if number := phones.kept(answer) or phones.found_in(answer[:LONGEST_PHONE_ANSWER]):
            return number, question
    if text_reminder_number and (number := phones.kept(text_reminder_number)):
        return number, None
    for question, answer in answers:
        if number := phones.kept(answer):
            return number, question
    return None, None


def _concern(answers: list[tuple[str, str]], phone_question: str | None) -> str | None:
    for question, answer in answers:
        if answer and question != phone_question and CONCERN_QUESTION.search(question):
            return answer
    return None


def _delivery_key(payload: Mapping[str, Any], kind: Kind, of: str, created_at: datetime | None) -> str:
    return _digest(payload) if created_at is None else f"{kind}:{of}:{created_at:%Y-%m-%dT%H:%M:%S.%fZ}"


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _present(values: Any) -> tuple[str, ...]:
    return tuple(value for value in values if value)


def _field(source: Mapping[str, Any], name: str, where: str, kind: type, what: str) -> Any:
    value = source.get(name)
    if value is not None and not isinstance(value, kind):
        raise MalformedEvent(f"{where}.{name} is not {what}.".lstrip("."))
    return value


def _object(source: Mapping[str, Any], name: str, where: str) -> Mapping[str, Any]:
    return _field(source, name, where, dict, "an object") or {}


def _rows(source: Mapping[str, Any], name: str, where: str) -> list[Mapping[str, Any]]:
    rows = _field(source, name, where, list, "a list") or []
    if not all(isinstance(row, dict) for row in rows):
        raise MalformedEvent(f"{where}.{name} is not a list of objects.")
    return rows


def _flag(source: Mapping[str, Any], name: str, where: str) -> bool:
    return bool(_field(source, name, where, bool, "true or false"))


def _text(source: Mapping[str, Any], name: str, where: str) -> str | None:
    value = _field(source, name, where, str, "text") or ""
    # JSON can carry what a database cannot keep: NUL and half of a surrogate pair.
    return value.replace("\0", "").encode(errors="replace").decode().strip() or None


def _id(source: Mapping[str, Any], name: str, where: str) -> str | None:
    value = uuid_of(_text(source, name, where) or "")
    if len(value) > LONGEST_ID:
        raise MalformedEvent(f"{where}.{name} is too long.")
    return value or None


def _uri(source: Mapping[str, Any], name: str, where: str) -> str | None:
    value = _text(source, name, where)
    if value and len(value) > LONGEST_URI:
        raise MalformedEvent(f"{where}.{name} is too long.")
    return value


def _link(source: Mapping[str, Any], name: str, where: str) -> str | None:
    # Staff click on it and calendars read it, so that nothing but a web address may stand there.
    value = _text(source, name, where)
    return value if value and WEB_ADDRESS.fullmatch(value) and len(value) <= LONGEST_LINK else None


def _moment(source: Mapping[str, Any], name: str, where: str) -> datetime | None:
    value = _text(source, name, where)
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise MalformedEvent(f"{where}.{name} is not a time.".lstrip(".")) from None
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise MalformedEvent(f"{where}.{name} is not a time.".lstrip("."))
    if moment.tzinfo is None:
        raise MalformedEvent(f"{where}.{name} is a time without an offset.".lstrip("."))
    return moment.astimezone(UTC)

import base64
import copy
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from botaniqal.integrations.calendly_events import (
    CalendlyEvent,
    Kind,
    MalformedEvent,
    SignatureRefused,
    parse,
    verify,
)

PAYLOADS = Path(__file__).parent.parent / "payloads" / "calendly"
API = "https://api.calendly.com"
KEY = "signing-key"
NOW = datetime(2026, 11, 21, 0, 0, tzinfo=UTC)
START = ("payload", "scheduled_event", "start_time")
BODY = '{"event": "invitee.created", "name": "Zoë"}'.encode()


def load(name: str) -> dict[str, Any]:
    return json.loads((PAYLOADS / f"{name}.json").read_text())


def digest(timestamp: str, body: bytes = BODY, key: str = KEY) -> bytes:
    return hmac.new(key.encode(), timestamp.encode() + b"." + body, hashlib.sha256).digest()


def seconds(moment: datetime = NOW) -> str:
    return str(int(moment.timestamp()))


def real(timestamp: str = seconds(), **kwargs: Any) -> dict[str, str]:
    return {"Calendly-Webhook-Signature": f"t={timestamp},v1={digest(timestamp, **kwargs).hex()}"}


def seed(timestamp: str = seconds(), **kwargs: Any) -> dict[str, str]:
    return {
        "calendly-webhook-signature": base64.b64encode(digest(timestamp, **kwargs)).decode(),
        "calendly-webhook-timestamp": timestamp,
    }


def refusal(headers: dict[str, str], *, body: bytes = BODY, key: str = KEY) -> str:
    with pytest.raises(SignatureRefused) as caught:
        verify(headers=headers, raw_body=body, key=key, now=NOW)
    return caught.value.reason


class TestVerify:
    @pytest.mark.parametrize("form", [real, seed])
    @pytest.mark.parametrize("age", [-60, 0, 180])
    def test_trusts_what_was_signed_lately(self, form: Any, age: int) -> None:
        timestamp = seconds(NOW - timedelta(seconds=age))

        verify(headers=form(timestamp), raw_body=BODY, key=KEY, now=NOW)

    @pytest.mark.parametrize("form", [real, seed])
    def test_understands_milliseconds(self, form: Any) -> None:
        verify(headers=form(f"{seconds()}123"), raw_body=BODY, key=KEY, now=NOW)

    def test_tries_every_signature_and_ignores_other_keys(self) -> None:
        headers = {
            "CALENDLY-WEBHOOK-SIGNATURE": f"v0=x, t={seconds()}, v1={'0' * 64}, v1={digest(seconds()).hex()}, v2=y",
        }

        verify(headers=headers, raw_body=BODY, key=KEY, now=NOW)

    @pytest.mark.parametrize("form", [real, seed])
    @pytest.mark.parametrize("age", [-61, 181, 86_400])
    def test_refuses_what_is_too_old_or_too_new(self, form: Any, age: int) -> None:
        assert refusal(form(seconds(NOW - timedelta(seconds=age)))) == "stale"

    @pytest.mark.parametrize("form", [real, seed])
    def test_refuses_another_body_or_key(self, form: Any) -> None:
        assert refusal(form(), body=BODY + b" ") == "wrong"
        assert refusal(form(key="other")) == "wrong"

    def test_refuses_a_timestamp_that_was_not_signed(self) -> None:
        headers = {**seed(), "calendly-webhook-timestamp": seconds(NOW - timedelta(seconds=1))}

        assert refusal(headers) == "wrong"

    @pytest.mark.parametrize("form", [real, seed])
    def test_refuses_everything_without_a_key(self, form: Any) -> None:
        assert refusal(form(key=""), key="") == "unconfigured"

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"Calendly-Webhook-Signature": ""},
            {"Calendly-Webhook-Timestamp": seconds()},
            {"Calendly-Webhook-Signature": seed()["calendly-webhook-signature"]},
        ],
    )
    def test_misses_what_is_not_there(self, headers: dict[str, str]) -> None:
        assert refusal(headers) == "missing"

    @pytest.mark.parametrize(
        "signature",
        [
            "nonsense",
            "t=,v1=",
            f"t={seconds()}",
            f"t={seconds()},v1=abc",
            f"t={seconds()},v1={'A' * 64}",
            f"t={seconds()},v1={'é' * 64}",
            f"v1={'0' * 64}",
            f"t=1,t=2,v1={'0' * 64}",
            f"t=-{seconds()},v1={'0' * 64}",
            f"t=nan,v1={'0' * 64}",
            f"t=1e9,v1={'0' * 64}",
            f"t=١٧٩٥٢١٩٢٠٠,v1={'0' * 64}",
            f"t={'9' * 1_000},v1={'0' * 64}",
            f"t={seconds()}" + f",v1={'0' * 64}" * 100_000,
        ],
    )
    def test_refuses_what_it_cannot_read(self, signature: str) -> None:
        assert refusal({"Calendly-Webhook-Signature": signature}) == "malformed"

    @pytest.mark.parametrize("timestamp", ["-1", "nan", "9" * 400, "1.5", "é", f"{seconds()}\n"])
    def test_refuses_a_timestamp_that_is_no_number(self, timestamp: str) -> None:
        assert refusal({**seed(), "calendly-webhook-timestamp": timestamp}) == "malformed"

    @settings(deadline=None)
    @given(signature=st.text(), timestamp=st.text())
    def test_never_stumbles(self, signature: str, timestamp: str) -> None:
        headers = {"calendly-webhook-signature": signature, "calendly-webhook-timestamp": timestamp}

        assert refusal(headers) in {"missing", "malformed", "wrong"}


class TestParse:
    def test_reads_calendlys_form(self) -> None:
        event = parse(load("invitee.created"))

        assert event == CalendlyEvent(
            kind=Kind.CREATED,
            delivery_key="created:IV0000000001:2026-11-20T00:00:01.000000Z",
            created_at=datetime(2026, 11, 20, 0, 0, 1, tzinfo=UTC),
            event_id="EV0000000001",
            event_type_id="TRIAGE",
            invitee_uri=f"{API}/scheduled_events/EV0000000001/invitees/IV0000000001",
            starts_at=datetime(2026, 12, 1, 3, 0, tzinfo=UTC),
            ends_at=datetime(2026, 12, 1, 3, 15, tzinfo=UTC),
            name="Pat Example",
            email="pat@example.com",
            phone="+61412345678",
            concern="Trouble sleeping",
            timezone="Australia/Melbourne",
            member_uris=(f"{API}/users/US0SARAH",),
            member_emails=("sarah@example.com",),
            join_url="https://us02web.zoom.us/j/80000000001?pwd=x",
        )

    def test_reads_the_first_specifications_form(self) -> None:
        event = parse(load("seed.invitee.created"))

        assert (event.kind, event.event_id, event.event_type_id) == (Kind.CREATED, "EV0000000003", "TRIAGE")
        assert event.starts_at == datetime(2026, 12, 3, 3, 0, tzinfo=UTC)
        assert event.ends_at == datetime(2026, 12, 3, 3, 15, tzinfo=UTC)
        assert (event.name, event.email, event.phone) == ("Pat Example", "pat@example.com", "+61412345678")
        assert (event.concern, event.join_url) == ("Trouble sleeping", "https://zoom.us/j/80000000003")
        assert (event.invitee_uri, event.created_at, event.member_uris) == (None, None, ())

    @pytest.mark.parametrize(
        ("name", "kind"),
        [
            ("invitee.created", Kind.CREATED),
            ("invitee.canceled", Kind.CANCELED),
            ("invitee_no_show.created", Kind.NO_SHOW_CREATED),
            ("invitee_no_show.deleted", Kind.NO_SHOW_DELETED),
            ("seed.invitee.canceled", Kind.CANCELED),
        ],
    )
    def test_tells_the_kinds_apart(self, name: str, kind: Kind) -> None:
        event = parse(load(name))

        assert event.kind == kind
        assert event.is_reschedule is False

    def test_reads_no_further_into_other_kinds(self) -> None:
        event = parse({"event": "event_type.updated", "created_at": "2026-11-20T00:00:00Z", "payload": []})

        assert event.kind == Kind.OTHER
        assert event.starts_at is None

    def test_links_the_two_halves_of_a_reschedule(self) -> None:
        old = parse(load("invitee.canceled.rescheduled"))
        new = parse(load("invitee.created.rescheduled"))

        assert (old.is_reschedule, new.is_reschedule) == (True, True)
        assert old.new_invitee == new.invitee_uri
        assert new.old_invitee == old.invitee_uri

    def test_takes_a_cancellation_after_a_reschedule_for_a_cancellation(self) -> None:
        payload = load("invitee.canceled")
        payload["payload"]["old_invitee"] = f"{API}/scheduled_events/EV0/invitees/IV0"

        event = parse(payload)

        assert event.is_reschedule is False
        assert event.cancel_reason == "No longer needed"

    def test_brings_times_to_utc(self) -> None:
        payload = load("invitee.created")
        payload["payload"]["scheduled_event"]["start_time"] = "2026-12-01T14:00:00+11:00"

        assert parse(payload).starts_at == datetime(2026, 12, 1, 3, 0, tzinfo=UTC)

    def test_derives_the_same_id_for_one_event_without_an_id(self) -> None:
        created, canceled = load("seed.invitee.created"), load("seed.invitee.canceled")
        del created["payload"]["event"]["uuid"], canceled["payload"]["event"]["uuid"]
        canceled["payload"]["email"] = "PAT@example.com"

        first, second = parse(created), parse(canceled)

        assert first.event_id == second.event_id
        assert "pat" not in first.event_id

    def test_keeps_our_own_mark(self) -> None:
        payload = load("invitee.created")
        payload["payload"]["tracking"]["utm_content"] = "0b8f"

        assert parse(payload).utm_content == "0b8f"

    def test_puts_a_name_together(self) -> None:
        payload = load("invitee.created")
        payload["payload"].update(name=None, first_name="Pat", last_name="Example")

        assert parse(payload).name == "Pat Example"

    def test_drops_what_no_database_keeps(self) -> None:
        payload = load("invitee.created")
        payload["payload"]["name"] = "Pat\0 \ud800Example"

        assert parse(payload).name == "Pat ?Example"

    @pytest.mark.parametrize(
        "join_url",
        ["javascript:alert(1)", "", None, "https://x.example/\r\nATTENDEE:x", f"https://x.example/{'y' * 500}"],
    )
    def test_links_to_web_addresses_only(self, join_url: str | None) -> None:
        payload = load("invitee.created")
        payload["payload"]["scheduled_event"]["location"]["join_url"] = join_url

        assert parse(payload).join_url is None

    def test_does_without_a_location(self) -> None:
        payload = load("invitee.created")
        payload["payload"]["scheduled_event"]["location"] = None

        assert parse(payload).join_url is None


class TestPhone:
    def phone(self, *answers: tuple[str, str], text_reminder_number: str | None = None) -> str | None:
        payload = load("invitee.created")
        payload["payload"]["questions_and_answers"] = [
            {"question": question, "answer": answer, "position": 0} for question, answer in answers
        ]
        payload["payload"]["text_reminder_number"] = text_reminder_number
        return parse(payload).phone

    @pytest.mark.parametrize(
        ("answer", "phone"),
        [
            ("0412 345 678", "+61412345678"),
            ("412345678", "+61412345678"),
            ("+61 (0) 412 345 678", "+61412345678"),
            ("0412 345 678, after five", "+61412345678"),
            ("(03) 9123 4567", "+61391234567"),
            ("+64 21 123 4567", "+64211234567"),
            ("ask my wife", None),
            ("", None),
            ("9" * 100_000, None),
        ],
    )
    def test_is_the_answer_to_a_question_for_it(self, answer: str, phone: str | None) -> None:
        assert self.phone(("Your MOBILE please", answer)) == phone

    def test_prefers_the_question_to_the_reminder_and_to_other_answers(self) -> None:
        asked, other = ("Best contact number?", "0412 345 678"), ("Anything else?", "03 9123 4567")

        assert self.phone(other, asked, text_reminder_number="+61400000000") == "+61412345678"
        assert self.phone(other, text_reminder_number="+61400000000") == "+61400000000"
        assert self.phone(other) == "+61391234567"

    def test_is_nothing_else_that_has_digits(self) -> None:
        assert self.phone(("Born", "01/02/1980"), ("Medicare number", "2123 45670 1"), ("Children", "3")) is None

    def test_is_never_taken_for_the_concern(self) -> None:
        payload = load("invitee.created")
        payload["payload"]["questions_and_answers"] = [
            {"question": "Phone, to help us reach you", "answer": "0412 345 678", "position": 0},
            {"question": "Reason for the call", "answer": "Poor sleep", "position": 1},
        ]

        assert parse(payload).concern == "Poor sleep"


class TestDeliveryKey:
    def test_differs_between_deliveries(self) -> None:
        keys = {parse(json.loads(path.read_text())).delivery_key for path in PAYLOADS.glob("*.json")}

        assert len(keys) == len(list(PAYLOADS.glob("*.json")))

    def test_stays_the_same_when_a_delivery_is_repeated(self) -> None:
        for path in PAYLOADS.glob("*.json"):
            payload = json.loads(path.read_text())

            assert parse(payload).delivery_key == parse(dict(reversed(payload.items()))).delivery_key

    def test_fits_its_column(self) -> None:
        payload = load("invitee.created")
        payload["payload"]["uri"] = "x" * 101

        with pytest.raises(MalformedEvent, match=r"^payload\.uri is too long\.$"):
            parse(payload)


class TestMalformed:
    @pytest.mark.parametrize(
        ("path", "value", "sentence"),
        [
            (("event",), 5, "event is not text."),
            (("event",), None, "event is missing."),
            (("created_at",), "yesterday", "created_at is not a time."),
            (("payload",), "text", "payload is not an object."),
            (("payload", "email"), None, "payload.email is missing or no e-mail address."),
            (("payload", "email"), "pat", "payload.email is missing or no e-mail address."),
            (("payload", "email"), ["pat@example.com"], "payload.email is not text."),
            (("payload", "name"), {"first": "Pat"}, "payload.name is not text."),
            (("payload", "rescheduled"), "yes", "payload.rescheduled is not true or false."),
            (("payload", "scheduled_event"), None, "payload.scheduled_event is missing."),
            (("payload", "scheduled_event"), [], "payload.scheduled_event is not an object."),
            (("payload", "questions_and_answers"), {}, "payload.questions_and_answers is not a list."),
            (("payload", "questions_and_answers"), ["x"], "payload.questions_and_answers is not a list of objects."),
            (START, None, "payload.scheduled_event.start_time is missing."),
            (START, 1795, "payload.scheduled_event.start_time is not text."),
            (START, "soon", "payload.scheduled_event.start_time is not a time."),
            (START, "0001-01-01T00:00:00+14:00", "payload.scheduled_event.start_time is not a time."),
            (START, "9999-12-31T23:59:00Z", "payload.scheduled_event.start_time is not a time."),
            (START, "2026-12-01T03:00:00", "payload.scheduled_event.start_time is a time without an offset."),
            (("payload", "email"), f"{'p' * 250}@x.example", "payload.email is missing or no e-mail address."),
            (("payload", "old_invitee"), "x" * 256, "payload.old_invitee is too long."),
            (
                ("payload", "scheduled_event", "end_time"),
                "2026-12-01T03:00:00Z",
                "payload.scheduled_event.end_time is not after start_time.",
            ),
        ],
    )
    def test_names_the_field(self, path: tuple[str, ...], value: Any, sentence: str) -> None:
        payload = load("invitee.canceled")
        *parents, last = path
        place = payload
        for parent in parents:
            place = place[parent]
        place[last] = value

        with pytest.raises(MalformedEvent) as caught:
            parse(payload)

        assert str(caught.value) == sentence

    @settings(deadline=None)
    @given(
        place=st.sampled_from(["email", "event", "questions_and_answers", "scheduled_event", "tracking", "uri"]),
        value=st.recursive(
            st.none() | st.booleans() | st.floats() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=5,
        ),
    )
    def test_is_the_only_error(self, place: str, value: Any) -> None:
        payload = copy.deepcopy(load("invitee.created"))
        payload["payload"][place] = value

        try:
            event = parse(payload)
        except MalformedEvent:
            return

        assert event.starts_at is not None

import logging
import socket
import traceback
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from operator import itemgetter
from typing import Any

import pytest

from botaniqal.integrations.http import VendorBusy, VendorRefused, VendorUnavailable, Wire
from botaniqal.integrations.limits import Limit
from tests.counting import Counts
from tests.integrations.conftest import Vendor

EMAIL = "pat.example@example.com"


def wire_to(url: str, **kwargs: Any) -> Wire:
    return Wire(**{"vendor": "Vendor", "base_url": url, "token": "s3cret", "timeout": 5.0, **kwargs})


@pytest.fixture
def wire(vendor: Vendor) -> Wire:
    return wire_to(f"{vendor.url}/base/")


def told(error: BaseException) -> str:
    """Everything that a log could show of an error."""
    return "".join(traceback.format_exception(error, chain=True))


class TestGet:
    def test_reads_the_answer(self, vendor: Vendor, wire: Wire) -> None:
        vendor.answers_with({"resource": 5})

        answer = wire.get("/things/{id}", ids={"id": "a b/c"}, query={"email": EMAIL}, read=itemgetter("resource"))

        assert answer == 5
        assert vendor.seen[0].path == "/base/things/a%20b%2Fc"
        assert vendor.seen[0].query == {"email": EMAIL}
        assert vendor.seen[0].headers["Authorization"] == "Bearer s3cret"

    def test_sends_no_authorization_without_a_token(self, vendor: Vendor) -> None:
        vendor.answers_with({})

        wire_to(vendor.url, token="", headers={"APIKEY": "k"}).get("/things", read=dict)

        assert "Authorization" not in vendor.seen[0].headers
        assert vendor.seen[0].headers["APIKEY"] == "k"

    def test_keeps_its_token_when_a_netrc_knows_the_host(
        self, vendor: Vendor, wire: Wire, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        netrc = tmp_path / "netrc"
        netrc.write_text("machine 127.0.0.1 login somebody password else\n")
        monkeypatch.setenv("NETRC", str(netrc))
        vendor.answers_with({})

        wire.get("/things", read=dict)

        assert vendor.seen[0].headers["Authorization"] == "Bearer s3cret"

    @pytest.mark.parametrize("id", ["", ".", ".."])
    def test_refuses_an_id_that_leads_elsewhere(self, vendor: Vendor, wire: Wire, id: str) -> None:
        with pytest.raises(ValueError, match="an id is missing"):
            wire.get("/things/{id}/parts", ids={"id": id}, read=dict)

        assert vendor.seen == []

    @pytest.mark.parametrize("status", [429, 500, 502, 503])
    def test_finds_a_busy_or_broken_vendor_unavailable(self, vendor: Vendor, wire: Wire, status: int) -> None:
        vendor.answers_with({"message": EMAIL}, status=status)

        with pytest.raises(VendorUnavailable) as caught:
            wire.get("/things", query={"email": EMAIL}, read=dict)

        assert str(caught.value) == f"Vendor GET /things: {status}"
        assert caught.value.is_ambiguous is False
        assert len(vendor.seen) == 1

    def test_gives_up_on_a_vendor_that_hangs(self, vendor: Vendor) -> None:
        vendor.hangs()

        with pytest.raises(VendorUnavailable) as caught:
            wire_to(vendor.url, timeout=0.1).get("/things", read=dict)

        assert str(caught.value) == "Vendor GET /things: no answer"
        assert caught.value.is_ambiguous is False

    @pytest.mark.parametrize("raw", [b"", b"<html>", b"{", b"\xff\xfe"])
    def test_takes_what_is_not_json_for_no_answer(self, vendor: Vendor, wire: Wire, raw: bytes) -> None:
        vendor.answers_with(raw=raw)

        with pytest.raises(VendorUnavailable, match="not what it promised"):
            wire.get("/things", read=dict)

    def test_takes_an_answer_without_a_floor_for_none(self, vendor: Vendor, wire: Wire) -> None:
        vendor.answers_with(raw=b"[" * 100_000)

        with pytest.raises(VendorUnavailable, match="not what it promised"):
            wire.get("/things", read=list)

    @pytest.mark.parametrize("body", [{}, [], 1, "text", {"resource": None}])
    def test_takes_an_answer_that_cannot_be_read_for_none(self, vendor: Vendor, wire: Wire, body: Any) -> None:
        vendor.answers_with(body)

        with pytest.raises(VendorUnavailable, match="not what it promised"):
            wire.get("/things", read=lambda answer: answer["resource"]["uri"])

    def test_follows_no_redirect(self, vendor: Vendor, wire: Wire) -> None:
        vendor.answers_with({}, status=302, headers={"Location": f"{vendor.url}/base/elsewhere"})

        with pytest.raises(VendorUnavailable, match="302, a redirect"):
            wire.get("/things", read=dict)

        assert len(vendor.seen) == 1

    def test_says_nothing_of_a_person(self, vendor: Vendor, wire: Wire) -> None:
        vendor.hangs_up()

        with pytest.raises(VendorUnavailable) as caught:
            wire.get("/people/{id}", ids={"id": "pat-1980"}, query={"email": EMAIL}, read=dict)

        assert str(caught.value) == "Vendor GET /people/{id}: no answer"
        assert "pat.example" not in told(caught.value)
        assert caught.value.__context__ is None

    def test_writes_nothing_of_a_person_down(
        self, vendor: Vendor, wire: Wire, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        vendor.answers_with({})

        wire.get("/things", query={"email": EMAIL}, read=dict)

        assert "pat.example" not in caplog.text


class TestRetryAfter:
    @pytest.mark.parametrize(
        ("headers", "seconds"),
        [
            ({"Retry-After": "7"}, 7.0),
            ({"X-RateLimit-Reset": "60"}, 60.0),
            ({"Retry-After": "5", "X-RateLimit-Reset": "60"}, 5.0),
            ({}, None),
            ({"Retry-After": "soon"}, None),
            ({"Retry-After": "-1"}, None),
            ({"Retry-After": "nan"}, None),
            ({"Retry-After": "1e300"}, None),
            ({"X-RateLimit-Reset": "1795000000"}, None),
        ],
    )
    def test_is_the_wait_that_the_vendor_asks_for(
        self, vendor: Vendor, wire: Wire, headers: dict[str, str], seconds: float | None
    ) -> None:
        vendor.answers_with({}, status=429, headers=headers)

        with pytest.raises(VendorUnavailable) as caught:
            wire.get("/things", read=dict)

        assert caught.value.retry_after == seconds

    def test_is_not_the_window_of_a_limit_that_was_not_reached(self, vendor: Vendor, wire: Wire) -> None:
        vendor.answers_with({}, status=500, headers={"X-RateLimit-Reset": "60"})

        with pytest.raises(VendorUnavailable) as caught:
            wire.get("/things", read=dict)

        assert caught.value.retry_after is None

    def test_can_be_a_date(self, vendor: Vendor, wire: Wire) -> None:
        later = datetime.now(UTC) + timedelta(hours=1)
        vendor.answers_with({}, status=503, headers={"Retry-After": format_datetime(later, usegmt=True)})

        with pytest.raises(VendorUnavailable) as caught:
            wire.get("/things", read=dict)

        assert caught.value.retry_after == pytest.approx(3600, abs=60)


class TestRefusal:
    @pytest.mark.parametrize(
        ("body", "parameters"),
        [
            ({"details": [{"parameter": "start_time", "message": "is taken"}]}, ("start_time",)),
            ({"errors": [{"parameter": "dob", "message": EMAIL}, {"parameter": None}]}, ("dob",)),
            ({"error": {"code": "ErrorItemNotFound", "message": EMAIL}}, ("ErrorItemNotFound",)),
            ({"details": [{"parameter": EMAIL}, {"parameter": "Pat Example"}, "text", 5]}, ()),
            ({"details": "text", "errors": None, "error": "text"}, ()),
            ([EMAIL], ()),
        ],
    )
    def test_carries_the_vendors_machine_words_only(
        self, vendor: Vendor, wire: Wire, body: Any, parameters: tuple[str, ...]
    ) -> None:
        vendor.answers_with(body, status=400)

        with pytest.raises(VendorRefused) as caught:
            wire.post("/things", json={"email": EMAIL}, read=dict)

        assert caught.value.status == 400
        assert caught.value.parameters == parameters
        assert "pat" not in str(caught.value).lower()

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 422])
    def test_stands_for_every_other_four_hundred(self, vendor: Vendor, wire: Wire, status: int) -> None:
        vendor.answers_with(raw=b"<html>", status=status)

        with pytest.raises(VendorRefused) as caught:
            wire.get("/things", read=dict)

        assert str(caught.value) == f"Vendor GET /things: {status}"

    def test_is_one_without_a_floor_too(self, vendor: Vendor, wire: Wire) -> None:
        vendor.answers_with(raw=b"[" * 100_000, status=400)

        with pytest.raises(VendorRefused):
            wire.get("/things", read=dict)


class TestWrite:
    def test_sends_the_body_once(self, vendor: Vendor, wire: Wire) -> None:
        vendor.answers_with({"id": 1}, status=201)
        vendor.answers_with({"id": 2})
        vendor.answers_with(status=204)

        made = wire.post("/things", json={"a": 1}, read=itemgetter("id"))
        replaced = wire.put("/things/{id}", ids={"id": 7}, json={"a": 2}, read=itemgetter("id"))
        wire.delete("/things/{id}", ids={"id": 7})

        assert (made, replaced) == (1, 2)
        assert [(seen.method, seen.path, seen.json) for seen in vendor.seen] == [
            ("POST", "/base/things", {"a": 1}),
            ("PUT", "/base/things/7", {"a": 2}),
            ("DELETE", "/base/things/7", None),
        ]

    def test_is_ambiguous_when_the_vendor_hangs(self, vendor: Vendor) -> None:
        vendor.hangs()

        with pytest.raises(VendorUnavailable) as caught:
            wire_to(vendor.url, timeout=0.1).post("/things", json={}, read=dict)

        assert caught.value.is_ambiguous is True
        assert len(vendor.seen) == 1

    def test_is_ambiguous_when_the_vendor_hangs_up(self, vendor: Vendor, wire: Wire) -> None:
        vendor.hangs_up()

        with pytest.raises(VendorUnavailable) as caught:
            wire.post("/things", json={}, read=dict)

        assert caught.value.is_ambiguous is True
        assert len(vendor.seen) == 1

    @pytest.mark.parametrize(
        ("status", "raw", "is_ambiguous"),
        [(500, b"{}", True), (503, b"{}", True), (201, b"<html>", True), (303, b"{}", True), (429, b"{}", False)],
    )
    def test_is_ambiguous_unless_the_vendor_surely_did_nothing(
        self, vendor: Vendor, wire: Wire, status: int, raw: bytes, is_ambiguous: bool
    ) -> None:
        vendor.answers_with(raw=raw, status=status)

        with pytest.raises(VendorUnavailable) as caught:
            wire.post("/things", json={}, read=itemgetter("id"))

        assert caught.value.is_ambiguous is is_ambiguous
        assert len(vendor.seen) == 1

    def test_is_not_ambiguous_when_nobody_listens(self) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            wire = wire_to(f"http://127.0.0.1:{unused.getsockname()[1]}")

            with pytest.raises(VendorUnavailable) as caught:
                wire.post("/things", json={}, read=dict)

        assert caught.value.is_ambiguous is False


class TestFollow:
    def test_fetches_a_link_on_the_same_host(self, vendor: Vendor, wire: Wire) -> None:
        vendor.answers_with({"a": 1})

        answer = wire.follow(f"{vendor.url}/base/things?page_token=x", path="/things", read=dict)

        assert answer == {"a": 1}
        assert vendor.seen[0].query == {"page_token": "x"}

    @pytest.mark.parametrize(
        "link",
        [
            "https://elsewhere.example/base/things",
            "{url}.elsewhere.example/base/things",
            "{url}@elsewhere.example/base/things",
            "http://elsewhere.example\\@127.0.0.1/base/things",
            "/base/things",
            "",
        ],
    )
    def test_goes_to_no_other_host(self, vendor: Vendor, link: str) -> None:
        with pytest.raises(VendorUnavailable) as caught:
            wire_to(vendor.url).follow(link.format(url=vendor.url), path="/things", read=dict)

        assert str(caught.value) == "Vendor GET /things: a link to another host"
        assert vendor.seen == []

    def test_stays_under_the_base_path(self, vendor: Vendor, wire: Wire) -> None:
        with pytest.raises(VendorUnavailable):
            wire.follow(f"{vendor.url}/outside", path="/things", read=dict)

        assert vendor.seen == []


class TestCounted:
    @pytest.mark.parametrize(
        ("status", "outcome"), [(200, "ok"), (404, "refused"), (429, "unavailable"), (503, "unavailable")]
    )
    def test_tells_what_came_of_a_call_and_nothing_of_its_address(
        self, vendor: Vendor, wire: Wire, status: int, outcome: str, counted: Counts
    ) -> None:
        vendor.answers_with({}, status=status)

        with suppress(VendorRefused, VendorUnavailable):
            wire.get("/things/{id}", ids={"id": EMAIL}, query={"email": EMAIL}, read=dict)

        assert counted() == {("vendor_call_duration_seconds", "vendor", outcome): 1}

    def test_tells_of_a_call_that_our_own_limit_held_back(self, vendor: Vendor, counted: Counts) -> None:
        limited = wire_to(vendor.url, limit=Limit("vendor", [(1, 600)]))
        vendor.answers_with({})

        limited.get("/things", read=dict)
        with pytest.raises(VendorBusy):
            limited.get("/things", read=dict)

        assert counted("vendor_call_duration_seconds") == {("vendor", "ok"): 1, ("vendor", "held_back"): 1}

    def test_tells_of_a_vendor_that_is_not_there(self, counted: Counts) -> None:
        with pytest.raises(VendorUnavailable):
            wire_to("http://127.0.0.1:9").get("/things", read=dict)

        assert counted("vendor_call_duration_seconds") == {("vendor", "unavailable"): 1}

from contextlib import suppress

import pytest
from pytest_django import Settings

from botaniqal.integrations.http import VendorBusy, VendorRefused, VendorUnavailable, Wire
from botaniqal.integrations.limits import Limit
from tests.integrations.conftest import Vendor
from tests.integrations.test_http import wire_to


class TestLimit:
    @pytest.fixture
    def wide(self) -> Limit:
        return Limit("vendor", [(3, 60)])

    @pytest.fixture
    def narrow(self) -> Limit:
        return Limit("vendor:things", [(1, 3600)], unit="things")

    @pytest.fixture
    def wire(self, vendor: Vendor, wide: Limit) -> Wire:
        return wire_to(vendor.url, limit=wide)

    def busy(self, wire: Wire, limit: Limit | None = None) -> VendorBusy:
        with pytest.raises(VendorBusy) as caught:
            wire.post("/things", json={}, limit=limit, read=dict)
        return caught.value

    def test_sends_nothing_once_it_is_used_up(self, vendor: Vendor, wire: Wire) -> None:
        for _ in range(3):
            vendor.answers_with({})
            wire.get("/things", read=dict)

        busy = self.busy(wire)

        assert str(busy) == "Waits for Vendor's limit: 3 calls a minute."
        assert busy.retry_after == pytest.approx(60, abs=2)
        assert busy.is_ambiguous is False
        assert len(vendor.seen) == 3

    def test_counts_every_kind_of_call(self, vendor: Vendor) -> None:
        limit = Limit("vendor", [(5, 60)])
        wire = wire_to(vendor.url, limit=limit)
        for _ in range(5):
            vendor.answers_with({})

        wire.get("/things", read=dict)
        wire.follow(f"{vendor.url}/things", path="/things", read=dict)
        wire.post("/things", json={}, read=dict)
        wire.put("/things", json={}, read=dict)
        wire.delete("/things")

        self.busy(wire)

    def test_waits_for_a_moment_rather_than_give_up(self, vendor: Vendor) -> None:
        wire = wire_to(vendor.url, limit=Limit("vendor", [(1, 0.3)]))
        vendor.answers_with({})
        vendor.answers_with({})

        wire.get("/things", read=dict)
        wire.get("/things", read=dict)

        assert len(vendor.seen) == 2

    def test_counts_a_call_under_its_own_limit_too(self, vendor: Vendor, wire: Wire, narrow: Limit) -> None:
        vendor.answers_with({})
        vendor.answers_with({})
        wire.post("/things", json={}, limit=narrow, read=dict)

        assert str(self.busy(wire, narrow)) == "Waits for Vendor's limit: 1 things an hour."
        wire.get("/others", read=dict)
        assert len(vendor.seen) == 2

    @pytest.mark.parametrize(
        ("status", "headers", "seconds"),
        [
            (429, {"Retry-After": "30"}, 30),
            (429, {"X-RateLimit-Reset": "60", "X-RateLimit-Remaining": "0"}, 60),
            (429, {}, 5),
            (429, {"Retry-After": "soon"}, 5),
            (429, {"Retry-After": "86000"}, 3600),
            (503, {"Retry-After": "30"}, 30),
            (200, {"X-RateLimit-Reset": "60", "X-RateLimit-Remaining": "0"}, 60),
            (404, {"X-RateLimit-Reset": "60", "X-RateLimit-Remaining": "0"}, 60),
        ],
    )
    def test_holds_everybody_back_when_the_vendor_asks(
        self, vendor: Vendor, wire: Wire, wide: Limit, status: int, headers: dict[str, str], seconds: float
    ) -> None:
        vendor.answers_with({}, status=status, headers=headers)
        with suppress(VendorUnavailable, VendorRefused):
            wire.get("/things", read=dict)

        busy = self.busy(wire_to(vendor.url, limit=wide))

        assert str(busy) == "Waits because Vendor asked for a pause."
        assert busy.retry_after == pytest.approx(seconds, abs=2)
        assert len(vendor.seen) == 1

    @pytest.mark.parametrize(
        ("status", "headers"),
        [
            (200, {"X-RateLimit-Reset": "60", "X-RateLimit-Remaining": "1"}),
            (200, {"X-RateLimit-Remaining": "0"}),
            (200, {"X-RateLimit-Reset": "-1", "X-RateLimit-Remaining": "0"}),
            (200, {"Retry-After": "60"}),
            (429, {"Retry-After": "0"}),
            (500, {"Retry-After": "60"}),
            (503, {}),
        ],
    )
    def test_goes_on_where_nobody_asked(self, vendor: Vendor, wire: Wire, status: int, headers: dict[str, str]) -> None:
        vendor.answers_with({}, status=status, headers=headers)
        vendor.answers_with({})
        with suppress(VendorUnavailable):
            wire.get("/things", read=dict)

        wire.get("/things", read=dict)

        assert len(vendor.seen) == 2

    def test_pauses_the_narrower_limit_alone(self, vendor: Vendor, wire: Wire, narrow: Limit) -> None:
        vendor.answers_with({}, status=429, headers={"Retry-After": "60"})
        vendor.answers_with({})
        with pytest.raises(VendorUnavailable) as caught:
            wire.post("/things", json={}, limit=narrow, read=dict)

        wire.get("/others", read=dict)

        assert (caught.value.retry_after, caught.value.is_ambiguous) == (60, False)
        assert "asked for a pause" in str(self.busy(wire, Limit("vendor:things")))

    def test_is_busy_where_nobody_can_count(self, vendor: Vendor, wire: Wire, settings: Settings) -> None:
        settings.REDIS_URL = "redis://127.0.0.1:1/0"

        busy = self.busy(wire)

        assert "Redis does not answer" in str(busy)
        assert busy.retry_after == settings.SWEEP_SECONDS
        assert vendor.seen == []

    def test_gives_its_place_back_after_an_answer_that_never_came(self, vendor: Vendor) -> None:
        wire = wire_to(vendor.url, timeout=0.1, limit=Limit("vendor", at_once=1))
        vendor.hangs()
        vendor.answers_with({})
        with pytest.raises(VendorUnavailable, match="no answer"):
            wire.get("/things", read=dict)

        wire.get("/things", read=dict)

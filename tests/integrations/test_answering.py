"""What calls tell of who answers."""

from contextlib import suppress
from uuid import uuid4

import pytest
from pytest_django import Settings

from botaniqal.api import health
from botaniqal.integrations import answering
from botaniqal.integrations.http import VendorRefused, VendorUnavailable, Wire
from tests.integrations.conftest import Vendor


@pytest.fixture(autouse=True)
def own_cache(settings: Settings) -> None:
    """Keep away from what the calls of others came to."""
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": uuid4().hex}}


@pytest.fixture
def wire(vendor: Vendor) -> Wire:
    return Wire(vendor="Graph", base_url=vendor.url, token="", timeout=0.5)


class TestKnown:
    @pytest.mark.parametrize(("status", "is_up"), [(200, True), (404, True), (503, False), (429, False)])
    def test_goes_by_what_the_last_call_came_to(self, vendor: Vendor, wire: Wire, status: int, is_up: bool) -> None:
        vendor.answers_with({}, status=status)

        with suppress(VendorUnavailable, VendorRefused):
            wire.get("/me", read=dict)

        assert answering.known(["Graph"])["Graph"].is_up == is_up

    def test_keeps_since_when_nobody_answers(self, vendor: Vendor, wire: Wire) -> None:
        vendor.hangs_up()
        vendor.hangs_up()
        moments = []
        for _ in range(2):
            with pytest.raises(VendorUnavailable):
                wire.get("/me", read=dict)
            moments.append(answering.known(["Graph"])["Graph"].at)

        assert moments[0] == moments[1]

    def test_leaves_out_who_was_never_called(self) -> None:
        assert answering.known(["Graph", "Stripe"]) == {}

    def test_says_so_when_nobody_knows(self, settings: Settings) -> None:
        away = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1:1/0"}
        settings.CACHES = {"default": away}

        answering.note("Graph", is_up=True)  # which holds up no call

        with pytest.raises(health.NoMarks):
            answering.known(["Graph"])

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from botaniqal.integrations.http import VendorRefused, VendorUnavailable
from botaniqal.integrations.pagerduty import Link, PagerDuty
from tests.contracts.conftest import breaches, untested

NOW = datetime(2026, 12, 1, 3, 0, tzinfo=UTC)
EVENT = {
    "key": "portal:calendar-sync:dia",
    "summary": "Visits do not reach the calendar of Dr Dia Menon.",
    "severity": "critical",
    "source": "https://portal.example.com",
    "at": NOW,
}

OPERATIONS: dict[str, Callable[[PagerDuty], Any]] = {
    "trigger": lambda pagerduty: pagerduty.trigger(**EVENT),
    "trigger_in_full": lambda pagerduty: pagerduty.trigger(
        **EVENT, component="calendar", link=Link(url="https://portal.example.com/admin/", text="The portal")
    ),
    "trigger_at_length": lambda pagerduty: pagerduty.trigger(**EVENT | {"summary": "x" * 5_000}),
    "acknowledge": lambda pagerduty: pagerduty.acknowledge(key="portal:calendar-sync:dia"),
    "resolve": lambda pagerduty: pagerduty.resolve(key="portal:calendar-sync:dia"),
}


def pagerduty_that_answers(url: str, status: int | None = None, routing_key: str = "k" * 32) -> PagerDuty:
    headers = {"Prefer": f"code={status}"} if status else {}
    return PagerDuty(base_url=url, routing_key=routing_key, timeout=10, headers=headers)


class TestRequests:
    @pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())
    def test_keep_to_the_contract(
        self, pagerduty_url: str, answers: list[requests.Response], operation: Callable[[PagerDuty], Any]
    ) -> None:
        operation(pagerduty_that_answers(pagerduty_url))

        assert [answer.status_code for answer in answers] == [202]
        assert breaches(answers) == []

    def test_are_all_here(self) -> None:
        assert untested(PagerDuty, OPERATIONS.values()) == set()

    @pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())
    def test_are_refused_where_the_event_is_none(
        self, pagerduty_url: str, operation: Callable[[PagerDuty], Any]
    ) -> None:
        with pytest.raises(VendorRefused) as caught:
            operation(pagerduty_that_answers(pagerduty_url, 400))

        assert caught.value.status == 400

    @pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())
    @pytest.mark.parametrize("status", [429, 500])
    def test_are_tried_later(self, pagerduty_url: str, operation: Callable[[PagerDuty], Any], status: int) -> None:
        with pytest.raises(VendorUnavailable):
            operation(pagerduty_that_answers(pagerduty_url, status))

    def test_are_held_to_the_contract_at_all(self, pagerduty_url: str) -> None:
        with pytest.raises(VendorRefused) as caught:
            pagerduty_that_answers(pagerduty_url, routing_key="short").resolve(key="x")

        assert caught.value.status == 422

"""The stand-in for Outlook as its owner sees it: by hand, and on its pages."""

from datetime import UTC, datetime, timedelta

import pytest
import requests

from tests.sandbox.graph_door import MAILBOX, START, event_body, subscription_body, wall_time
from tests.sandbox.graph_rows import marked


class TestOwner:
    def test_adds_moves_and_deletes_by_hand(self, sandbox, graph, hook):
        graph.call("POST", "subscriptions", json=subscription_body(hook))
        page = graph.delta()

        event = sandbox.control("POST", "graph/events", json={"mailbox": MAILBOX, **event_body()})
        times = {"start": wall_time(START + timedelta(hours=1)), "end": wall_time(START + timedelta(hours=2))}
        sandbox.control("PATCH", "graph/events", json={"mailbox": MAILBOX, "id": event["id"], **times})
        [moved] = graph.since(page)["value"]
        sandbox.control("DELETE", "graph/events", json={"mailbox": MAILBOX, "id": event["id"]})

        assert event["by_hand"] is True
        assert moved["start"]["dateTime"] == "2026-12-01T04:00:00.0000000"
        assert [notice["changeType"] for notice in hook.wait_for(3)] == ["created", "updated", "deleted"]
        assert sandbox.state("graph")["events"] == []


class TestPages:
    def post(self, sandbox, path, status=200, **fields):
        """Press a button of a page as a browser does, with the page's token."""
        with requests.Session() as browser:
            browser.get(f"{sandbox.url}/outlook", timeout=10)
            fields["csrfmiddlewaretoken"] = browser.cookies["sandbox_csrf"]
            response = browser.post(f"{sandbox.url}/{path}", data=fields, timeout=10)
        assert response.status_code == status, response.text
        return response

    def add(self, sandbox, status=200, **fields):
        start = f"{datetime.now() + timedelta(days=2):%Y-%m-%dT%H:%M}"  # noqa: DTZ005 - as a browser's clock says
        words = {"mailbox": MAILBOX, "subject": "Dentist", "start": start, "minutes": "45", "show_as": "busy"}
        return self.post(sandbox, "outlook/add", status, **words | fields)

    def test_show_mailboxes_with_their_events(self, sandbox, graph):
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        made = graph.create(tomorrow, subject="<b>Visit</b>", singleValueExtendedProperties=marked("b1"))

        page = requests.get(f"{sandbox.url}/outlook", timeout=10)
        event = requests.get(f"{sandbox.url}/outlook/{MAILBOX}/{made['id']}", timeout=10)

        assert (page.status_code, event.status_code) == (200, 200)
        assert MAILBOX in page.text
        assert "From the portal" in page.text
        assert "&lt;b&gt;Visit&lt;/b&gt;" in page.text
        assert "<b>Visit" not in page.text + event.text
        assert "b1" in event.text

    def test_add_move_and_delete_an_event(self, sandbox):
        page = self.add(sandbox)
        [event] = sandbox.state("graph")["events"]

        moved = self.post(sandbox, f"outlook/{MAILBOX}/{event['id']}/move", start="2030-01-07T10:00")
        [after] = sandbox.state("graph")["events"]
        deleted = self.post(sandbox, f"outlook/{MAILBOX}/{event['id']}/delete")

        assert "Added by the practitioner" in page.text
        assert "Moved by the practitioner" in moved.text
        assert "Deleted by the practitioner" in deleted.text
        assert after["start"]["dateTime"] == "2030-01-06T23:00:00.0000000"
        assert after["end"]["dateTime"] == "2030-01-06T23:45:00.0000000"
        assert sandbox.state("graph")["events"] == []

    def test_add_a_whole_day_and_move_it(self, sandbox):
        self.add(sandbox, is_all_day="on", start="2030-01-07T10:00")
        [event] = sandbox.state("graph")["events"]

        self.post(sandbox, f"outlook/{MAILBOX}/{event['id']}/move", start="2030-01-09T23:30")
        [after] = sandbox.state("graph")["events"]

        assert (event["isAllDay"], event["start"]["dateTime"]) == (True, "2030-01-07T00:00:00.0000000")
        assert (after["start"]["dateTime"], after["end"]["dateTime"]) == (
            "2030-01-09T00:00:00.0000000",
            "2030-01-10T00:00:00.0000000",
        )

    @pytest.mark.parametrize(
        "fields",
        [
            {"mailbox": "nobody"},
            {"start": "x"},
            {"minutes": "0"},
            {"minutes": "99999999"},
            {"show_as": "x"},
            {"subject": ""},
        ],
        ids=str,
    )
    def test_say_what_is_wrong(self, sandbox, fields):
        page = self.add(sandbox, 422, **fields)

        assert "errorlist" in page.text
        assert sandbox.state("graph")["events"] == []

    def test_do_not_know_an_event_that_is_gone(self, sandbox):
        for path in ("x", "x/move", "x/delete"):
            method = requests.get if path == "x" else None
            if method:
                assert method(f"{sandbox.url}/outlook/{MAILBOX}/x", timeout=10).status_code == 404
            else:
                self.post(sandbox, f"outlook/{MAILBOX}/{path}", 404, start="2030-01-07T10:00")

    @pytest.mark.parametrize("path", ["outlook/add", f"outlook/{MAILBOX}/x/delete"])
    def test_change_nothing_without_the_page_s_token(self, sandbox, path):
        assert requests.post(f"{sandbox.url}/{path}", timeout=10).status_code == 403
        assert requests.get(f"{sandbox.url}/{path}", timeout=10).status_code in (404, 405)

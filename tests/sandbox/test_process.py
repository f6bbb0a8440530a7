"""The sandbox as a process: where it may run, what it remembers, what its pages allow."""

import os
import subprocess
import sys

import pytest
import requests

from tests.sandbox.conftest import DOCTOR, Door
from tests.sandbox_server import ENVIRONMENT, running_sandbox

START = "import botaniqal.sandbox.wsgi"
EVENT_TYPE = "https://api.calendly.com/event_types/3d0a1c6e-9b0c-4a3a-8d5f-55d6a7f0b009"


def run(code, **environment):
    """Run some code in a process that has nothing but this environment."""
    return python("-c", code, **environment)


def python(*arguments, **environment):
    environment |= {"PATH": os.environ["PATH"]}
    return subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, text=True, timeout=60)


class TestStart:
    def test_is_refused_outside_demo_and_tests(self):
        process = run(START)

        assert process.returncode != 0
        assert "never runs in production. Set DEMO=1" in process.stderr

    @pytest.mark.parametrize("name", ["DEMO", "DEBUG"])
    def test_is_allowed_where_the_environment_says_so(self, name):
        assert run(START, **{name: "1"}).returncode == 0

    def test_learns_bare_ids_and_whole_addresses(self):
        code = (
            f"{START}; from botaniqal.sandbox.store import store; print([r['uri'] for r in store.find('event_type')])"
        )

        process = run(code, DEMO="1", CALENDLY_TRIAGE_CALENDAR_ID="abc", CALENDLY_DR_DIA_CALENDAR_ID=EVENT_TYPE)

        assert process.stdout.strip() == f"['https://api.calendly.com/event_types/abc', '{EVENT_TYPE}']"

    def test_finds_what_was_kept(self, tmp_path):
        state = str(tmp_path / "state.sqlite3")
        put = f"{START}; from botaniqal.sandbox.store import store; store.put('patient', '1', {{'lastName': 'Nguyen'}})"
        run(put, DEMO="1", SANDBOX_STATE=state)

        get = f"{START}; from botaniqal.sandbox.store import store; print(store.get('patient', '1'))"
        process = run(get, DEMO="1", SANDBOX_STATE=state)

        assert process.stdout.strip() == "{'lastName': 'Nguyen'}"


class TestRestart:
    def test_delivers_what_was_under_way(self, tmp_path, booking, portal):
        state = str(tmp_path / "state.sqlite3")
        hook = {
            "url": portal.url,
            "events": ["invitee.created"],
            "organization": ENVIRONMENT["CALENDLY_ORGANIZATION"],
            "scope": "organization",
        }
        with running_sandbox(SANDBOX_STATE=state) as before:
            calendly = Door(before.calendly_url, ENVIRONMENT["CALENDLY_API_KEY"])
            before.register_event_type(uri=DOCTOR, name="Visit", minutes=15, owner_email="dr@example.com")
            calendly.call("POST", "webhook_subscriptions", json=hook)
            before.faults("calendly", "late", milliseconds=3000)
            before.limits(invitees="5/60")
            calendly.call("POST", "invitees", json=booking())
            arrived = len(portal.arrived)

        with running_sandbox(SANDBOX_STATE=state) as after:
            kept = after.state("calendly")
            limits = after.control("GET", "limits")["invitees"]
            delivery = portal.wait_for(1)[0]

        assert arrived == 0
        assert delivery["body"]["payload"]["uri"] == kept["invitees"][0]["uri"]
        assert [row["state"] for row in kept["subscriptions"]] == ["active"]
        assert limits["windows"][0]["used"] == 1


class TestStore:
    CODE = f"""{START}
import sys
from botaniqal.sandbox.store import Store
path = sys.argv[1]
first = Store(path)
for id in "abc":
    first.put("pet", id, dict(id=id, race="cat", owner=None))
assert [row["id"] for row in first.find("pet", race="cat")] == ["a", "b", "c"]
try:
    with first.transaction():
        first.put("pet", "a", dict(id="a", race="dog"))
        first.delete("pet", "b")
        first.put("pet", "d", dict(id="d", race="cat"))
        assert [row["id"] for row in first.find("pet", race="cat")] == ["c", "d"]
        raise KeyError
except KeyError:
    pass
for store in (first, Store(path)):
    assert [row["id"] for row in store.find("pet", race="cat")] == ["a", "b", "c"], store.find("pet")
    assert [row["id"] for row in store.find("pet")] == ["a", "b", "c"], store.find("pet")
    assert [row["id"] for row in store.latest("pet", 2)] == ["c", "b"]
    assert store.find("pet", owner=None, race="cat") and not store.find("pet", race="dog")
    store.find("pet")[0]["race"] = "dog"
    assert store.get("pet", "a")["race"] == "cat"
    assert store.count("pet", race="cat") == 3 and store.has("pet", lambda row: row["id"] == "b", race="cat")
first.put("pet", "a", dict(id="a", race="dog"))
assert [row["race"] for row in first.find("pet")] == ["dog", "cat", "cat"]
first.clear(keep=("pet",))
assert first.count("pet") == 3
first.clear()
assert first.count("pet") == 0 == Store(path).count("pet")
"""

    def test_keeps_order_and_takes_back_what_failed(self, tmp_path):
        process = python("-c", self.CODE, str(tmp_path / "kept.sqlite3"), DEMO="1")

        assert process.returncode == 0, process.stderr


class TestRush:
    def test_lets_one_of_many_threads_have_a_time_a_link_and_a_key(self):
        process = python("-m", "tests.sandbox.rush", DEMO="1", CALENDLY_TRIAGE_CALENDAR_ID="abc")

        assert process.stdout.split() == ["1"] * 4, process.stderr


class TestPages:
    @pytest.mark.parametrize(
        "path",
        [
            "",
            "patients",
            "calendars",
            "outlook",
            "medirecords",
            "forms",
            "payments",
            "incidents",
            "mailbox",
            "deliveries",
            "faults",
        ],
    )
    def test_open_and_allow_nothing_from_elsewhere(self, sandbox, path):
        response = requests.get(f"{sandbox.url}/{path}", timeout=10)

        assert response.status_code == 200
        assert response.headers["Content-Security-Policy"].startswith("default-src 'self';")
        assert "unsafe-inline" not in response.headers["Content-Security-Policy"]
        assert "style=" not in response.text

    @pytest.mark.parametrize(
        "path", ["events/x", "mailbox/x", "mailbox/x/html", "cancellations/x", "forms/x", "pay/x", "d/x", "nowhere"]
    )
    def test_do_not_exist_for_what_is_unknown(self, sandbox, path):
        assert requests.get(f"{sandbox.url}/{path}", timeout=10).status_code == 404


class TestReset:
    def test_empties_everything_but_the_event_types(self, sandbox, calendly, booking):
        calendly.call("POST", "invitees", json=booking())
        sandbox.faults("ses", "throttled")
        before = sandbox.state("calendly")["event_types"]

        sandbox.reset()

        state = sandbox.state("calendly")
        assert (state["events"], state["invitees"], state["deliveries"]) == ([], [], [])
        assert state["event_types"] == before
        assert sandbox.calls() == []
        assert requests.get(f"{sandbox.url}/_control/faults", timeout=10).json() == {"faults": []}

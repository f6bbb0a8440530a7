"""The sandbox as a process: where it may run, what it remembers, what its pages allow."""

import os
import subprocess
import sys

import pytest
import requests

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


class TestRush:
    def test_lets_one_of_many_threads_have_a_time(self):
        process = python("-m", "tests.sandbox.rush", DEMO="1", CALENDLY_TRIAGE_CALENDAR_ID="abc")

        assert process.stdout.split() == ["1", "1"], process.stderr


class TestPages:
    @pytest.mark.parametrize("path", ["", "calendars", "medirecords", "mailbox", "deliveries", "faults"])
    def test_open_and_allow_nothing_from_elsewhere(self, sandbox, path):
        response = requests.get(f"{sandbox.url}/{path}", timeout=10)

        assert response.status_code == 200
        assert response.headers["Content-Security-Policy"].startswith("default-src 'self';")
        assert "unsafe-inline" not in response.headers["Content-Security-Policy"]
        assert "style=" not in response.text

    @pytest.mark.parametrize("path", ["events/x", "mailbox/x", "mailbox/x/html", "cancellations/x", "nowhere"])
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

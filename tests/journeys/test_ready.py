"""The running portal as those who watch it from outside see it."""

from tests.stack import eventually


class TestReady:
    def test_is_said_once_worker_scheduler_and_alerts_were_seen(self, stack):
        answer = eventually(lambda: (said := stack.call("GET", "/readyz")).ok and said, within=90)

        assert {"worker", "scheduler", "jobs", "alerts"} <= answer.json()["checks"].keys()

    def test_comes_with_an_id_under_which_the_logs_tell_of_it(self, stack):
        asked = {"X-Request-ID": "from-the-monitor-1"}

        answer = stack.call("GET", "/api/services", headers=asked)

        assert answer.headers["X-Request-ID"] == "from-the-monitor-1"
        log = (stack.folder / "log" / "web.log").read_text()
        assert "[from-the-monitor-1] GET api/services 200" in log

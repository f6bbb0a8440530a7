"""Whatever happens to us, no child is left behind."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tools.dev.places import ROOT, Refusal
from tools.dev.processes import Child, Children

SLEEP = ["sleep", "600"]


@pytest.fixture
def begin(tmp_path):
    """Start children whose logs and process ids lie in a folder of this test."""
    started = []

    def start(name, command, **options):
        child = Child(name, command, env=os.environ, folder=tmp_path, **options)
        started.append(child)
        return child

    yield start
    for child in started:
        child.stop()


def is_alive(pid):
    """Whether a process still runs; one that only waits to be collected does not."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout
    return bool(state.strip()) and not state.startswith("Z")


def wait_until(condition):
    """Await a condition for a generous while."""
    limit = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < limit, "it did not come true"
        time.sleep(0.01)


class TestChild:
    def test_takes_along_what_it_started(self, begin):
        child = begin("parent", ["sh", "-c", "sleep 600 & echo $!; wait"])
        wait_until(lambda: child.log.read_text().endswith("\n"))

        child.stop()

        grandchild = int(child.log.read_text())
        wait_until(lambda: not is_alive(grandchild))

    def test_is_ended_by_force_when_it_does_not_listen(self, begin):
        child = begin("deaf", ["sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 1; done"], patience=0.1)
        wait_until(lambda: "deaf" in child.log.read_text())

        child.stop()

        assert child.process.returncode == -signal.SIGKILL

    def test_ends_the_leftover_of_an_earlier_run(self, begin):
        marked = ["sh", "-c", "sleep 600; exit", ROOT]
        earlier = begin("server", marked)

        begin("server", marked, patience=0.1)

        wait_until(lambda: earlier.has_ended)

    def test_leaves_a_stranger_with_the_old_process_id_alone(self, begin):
        stranger = begin("server", SLEEP)

        begin("server", SLEEP)

        assert not stranger.has_ended

    def test_shows_warnings_with_what_follows_them_and_no_more(self, begin, capfdbinary):
        words = "INFO hello\nERROR broken\n  because\nINFO again\n"
        child = begin("web", ["printf", words])
        child.process.wait()

        child.look()

        assert capfdbinary.readouterr().out == b"web     | ERROR broken\nweb     |   because\n"

    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
    def test_ends_when_we_are_killed(self, tmp_path):
        script = f"""
import os, time, pathlib
from tools.dev.processes import Child
child = Child("orphan", {SLEEP!r}, env=os.environ, folder=pathlib.Path({str(tmp_path)!r}))
print(child.process.pid, flush=True)
time.sleep(600)
"""
        parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=ROOT)
        orphan = int(parent.stdout.readline())

        parent.kill()
        parent.communicate()

        wait_until(lambda: not is_alive(orphan))


class TestChildren:
    def test_stop_in_reverse_order(self, begin):
        stopped = []

        class Noted:
            def __init__(self, name):
                self.name = name

            def stop(self):
                stopped.append(self.name)

        with Children() as children:
            children.add(Noted("postgres"))
            children.add(Noted("web"))

        assert stopped == ["web", "postgres"]

    def test_tell_who_ended_and_with_what_words(self, begin):
        with Children() as children:
            children.add(begin("web", ["sh", "-c", "echo 'the port is taken'; exit 3"]))

            with pytest.raises(Refusal, match="web ended with 3: the port is taken"):
                children.watch_forever()

    def test_refuse_a_step_that_failed(self, begin):
        with Children() as children, pytest.raises(Refusal, match="migrate ended with 1: it said nothing"):
            children.finish(begin("migrate", ["false"]))

    def test_do_not_wait_longer_than_the_limit(self, begin):
        with Children() as children:
            children.add(begin("web", SLEEP))

            with pytest.raises(Refusal, match="The portal was not ready"):
                children.wait_until(lambda: False, limit=0.1, what="The portal")

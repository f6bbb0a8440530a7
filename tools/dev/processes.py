"""Child processes: started in order, watched, stopped in reverse, and never left behind."""

import ctypes
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from tools.dev.places import ROOT, Refusal, say

PR_SET_PDEATHSIG = 1
TICK = 0.02
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
_stop_asked = threading.Event()


class StopAsked(Exception):
    """Ctrl-C, or a polite signal from outside."""


def listen_for_stop() -> None:
    """Let the signals that end a program be looked at when it suits, any number of times."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # nohup ./dev is to outlive its terminal.
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda *_: _stop_asked.set())


class Child:
    """A process in a session of its own, so that a Ctrl-C in the terminal reaches it only through us."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        env: Mapping[str, str],
        folder: Path,
        marker: Path = ROOT,
        stop_signal: signal.Signals = signal.SIGTERM,
        death_signal: signal.Signals | None = None,
        patience: float = 15,
        become: Callable[[], None] | None = None,
        is_shown: bool = True,
    ) -> None:
        """
        Start the command; its words go to a log below ``folder``.

        :param marker: a path in the command line by which the process is known again after a crash of ours.
        :param death_signal: what the system sends when we die without a word, if not the same.
        :param become: run in the child just before the command, to give up rights.
        :param is_shown: its warnings and errors go to the terminal, too.
        """
        self.name, self.stop_signal, self.patience = name, stop_signal, patience
        self.log = folder / "log" / f"{name}.log"
        self._pid_file = folder / "run" / f"{name}.pid"
        for file in (self.log, self._pid_file):
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._stop_leftover()
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                list(map(str, command)),
                env=env,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=partial(_enter_child, os.getpid(), become, death_signal or stop_signal),
            )
        self._pid_file.write_text(f"{self.process.pid}\n{marker}")
        self._echo = Echo(name, self.log) if is_shown else None

    @property
    def has_ended(self) -> bool:
        return self.process.poll() is not None

    def look(self) -> None:
        """Show its warnings and errors since the last look."""
        if self._echo:
            self._echo.show_new()

    def last_words(self) -> str:
        """Return a sentence on an end that was not asked for."""
        lines = self.log.read_text(errors="replace").splitlines()
        last = next((line for line in reversed(lines) if line.strip() and not line[0].isspace()), "it said nothing.")
        return f"{self.name} ended with {self.process.returncode}: {last} More is in {os.path.relpath(self.log)}."

    def stop(self) -> None:
        """End the process and all it started: politely first."""
        if not self.has_ended:
            self.process.send_signal(self.stop_signal)
            try:
                self.process.wait(self.patience)
            except subprocess.TimeoutExpired:
                say(f"{self.name} did not stop within {self.patience:g} s and is ended by force")
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.look()
        self._pid_file.unlink(missing_ok=True)

    def _stop_leftover(self) -> None:
        """End what an earlier run left behind where the system does not end children with their parent."""
        with suppress(OSError, ValueError):
            pid, marker = self._pid_file.read_text().split("\n", 1)
            if marker in _command_line(int(pid)):
                say(f"stopping a {self.name} that an earlier run left behind")
                os.kill(int(pid), self.stop_signal)
                for _ in range(int(self.patience / TICK)):
                    os.kill(int(pid), 0)
                    _stop_asked.wait(TICK)
                os.killpg(int(pid), signal.SIGKILL)


class Echo:
    """The part of a log that a person at the terminal wants to see."""

    # Granian counts processors; our threads wait for vendors and the database.
    EXPECTED = re.compile(rb"allows spawning up to \d+ Python threads")
    LEVEL = re.compile(rb"\b(DEBUG|INFO|WARNING|ERROR|CRITICAL)\b")
    LOUD = re.compile(rb"\b(WARNING|ERROR|CRITICAL)\b|^Traceback ")

    def __init__(self, name: str, log: Path) -> None:
        self._prefix = f"{name:8}| ".encode()
        self._log = log.open("rb")
        self._is_loud = False

    def show_new(self) -> None:
        """Print the lines since the last time that are warnings or worse, each with what follows it."""
        while line := self._log.readline():
            head = line[:80]
            if self.LEVEL.search(head) or self.LOUD.search(head):
                self._is_loud = bool(self.LOUD.search(head)) and not self.EXPECTED.search(line)
            if self._is_loud:
                sys.stdout.buffer.write(self._prefix + line)
        sys.stdout.flush()


class Children:
    """The processes of one run. Leaving the block stops them, the last started first."""

    def __init__(self) -> None:
        self._running: list[Child] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._running:
            self._running.pop().stop()

    def add(self, child: Child) -> Child:
        """Watch a child, and stop it at the end."""
        self._running.append(child)
        return child

    def finish(self, child: Child) -> None:
        """
        Wait for a child that does one thing and ends.

        :raises Refusal: it failed.
        """
        try:
            self.wait_until(lambda: child.has_ended, limit=600, what=child.name)
        finally:
            child.stop()
        if child.process.returncode:
            raise Refusal(child.last_words())

    def wait_until(self, is_ready: Callable[[], bool], *, limit: float, what: str) -> None:
        """
        Wait for a condition while watching every child.

        :raises Refusal: a child ended, or the limit (seconds) passed.
        :raises StopAsked: a signal came in.
        """
        for _ in range(int(limit / TICK)):
            if is_ready():
                return
            self._watch(TICK)
        raise Refusal(f"{what} was not ready within {limit:g} s.")

    def watch_forever(self) -> None:
        """
        Show warnings until something ends.

        :raises Refusal: a child ended.
        :raises StopAsked: a signal came in.
        """
        while True:
            self._watch(0.1)

    def _watch(self, seconds: float) -> None:
        for child in self._running:
            child.look()
            if child.has_ended:
                raise Refusal(child.last_words())
        if _stop_asked.wait(seconds):
            raise StopAsked


def run_in_foreground(command: Sequence[str | Path], *, env: Mapping[str, str]) -> int:
    """Run a command that owns the terminal: Ctrl-C is its own matter, a request to end is passed on."""
    if _stop_asked.is_set():
        raise StopAsked
    enter = partial(_enter_child, os.getpid(), None, signal.SIGTERM)
    child = subprocess.Popen(list(map(str, command)), env=env, cwd=ROOT, preexec_fn=enter)
    signal.signal(signal.SIGINT, lambda *_: None)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: child.terminate())
    try:
        return child.wait()
    finally:
        listen_for_stop()


def _enter_child(parent: int, become: Callable[[], None] | None, death_signal: signal.Signals) -> None:
    if become:
        become()
    if _libc:
        # After a change of user, which clears it.
        _libc.prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)


def _command_line(pid: int) -> str:
    if Path("/proc/self").exists():
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True).stdout

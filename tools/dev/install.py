"""The virtual environment, made from the hashed requirements and left alone while they are unchanged."""

import fcntl
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.dev.places import PYTHON, ROOT, VAR, VENV, Refusal, say

UV_VERSION = "0.13.9"
RUN = ROOT / "requirements.txt"
DEVELOP = ROOT / "requirements-dev.txt"  # holds everything of RUN, too
STAMP = VENV / ".installed"


def install(*, develop: bool) -> None:
    """
    Bring .venv in line with the requirements to run, or to develop.

    :raises Refusal: this Python can neither fetch packages nor make a virtual environment.
    """
    if _is_current(develop=develop):
        return
    with _alone():
        if _is_current(develop=develop):
            return
        requirements = DEVELOP if develop else RUN
        say(f"installing {requirements.name}, which takes a moment the first time")
        STAMP.unlink(missing_ok=True)
        program = uv()
        _sync_with_uv(program, requirements) if program else _sync_with_pip(requirements)
        STAMP.write_text("\n".join(map(_digest, [RUN, DEVELOP] if develop else [RUN])))


def uv() -> Path | None:
    """Return the pinned uv, fetched at the first call, or None where there is none for this machine."""
    folder = VAR / "tools" / f"uv-{UV_VERSION}"
    program = folder / "bin" / "uv"
    wanted = ["install", "--disable-pip-version-check", "--no-deps", f"uv=={UV_VERSION}"]
    # --target asks for no virtual environment: Debian ships pip and venv apart, and either will do.
    if program.exists() or _succeeds(sys.executable, "-m", "pip", *wanted, "--target", folder):
        return program
    if _succeeds(sys.executable, "-m", "venv", folder) and _succeeds(folder / "bin" / "python", "-m", "pip", *wanted):
        return program
    return None


def _is_current(*, develop: bool) -> bool:
    needed = _digest(DEVELOP if develop else RUN)
    return PYTHON.exists() and STAMP.exists() and needed in STAMP.read_text().split()


def _digest(requirements: Path) -> str:
    return hashlib.sha256(requirements.read_bytes()).hexdigest()


def _sync_with_uv(program: Path, requirements: Path) -> None:
    environ = {**os.environ, "UV_PYTHON_DOWNLOADS": "never"}
    if not _is_usable():
        subprocess.run([program, "venv", "-q", "--clear", "--python", sys.executable, VENV], check=True, env=environ)
    sync = [program, "pip", "sync", "-q", "--require-hashes", "--python", PYTHON, requirements]
    subprocess.run(sync, check=True, env=environ, cwd=ROOT)


def _sync_with_pip(requirements: Path) -> None:
    # uv leaves pip out of the environments it makes.
    usable = _is_usable() and _succeeds(PYTHON, "-m", "pip", "--version")
    if not usable and not _succeeds(sys.executable, "-m", "venv", "--clear", VENV):
        raise Refusal(f"{sys.executable} has neither pip nor venv. Install one of them (Debian: python3-venv).")
    install_all = [PYTHON, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--require-hashes"]
    subprocess.run([*install_all, "-r", requirements], check=True, cwd=ROOT)


def _is_usable() -> bool:
    """Whether .venv has an interpreter that still runs and is new enough."""
    return _succeeds(PYTHON, "-c", "import sys; sys.exit(sys.version_info < (3, 11))")


def _succeeds(*command: str | Path) -> bool:
    try:
        return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0
    except OSError:
        return False


@contextmanager
def _alone() -> Iterator[None]:
    """Wait while another ./dev of this folder installs."""
    VAR.mkdir(exist_ok=True)
    with (VAR / "install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield

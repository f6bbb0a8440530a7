"""Database and broker: those the environment names, or embedded ones."""

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from tools.dev import postgres, valkey
from tools.dev.processes import Children

LONGEST_SOCKET = 100  # bytes: macOS has room for 104, Linux for 108


@contextmanager
def claim(folder: Path) -> Iterator[bool]:
    """Keep a folder to ourselves, and yield whether it was free."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


@contextmanager
def claim_any(parent: Path) -> Iterator[Path]:
    """Keep the first free one of the folders ``1``, ``2``, … to ourselves."""
    for number in count(1):
        with claim(parent / str(number)) as is_free:
            if is_free:
                yield parent / str(number)
                return


@contextmanager
def services(folder: Path, environ: Mapping[str, str], *, is_durable: bool = True) -> Iterator[Children]:
    """Run the database and the broker of a folder, as far as the environment does not name others."""
    sockets = _sockets(folder)
    sockets.mkdir(mode=0o700, parents=True, exist_ok=True)
    with Children() as children:
        if not environ.get("DATABASE_URL"):
            postgres.start(children, folder, sockets, is_durable=is_durable)
        if not environ.get("REDIS_URL"):
            valkey.start(children, folder, sockets, is_durable=is_durable)
        yield children


def are_up(folder: Path) -> bool:
    """Whether the embedded database and broker of a folder take connections."""
    sockets = _sockets(folder)
    return postgres.is_up(sockets) and valkey.is_up(sockets)


def addresses(folder: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Return where the database and the broker of a folder are."""
    sockets = _sockets(folder)
    return {
        "DATABASE_URL": environ.get("DATABASE_URL") or postgres.address(sockets),
        "REDIS_URL": environ.get("REDIS_URL") or valkey.address(sockets),
    }


def _sockets(folder: Path) -> Path:
    near = folder / "run"
    if len(os.fsencode(near / ".s.PGSQL.5432.lock")) <= LONGEST_SOCKET:
        return near
    short = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"botaniqal-{os.getuid()}-{short}"

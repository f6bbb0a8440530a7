"""The whole demo: services, sandbox vendors, web, worker and scheduler, from the first start to Ctrl-C."""

import http.client
import signal
import socket
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from tools.dev import environment
from tools.dev.places import PYTHON, VAR, Refusal, say
from tools.dev.processes import Child, Children, StopAsked
from tools.dev.services import addresses, claim, services

PORT_FILE = VAR / "port"
CELERY = [PYTHON, "-m", "celery", "-A", "botaniqal.celery"]
# Threads: the work is to wait for vendors, and a bell counts the runs that go on in its process.
WORKER = [*CELERY, "worker", "-P", "threads", "-c", "8", "-l", "INFO", "--without-gossip", "--without-mingle"]

# In one process: to start Django takes longer than the work.
PREPARE = """
import django
from django.core.management import call_command

django.setup()
call_command("migrate", verbosity=0)
call_command("load_catalogue", "services/catalogue.json")
call_command("demo")
"""


def run() -> None:
    """
    Run the demo until somebody asks to stop.

    :raises Refusal: it runs already, a port is taken, or a part of it ended.
    """
    with claim(VAR) as is_free:
        if not is_free:
            raise Refusal("This folder is in use: the demo runs here already, or a ./dev manage or shell does.")
        env = environment.for_demo()
        port = int(env["PORT"])
        _check_free(port)
        PORT_FILE.write_text(env["PORT"])
        with services(VAR, env) as children:
            try:
                start(children, env | addresses(VAR, env), port=port, folder=VAR)
                _greet(port)
                children.watch_forever()
            except StopAsked:
                say("stopping")


def running_port() -> int | None:
    """Return the port of the demo that runs in this folder."""
    return int(PORT_FILE.read_text()) if PORT_FILE.exists() else None


def start(children: Children, env: Mapping[str, str], *, port: int, folder: Path) -> None:
    """
    Start sandbox, portal, worker and scheduler, whose logs lie below ``folder``, and wait until the portal answers.

    :raises Refusal: one of them ended, or is not ready in time.
    """
    begin = partial(Child, env=env, folder=folder)
    children.add(begin("sandbox", server("botaniqal.sandbox.wsgi", port + 1, workers=1, threads=32)))
    children.wait_until(partial(_answers, port + 1, "/"), limit=60, what="The sandbox")
    children.finish(begin("prepare", [PYTHON, "-c", PREPARE], is_shown=False))
    # SIGQUIT: a worker that is asked politely first finishes its tasks, and nobody is left to wait for them.
    children.add(begin("worker", WORKER, death_signal=signal.SIGQUIT))
    children.add(begin("web", server("botaniqal.wsgi", port, workers=2, threads=16)))
    schedule = folder / "beat-schedule"
    children.add(begin("beat", [*CELERY, "beat", "-l", "INFO", "--pidfile=", "-s", schedule]))
    children.wait_until(partial(_answers, port, "/healthz"), limit=60, what="The portal")


def server(module: str, port: int, *, workers: int, threads: int) -> list[str | Path]:
    """Write the command that serves a WSGI module on a port of this machine alone."""
    granian = [PYTHON, "-m", "granian", "--interface", "wsgi", f"{module}:application", "--host", "127.0.0.1"]
    sizes = {"port": port, "workers": workers, "blocking-threads": threads, "backlog": 1024}
    return [*granian, *(word for name, value in sizes.items() for word in (f"--{name}", str(value)))]


def _check_free(port: int) -> None:
    """Refuse taken ports before anything starts: another checkout's pages would look like ours."""
    for number in (port, port + 1):
        with socket.socket() as server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                server.bind(("127.0.0.1", number))
            except OSError as error:
                reason = f"Port {number} is not free ({error.strerror})."
                raise Refusal(f"{reason} Choose another pair: PORT={port + 100} ./dev") from None


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _greet(port: int) -> None:
    portal, sandbox = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{port + 1}"
    print(
        f"""
READY {portal}/

  Log in       sarah@botaniqal.example, tom@ (consultants), ops@, manager@, clinician@, admin@;
               the password of all is botaniqal-demo
  Today        {portal}/admin/   log in as Sarah, open a session, call, book
  The vendors  {sandbox}/   press "A patient books a consultation" and watch Today
  The mailbox  {sandbox}/mailbox   what patients were sent

  Ctrl-C stops all of it. Logs are in var/log, the data stay until ./dev reset.
""",
        flush=True,
    )

"""The sub-commands of `./dev`."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tools.dev import demo, environment
from tools.dev.install import DEVELOP, RUN, install, uv
from tools.dev.places import PYTHON, ROOT, VAR, VENV, Refusal, say
from tools.dev.processes import StopAsked, listen_for_stop, run_in_foreground
from tools.dev.services import addresses, are_up, claim, claim_any, services

MANAGE = [PYTHON, "manage.py"]
# One file for every platform and Python, and no address of a package index in it.
INDEX = ["--generate-hashes", "--no-emit-index-url", "--no-emit-find-links", "--no-header"]
PINNING = [*INDEX, "--universal", "--python-version", "3.11", "--quiet"]

NOTHING_COLLECTED = 5  # pytest's word
# More than there are processors: for a quarter of their time tests wait for processes, time-outs and each other.
SIDE_BY_SIDE = ["-n", str(max(2, (os.cpu_count() or 1) * 3 // 2))]
# What kills and restarts things starts a whole portal each, which must answer in time.
NO_MORE_THAN_PROCESSORS = ["-n", str(max(2, os.cpu_count() or 1))]


def up(arguments: list[str]) -> int:
    """Start the demo and all it needs; Ctrl-C ends it. PORT=8100 ./dev takes another port."""
    _expect_none("up", arguments)
    install(develop=False)
    demo.run()
    return 0


def reset(arguments: list[str]) -> int:
    """Forget the demo: database, queue, sandbox, secrets, logs."""
    _expect_none("reset", arguments)
    with claim(VAR) as is_free:
        if not is_free:
            raise Refusal("Something of this folder is running. Stop it first, then ./dev reset.")
        for entry in VAR.iterdir():
            if entry.name not in ("tools", "test", "lock", "install.lock"):
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    say("the demo's data are forgotten; ./dev begins anew")
    return 0


def test(arguments: list[str]) -> int:
    """Run the tests, or with --slow the slow ones alone; all else goes to pytest."""
    install(develop=True)
    options = [word for word in arguments if word != "--slow"]
    runs = [options]
    if "--slow" in arguments:
        slow, portals = ["-m", "slow", *options], ["tests/chaos", "tests/journeys"]
        pages = [f"--ignore={folder}" for folder in portals]
        runs = [slow] if options else [[*SIDE_BY_SIDE, *slow, *pages], [*NO_MORE_THAN_PROCESSORS, *slow, *portals]]
    elif not any(word.startswith(("-n", "-p", "--pdb")) or "::" in word for word in options):
        runs = [[*SIDE_BY_SIDE, *options]]
    with _test_services() as addressed:
        env = environment.for_tests() | addressed
        ends = [run_in_foreground([PYTHON, "-m", "pytest", *each], env=env) for each in runs]
    return next((end for end in ends if end not in (0, NOTHING_COLLECTED)), min(ends))


def check(arguments: list[str]) -> int:
    """Look at format, lint, imports, deployment settings and migrations."""
    _expect_none("check", arguments)
    install(develop=True)
    steps = {
        "format": [PYTHON, "-m", "ruff", "format", "--check", "--quiet"],
        "lint": [PYTHON, "-m", "ruff", "check", "--quiet"],
        "imports": [PYTHON, VENV / "bin" / "lint-imports", "--no-logo"],
        "deployment": [*MANAGE, "check", "--deploy", "--fail-level", "WARNING"],
        "migrations": [*MANAGE, "makemigrations", "--check", "--dry-run"],
    }
    failed = []
    with _test_services() as addressed:
        env = environment.for_production_check() | addressed
        for name, command in steps.items():
            say(f"checking {name}")
            if run_in_foreground(command, env=env):
                failed.append(name)
    say(f"not clean: {', '.join(failed)}" if failed else "all clean")
    return 1 if failed else 0


def manage(arguments: list[str]) -> int:
    """Run manage.py with the demo's data, whether the demo is running or not."""
    install(develop=False)
    with _demo_services() as env:
        return run_in_foreground([*MANAGE, *arguments], env=env)


def shell(arguments: list[str]) -> int:
    """Open a Python prompt with the demo's data."""
    return manage(["shell", *arguments])


def bench(arguments: list[str]) -> int:
    """Measure: all of bench/, or the one that is named. Its data are its own."""
    names = arguments or sorted(file.stem for file in (ROOT / "bench").glob("[a-z]*.py"))
    for name in names:
        if not (ROOT / "bench" / f"{name}.py").exists():
            raise Refusal(f"There is no bench/{name}.py.")
    install(develop=True)
    folder = VAR / "bench"
    with claim(folder) as is_free:
        if not is_free:
            raise Refusal("Another ./dev bench is running in this folder.")
        # Never a database that somebody named: measuring empties it.
        with services(folder, {}):
            env = environment.for_demo() | addresses(folder, {})
            commands = [[*MANAGE, "migrate", "-v", "0"], *([PYTHON, "-m", f"bench.{name}"] for name in names)]
            # Stops at the first that fails.
            return next((status for command in commands if (status := run_in_foreground(command, env=env))), 0)


def lock(arguments: list[str]) -> int:
    """Pin all packages anew from pyproject.toml; `--upgrade` takes newer ones."""
    program = uv()
    if not program:
        raise Refusal("There is no uv for this machine, and pip cannot pin for all platforms.")
    for target, group in ((RUN, []), (DEVELOP, ["--group", "dev"])):
        command = [program, "pip", "compile", "pyproject.toml", *group, *PINNING, "-o", target, *arguments]
        subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    return 0


def help(arguments: list[str]) -> int:
    """Print this."""
    print("./dev [command]: run, test and check the portal with nothing but Python.\n")
    for name, command in COMMANDS.items():
        print(f"  {name:8}{command.__doc__}")
    print("\n  ./dev alone is ./dev up. .env.example tells which variables are read.")
    return 0


COMMANDS: dict[str, Callable[[list[str]], int]] = {
    command.__name__: command for command in (up, reset, test, check, manage, shell, bench, lock, help)
}


def main(arguments: list[str]) -> int:
    """Run the named sub-command and return the exit status."""
    name, *rest = arguments or ["up"]
    name = "help" if name in ("-h", "--help") else name
    try:
        if name not in COMMANDS:
            raise Refusal(f"There is no ./dev {name}. There are: {', '.join(COMMANDS)}.")
        listen_for_stop()
        status = COMMANDS[name](rest)
    except Refusal as refusal:
        print(f"dev: {refusal}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        print(f"dev: {Path(error.cmd[0]).name} ended with {error.returncode}.", file=sys.stderr)
        return 1
    except (StopAsked, KeyboardInterrupt):
        return 130
    return status if status >= 0 else 128 - status


def _expect_none(name: str, arguments: list[str]) -> None:
    if arguments:
        raise Refusal(f"./dev {name} takes nothing after it; there was {' '.join(arguments)!r}.")


@contextmanager
def _test_services() -> Iterator[Mapping[str, str]]:
    """Run services that forget, several runs side by side, and yield their addresses."""
    with claim_any(VAR / "test") as folder, services(folder, os.environ, is_durable=False):
        yield addresses(folder, os.environ)


@contextmanager
def _demo_services() -> Iterator[dict[str, str]]:
    """Yield the environment of the demo, with the services it is running or with its own for as long."""
    with claim(VAR) as is_free:
        env = environment.for_demo(None if is_free else demo.running_port())
        if is_free:
            with services(VAR, env):
                yield env | addresses(VAR, env)
        elif all(env.get(name) for name in ("DATABASE_URL", "REDIS_URL")) or are_up(VAR):
            yield env | addresses(VAR, env)
        else:
            raise Refusal("The demo in this folder is just starting or stopping. Try again in a moment.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

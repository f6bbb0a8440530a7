"""`./dev` as a person meets it, in a copy of its own."""

import os
import shutil
import subprocess
import sys

import pytest

from tools.dev.places import ROOT

SHOW = "import sys; from tools.dev import environment; print(environment.for_demo().get(sys.argv[1], ''))"
OURS = ("PATH", "HOME", "LANG")


@pytest.fixture
def dev(tmp_path):
    """Run Python in a copy of the tooling that was never installed."""
    shutil.copy(ROOT / "dev", tmp_path)
    shutil.copytree(ROOT / "tools", tmp_path / "tools", ignore=shutil.ignore_patterns("__pycache__"))

    def run(*words, **environ):
        clean = {name: os.environ[name] for name in OURS if name in os.environ}
        command = [sys.executable, *words]
        return subprocess.run(command, cwd=tmp_path, env=clean | environ, capture_output=True, text=True)

    return run


class TestDev:
    def test_names_its_commands(self, dev):
        answer = dev("dev", "help")

        assert answer.returncode == 0
        for name in ("reset", "test", "check", "manage", "shell", "bench", "lock"):
            assert f"\n  {name} " in answer.stdout

    @pytest.mark.parametrize(
        ("words", "sentence"),
        [
            (["strat"], "dev: There is no ./dev strat."),
            (["reset", "all"], "dev: ./dev reset takes nothing after it"),
        ],
    )
    def test_refuses_what_it_does_not_know_in_a_sentence(self, dev, words, sentence):
        answer = dev("dev", *words)

        assert answer.returncode == 1
        assert answer.stderr.startswith(sentence)
        assert "Traceback" not in answer.stderr

    def test_forgets_the_demo_and_keeps_what_it_fetched(self, dev, tmp_path):
        for name in ("postgres", "tools"):
            (tmp_path / "var" / name).mkdir(parents=True)
        (tmp_path / "var" / "demo.env").write_text("SECRET_KEY=old\n")

        answer = dev("dev", "reset")

        assert answer.returncode == 0
        assert sorted(entry.name for entry in (tmp_path / "var").iterdir()) == ["lock", "tools"]


class TestDemoEnvironment:
    def test_prefers_the_process_to_the_file_and_the_file_to_itself(self, dev, tmp_path):
        (tmp_path / ".env").write_text("# ours\nPORT=9100\nSES_REGION='eu-west-1'\n")

        assert dev("-c", SHOW, "PUBLIC_BASE_URL").stdout == "http://127.0.0.1:9100\n"
        assert dev("-c", SHOW, "SES_REGION").stdout == "eu-west-1\n"
        assert dev("-c", SHOW, "PUBLIC_BASE_URL", PORT="9200").stdout == "http://127.0.0.1:9200\n"

    def test_makes_a_secret_once_and_keeps_it_to_itself(self, dev, tmp_path):
        first = dev("-c", SHOW, "CONSULTANT_JWT_SECRET").stdout

        assert len(first.strip()) > 32
        assert dev("-c", SHOW, "CONSULTANT_JWT_SECRET").stdout == first
        assert (tmp_path / "var" / "demo.env").stat().st_mode & 0o777 == 0o600

    def test_takes_a_secret_that_is_set_and_does_not_store_it(self, dev, tmp_path):
        answer = dev("-c", SHOW, "CALENDLY_WEBHOOK_SIGNING_KEY", CALENDLY_WEBHOOK_SIGNING_KEY="ours")

        assert answer.stdout == "ours\n"
        assert "CALENDLY_WEBHOOK_SIGNING_KEY" not in (tmp_path / "var" / "demo.env").read_text()

    def test_is_not_changed_by_a_copy_of_the_example(self, dev, tmp_path):
        shutil.copy(ROOT / ".env.example", tmp_path / ".env")

        assert dev("-c", SHOW, "CALENDLY_BASE_URL").stdout == "http://127.0.0.1:8001/calendly\n"
        assert len(dev("-c", SHOW, "SECRET_KEY").stdout.strip()) > 32
        assert dev("-c", SHOW, "DEMO").stdout == "1\n"

    @pytest.mark.parametrize("port", ["abc", "0", "65535"])
    def test_refuses_a_port_that_is_none(self, dev, port):
        answer = dev("-c", SHOW, "PORT", PORT=port)

        assert f"PORT is '{port}'" in answer.stderr

    def test_names_the_line_of_the_file_that_it_cannot_read(self, dev, tmp_path):
        (tmp_path / ".env").write_text("PORT=9100\nnonsense\n")

        assert "Line 2 of .env is not KEY=VALUE." in dev("-c", SHOW, "PORT").stderr

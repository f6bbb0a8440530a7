"""Where things lie, and the one kind of error that is shown as a sentence."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VAR = ROOT / "var"
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"


class Refusal(Exception):
    """Something that the person at the keyboard can put right."""


def say(sentence: str) -> None:
    """Tell the person at the keyboard."""
    print(f"dev: {sentence}", flush=True)

"""The shape of the house: who may import whom, and what the environment is told to say."""

import re
from pathlib import Path

from importlinter import cli

ROOT = Path(__file__).resolve().parents[1]
READ = re.compile(r'(?:env\.\w+|required|outside_address|limits)\(\s*"([A-Z_]+)"')
DOCUMENTED = re.compile(r"^#?([A-Z_]+)=", re.MULTILINE)


class TestImports:
    def test_keep_to_the_contracts(self):
        assert cli.lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_logo=True) == cli.EXIT_STATUS_SUCCESS


class TestSettings:
    def test_are_all_in_the_example(self):
        read = set(READ.findall((ROOT / "botaniqal" / "settings.py").read_text()))

        documented = set(DOCUMENTED.findall((ROOT / ".env.example").read_text()))

        assert read - documented == set()

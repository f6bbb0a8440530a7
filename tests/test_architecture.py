"""The shape of the house: who may import whom, and what the environment is told to say."""

import re
from pathlib import Path

import grimp
import pytest
from importlinter import cli

ROOT = Path(__file__).resolve().parents[1]
READ = re.compile(r'(?:env\.\w+|required|outside_address|limits)\(\s*"([A-Z_]+)"')
APPS = ("services", "practitioners", "bookings", "triage")
A_DOOR = re.compile(r"(^|_)(admin|api|desk|hooks|pages?)$")
DOCUMENTED = re.compile(r"^#?([A-Z_]+)=", re.MULTILINE)


class TestImports:
    def test_keep_to_the_contracts(self):
        assert cli.lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_logo=True) == cli.EXIT_STATUS_SUCCESS


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(*APPS, cache_dir=None)


class TestRooms:
    """Within the apps, doors stand above verbs, and verbs above models; a door's name ends as ``A_DOOR`` says."""

    @pytest.mark.parametrize("app", APPS)
    def test_no_verb_knows_a_door(self, graph: grimp.ImportGraph, app: str):
        verbs = {
            each
            for each in graph.find_descendants(app)
            if not is_door(each) and each.split(".")[1] not in ("apps", "management", "migrations")
        }

        known = {
            (verb, door) for verb in verbs for door in graph.find_modules_directly_imported_by(verb) if is_door(door)
        }

        assert verbs, "of an app without verbs nothing is shown"
        assert {(verb, each) for verb, each in known if is_door(each)} == set()

    @pytest.mark.parametrize("app", APPS)
    def test_no_model_knows_a_verb(self, graph: grimp.ImportGraph, app: str):
        models = {f"{app}.models"} | graph.find_descendants(f"{app}.models")

        known = {(model, each) for model in models for each in graph.find_modules_directly_imported_by(model)}

        assert {(model, each) for model, each in known if not is_model(each)} == set()


def is_door(module: str) -> bool:
    """Tell whether a module, or a package that it is in, is named as a door."""
    return any(A_DOOR.search(part) for part in module.split(".")[1:])


def is_model(module: str) -> bool:
    """Tell whether a module holds models, or is arithmetic that they may use."""
    return module.split(".")[1] in ("models", "timegrid")


class TestSettings:
    def test_are_all_in_the_example(self):
        read = set(READ.findall((ROOT / "botaniqal" / "settings.py").read_text()))

        documented = set(DOCUMENTED.findall((ROOT / ".env.example").read_text()))

        assert read - documented == set()

"""Boards, rules and words about metrics name those that are told."""

import json
import re
import shutil
import subprocess
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from botaniqal.counters import FAMILIES
from botaniqal.reports.gauges import GAUGES
from botaniqal.reports.metrics import ABOUT_ITSELF, Portal

ROOT = Path(__file__).resolve().parents[2]
BOARD = ROOT / "deploy" / "grafana" / "botaniqal.json"
RULES = ROOT / "deploy" / "prometheus" / "alerts.yml"
CASES = ROOT / "deploy" / "prometheus" / "alerts_test.yml"
SCRAPES = [ROOT / "deploy" / "prometheus" / "prometheus.yml", ROOT / "deploy" / "cloudwatch" / "prometheus.yml"]
AGENT = ROOT / "deploy" / "cloudwatch" / "agent.json"
WORDS = ROOT / "docs" / "metrics.md"

OF_PROMETHEUS = {"up": {"job", "instance"}}
SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("_total",), "gauge": ("",)}
TEXT = re.compile(r'"[^"]*"')
MATCHERS = re.compile(r"\{([^}]*)\}")
GROUPED = re.compile(r"\b(?:by|without)\s*\(([^)]*)\)")
NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
WORD = re.compile(r"(?<![\w.])[a-zA-Z_]\w*(?!\w*\s*\()")
OPERATORS = {"and", "or", "unless", "by", "without", "on", "ignoring", "bool", "offset"}
DURATION = re.compile(r"\d+(ms|[smhdwy])")
ROW = re.compile(r"^\| `(\w+)` \| (\w+) \| ([^|]*) \| (.+) \|$", re.MULTILINE)

pytestmark = pytest.mark.django_db


@pytest.fixture
def told(counted) -> dict[str, tuple[str, set[str]]]:
    """Every name that a query may ask for, with its kind and labels."""
    labels = {name: set(family.labels) for name, family in (FAMILIES | GAUGES | ABOUT_ITSELF).items()}
    found = {}
    for metric in Portal().collect():
        own = labels.get(metric.name, set(getattr(metric, "_labelnames", ())))
        for suffix in SUFFIXES[metric.type]:
            found[metric.name + suffix] = (metric.type, own | ({"le"} if suffix == "_bucket" else set()))
    return found


def asked(query: str) -> tuple[set[str], set[str]]:
    """Take from a query the names of metrics, and of labels."""
    plain = TEXT.sub('""', query)
    labels = {name for inside in GROUPED.findall(plain) for name in NAME.findall(inside)}
    labels |= {
        pair.split("=")[0].split("!")[0].strip() for inside in MATCHERS.findall(plain) for pair in inside.split(",")
    }
    bare = re.sub(r"\[[^\]]*\]", "", MATCHERS.sub("", GROUPED.sub("", plain)))
    return set(WORD.findall(bare)) - OPERATORS, labels


def assert_can_be_asked(query: str, told: dict[str, tuple[str, set[str]]]) -> None:
    known = told | {name: ("gauge", labels) for name, labels in OF_PROMETHEUS.items()}
    names, labels = asked(query)
    assert names, query
    assert names <= known.keys(), query
    assert labels <= set.union(*(known[name][1] for name in names)), query
    for opens, closes in ("()", "[]", "{}"):
        assert query.count(opens) == query.count(closes), query
    for name in names:
        if known[name][0] == "counter":
            assert re.search(rf"(rate|increase)\({name}\b", query), f"{name} only grows"


class TestAsked:
    def test_reads_names_and_labels_alone(self):
        query = 'sum by (le, view) (rate(http_x_bucket{job="up{y}",status=~"5.."}[5m])) > 0.02 or time() - seen == 1e3'

        assert asked(query) == ({"http_x_bucket", "seen"}, {"le", "view", "job", "status"})


class TestBoard:
    board: dict[str, Any] = json.loads(BOARD.read_text())

    def test_asks_for_what_is_told(self, told: dict[str, tuple[str, set[str]]]):
        queries = [target["expr"] for panel in self.board["panels"] for target in panel.get("targets", [])]

        assert len(queries) > 25
        for query in queries:
            assert_can_be_asked(query, told)

    def test_names_each_line_by_labels_that_it_has(self, told: dict[str, tuple[str, set[str]]]):
        for panel in self.board["panels"]:
            for target in panel.get("targets", []):
                names, labels = asked(target["expr"])
                by = {name for inside in GROUPED.findall(target["expr"]) for name in NAME.findall(inside)}
                has = by or set.union(labels, *(told[name][1] for name in names))
                assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= has, target

    def test_shows_all_of_the_specification(self):
        text = BOARD.read_text()

        for name in (
            "triage_sessions_created_total",
            "triage_to_booking_conversion_ratio",
            "phone_bookings_created_total",
            "calendar_sync_failures_total",
            "webhook_processing_time_seconds_bucket",
            "available_slots_per_practitioner",
            "revenue_per_booking_method_aud",
            "practitioner_utilization_ratio",
            "no_show_rate_by_type_ratio",
        ):
            assert name in text

    def test_lies_flat(self):
        panels = self.board["panels"]
        places = [panel["gridPos"] for panel in panels]

        assert max(Counter(panel["id"] for panel in panels).values()) == 1
        assert all(place["x"] + place["w"] <= 24 for place in places)
        for one, other in combinations(places, 2):
            assert (
                one["x"] + one["w"] <= other["x"]
                or other["x"] + other["w"] <= one["x"]
                or one["y"] + one["h"] <= other["y"]
                or other["y"] + other["h"] <= one["y"]
            )

    def test_reads_from_whichever_prometheus_is_chosen(self):
        [variable] = self.board["templating"]["list"]

        assert (variable["name"], variable["type"]) == ("datasource", "datasource")
        for panel in self.board["panels"]:
            if panel["type"] != "row":
                assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


class TestRules:
    groups: list[dict[str, Any]] = yaml.safe_load(RULES.read_text())["groups"]

    def test_ask_for_what_is_told(self, told: dict[str, tuple[str, set[str]]]):
        for rule in self.rules():
            assert_can_be_asked(rule["expr"], told)

    def test_are_complete(self):
        assert set(yaml.safe_load(RULES.read_text())) == {"groups"}
        assert len({group["name"] for group in self.groups}) == len(self.groups)
        for rule in self.rules():
            assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
            assert NAME.fullmatch(rule["alert"])
            assert DURATION.fullmatch(rule.get("for", "1m"))
            assert rule["labels"]["severity"] in ("page", "operations", "management")
            assert set(rule["annotations"]) == {"summary", "description"}
            assert all(text.endswith(".") for text in rule["annotations"].values())

    def test_have_those_of_the_specification(self):
        names = [rule["alert"] for rule in self.rules()]

        assert max(Counter(names).values()) == 1
        assert names[:3] == ["calendar_sync_failure", "no_available_practitioners", "high_triage_abandonment"]

    @pytest.mark.skipif(not shutil.which("promtool"), reason="Prometheus is not installed")
    def test_fire_when_they_should(self):
        tried = subprocess.run(["promtool", "test", "rules", CASES], capture_output=True, text=True)

        assert tried.returncode == 0, tried.stdout + tried.stderr
        fired = re.findall(r"alertname: (\w+)$", CASES.read_text(), re.MULTILINE)
        assert {rule["alert"] for rule in self.rules()} == set(fired)

    def rules(self) -> list[dict[str, Any]]:
        return [rule for group in self.groups for rule in group["rules"]]


class TestScrapes:
    @pytest.mark.parametrize("path", SCRAPES, ids=lambda path: path.parent.name)
    def test_send_the_token_from_a_file(self, path: Path):
        config = yaml.safe_load(path.read_text())
        [job] = config["scrape_configs"]

        assert (job["job_name"], job["metrics_path"], job["scheme"]) == ("botaniqal", "/metrics", "https")
        assert job["authorization"]["type"] == "Bearer"
        assert job["authorization"]["credentials_file"].startswith("/")
        assert len(job["static_configs"][0]["targets"]) == 1

    def test_find_their_rules(self):
        [name] = yaml.safe_load(SCRAPES[0].read_text())["rule_files"]

        assert SCRAPES[0].parent / name == RULES


class TestCloudWatch:
    prometheus: dict[str, Any] = json.loads(AGENT.read_text())["logs"]["metrics_collected"]["prometheus"]

    def test_selects_what_is_told_and_not_dropped(self, told: dict[str, tuple[str, set[str]]]):
        for declaration in self.prometheus["emf_processor"]["metric_declaration"]:
            for selector in declaration["metric_selectors"]:
                chosen = [name for name in told if re.search(selector, name)]
                assert len(chosen) == 1, selector
                kind, labels = told[chosen[0]]
                assert kind != "histogram", "the agent drops these"
                for dimensions in declaration["dimensions"]:
                    assert set(dimensions) <= labels | {"job"}, selector

    def test_gives_units_to_what_is_told(self, told: dict[str, tuple[str, set[str]]]):
        units = self.prometheus["emf_processor"]["metric_unit"]

        assert units.keys() <= told.keys()
        assert set(units.values()) <= {"Count", "Seconds", "None"}

    def test_reads_the_scrape_file_that_is_beside_it(self):
        assert self.prometheus["prometheus_config_path"].endswith("/prometheus.yml")


class TestWords:
    def test_list_all_metrics_with_their_labels(self, told: dict[str, tuple[str, set[str]]]):
        listed = {
            name: (kind, set(re.findall(r"`(\w+)`", labels)))
            for name, kind, labels, _ in ROW.findall(WORDS.read_text())
        }

        assert listed == {
            name.removesuffix("_bucket"): (kind, labels - {"le"})
            for name, (kind, labels) in told.items()
            if kind != "histogram" or name.endswith("_bucket")
        }

"""A real Prometheus beside the running portal, with the files that the project brings for it."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from tests.stack import Stack, eventually, free_port
from tools.dev.places import ROOT
from tools.dev.processes import Child, Children

pytestmark = pytest.mark.skipif(not shutil.which("prometheus"), reason="Prometheus is not installed")

FILES, BOARD = ROOT / "deploy" / "prometheus", ROOT / "deploy" / "grafana" / "botaniqal.json"
TOKEN = "an invented token for Prometheus"
OF_THE_BOARD = {"$__rate_interval": "1m", "$__interval": "1m", "$__range": "1h"}

Ask = Callable[..., Any]


@pytest.fixture
def ask(stack: Stack, tmp_path: Path) -> Iterator[Ask]:
    """Prometheus as deployed, but for where the portal is and how often it is asked."""
    config = yaml.safe_load((FILES / "prometheus.yml").read_text())
    [job] = config["scrape_configs"]
    (tmp_path / "token").write_text(TOKEN)
    config["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [f"{FILES / name}" for name in config["rule_files"]]
    job["authorization"]["credentials_file"] = f"{tmp_path / 'token'}"
    with stack.second_door(METRICS_TOKEN=TOKEN) as door, Children() as children:
        job |= {"scheme": "http", "static_configs": [{"targets": [door.url.removeprefix("http://")]}]}
        (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(config))
        address = f"127.0.0.1:{free_port()}"
        files = [f"--config.file={tmp_path / 'prometheus.yml'}", f"--storage.tsdb.path={tmp_path / 'data'}"]
        command = ["prometheus", *files, f"--web.listen-address={address}"]
        children.add(Child("prometheus", command, env=stack.env, folder=stack.folder, is_shown=False))

        def read(path: str, **query: str) -> requests.Response:
            with requests.Session() as session:
                session.trust_env = False
                return session.get(f"http://{address}{path}", params=query, timeout=30)

        def is_ready() -> bool:
            try:
                return read("/-/ready").ok
            except requests.ConnectionError:
                return False

        def ask(path: str, **query: str) -> Any:
            answer = read(f"/api/v1/{path}", **query).json()
            assert answer["status"] == "success", answer
            return answer["data"]

        eventually(is_ready, within=60)
        eventually(lambda: ask("query", query='up{job="botaniqal"} == 1')["result"], within=60)
        yield ask


def rules(ask: Ask) -> dict[str, dict[str, Any]]:
    """Give the rules by name, once they were evaluated with what was scraped."""
    found = {rule["name"]: rule for group in ask("rules")["groups"] for rule in group["rules"]}
    is_known = all(rule["health"] != "unknown" for rule in found.values())
    return found if is_known and found["portal_down"]["state"] == "inactive" else {}


def test_loads_the_rules_and_has_an_answer_to_each_query_of_the_board(ask: Ask):
    evaluated = eventually(lambda: rules(ask))
    eventually(lambda: ask("query", query="rate(http_requests_total[1m])")["result"])
    board = BOARD.read_text()
    for name, value in OF_THE_BOARD.items():
        board = board.replace(name, value)
    queries = [target["expr"] for panel in json.loads(board)["panels"] for target in panel.get("targets", [])]

    silent = {query for query in queries if not ask("query", query=query)["result"]}

    assert {rule["health"] for rule in evaluated.values()} == {"ok"}, evaluated
    assert evaluated["portal_metrics_missing"]["state"] == "inactive"
    # What counts searches and failures has none to tell of yet; and the demo has nothing that needs a person.
    assert not [query for query in silent if not re.search(r"rate|increase|unmet|> 0$", query)]
    assert len(silent) < len(queries) / 3

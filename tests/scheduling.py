"""Which tests of a run go to the same of its processes, and which come first."""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# What these start takes seconds, and is started once by each process that needs it.
TOGETHER = ("tests/journeys/", "tests/chaos/test_restarts.py", "tests/contracts/", "tests/test_demo.py")
# What needs no database, while one process makes it.
WITHOUT_DATABASE = "tests/sandbox/"
# A test of half a minute that came last would keep one process at work alone.
FIRST = (*TOGETHER, WITHOUT_DATABASE, "tests/chaos/", "tests/test_fuzzed_deliveries.py")
FEW = 1000


class ClassByClass(LoadScopeScheduling):
    """
    Send a class to whichever process is free: of thousands of tests, since xdist looks through all that it sent at
    every answer. A few are sent one by one.
    """

    def _split_scope(self, nodeid: str) -> str:
        for start in TOGETHER:
            if nodeid.startswith(start):
                return start
        return nodeid if len(self.collection) < FEW else super()._split_scope(nodeid.partition("[")[0])


@pytest.hookimpl(trylast=True)  # after those are left out that do not run
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the longest come first, and of them those first that stay together longest."""
    places = range(len(FIRST))
    items.sort(key=lambda item: next((n for n in places if item.nodeid.startswith(FIRST[n])), len(FIRST)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ClassByClass | None:
    """Take the place of xdist's own way; its groups have no effect under this pytest."""
    if config.getoption("dist") != "load":
        return None
    config.option.loadscopereorder = False
    return ClassByClass(config, log)

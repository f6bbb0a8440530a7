"""Which tests of a run go to the same of its processes."""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# What these start takes seconds, and is started once by each process that needs it.
TOGETHER = ("tests/journeys/", "tests/chaos/", "tests/contracts/", "tests/test_demo.py")


class ClassByClass(LoadScopeScheduling):
    """
    Send a class to whichever process is free, so that its tests share what is made for all of them.

    xdist looks through all that it sent at every answer: thousands of single tests would be slow to send.
    """

    def _split_scope(self, nodeid: str) -> str:
        dear = next((start for start in TOGETHER if nodeid.startswith(start)), None)
        return dear or super()._split_scope(nodeid.partition("[")[0])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ClassByClass | None:
    """Take the place of xdist's own way; its groups have no effect under this pytest."""
    return ClassByClass(config, log) if config.getoption("dist") == "load" else None

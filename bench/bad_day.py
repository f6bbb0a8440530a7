"""A longer bad day than the tests have time for: every fault on, workers killed, one truth at the end."""

import os
import subprocess
import sys

LONG = {"CHAOS_ACTS": "2400", "CHAOS_SECONDS": "300", "CHAOS_REST_SECONDS": "300"}


def main() -> None:
    """Run the chaos test for five minutes; its asserts are the measurement."""
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-m", "slow", "tests/chaos/test_bad_day.py"]
    sys.exit(subprocess.run(command, env={**LONG, **os.environ}).returncode)


if __name__ == "__main__":
    main()

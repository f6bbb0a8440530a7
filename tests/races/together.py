"""Several who do things at the same moment, each on a connection of their own; and how the database fared."""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Thread

from django.db import connection

from botaniqal.errors import DomainError

OVERLAPS = """
    SELECT count(*) FROM practitioners_diaryentry a JOIN practitioners_diaryentry b ON a.id < b.id
    WHERE a.practitioner_id = b.practitioner_id
      AND tstzrange(a.starts_at, a.ends_at) && tstzrange(b.starts_at, b.ends_at)
      AND tstzrange(a.live_from, a.live_until) && tstzrange(b.live_from, b.live_until)
"""

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


def at_once(
    *works: Callable[[], object], refusals: type[Exception] | tuple[type[Exception], ...] = DomainError
) -> list[object]:
    """Do things at the same moment; give of each what came of it, or how it was refused."""
    start = Barrier(len(works))

    def one(work: Callable[[], object]) -> object:
        try:
            connection.ensure_connection()
            start.wait()
            return work()
        except refusals as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as threads:
        return list(threads.map(one, works))


class Other:
    """Somebody else, who does one thing in a connection of their own."""

    def __init__(self, do: Callable[[], object]) -> None:
        self.failures: list[Exception] = []
        self._thread = Thread(target=self._run, args=[do])

    def begin(self) -> None:
        """Let them begin, and come back once they wait for a row of ours, or are done without waiting."""
        self._thread.start()
        with connection.cursor() as cursor:
            while self._thread.is_alive():
                cursor.execute("SELECT pg_stat_clear_snapshot()")  # one transaction would see one moment for ever
                cursor.execute(WAITING)
                if cursor.fetchone()[0]:
                    break
                time.sleep(0.01)

    def end(self) -> None:
        """Wait until they are done."""
        self._thread.join()

    def _run(self, do: Callable[[], object]) -> None:
        try:
            do()
        except Exception as failure:
            self.failures.append(failure)
        finally:
            connection.close()


def codes(came: Iterable[object]) -> list[object]:
    """Name what was refused by its code."""
    return [each.code if isinstance(each, DomainError) else each for each in came]


def overlaps() -> int:
    """Count the times that stand in the diary twice."""
    with connection.cursor() as cursor:
        cursor.execute(OVERLAPS)
        return cursor.fetchone()[0]


def dead_locks() -> int:
    """Count the dead-locks that the database broke up since it was made."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush(), pg_stat_clear_snapshot()")
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return cursor.fetchone()[0]

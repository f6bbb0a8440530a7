"""The sandbox's memory: JSON documents by kind and id in one SQLite file."""

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings

Document = dict[str, Any]


class Store:
    """Documents of a kind, kept in the order in which they were first put, safe to use from many threads."""

    def __init__(self, path: str) -> None:
        self._lock = threading.RLock()
        self._depth = 0
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        # A power cut may cost the last second of a demo; waiting for the disk would cost every call.
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS document"
            " (number INTEGER PRIMARY KEY, kind TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL, UNIQUE (kind, id))"
        )

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Let nobody else read or write in between; all of it is kept, or nothing."""
        with self._lock:
            if self._depth == 0:
                self._connection.execute("BEGIN")
            self._depth += 1
            try:
                yield
            except BaseException:
                if self._depth == 1:
                    self._connection.execute("ROLLBACK")
                raise
            else:
                if self._depth == 1:
                    self._connection.execute("COMMIT")
            finally:
                self._depth -= 1

    def put(self, kind: str, id: str, document: Document) -> Document:
        """Keep a document, in place of the one with the same kind and id."""
        with self._lock:
            self._connection.execute(
                "INSERT INTO document (kind, id, body) VALUES (?, ?, ?)"
                " ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body",
                (kind, id, json.dumps(document)),
            )
        return document

    def get(self, kind: str, id: str) -> Document | None:
        """Read one document."""
        with self._lock:
            row = self._connection.execute("SELECT body FROM document WHERE kind = ? AND id = ?", (kind, id)).fetchone()
        return json.loads(row[0]) if row else None

    def find(self, kind: str, **fields: Any) -> list[Document]:
        """Read the documents whose fields have these values, oldest first."""
        wanted = json.dumps({f"$.{name}": value for name, value in fields.items()})
        with self._lock:
            rows = self._connection.execute(
                "SELECT body FROM document WHERE kind = ? AND NOT EXISTS"
                " (SELECT 1 FROM json_each(?) AS wanted WHERE json_extract(body, wanted.key) IS NOT wanted.value)"
                " ORDER BY number",
                (kind, wanted),
            ).fetchall()
        return [json.loads(body) for (body,) in rows]

    def latest(self, kind: str, count: int) -> list[Document]:
        """Read the documents that came last, newest first."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT body FROM document WHERE kind = ? ORDER BY number DESC LIMIT ?", (kind, count)
            ).fetchall()
        return [json.loads(body) for (body,) in rows]

    def count(self, kind: str) -> int:
        """Say how many documents of a kind there are."""
        with self._lock:
            return self._connection.execute("SELECT count(*) FROM document WHERE kind = ?", (kind,)).fetchone()[0]

    def delete(self, kind: str, id: str) -> None:
        """Forget one document."""
        with self._lock:
            self._connection.execute("DELETE FROM document WHERE kind = ? AND id = ?", (kind, id))

    def clear(self, *, keep: tuple[str, ...] = ()) -> None:
        """Forget all documents but those of the kinds to keep."""
        with self._lock:
            self._connection.execute(
                "DELETE FROM document WHERE kind NOT IN (SELECT value FROM json_each(?))", (json.dumps(keep),)
            )


store = Store(settings.SANDBOX_STATE)

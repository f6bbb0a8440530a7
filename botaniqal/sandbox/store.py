"""The sandbox's memory: JSON documents by kind and id, at hand in memory and kept in one SQLite file."""

import json
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from django.conf import settings

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Kept:
    """One document: its place in the order, its text to hand out copies of, its body to look things up in."""

    number: int
    text: str
    body: Document


@dataclass(slots=True)
class Shelf:
    """The documents of one kind, and which of them have which value in a field that somebody has asked for."""

    documents: dict[str, Kept] = field(default_factory=dict)
    indexes: dict[str, dict[Any, set[str]]] = field(default_factory=dict)

    def put(self, id: str, kept: Kept) -> None:
        """Take a document in, in place of the one with the same id."""
        self.take(id, stays=True)
        self.documents[id] = kept
        for name, index in self.indexes.items():
            index[_key(kept.body.get(name))].add(id)

    def take(self, id: str, *, stays: bool = False) -> None:
        """Take a document out of the indexes, and off the shelf unless another comes in its place."""
        kept = self.documents.get(id)
        if kept is None:
            return
        for name, index in self.indexes.items():
            index[_key(kept.body.get(name))].discard(id)
        if not stays:
            del self.documents[id]

    def having(self, fields: Mapping[str, Any]) -> list[Kept]:
        """Look up the documents whose fields have these values, oldest first."""
        if not fields:
            return list(self.documents.values())
        return sorted(self.fitting(fields), key=lambda row: row.number)

    def fitting(self, fields: Mapping[str, Any]) -> Iterator[Kept]:
        """Look up such documents in no order."""
        found = min((self._index(name).get(_key(value), ()) for name, value in fields.items()), key=len)
        wanted = list(fields.items())
        for row in map(self.documents.__getitem__, found):
            body = row.body
            if all(body.get(name) == value for name, value in wanted):
                yield row

    def _index(self, name: str) -> dict[Any, set[str]]:
        if name not in self.indexes:
            index = self.indexes[name] = defaultdict(set)
            for id, kept in self.documents.items():
                index[_key(kept.body.get(name))].add(id)
        return self.indexes[name]


class Store:
    """Documents of a kind, kept in the order in which they were first put, safe to use from many threads."""

    def __init__(self, path: str) -> None:
        self._lock = threading.RLock()
        self._depth = 0
        self._undo: list[tuple[str, str, Kept | None]] = []
        self._shelves: defaultdict[str, Shelf] = defaultdict(Shelf)
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        # A power cut may cost the last second of a demo; waiting for the disk would cost every call.
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS document"
            " (number INTEGER PRIMARY KEY, kind TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL, UNIQUE (kind, id))"
        )
        self._last_number = 0
        for kind, id, number, text in self._connection.execute(
            "SELECT kind, id, number, body FROM document ORDER BY number"
        ):
            self._shelves[kind].put(id, Kept(number, text, json.loads(text)))
            self._last_number = number

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
                    self._put_back()
                raise
            else:
                if self._depth == 1:
                    self._connection.execute("COMMIT")
                    self._undo.clear()
            finally:
                self._depth -= 1

    def put(self, kind: str, id: str, document: Document) -> Document:
        """Keep a document, in place of the one with the same kind and id."""
        text = json.dumps(document)
        with self._lock:
            former = self._shelves[kind].documents.get(id)
            if former is None:
                self._last_number += 1
            number = former.number if former else self._last_number
            self._connection.execute(
                "INSERT INTO document (number, kind, id, body) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body",
                (number, kind, id, text),
            )
            self._remember(kind, id, former)
            self._shelves[kind].put(id, Kept(number, text, json.loads(text)))
        return document

    def get(self, kind: str, id: str) -> Document | None:
        """Read one document."""
        with self._lock:
            kept = self._shelves[kind].documents.get(id)
        return json.loads(kept.text) if kept else None

    def find(self, kind: str, **fields: Any) -> list[Document]:
        """Read the documents whose fields have these values, oldest first."""
        with self._lock:
            rows = self._shelves[kind].having(fields)
        return [json.loads(row.text) for row in rows]

    def scan(self, kind: str, **fields: Any) -> list[Mapping[str, Any]]:
        """Look at such documents without a copy of one's own: to read only, where there may be thousands."""
        with self._lock:
            return [row.body for row in self._shelves[kind].having(fields)]

    def has(self, kind: str, fits: Callable[[Mapping[str, Any]], bool], **fields: Any) -> bool:
        """Tell whether one of such documents fits."""
        with self._lock:
            return any(fits(row.body) for row in self._shelves[kind].fitting(fields))

    def latest(self, kind: str, count: int) -> list[Document]:
        """Read the documents that came last, newest first."""
        with self._lock:
            rows = list(islice(reversed(self._shelves[kind].documents.values()), count))
        return [json.loads(row.text) for row in rows]

    def count(self, kind: str, **fields: Any) -> int:
        """Say how many such documents there are."""
        with self._lock:
            shelf = self._shelves[kind]
            return len(shelf.having(fields)) if fields else len(shelf.documents)

    def delete(self, kind: str, id: str) -> None:
        """Forget one document."""
        with self._lock:
            self._connection.execute("DELETE FROM document WHERE kind = ? AND id = ?", (kind, id))
            self._remember(kind, id, self._shelves[kind].documents.get(id))
            self._shelves[kind].take(id)

    def clear(self, *, keep: tuple[str, ...] = ()) -> None:
        """Forget all documents but those of the kinds to keep."""
        with self.transaction():
            for kind in [kind for kind in self._shelves if kind not in keep]:
                for id in list(self._shelves[kind].documents):
                    self.delete(kind, id)

    def _remember(self, kind: str, id: str, former: Kept | None) -> None:
        if self._depth:
            self._undo.append((kind, id, former))

    def _put_back(self) -> None:
        """Undo in memory what the database has undone in the file."""
        for kind, id, former in reversed(self._undo):
            shelf = self._shelves[kind]
            if former is None:
                shelf.take(id)
                continue
            is_back = id not in shelf.documents
            shelf.put(id, former)
            if is_back:  # It stands last now, out of its order.
                shelf.documents = dict(sorted(shelf.documents.items(), key=lambda pair: pair[1].number))
        self._undo.clear()


def _key(value: Any) -> Any:
    return json.dumps(value, sort_keys=True) if isinstance(value, dict | list) else value


store = Store(settings.SANDBOX_STATE)

"""A database of curves and checkpoints, by what they depend on (see `learning.identity`).

It is one SQLite file, which several processes may use at once and which survives a kill at any moment. Nothing in it is
code, and what is read has to have the digest that it was written with. It knows no JAX, and not what its bytes mean.

A store that may only be read serves what is in it; nothing is computed that could not be kept.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import time
from typing import Any

import pandas as pd

FILE = "curves.sqlite"
PATIENCE = 60.0  # seconds that a process waits while others write
DAY = 86400.0  # seconds

SCHEMA = """
CREATE TABLE IF NOT EXISTS lanes (key TEXT PRIMARY KEY, about TEXT NOT NULL, written REAL NOT NULL);
CREATE TABLE IF NOT EXISTS contents (
    key TEXT NOT NULL, kind TEXT NOT NULL, prefix BLOB NOT NULL, content BLOB NOT NULL, digest BLOB NOT NULL,
    PRIMARY KEY (key, kind, prefix)
);
"""
ROW, CHECKPOINT = "row", "checkpoint"
CONTENT = "key, kind, prefix, content, digest"


def default_home() -> Path:
    """The directory of the store in the user's cache. Raises OSError for a user without a home."""
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "asyncsim" / "store"
    except RuntimeError:
        raise OSError("HOME is not set, and the user has no folder: give --store, or --no-store") from None


@dataclass(frozen=True)
class Store:
    """The store in a directory, which is made when something is kept. It is what `replay` takes as its ``shelf``.

    Raises OSError, with one line, where the database cannot be read or written.
    """

    home: Path

    @property
    def path(self) -> Path:
        """Of the database."""
        return self.home / FILE

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """A connection for one transaction: all of it is done, or nothing."""
        with self._told(), closing(sqlite3.connect(self.path, timeout=PATIENCE)) as connection:
            connection.text_factory = partial(str, encoding="utf-8", errors="replace")  # where it is damaged
            if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'contents'").fetchone():
                connection.executescript(SCHEMA)
            with connection:
                yield connection

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Whatever is wrong with the file is one line."""
        try:
            yield
        except (sqlite3.Error, UnicodeDecodeError) as error:  # where its schema is damaged
            raise OSError(f"{self.path}: {error}: give another --store, or --no-store") from None

    @contextmanager
    def _read(self, query: str, *values: Any) -> Iterator[Iterator[tuple]]:
        """The rows of an answer, one by one."""
        if self.path.exists():
            with self._open() as connection:
                yield connection.execute(query, values)
        else:
            yield iter(())

    def _make(self) -> None:
        try:
            self.home.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OSError(f"{self.home}: {error.strerror}: give another --store, or --no-store") from None

    def check(self, writing: bool = False) -> None:
        """Raises OSError where nothing can be read, or, where it is to be or nothing is there yet, be written."""
        if not self.path.exists() or writing:
            self._make()
            with self._open() as connection:
                connection.execute("INSERT OR REPLACE INTO lanes VALUES ('', '', 0)")
                connection.rollback()
        else:
            self.rows("")

    def rows(self, key: str) -> Mapping[bytes, bytes]:
        """What was measured of a lane, by the digest of what its updates had used."""
        with self._read(f"SELECT {CONTENT} FROM contents WHERE key = ? AND kind = ?", key, ROW) as found:
            return {row[2]: row[3] for row in found if _is_whole(*row)}

    def checkpoints(self, key: str) -> Collection[bytes]:
        """The digests of what its updates had used, at which a lane can be resumed."""
        with self._read("SELECT prefix FROM contents WHERE key = ? AND kind = ?", key, CHECKPOINT) as found:
            return [prefix for (prefix,) in found]

    def checkpoint(self, key: str, prefix: bytes) -> bytes | None:
        """A checkpoint; None where it is gone, or not what was written."""
        query = f"SELECT {CONTENT} FROM contents WHERE key = ? AND kind = ? AND prefix = ?"
        with self._read(query, key, CHECKPOINT, prefix) as found:
            return next((row[3] for row in found if _is_whole(*row)), None)

    def keep(
        self,
        key: str,
        about: Mapping[str, Any],
        rows: Mapping[bytes, bytes],
        prefix: bytes,
        checkpoint: bytes,
        instead: bytes | None = None,
    ) -> None:
        """Keep rows of a lane and a checkpoint, instead of another one, all or nothing. about: what it is, as JSON."""
        self._make()
        with self._open() as connection:
            lane = key, json.dumps(about, sort_keys=True), time()
            connection.execute("INSERT OR REPLACE INTO lanes VALUES (?, ?, ?)", lane)
            new = [(ROW, at, content) for at, content in rows.items()] + [(CHECKPOINT, prefix, checkpoint)]
            connection.executemany(
                "INSERT OR REPLACE INTO contents VALUES (?, ?, ?, ?, ?)",
                [(key, kind, at, content, _digest(key, kind, at, content)) for kind, at, content in new],
            )
            if instead not in (None, prefix):
                gone = key, CHECKPOINT, instead
                connection.execute("DELETE FROM contents WHERE key = ? AND kind = ? AND prefix = ?", gone)

    # ---- for people

    def lanes(self) -> pd.DataFrame:
        """One row per lane.

        ``about``, a dictionary: what it is; ``evaluations, checkpoints``, how many; ``bytes``; ``written``, in UTC.
        """
        query = """
            SELECT about, sum(kind = 'row'), sum(kind = 'checkpoint'), sum(length(content)), written
            FROM lanes JOIN contents USING (key) GROUP BY key ORDER BY written
        """
        with self._read(query) as found:
            frame = pd.DataFrame(list(found), columns=["about", "evaluations", "checkpoints", "bytes", "written"])
        seconds = pd.to_numeric(frame["written"], errors="coerce")
        written = pd.to_datetime(seconds, unit="s", errors="coerce")
        return frame.assign(about=frame["about"].map(_about), written=written)

    def verify(self) -> int:
        """How many contents are not what was written. Raises OSError where the file itself is damaged."""
        with self._read("PRAGMA integrity_check") as found:
            wrong = [word for (word,) in found if word != "ok"]
        if wrong:
            line = " ".join(wrong[0].split())
            raise OSError(f"{self.path}: {line}: move it away; curves that were in it are computed again")
        with self._read(f"SELECT {CONTENT} FROM contents") as found:
            contents = sum(not _is_whole(*row) for row in found)
        with self._read("SELECT about FROM lanes") as found:
            return contents + sum(not _about(about) for (about,) in found)

    def prune(self, days: float) -> int:
        """Forget lanes that were written longer ago, and free their space; return how many."""
        if not self.path.exists():
            return 0
        with self._open() as connection:
            gone = connection.execute("DELETE FROM lanes WHERE written <= ?", (time() - DAY * days,)).rowcount
            connection.execute("DELETE FROM contents WHERE key NOT IN (SELECT key FROM lanes)")
        with self._told(), closing(sqlite3.connect(self.path, timeout=PATIENCE)) as connection:
            connection.execute("VACUUM")
        return gone


def _digest(key: str, kind: str, prefix: bytes, content: bytes) -> bytes:
    """Of a content in its place."""
    place = json.dumps([key, kind, prefix.hex(), len(content)])
    return hashlib.sha256(place.encode() + content).digest()


def _is_whole(key: Any, kind: Any, prefix: Any, content: Any, digest: Any) -> bool:
    """Whether a content is what was written, and where."""
    right = isinstance(key, str) and isinstance(kind, str) and isinstance(prefix, bytes) and isinstance(content, bytes)
    return right and _digest(key, kind, prefix, content) == digest


def _about(text: Any) -> dict[str, Any]:
    """What a lane is; nothing, where that cannot be read."""
    try:
        found = json.loads(text)
    except (TypeError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}

"""A database of curves and checkpoints, by what they depend on (see `learning.identity`).

It is one SQLite file, which several processes may use at once and which survives a kill at any moment. Nothing in it is
code, and what is read has to have the digest that it was written with. It knows no JAX, and not what its bytes mean.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
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


def default_home() -> Path:
    """The directory of the store in the user's cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "asyncsim" / "store"


@dataclass(frozen=True)
class Store:
    """The store in a directory, which is made when something is kept. It is what `replay` takes as its ``shelf``.

    Raises OSError where the database cannot be read or written.
    """

    home: Path

    @property
    def path(self) -> Path:
        """Of the database."""
        return self.home / FILE

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """A connection for one transaction: all of it is done, or nothing."""
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self.path, timeout=PATIENCE)) as connection:
                if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'contents'").fetchone():
                    connection.executescript(SCHEMA)
                with connection:
                    yield connection
        except sqlite3.Error as error:
            raise OSError(f"{self.path}: {error}: give another --store, or --no-store") from None

    def _read(self, query: str, *values: Any) -> list[tuple]:
        if not self.path.exists():
            return []
        with self._open() as connection:
            return connection.execute(query, values).fetchall()

    def rows(self, key: str) -> Mapping[bytes, bytes]:
        """What was measured of a lane, by the digest of what its updates had used."""
        found = self._read("SELECT prefix, content, digest FROM contents WHERE key = ? AND kind = ?", key, ROW)
        return {prefix: content for prefix, content, digest in found if _digest(content) == digest}

    def checkpoints(self, key: str) -> Collection[bytes]:
        """The digests of what its updates had used, at which a lane can be resumed."""
        found = self._read("SELECT prefix FROM contents WHERE key = ? AND kind = ?", key, CHECKPOINT)
        return [prefix for (prefix,) in found]

    def checkpoint(self, key: str, prefix: bytes) -> bytes | None:
        """A checkpoint; None where it is gone, or not what was written."""
        query = "SELECT content, digest FROM contents WHERE key = ? AND kind = ? AND prefix = ?"
        found = self._read(query, key, CHECKPOINT, prefix)
        return next((content for content, digest in found if _digest(content) == digest), None)

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
        with self._open() as connection:
            lane = key, json.dumps(about, sort_keys=True), time()
            connection.execute("INSERT OR REPLACE INTO lanes VALUES (?, ?, ?)", lane)
            new = [(ROW, at, content) for at, content in rows.items()] + [(CHECKPOINT, prefix, checkpoint)]
            connection.executemany(
                "INSERT OR REPLACE INTO contents VALUES (?, ?, ?, ?, ?)",
                [(key, kind, at, content, _digest(content)) for kind, at, content in new],
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
        frame = pd.DataFrame(self._read(query), columns=["about", "evaluations", "checkpoints", "bytes", "written"])
        return frame.assign(about=frame["about"].map(json.loads), written=pd.to_datetime(frame["written"], unit="s"))

    def verify(self) -> int:
        """How many contents are not what was written. Raises OSError where the file itself is damaged."""
        wrong = [word for (word,) in self._read("PRAGMA integrity_check") if word != "ok"]
        if wrong:
            raise OSError(f"{self.path}: {wrong[0]}: move it away; curves that were in it are computed again")
        return sum(_digest(content) != digest for content, digest in self._read("SELECT content, digest FROM contents"))

    def prune(self, days: float) -> int:
        """Forget lanes that were written longer ago, and free their space; return how many."""
        if not self.path.exists():
            return 0
        with self._open() as connection:
            gone = connection.execute("DELETE FROM lanes WHERE written <= ?", (time() - DAY * days,)).rowcount
            connection.execute("DELETE FROM contents WHERE key NOT IN (SELECT key FROM lanes)")
        with closing(sqlite3.connect(self.path, timeout=PATIENCE)) as connection:
            connection.execute("VACUUM")
        return gone


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()

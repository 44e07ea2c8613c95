"""What was downloaded and what it hashes to: a JSON file beside the weights.

``pins``: the hash of a file at its first download, for files that the catalog has no hash of, or
that the user accepted. ``seen``: hashes of files as they were at a size and time of change, so that
700 MB are hashed once and not at every start.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

from .catalog import file_sha256

LOCK_NAME = "talking-portraits.lock.json"


class LockFile:
    """The lock file of one folder. A damaged one counts as empty; one that cannot be written too.

    Args:
        folder: where the weights are downloaded to.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / LOCK_NAME

    def pin(self, file: str) -> str:
        """The hash that a file must have, or an empty text."""
        entry = self._table("pins").get(file)
        value = entry.get("sha256", "") if isinstance(entry, dict) else ""
        return value if isinstance(value, str) else ""

    def pinned_size(self, file: str) -> int:
        """The bytes that a file with a pin must have, or 0."""
        entry = self._table("pins").get(file)
        value = entry.get("bytes", 0) if isinstance(entry, dict) else 0
        return value if isinstance(value, int) else 0

    def set_pin(self, file: str, sha256: str, size: int, source: str) -> None:
        """Record a hash for ever after. Raises ``OSError``."""
        with self._changing() as content:
            content["pins"][file] = {"sha256": sha256, "bytes": size, "source": source}

    def sha256(self, path: Path) -> str:
        """Hash of a file, remembered for as long as its size and time of change stay.

        Raises ``OSError`` when the file cannot be read.
        """
        state = path.stat()
        entry = self._table("seen").get(str(path.resolve()))
        if isinstance(entry, dict) and entry.get("stamp") == [state.st_size, state.st_mtime_ns]:
            known = entry.get("sha256")
            if isinstance(known, str):
                return known
        digest = file_sha256(path)
        self.remember(path, digest)
        return digest

    def remember(self, path: Path, sha256: str) -> None:
        """Keep the hash of a file as it is now. A folder that is not writable keeps nothing."""
        with contextlib.suppress(OSError), self._changing() as content:
            state = path.stat()
            stamp = [state.st_size, state.st_mtime_ns]
            content["seen"][str(path.resolve())] = {"sha256": sha256, "stamp": stamp}

    def _table(self, name: str) -> dict[str, Any]:
        return self._read()[name]

    def _read(self) -> dict[str, dict[str, Any]]:
        content: Any = {}
        with contextlib.suppress(OSError, ValueError):
            content = json.loads(self.path.read_text(encoding="utf-8"))
        tables: dict[str, dict[str, Any]] = {}
        for name in ("pins", "seen"):
            table = content.get(name) if isinstance(content, dict) else None
            tables[name] = table if isinstance(table, dict) else {}
        return tables

    @contextlib.contextmanager
    def _changing(self) -> Generator[dict[str, dict[str, Any]], None, None]:
        content = self._read()
        yield content
        self.path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self.path.with_name(f".{LOCK_NAME}.{os.getpid()}")
        try:
            text = json.dumps({"version": 1, **content}, indent=1, sort_keys=True)
            unfinished.write_text(text + "\n", encoding="utf-8")
            unfinished.replace(self.path)
        finally:
            unfinished.unlink(missing_ok=True)

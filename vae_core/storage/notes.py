"""Notes: a small file for each thing that is open, so that a server that is started again has it again."""

import json
import re
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from vae_core.data.folders import try_replace

LARGEST = 1 << 20  # bytes of a note: a poll of a room with all its votes has 400 kB


class Notes:
    """A folder of notes. Several servers may share it: each writes to those alone that it made or has taken over.

    Args:
        server: what names this server, so that it knows its own.
        names: what a note may be called.
        private: nobody else on this machine may read them.
    """

    def __init__(self, folder: Path, server: str, names: re.Pattern[str], private: bool = False) -> None:
        self.folder, self._server, self._names, self._private = folder, server, names, private

    def write(self, name: str, about: dict[str, Any]) -> bool:
        """Remember something, whole or not at all, unless another server has taken it over; whether it was done."""
        return self._is_ours(name) and self._put(name, about)

    def take_over(self, name: str) -> None:
        """What was noted is open here from now on."""
        self._put(name, self.read(name))

    def read(self, name: str) -> dict[str, Any]:
        """What was remembered; empty if nothing was, or if it cannot be read."""
        if not self._names.fullmatch(name):
            return {}
        try:
            with open(self._path(name), "rb") as file:
                about = json.loads(file.read(LARGEST))
        except (OSError, ValueError, RecursionError):
            return {}
        return about if isinstance(about, dict) else {}

    def drop(self, name: str) -> None:
        """Forget something that was closed, unless another server has taken it over."""
        if self._is_ours(name):
            self._path(name).unlink(missing_ok=True)

    def tidy(self, most: int, seconds: float) -> None:
        """Remove what was not written for so long, and the oldest of more than so many."""
        newest = sorted(((written(path), path) for path in self.folder.glob("*.json")), reverse=True)
        for count, (at, path) in enumerate(newest):
            if count >= most or time.time() - at > seconds:
                path.unlink(missing_ok=True)

    def _put(self, name: str, about: dict[str, Any]) -> bool:
        if self._private:
            with suppress(OSError):  # told by what is written next
                self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        content = json.dumps({**about, "server": self._server}).encode()
        return len(content) <= LARGEST and try_replace(self._path(name), content, self._private)

    def _is_ours(self, name: str) -> bool:
        return bool(self.read(name).get("server", self._server) == self._server)

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.json"


def written(path: Path) -> float:
    """When a file was, as `time.time`; 0 if it is gone."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0

"""Store: trainings and runs on this machine's disk, so that neither a dead worker nor a dead server loses any.

Nothing in it names a person: runs have random ids, users are random numbers of a session.
"""

import json
import re
import secrets
import shutil
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any

from vae_core.data.folders import cache_folder, named_folder, try_replace
from vae_core.run.recording import RecordingError, Run, as_checked
from vae_core.storage.notes import Notes

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

FRAMES = 16 << 20  # bytes of frames written for each training
SPACE = 2 << 30  # bytes of all; the oldest go first
DAYS = 14
RECENT = 3600.0  # seconds: what was used since may belong to a server that runs
ID = re.compile(r"[A-Za-z0-9_-]{8,64}")


def store_folder() -> Path:
    """Where trainings are kept: NOISE_LAB_STORE, or beside the cached data."""
    return named_folder("NOISE_LAB_STORE") or cache_folder() / "runs"


class Store:
    """A folder for each training (checkpoints, recording, what it trains) and a small file for each open run.

    A disk that is full costs what is newest in it, never a run. Several servers may share a store: each writes to
    those trainings alone that it has claimed.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or store_folder()
        self._runs = Notes(self.folder / "runs", secrets.token_hex(4), ID)
        self._lock = threading.Lock()
        self._claimed: dict[str, IO[bytes]] = {}

    def of(self, feed: str) -> Path:
        """The folder of a training; its checkpoints are ``<step>.npz``."""
        return self.folder / "feeds" / feed

    def claim(self, feed: str) -> bool:
        """Whether a training is ours to write: no other server has it open. It is until `release`, or until this
        process ends, however it does."""
        with self._lock:
            if feed in self._claimed:
                return True
            try:
                self.of(feed).mkdir(parents=True, exist_ok=True)
                file = open(self.of(feed) / "claim", "ab")  # noqa: SIM115  # the lock lasts as long as it is open
            except OSError:
                return True  # full or read-only: nothing will be written
            if _locked(file):
                self._claimed[feed] = file
                return True
        file.close()
        return False

    def release(self, *feeds: str) -> None:
        """Leave trainings, all of them if none is named, to whoever opens them next."""
        with self._lock:
            for feed in feeds or list(self._claimed):
                if file := self._claimed.pop(feed, None):
                    file.close()

    # -- trainings ---------------------------------------------------------------------------

    def keep(self, feed: str, about: dict[str, Any], record: Run) -> None:
        """Write a recording, thinned to `FRAMES`, and what it is of (``about["key"]`` and whatever else)."""
        if not self.claim(feed):
            return
        record.budget = FRAMES
        record.thin()
        try:
            record.save(self.of(feed) / "recording")
        except RecordingError:
            return
        try_replace(self.of(feed) / "feed.json", json.dumps(about).encode())

    def kept(self) -> dict[str, str]:
        """Key -> feed, of all that are kept; the newest where two are equal."""
        found = {}
        for path in sorted(self.folder.glob("feeds/*/feed.json"), key=_used):
            about = _read(path)
            if about.get("key"):
                found[about["key"]] = path.parent.name
        return found

    def holds(self, feed: str) -> bool:
        """Whether there is such a training."""
        return bool(ID.fullmatch(feed)) and (self.of(feed) / "feed.json").exists()

    def open(self, feed: str) -> tuple[dict[str, Any], Run] | None:
        """What was kept of a training, or None if that cannot be read."""
        about = _read(self.of(feed) / "feed.json") if self.holds(feed) else {}
        if not about:
            return None
        try:
            return about, Run.open(self.of(feed) / "recording", recipe=as_checked)
        except RecordingError:
            return None

    def forget(self, feed: str) -> None:
        """Remove a training."""
        self.release(feed)
        shutil.rmtree(self.of(feed), ignore_errors=True)

    # -- runs --------------------------------------------------------------------------------

    def note(self, run: str, about: dict[str, Any]) -> None:
        """Remember an open run, unless another server has taken it over."""
        self._runs.write(run, about)

    def take_over(self, run: str) -> None:
        """A run that was noted is open here from now on."""
        self._runs.take_over(run)

    def noted(self, run: str) -> dict[str, Any]:
        """What was remembered of a run; empty if nothing was."""
        return self._runs.read(run)

    def drop(self, run: str) -> None:
        """Forget a run that was closed, unless another server has taken it over; its training stays."""
        self._runs.drop(run)

    # -- room --------------------------------------------------------------------------------

    def tidy(self) -> None:
        """Remove what is old, and the oldest while there is more than `SPACE`."""
        now, room = time.time(), SPACE
        feeds = [path for path in self.folder.glob("feeds/*") if path.is_dir()]
        for path in sorted(feeds, key=_used, reverse=True):
            age = now - _used(path)
            size = sum(_size(file) for file in path.rglob("*"))
            room -= size
            old = age > RECENT and (room < 0 or age > DAYS * 86400)
            if old and path.name not in self._claimed and self.claim(path.name):  # nobody has it open
                self.forget(path.name)
        for path in self.folder.glob("runs/*"):
            if now - _used(path) > DAYS * 86400:
                path.unlink(missing_ok=True)


def _locked(file: IO[bytes]) -> bool:
    """Lock an open file for this process alone; False if another has. Where the disk knows no locks, it is ours."""
    try:
        if sys.platform == "win32":
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        pass
    return True


def _read(path: Path) -> dict[str, Any]:
    try:
        about = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return about if isinstance(about, dict) else {}


def _used(path: Path) -> float:
    try:
        return max((p.stat().st_mtime for p in (path, path / "feed.json") if p.exists()), default=0.0)
    except OSError:
        return 0.0


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0

"""Folders of our own on this machine, and files in them that are replaced as a whole or not at all."""

import os
import sys
import threading
from pathlib import Path

import numpy as np


def named_folder(variable: str) -> Path | None:
    """The folder that the user names in an environment variable."""
    own = os.environ.get(variable)
    return Path(os.path.expanduser(own)) if own else None


def system_folder(mac: str, xdg: str, unix: str) -> Path:
    """The system's place for what we keep: below ~/Library, or what XDG's variable says, or below the home."""
    home = Path(os.path.expanduser("~"))
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData/Local") / "noise-lab"
    if sys.platform == "darwin":
        return home / "Library" / mac / "noise-lab"
    return Path(os.environ.get(xdg) or home / unix) / "noise-lab"


def cache_folder() -> Path:
    """What can be made again lies here: NOISE_LAB_CACHE, or the system's place for caches."""
    return named_folder("NOISE_LAB_CACHE") or system_folder("Caches", "XDG_CACHE_HOME", ".cache")


def try_replace(path: Path, content: bytes | np.ndarray, private: bool = False) -> bool:
    """Write beside, then rename: others see the old file or the new one, never a part. False if it cannot be.

    An array becomes a .npy file. A private file is for this machine's user alone.
    """
    beside = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(beside, "wb", opener=for_us_alone if private else None) as file:
                file.write(content) if isinstance(content, bytes) else np.save(file, content)
            os.replace(beside, path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError:  # full, read-only, or mapped by another process (Windows)
        return False
    return True


def for_us_alone(path: str, flags: int) -> int:
    """Opens a file that other users of this machine cannot read."""
    return os.open(path, flags, 0o600)

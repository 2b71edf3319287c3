"""Our cache of checked data: one flat uint8 .npy for the four arrays, memory-mapped, and a note beside it.

One file, so that it is replaced as a whole.
"""

import json
import math
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from vae_core.data.folders import cache_folder, try_replace
from vae_core.data.idx import FILES
from vae_core.data.originals import verify

Stamps = list[list[str | int]]  # of each file that was read: path, size, time


def _split(flat: np.ndarray) -> dict[str, np.ndarray]:
    ends = np.cumsum([math.prod(shape) for shape in FILES.values()])[:-1]
    return {stem: part.reshape(FILES[stem]) for stem, part in zip(FILES, np.split(flat, ends), strict=True)}


def _stamp(npy: Path, flat: np.ndarray) -> list[int]:
    """Size, time and the CRC of 64 spots: finds in 0.1 ms what an edit, a copy or a crash has changed."""
    spots = flat[: flat.size // 64 * 64].reshape(64, -1)[:, :1024]
    stat = npy.stat()
    return [stat.st_size, stat.st_mtime_ns, zlib.crc32(np.ascontiguousarray(spots).data)]


def cached(name: str, stamps: Stamps | None = None) -> tuple[dict[str, np.ndarray], str] | None:
    """The mapped arrays and where they came from, or None: absent, broken, or (given stamps) from other files."""
    npy, note = cache_folder() / f"{name}.npy", cache_folder() / f"{name}.json"
    try:
        about = dict(json.loads(note.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        about = {}
    if stamps and about.get("files") != stamps:
        return None
    try:
        flat = np.asarray(np.load(npy, mmap_mode="r", allow_pickle=False))
        if flat.dtype != np.uint8 or flat.shape != (sum(map(math.prod, FILES.values())),):
            return None
        if about.get("stamp") != (stamp := _stamp(npy, flat)):
            verify(name, _split(flat), str(npy))  # byte for byte
            try_replace(note, json.dumps({**about, "stamp": stamp}).encode())
    except (OSError, ValueError, EOFError):  # ValueError: not an npy file, too short, wrong checksum
        return None
    return _split(flat), about.get("origin", "our cache")


def keep(
    name: str, arrays: Mapping[str, np.ndarray], origin: str, stamps: Stamps | None = None
) -> dict[str, np.ndarray]:
    """Write checked arrays to the cache and map them; if the disk does not allow it, keep them in memory.

    `stamps` tells the files they were read from, so that `cached` can say whether those have changed.
    """
    flat = np.concatenate([arrays[stem].ravel() for stem in FILES])
    flat.flags.writeable = False
    npy, note = cache_folder() / f"{name}.npy", cache_folder() / f"{name}.json"
    if cached(name) or try_replace(npy, flat):
        try_replace(note, json.dumps({"origin": origin, "files": stamps}).encode())  # no stamp yet: checked below
    mapped = cached(name, stamps)
    return mapped[0] if mapped else _split(flat)

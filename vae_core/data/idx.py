"""IDX files, plain or compressed, and Keras's npz of the same four arrays.

The format: LeCun, Cortes and Burges, "The MNIST database of handwritten digits" (1998).
"""

import bz2
import gzip
import hashlib
import io
import lzma
import math
import struct
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath

import numpy as np

from vae_core.data.untrusted import entries, reason, shown

FILES = {  # the four files of MNIST and of its look-alikes: name -> shape
    "train-images-idx3-ubyte": (60000, 28, 28),
    "train-labels-idx1-ubyte": (60000,),
    "t10k-images-idx3-ubyte": (10000, 28, 28),
    "t10k-labels-idx1-ubyte": (10000,),
}
KERAS = ("x_train", "y_train", "x_test", "y_test")  # the same four inside mnist.npz
LIMIT = 64 << 20  # bytes: no file unpacks to more, so a crafted archive cannot fill the memory
MOST_ENTRIES = 1000  # of a zip


class DataError(ValueError):
    """A file or folder cannot be used: the message says which, what is wrong and what to do next."""


def parse_idx(raw: bytes, name: str = "the file") -> np.ndarray:
    """Decompressed IDX bytes -> read-only uint8 array of the shape in the header.

    Raises DataError if it is not an IDX file of bytes or has another size than its header says.
    """
    if len(raw) < 4 or raw[:3] != b"\0\0\x08" or not 1 <= raw[3] <= 3:
        found = f"it starts with {raw[:4].hex(' ')}" if raw else "it is empty"
        raise DataError(f"{name} is not an IDX file of bytes: {found}, not 00 00 08 and 01 to 03; download it again")
    start = 4 + 4 * raw[3]
    if len(raw) < start:
        raise DataError(f"{name} is truncated: {len(raw)} bytes, its header alone takes {start}; download it again")
    shape = struct.unpack(f">{raw[3]}I", raw[4:start])
    expected = start + math.prod(shape)
    if len(raw) != expected:
        what = "is truncated" if len(raw) < expected else "is too long"
        raise DataError(f"{name} {what}: {len(raw):,} bytes, its header announces {expected:,}; download it again")
    try:
        return np.frombuffer(raw, np.uint8, offset=start).reshape(shape)
    except ValueError as error:  # a header that no array can have
        raise DataError(f"{name} is not usable ({error}); download it again") from error


def read_file(path: Path) -> bytes:
    """The bytes of a file; DataError if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); check the path and its permissions") from error


def _unpack(name: str, raw: bytes, inside: bool = False) -> Iterator[tuple[str, np.ndarray]]:
    """One file, in any compression, -> (name, array); a zip or npz gives several, unless it lies inside another."""
    try:
        if raw[:4] == b"PK\3\4" and not inside:
            if entries(raw) > MOST_ENTRIES:
                raise DataError(f"{name} holds more than {MOST_ENTRIES:,} files; four are needed")
            with zipfile.ZipFile(io.BytesIO(raw)) as archive:
                parts = [p for p in archive.namelist() if p[-1] != "/" and (p.endswith(".npy") or stem_of(p))]
                for part in parts[:8]:  # four are needed; Kaggle's zip holds each twice
                    with archive.open(part) as stream:
                        yield from _unpack(f"{name}/{shown(part)}", stream.read(LIMIT + 1), inside=True)
            return
        for magic, opener in ((b"\x1f\x8b", gzip.open), (b"BZh", bz2.open), (b"\xfd7zXZ", lzma.open)):
            if raw.startswith(magic):
                with opener(io.BytesIO(raw)) as stream:
                    raw = stream.read(LIMIT + 1)
                break
    except DataError:
        raise
    except Exception as error:  # the readers let those of struct, of their decoders and of arithmetic through
        raise DataError(
            f"{name} ({len(raw):,} bytes) is damaged or cut short and does not unpack ({reason(error)}); "
            "download it again"
        ) from error
    if len(raw) > LIMIT:
        raise DataError(f"{name} unpacks to more than {LIMIT:,} bytes; MNIST's largest file has 47,040,016")
    if not raw.startswith(b"\x93NUMPY"):
        yield name, parse_idx(raw, name)
        return
    try:
        array = np.load(io.BytesIO(raw), allow_pickle=False)
        if array.dtype.kind not in "iu" or array.size == 0 or array.min() < 0 or array.max() > 255:
            raise ValueError(f"it holds {array.dtype} values, not whole numbers from 0 to 255")
    except Exception as error:  # numpy's reader lets those of its tokenizer and its parser through
        raise DataError(f"{name} is not usable ({reason(error)}); download it again") from error
    yield name, array.astype(np.uint8, copy=False)


def stem_of(name: str) -> str | None:
    """Which of the four files a name means: train-images-idx3-ubyte.gz, t10k-labels.idx1-ubyte, x_train.npy ..."""
    base = PurePath(name).name
    pairs = zip(FILES, KERAS, strict=True)
    return next((stem for stem, key in pairs if base.startswith(stem.split("-idx")[0]) or base == f"{key}.npy"), None)


def read_arrays(
    named: Iterable[tuple[str, bytes]], where: str, wanted: Iterable[str] = tuple(FILES)
) -> dict[str, np.ndarray]:
    """Files (name, bytes) in any compression -> the arrays of FILES, shapes checked; `where` is for the messages."""
    arrays: dict[str, np.ndarray] = {}
    for name, raw in named:
        for part, array in _unpack(shown(name), raw):
            stem = stem_of(part) or next((s for s, shape in FILES.items() if shape == array.shape), None)
            if stem is None or array.shape != FILES[stem]:
                expected = FILES[stem] if stem else " or ".join(map(str, FILES.values()))
                raise DataError(
                    f"{part} has the wrong size: it holds {array.shape} values, expected {expected}; download it again"
                )
            arrays[stem] = array
    if missing := [stem for stem in wanted if stem not in arrays]:
        raise DataError(f"{where} lacks {', '.join(missing)} (.gz or not); add what is missing, or mnist.npz")
    return arrays


def has_checksum(array: np.ndarray, checksum: str) -> bool:
    """Is this the decompressed file with that checksum? An array from an npz gets its IDX header back first."""
    digest = hashlib.sha256() if len(checksum) == 64 else hashlib.md5(usedforsecurity=False)
    digest.update(struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape))
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest() == checksum

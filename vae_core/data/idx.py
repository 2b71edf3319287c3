"""IDX files: what MNIST is published in, and by what its four files are known.

The format: LeCun, Cortes and Burges, "The MNIST database of handwritten digits" (1998).
"""

import hashlib
import math
import struct

import numpy as np

FILES = {  # the four files of MNIST and of its look-alikes: name -> shape
    "train-images-idx3-ubyte": (60000, 28, 28),
    "train-labels-idx1-ubyte": (60000,),
    "t10k-images-idx3-ubyte": (10000, 28, 28),
    "t10k-labels-idx1-ubyte": (10000,),
}


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


def has_checksum(array: np.ndarray, checksum: str) -> bool:
    """Is this the decompressed file with that checksum? An array from an npz gets its IDX header back first."""
    digest = hashlib.sha256() if len(checksum) == 64 else hashlib.md5(usedforsecurity=False)
    digest.update(struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape))
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest() == checksum

"""Packing: how a frame, or any header with arrays, travels as bytes that a browser reads without copying."""

import json
from typing import Any

import numpy as np

ALIGN = 8


def pack(header: dict[str, Any], arrays: dict[str, np.ndarray]) -> bytes:
    """Header and arrays as one byte string that a browser can read without copying.

    u32 length of the header, the header as JSON, padding to 8 bytes, then the arrays, each
    padded to 8 bytes; the header's "arrays" gives dtype, shape and offset of each.
    """
    table, chunks, offset = {}, [], 0
    for name, array in arrays.items():
        data = np.ascontiguousarray(array).tobytes()
        table[name] = {"dtype": array.dtype.name, "shape": list(array.shape), "offset": offset}
        data += bytes(-len(data) % ALIGN)
        chunks.append(data)
        offset += len(data)
    text = json.dumps({**header, "arrays": table}, allow_nan=False).encode()
    head = len(text).to_bytes(4, "little") + text
    return b"".join([head + bytes(-len(head) % ALIGN), *chunks])


def unpack(data: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """What `pack` packed: header and read-only arrays.

    Raises:
        ValueError: the bytes are not a whole packed frame.
    """
    try:
        length = int.from_bytes(data[:4], "little")
        header = json.loads(data[4 : 4 + length])
        start = 4 + length + -(4 + length) % ALIGN
        arrays = {}
        for name, entry in header.pop("arrays").items():
            dtype, shape = np.dtype(entry["dtype"]), tuple(entry["shape"])
            count = int(np.prod(shape))
            arrays[name] = np.frombuffer(data, dtype, count, start + entry["offset"]).reshape(shape)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"Not a whole recorded frame ({error}).") from None
    return header, arrays

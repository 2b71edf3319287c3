"""The header of an .npy file: what it claims is looked at before anything is made for it."""

from typing import IO

import numpy as np

READERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, whether in Fortran's order, and type of the array that follows in the stream.

    Raises:
        ValueError: there is no such header.
    """
    try:
        return READERS[np.lib.format.read_magic(stream)](stream)
    except Exception:  # numpy's reader lets those of its tokenizer and its parser through
        raise ValueError("its header cannot be read") from None


def kind_of(dtype: np.dtype) -> str:
    """What values of a type are, in words."""
    return {"O": "Python objects", "U": "text", "S": "text", "V": "records", "b": "true and false"}.get(
        dtype.kind, f"values of type {dtype}"
    )

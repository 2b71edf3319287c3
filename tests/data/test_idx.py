"""IDX: what is read, and in which words the rest is refused."""

import struct

import numpy as np
import pytest

from tests.small_sets import idx
from vae_core.data.idx import DataError, parse_idx


@pytest.mark.parametrize("shape", [(5,), (3, 28, 28), (2, 3), (0, 28, 28)])
def test_parse_idx_gives_back_what_was_written(shape):
    array = np.random.RandomState(0).randint(0, 256, shape).astype(np.uint8)
    back = parse_idx(idx(array))
    assert back.dtype == np.uint8 and back.shape == shape and not back.flags.writeable
    np.testing.assert_array_equal(back, array)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "it is empty"),
        (b"<!DOCTYPE html>", "starts with 3c 21 44 4f"),
        (struct.pack(">4BI", 0, 0, 0x0D, 1, 1) + b"1234", "not an IDX file of bytes"),
        (b"\0\0\x08\0", "not an IDX file of bytes"),
        (struct.pack(">4BI", 0, 0, 8, 3, 60), "truncated: 8 bytes, its header alone takes 16"),
        (idx(np.zeros((60, 28, 28), np.uint8))[:1000], "truncated: 1,000 bytes, its header announces 47,056"),
        (struct.pack(">4B65I", 0, 0, 8, 65, *[1] * 65) + b"x", "not an IDX file of bytes"),
        (struct.pack(">4B3I", 0, 0, 8, 3, 0, 2**32 - 1, 2**32 - 1), "not usable"),
        (idx(np.zeros(10, np.uint8)) + b"x", "too long: 19 bytes, its header announces 18"),
    ],
)
def test_parse_idx_says_what_is_wrong(raw, words):
    with pytest.raises(DataError, match=words) as caught:
        parse_idx(raw, "train-images")
    assert str(caught.value).startswith("train-images ") and "download it again" in str(caught.value)
    assert isinstance(caught.value, ValueError)

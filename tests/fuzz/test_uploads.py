"""Files of data and tables of offsets: any bytes under any name are taken or refused, and then nothing is kept."""

import bz2
import gzip
import lzma
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import small_sets
from tests.fuzz.verdict import fuzz, verdict
from tests.small_sets import idx, npz, npz_member, numbers, tar, zipped
from vae_core.data import tables
from vae_core.data.datasets import DataError, add_files
from vae_core.data.drawing import DrawingError, as_mnist, rasterise
from vae_core.data.idx import FILES
from vae_core.data.reading import KERAS

place, asked, tiny = small_sets.place, small_sets.asked, small_sets.tiny
SOUND = {name: idx(array) for name, array in numbers(1).items()}
names = st.text(max_size=20) | st.sampled_from(
    [*FILES, *KERAS, "a.csv", "x.npy", "x.npz", "../x.csv", "a\nb.npy", "a" * 300]
)


@st.composite
def lying_idx(draw) -> bytes:
    """A header of any kind, and some bytes."""
    sizes = draw(st.lists(st.sampled_from([0, 1, 2, 20, 28, 60, 784, 60000, 2**31, 2**32 - 1]), max_size=5))
    type, dimensions = draw(st.sampled_from([8, 8, 8, 9, 0x0D, 0xFF])), draw(st.sampled_from([len(sizes), 0, 3, 255]))
    return struct.pack(f">4B{len(sizes)}I", 0, 0, type, dimensions, *sizes) + draw(st.binary(max_size=60))


@st.composite
def lying_npy(draw) -> bytes:
    """A header of any kind, and some bytes."""
    kinds = ["|u1", "<f4", "<f8", "<i8", "|O", "|b1", "<U3", "<c8", "V4", "", "|u1,|u1", "<M8[s]", "<f2", "x" * 200]
    shapes = st.sampled_from(
        [(), (2,), (3, 2), (60,), (60, 28, 28), (-1, 2), (10**12, 2), (2**63, 2), (0, 2), (1,) * 40]
    )
    header = {"descr": draw(st.sampled_from(kinds)), "fortran_order": draw(st.booleans()), "shape": draw(shapes)}
    text = draw(st.just(str(header)) | st.text(max_size=60) | st.just("(" * 5000)).encode("latin-1", "replace") + b"\n"
    version = draw(st.sampled_from([b"\x01\x00", b"\x02\x00", b"\x03\x00", b"\x09\x09"]))
    length = struct.pack("<H" if version[0] == 1 else "<I", draw(st.sampled_from([len(text), 0, 65535])))
    return b"\x93NUMPY" + version + length + text + draw(st.binary(max_size=48))


@st.composite
def damaged(draw, sound: st.SearchStrategy[bytes]) -> bytes:
    """Sound bytes of which some were lost, changed or put in."""
    raw = bytearray(draw(sound))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(raw)))
        raw[at : at + draw(st.integers(0, 9))] = draw(st.binary(max_size=9))
    return bytes(raw)


def table_of(array: np.ndarray) -> list[bytes]:
    return [npz_member(array), npz(dict.fromkeys(KERAS[:1], array))]


good_table = st.sampled_from(
    [*table_of(np.ones((3, 2), np.float32)), *table_of(np.ones((2, 2), int)), b"0.5,1\n-2;3\n"]
)
bad_table = st.sampled_from([*table_of(np.array([[1, None]], object)), *table_of(np.ones(3)), b"1,2\n3\n", b""])
rows = st.lists(st.text("0123456789.eE+-naif \t,;", max_size=12), max_size=5).map("\n".join).map(str.encode)
anything = st.binary(max_size=200) | lying_npy() | lying_idx() | rows


@fuzz(250, 2500)
@given(good_table | damaged(good_table) | bad_table | anything, st.just("a.csv") | names)
def test_a_table_is_taken_or_refused(kept, data, name):
    key = verdict("tables", lambda: tables.store(data, name), (tables.TableError,), kept / "cache")
    if key is not None:
        table = tables.stored(key)
        assert table.dtype == np.float32 and table.shape[1:] == (2,) and np.isfinite(table).all()
        tables.path_of(key).unlink()


WRAPPINGS = (
    bytes,
    gzip.compress,
    bz2.compress,
    lzma.compress,
    lambda raw: zipped({"train-labels": raw}),
    lambda raw: zipped({"any": raw}),
    lambda raw: tar({"any": raw}),
)
LINE = b"0," * 784 + b"7\n"
bad_data = st.sampled_from(
    [
        npz(numbers(1), y_test=np.array([{}] * 20, object)),
        npz(numbers(3)),
        npz_member(np.ones(60)),
        npz_member(np.ones((80, 785))),
        LINE * 80,
        LINE * 3 + b"1,2",
    ]
)


@st.composite
def files(draw) -> dict[str, bytes]:
    """The four files or mnist.npz, of which one may be something else."""
    given = draw(st.sampled_from([SOUND, {"mnist.npz": npz(numbers(1))}, {}])).copy()
    if draw(st.booleans()):
        name = draw(st.sampled_from(sorted(given)) | names) if given else draw(names)
        given[name] = draw(damaged(st.just(given.get(name, b""))) | bad_data | anything)
    return {name: draw(st.sampled_from(WRAPPINGS))(raw) for name, raw in given.items()}


@fuzz(250, 2500)
@given(files())
@pytest.mark.usefixtures("tiny")
def test_files_of_data_are_taken_or_refused(place, given):
    found = verdict("data files", lambda: add_files(given), (DataError,), place)
    if found is not None:
        assert np.array_equal(found.train_images, numbers(1)["train-images-idx3-ubyte"])
        for path in (place / "cache").iterdir():
            path.unlink()


numbers_of_pens = (
    st.sampled_from([0.0, 0.5, 1, -3, 1e308, 10**400, float("nan"), None, "0.5", True, [0.5], {}]) | st.floats()
)
strokes = st.lists(
    st.lists(numbers_of_pens, max_size=7) | st.lists(st.floats(0, 1), min_size=3, max_size=3), max_size=4
)
json_values = st.recursive(
    numbers_of_pens | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3), max_leaves=8
)


@fuzz(150, 1500)
@given(strokes | st.lists(st.lists(st.floats(0, 1), min_size=6, max_size=6), min_size=1, max_size=3) | json_values)
def test_a_drawing_is_taken_or_refused(sent):
    image = verdict("drawings", lambda: as_mnist(rasterise(sent)), (DrawingError,))
    assert image is None or (image.shape == (28, 28) and image.dtype == np.uint8)

"""A user's table: what is taken, and one clear sentence for each thing that is not."""

import io
import pickle
import zipfile

import numpy as np
import pytest

from vae_core.__main__ import main
from vae_core.data.tables import LIMIT, TableError, load, path_of, store

GOOD = np.arange(6, dtype=np.float32).reshape(3, 2)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("NOISE_LAB_CACHE", str(tmp_path / "cache"))


def npy(array) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def npz(**arrays) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def claiming(shape: str, descr: str = "<f4") -> bytes:
    """An .npy of a few bytes whose header claims more."""
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}"
    header += " " * (-(10 + len(header) + 1) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + b"1234"


def zipped(inner: bytes, name: str = "table.npy") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, inner)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (npy(GOOD), "t.npy"),
        (npy(GOOD.astype(np.float64)), "t.npy"),
        (npy(GOOD.astype(np.int16)), "t.npy"),
        (npy(np.asfortranarray(GOOD)), "t.npy"),
        (npy(GOOD.astype(">f8")), "t.npy"),
        (npz(table=GOOD), "t.npz"),
        (b"0,1\n2,3\n4,5\n", "t.csv"),
        (b"\xef\xbb\xbf0; 1\r\n\r\n2;3\r\n4e0;5", "T.CSV"),
    ],
)
def test_taken(data, name):
    assert np.array_equal(load(store(data, name), 3), GOOD)


def test_one_name_for_one_content():
    assert store(npy(GOOD), "a.npy") == store(b"0,1\n2,3\n4,5\n", "b.csv") != store(npy(GOOD + 1), "a.npy")


BAD = {
    "columns": (npy(np.zeros((3, 3), np.float32)), "t.npy", "has the shape (3, 3)"),
    "flat": (npy(np.zeros(6, np.float32)), "t.npy", "has the shape (6,)"),
    "no rows": (npy(np.zeros((0, 2), np.float32)), "t.npy", "has the shape (0, 2)"),
    "text": (npy(np.array([["a", "b"]])), "t.npy", "holds text, not numbers"),
    "truth": (npy(np.ones((3, 2), bool)), "t.npy", "holds true and false"),
    "complex": (npy(np.ones((3, 2), complex)), "t.npy", "complex128"),
    "records": (npy(np.zeros(3, "f4,f4")), "t.npy", "holds records"),
    "objects": (npy(np.array([[1, None]], object)), "t.npy", "holds Python objects, not numbers"),
    "nan": (npy(np.array([[0, 1], [2, np.nan]])), "t.npy", "Row 2, column 2 of t.npy is nan"),
    "infinity": (npy(np.array([[0, 1], [-np.inf, 3]])), "t.npy", "Row 2, column 1 of t.npy is -inf"),
    "huge value": (npy(np.array([[1e300, 1]])), "t.npy", "Row 1, column 1 of t.npy is 1e+300"),
    "2 GB": (claiming("(268435456, 2)"), "t.npy", "60,000 at most; t.npy has the shape (268435456, 2)"),
    "cut": (npy(GOOD)[:-4], "t.npy", "says 24 bytes of numbers and has 20"),
    "negative": (claiming("(-1, 2)"), "t.npy", "has the shape (-1, 2)"),
    "bad header": (b"\x93NUMPY\x01\x00\x10\x00{{{{{{{{{{{{{{{{", "t.npy", "not a whole .npy file"),
    "code in header": (claiming("__import__('os')"), "t.npy", "not a whole .npy file"),
    "no header": (b"\x93NUMPY\x09\x00", "t.npy", "not a whole .npy file"),
    "empty": (b"", "t.npy", "t.npy is empty"),
    "pickle": (pickle.dumps(GOOD), "t.npy", "not a .npy, .npz or .csv file"),
    "pickle named csv": (pickle.dumps(GOOD), "t.csv", "of t.csv"),
    "two arrays": (npz(a=GOOD, b=GOOD), "t.npz", "holds 2 arrays, not one"),
    "archive of objects": (zipped(npy(np.array([[1, None]], object))), "t.npz", "holds Python objects"),
    "archive of text": (zipped(b"hello", "a.txt"), "t.npz", "holds no array"),
    "cut archive": (npz(a=GOOD)[:60], "t.npz", "not a whole .npz file"),
    "bomb": (zipped(bytes(LIMIT + 1)), "t.npz", "at most 8 MB"),
    "csv header": (b"x,y\n1,2\n", "t.csv", "Row 1, column 1 of t.csv is 'x', not a number"),
    "csv of too many rows": (b"1 2\n" * 60_001, "t.csv", "t.csv has more than 60,000 rows"),
    "csv columns": (b"1,2\n1,2,3\n", "t.csv", "Row 2 of t.csv has 3 columns, not 2"),
    "csv nan": (b"1,2\nnan,2\n", "t.csv", "Row 2, column 1 of t.csv is nan"),
    "blank csv": (b"\n\n", "t.csv", "has the shape (0, 2)"),
}


@pytest.mark.parametrize("case", BAD)
def test_refused_in_one_sentence(case):
    data, name, words = BAD[case]
    with pytest.raises(TableError) as error:
        store(data, name)
    assert words in str(error.value) and "\n" not in str(error.value)
    assert not path_of("").parent.exists()  # nothing was kept


def test_a_pickle_is_never_run():
    class Trap:
        def __reduce__(self):
            return pytest.fail, ("it was unpickled",)

    hidden = np.empty((3, 2), object)
    hidden[:] = Trap()
    for data, name in ((pickle.dumps(Trap()), "t.npy"), (npy(hidden), "t.npy"), (zipped(npy(hidden)), "t.npz")):
        with pytest.raises(TableError):
            store(data, name)


def test_rows_wanted_and_given():
    key = store(npy(GOOD), "t.npy")
    with pytest.raises(TableError, match=r"should have 60,000 rows, one for each training image; it has 3\."):
        load(key, 60_000)


@pytest.mark.parametrize("key", ["../../etc/passwd", "0" * 12, "ABC", "é"])
def test_unknown_names(key):
    with pytest.raises(TableError, match="There is no table"):
        load(key, 3)


def test_no_name_says_how_to_give_one():
    with pytest.raises(TableError, match="Offset lab page, or by --table"):
        load("", 3)


def test_a_kept_table_that_was_changed_is_refused():
    key = store(npy(GOOD), "t.npy")
    path_of(key).write_bytes(npy(np.full((3, 2), np.nan)))
    with pytest.raises(TableError, match="Row 1, column 1 of The table"):
        load(key, 3)


def test_files(tmp_path):
    with pytest.raises(TableError, match="cannot be read"):
        store(tmp_path / "absent.npy")
    with open(tmp_path / "large.npy", "wb") as file:
        file.truncate(2 * 2**30)  # 2 GB, of which nothing is written
    with pytest.raises(TableError, match="has 2,048 MB"):
        store(tmp_path / "large.npy")


def test_headless(tmp_path, capsys):
    options = ["train", "--dataset", "digits", "--train-size", "3", "--rule", "offset", "--steps", "4"]
    np.save(tmp_path / "own.npy", GOOD)
    assert main([*options, "--table", str(tmp_path / "own.npy"), "--out", str(tmp_path / "run")]) == 0
    np.save(tmp_path / "long.npy", np.zeros((4, 2)))
    assert main([*options, "--table", str(tmp_path / "long.npy")]) == 2
    assert "should have 3 rows" in capsys.readouterr().err

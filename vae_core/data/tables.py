"""A user's own table of offsets: checked, kept in the cache folder, found again by its name.

Nothing in a table is ever unpickled, and nothing is read that is larger than it may be.
"""

import hashlib
import io
import math
import re
import zipfile
from pathlib import Path

import numpy as np

from vae_core.data.folders import cache_folder, try_replace
from vae_core.data.npy import header, kind_of
from vae_core.data.untrusted import entries, shown

LIMIT = 8 * 2**20  # bytes
MOST_ROWS = 60_000  # training images
COLUMNS = 2
SHAPE = f"A table has the shape (n, {COLUMNS}), one row for each training image, {MOST_ROWS:,} at most"


class TableError(ValueError):
    """A table that cannot be used: one sentence that says what is wrong and what is wanted."""


def store(data: bytes | Path, name: str = "the table") -> str:
    """Check a table and keep it; returns the name by which a knob asks for it.

    Args:
        data: a .npy, .npz (one array) or .csv file, or its bytes.
        name: of the file, for its ending and for the error.

    Raises:
        TableError: the file is none of these, too large, of another shape, or has a bad value.
    """
    if isinstance(data, Path):
        name = data.name
        try:
            if data.stat().st_size > LIMIT:
                raise too_large(name, data.stat().st_size)
            data = data.read_bytes()
        except OSError as error:
            raise TableError(f"{data!s} cannot be read ({error.strerror}); check the path.") from None
    table = checked(read(data, name := shown(name)), name)
    key = hashlib.sha256(table.tobytes()).hexdigest()[:12]
    if not path_of(key).exists() and not try_replace(path_of(key), table):
        raise TableError(f"{name} cannot be kept: {path_of(key).parent} cannot be written; set NOISE_LAB_CACHE.")
    return key


def load(key: str, rows: int) -> np.ndarray:
    """(rows, 2) float32, a table that was stored.

    Raises:
        TableError: there is none of this name, or it has not one row for each training image.
    """
    if not key:
        raise TableError("There is no table of your own yet. Add one on the Offset lab page, or by --table PATH.")
    if not re.fullmatch("[0-9a-f]{12}", key) or not path_of(key).is_file():
        raise TableError(f"There is no table {key!r} on this machine. Add its file again on the Offset lab page.")
    table = stored(key)
    if len(table) != rows:
        raise TableError(
            f"The table should have {rows:,} rows, one for each training image; it has {len(table):,}. "
            "Add a table of that length, or start a run with as many training images."
        )
    return table


def path_of(key: str) -> Path:
    """Where the table of this name lies, if it was stored."""
    return cache_folder() / "tables" / f"{key}.npy"


def stored(key: str) -> np.ndarray:
    """A stored table, checked once more: others may write to the cache folder."""
    try:
        with open(path_of(key), "rb") as file:
            data = file.read(LIMIT + 1)
    except OSError as error:
        raise TableError(f"The table {key!r} cannot be read ({error.strerror}); add its file again.") from None
    return checked(read(data, f"{key}.npy"), f"The table {key!r}")


def read(data: bytes, name: str) -> np.ndarray:
    """The array in a file's bytes."""
    if len(data) > LIMIT:
        raise too_large(name, len(data))
    if not data:
        raise TableError(f"{name} is empty. {SHAPE}.")
    ending = Path(name).suffix.lower()
    if data.startswith(b"\x93NUMPY"):
        return from_npy(data, name)
    if data.startswith(b"PK\x03\x04"):
        return from_npz(data, name)
    if ending in (".csv", ".txt"):
        return from_csv(data, name)
    raise TableError(f"{name} is not a .npy, .npz or .csv file of numbers; save the table with numpy.save.")


def from_npy(data: bytes, name: str) -> np.ndarray:
    """The header first: what it claims is checked before anything is made for it."""
    file = io.BytesIO(data)
    try:
        shape, _, dtype = header(file)
    except ValueError:
        raise TableError(f"{name} is not a whole .npy file; save the table again with numpy.save.") from None
    if dtype.kind not in "fiu":
        raise TableError(f"{name} holds {kind_of(dtype)}, not numbers; save it as float32.")
    check_shape(shape, name)
    claimed = math.prod(shape) * dtype.itemsize
    if claimed != len(data) - file.tell():
        raise TableError(
            f"{name} says {claimed:,} bytes of numbers and has {len(data) - file.tell():,}; copy it again."
        )
    table: np.ndarray = np.load(io.BytesIO(data), allow_pickle=False)
    return table


def from_npz(data: bytes, name: str) -> np.ndarray:
    """The one array of an archive; a member that claims or unpacks to more than the limit is refused."""
    if (arrays := entries(data)) > 1:
        raise TableError(f"{name} holds {arrays:,} arrays, not one; save the table with numpy.save.")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            if members[0].file_size > LIMIT:
                raise too_large(name, members[0].file_size)
            with archive.open(members[0]) as file:
                inner = file.read(LIMIT + 1)
    except TableError:
        raise
    except Exception:  # zipfile lets those of struct, of its decoders and of its own arithmetic through
        raise TableError(f"{name} is not a whole .npz file; save the table again with numpy.savez.") from None
    if not inner.startswith(b"\x93NUMPY"):
        raise TableError(f"{name} holds no array; save the table with numpy.savez.")
    return read(inner, name)


def from_csv(data: bytes, name: str) -> np.ndarray:
    """Two numbers in each line, with commas, semicolons or blanks between."""
    rows = []
    for number, line in enumerate(data.decode("utf-8-sig", "replace").splitlines(), 1):
        if not line.strip():
            continue
        fields = re.split(r"\s*[,;]\s*|\s+", line.strip())
        if len(fields) != COLUMNS:
            raise TableError(f"Row {number} of {name} has {len(fields)} columns, not {COLUMNS}. {SHAPE}.")
        for column, field in enumerate(fields, 1):
            try:
                float(field)
            except ValueError:
                raise TableError(
                    f"Row {number}, column {column} of {name} is {field[:40]!r}, not a number. {SHAPE}, and no header."
                ) from None
        rows.append([float(field) for field in fields])
        if len(rows) > MOST_ROWS:
            raise TableError(f"{name} has more than {MOST_ROWS:,} rows. {SHAPE}.")
    return np.array(rows, np.float64).reshape(len(rows), COLUMNS)


def checked(table: np.ndarray, name: str) -> np.ndarray:
    """The table as float32 (n, 2), all finite."""
    check_shape(table.shape, name)
    with np.errstate(over="ignore"):
        numbers = np.ascontiguousarray(table, np.float32)
    bad = np.argwhere(~np.isfinite(numbers))
    if len(bad):
        row, column = bad[0]
        raise TableError(
            f"Row {row + 1}, column {column + 1} of {name} is {table[row, column]:g}; "
            "every value should be a finite number of float32."
        )
    return numbers


def check_shape(shape: tuple[int, ...], name: str) -> None:
    """Raise TableError unless it is that of a table."""
    if len(shape) != 2 or shape[1] != COLUMNS or not 1 <= shape[0] <= MOST_ROWS:
        raise TableError(f"{SHAPE}; {name} has the shape {shape}.")


def too_large(name: str, size: int) -> TableError:
    """The error for a file of so many bytes."""
    return TableError(f"{name} has {size / 2**20:,.0f} MB; a table may have at most {LIMIT // 2**20} MB.")

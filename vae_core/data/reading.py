"""MNIST's four arrays from the files that people have of it: which of the four each array is, and what is missing."""

import io
from collections.abc import Iterable
from pathlib import Path, PurePath

import numpy as np

from vae_core.data.arrays import Unfit, counts, from_csv, from_npy
from vae_core.data.idx import FILES, DataError, parse_idx
from vae_core.data.unpacking import HEAD, ZIP, contents, opened
from vae_core.data.untrusted import reason, shown

KERAS = ("x_train", "y_train", "x_test", "y_test")  # the four inside mnist.npz
LIMIT = 64 << 20  # bytes of an IDX file
COMMAS = 20  # by which a .csv is known that is not called so


def read_arrays(
    named: Iterable[tuple[str, bytes | Path]],
    where: str,
    wanted: Iterable[str] = tuple(FILES),
    guessed: bool = False,
) -> dict[str, np.ndarray]:
    """Files (name, bytes or path) in any form -> the arrays of FILES, read-only uint8, shapes checked.

    IDX files under any name, .npy, .npz and .csv (see `vae_core.data.arrays`), compressed or in a zip or tar. Which
    array is which is told by its shape.

    Args:
        where: they come from, for the messages.
        wanted: the arrays that have to be there.
        guessed: the files were not named by anybody: what is wrong with one is said if something is missing alone.

    Raises:
        DataError: a file is damaged or something else, or something is missing.
    """
    arrays: dict[str, np.ndarray] = {}
    amiss: list[DataError] = []
    for name, source in named:
        name = part = shown(name)
        try:
            for part, stream, archived in contents(name, source):
                try:
                    for array in arrays_of(part, stream, archived):
                        for half in halves(array):
                            arrays.setdefault(which(part, half), half)
                except Unfit as error:
                    amiss.append(error)
                if len(arrays) == len(FILES):
                    break
        except DataError as error:
            if not guessed:
                raise
            amiss.append(error)
        except Exception as error:  # the readers let those of struct, of their decoders and of arithmetic through
            broken = DataError(
                f"{part} is damaged or cut short and does not unpack ({reason(error)}); download it again"
            )
            if not guessed:
                raise broken from error
            amiss.append(broken)
    if missing := [stem for stem in wanted if stem not in arrays]:
        if amiss:
            raise amiss[0]
        raise DataError(f"{where} lacks {', '.join(missing)} (.gz or not); add what is missing, or mnist.npz")
    for array in arrays.values():
        array.flags.writeable = False
    return arrays


def arrays_of(name: str, stream: io.BufferedReader, archived: bool) -> list[np.ndarray]:
    """What a file holds; nothing where it is of another kind and lies in an archive, beside what is wanted."""
    head = stream.peek(HEAD)[:HEAD]
    if head.startswith(b"\x93NUMPY"):
        return from_npy(stream, name)
    if is_csv(name, head):
        return from_csv(stream, name)
    if archived and not stem_of(name) and not is_idx(head):
        return []
    if not is_idx(head):
        raise strange(name, head)
    raw = stream.read(LIMIT + 1)
    if len(raw) > LIMIT:
        raise DataError(f"{name} unpacks to more than {LIMIT:,} bytes; MNIST's largest file has 47,040,016")
    return [parse_idx(raw, name)]


def is_idx(head: bytes) -> bool:
    """Whether a file begins as an IDX file does."""
    return head[:2] == b"\0\0" and len(head) >= 4 and 8 <= head[2] <= 14 and 1 <= head[3] <= 4


def is_csv(name: str, head: bytes) -> bool:
    """Whether a file is text with commas."""
    text = b"\0" not in head and not head.lstrip().startswith(b"<")
    return text and (name.lower().endswith((".csv", ".csv.gz")) or head.count(b",") >= COMMAS)


def strange(name: str, head: bytes) -> DataError:
    """The error for a file of another kind."""
    if head[:1] == b"\x80" and head[1:2] in b"\2\3\4\5":
        return DataError(
            f"{name} is a pickle, which can run any code and is not opened; save its arrays with numpy.savez"
        )
    found = f"it starts with {head[:4].hex(' ')}" if head else "it is empty"
    return DataError(f"{name} is not an IDX file, nor a .npz, a .csv or an archive of them: {found}; download it again")


def halves(array: np.ndarray) -> list[np.ndarray]:
    """All 70,000 in one array, as OpenML has them: first those to train, then those to test."""
    train, _, both = counts()
    return [array[:train], array[train:]] if len(array) == both else [array]


def which(name: str, array: np.ndarray) -> str:
    """Which of the four an array is.

    Raises:
        Unfit: none, or not the one that it is called.
    """
    called = stem_of(name)
    stem = called or next((stem for stem, shape in FILES.items() if shape == array.shape), None)
    if stem is None or array.shape != FILES[stem]:
        expected = FILES[stem] if stem else " or ".join(map(str, FILES.values()))
        raise Unfit(f"{name} has the wrong size: it holds {array.shape} values, expected {expected}; download it again")
    return stem


def stem_of(name: str) -> str | None:
    """Which of the four files a name means: train-images-idx3-ubyte.gz, t10k-labels.idx1-ubyte, x_train.npy ..."""
    base = PurePath(name).name
    pairs = zip(FILES, KERAS, strict=True)
    return next((stem for stem, key in pairs if base.startswith(stem.split("-idx")[0]) or base == f"{key}.npy"), None)


def looks_useful(path: Path) -> bool:
    """Whether a file of a folder may hold some of MNIST: an archive, or a file that begins as one of ours does."""
    try:
        with opened(path) as file:
            if file.read(4) in ZIP:  # a large one is not read through at each look
                return True
        for name, stream, archived in contents(path.name, path):
            head = stream.peek(HEAD)[:HEAD]
            return archived or is_idx(head) or head.startswith(b"\x93NUMPY") or is_csv(name, head)
    except Exception:  # whatever is wrong with it, nobody has said that it is MNIST's
        pass
    return False

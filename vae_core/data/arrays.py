"""Images and labels as other programs write them, as MNIST's bytes.

Rows are read in pieces, so that numbers of eight bytes each never lie in memory whole; nothing is ever unpickled.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import IO

import numpy as np

from vae_core.data.idx import FILES, DataError
from vae_core.data.npy import header, kind_of
from vae_core.data.untrusted import reason

PIXELS, CLASSES = 784, 10
LARGEST = 640 << 20  # bytes: whole MNIST as numbers of eight bytes has 440 MB
PIECE = 1000  # rows that are looked at together
LONGEST_LINE = 40_000  # bytes: 785 numbers of 50 characters
LONGEST_WORD = 64  # bytes of a label that is text
AWAY = 0.25  # that a grey value of 255 may lie beside a whole number: float16 is off by 0.13


class Unfit(DataError):
    """A file that can be read and is no part of MNIST: the message says what is missing."""


def from_npy(stream: IO[bytes], name: str) -> list[np.ndarray]:
    """An .npy file as images (n, 28, 28), labels (n,), or both; uint8.

    It may hold images of any shape with 784 values each, labels, one-hot labels, or rows of a label and 784 pixels.

    Raises:
        Unfit: the shape is none of MNIST's.
        DataError: it is damaged, or its values are neither grey values nor labels.
    """
    try:
        shape, fortran, dtype = header(stream)
    except ValueError as error:
        raise DataError(f"{name} is not usable ({error}); save it again with numpy.save") from None
    rows, width = (shape[0] if shape else 0), math.prod(shape[1:])
    form = form_of(width, rows, name, shape)
    words = dtype.kind in "SU" and width == 1
    if dtype.kind not in "biuf" and not (words and dtype.itemsize <= LONGEST_WORD):
        raise DataError(f"{name} is not usable (it holds {kind_of(dtype)}, not numbers); save it as uint8")
    size = rows * width * dtype.itemsize
    if size > LARGEST:
        raise DataError(f"{name} is not usable (it announces {size:,} bytes); save it as uint8")

    def read(count: int) -> np.ndarray:
        raw = stream.read(count * width * dtype.itemsize)
        if len(raw) < count * width * dtype.itemsize:
            raise DataError(f"{name} is truncated: its header announces {size:,} bytes of numbers; download it again")
        return np.frombuffer(raw, dtype)

    def pieces() -> Iterator[np.ndarray]:
        if fortran:
            whole = read(rows).reshape(shape, order="F").reshape(rows, width)
            yield from (whole[start : start + PIECE] for start in range(0, rows, PIECE))
        else:
            for start in range(0, rows, PIECE):
                yield read(count := min(PIECE, rows - start)).reshape(count, width)
        if stream.read(1):
            raise DataError(f"{name} is too long: its header announces {size:,} bytes of numbers; download it again")

    return form(pieces(), name)


def from_csv(stream: IO[bytes], name: str) -> list[np.ndarray]:
    """A .csv file as images (n, 28, 28) and, of lines with 785 numbers, labels (n,); uint8.

    The label comes first, as in Kaggle's files, or last, as in OpenML's. A first line with names is left out.

    Raises:
        Unfit: it has not as many lines as MNIST has images.
        DataError: a line is something else.
    """
    lines = iter(lambda: stream.readline(LONGEST_LINE).decode("latin-1"), "")
    first = next(lines, "").removeprefix("\xef\xbb\xbf")  # a mark of UTF-8
    if any(is_word(field) for field in (first.partition(",")[0], first.rpartition(",")[2])):  # a line of names
        first = next(lines, "")
    width, most = first.count(",") + 1, max(counts())
    if width not in (PIXELS, PIXELS + 1):
        raise DataError(f"{name} has {width:,} columns, not {PIXELS + 1}: a label and {PIXELS} pixels; add such a file")
    rows = 0

    def pieces() -> Iterator[np.ndarray]:
        nonlocal rows
        block = [first, *islice(lines, PIECE - 1)]
        while block:
            if block := [line for line in block if line.strip()]:
                rows += len(block)
                if rows > most:
                    raise unfit(name, f"more than {most:,} images", rows)
                yield numbers(block, name)
            block = list(islice(lines, PIECE))

    found = images(pieces(), name) if width == PIXELS else images_and_labels(pieces(), name)
    form_of(width, rows, name, (rows, width))
    return found


def is_word(field: str) -> bool:
    """Whether a field is no number."""
    try:
        float(field.strip().strip('"') or 0)
    except ValueError:
        return True
    return False


def numbers(lines: list[str], name: str) -> np.ndarray:
    """(n, columns) uint8, or float32 where one is no whole number."""
    for dtype in (np.uint8, np.float32):
        try:
            return np.loadtxt(lines, dtype, comments=None, delimiter=",", quotechar='"', ndmin=2)
        except ValueError as error:
            why = error
    raise DataError(f"{name} is not usable ({reason(why)}); a line has a label and {PIXELS} numbers from 0 to 255")


# -- which of them it is ---------------------------------------------------------------------

Form = Callable[[Iterable[np.ndarray], str], list[np.ndarray]]


def form_of(width: int, rows: int, name: str, shape: tuple[int, ...]) -> Form:
    """What rows of a width are, if there are as many of them as MNIST has.

    Raises:
        Unfit: they are nothing of MNIST.
    """
    form = {PIXELS: images, PIXELS + 1: images_and_labels, 1: labels, CLASSES: one_hot}.get(width)
    if form is None:
        raise Unfit(f"{name} has the wrong size: it holds {shape} values, not images of 28×28 pixels, nor labels")
    if rows not in counts():
        what = {images: "images without labels", images_and_labels: "images with labels"}.get(form, "labels")
        raise unfit(name, f"{rows:,} {what}", rows)
    return form


def counts() -> tuple[int, int, int]:
    """How many images are to train, to test, and both together."""
    train, _, test, _ = (shape[0] for shape in FILES.values())
    return train, test, train + test


def unfit(name: str, what: str, rows: int) -> Unfit:
    """The error for a file of another length."""
    train, test, _ = counts()
    kaggle = " (Kaggle's competition gives no labels with its 28,000 test images)" if rows in (42_000, 28_000) else ""
    return Unfit(
        f"{name} is not whole MNIST: it holds {what}, and MNIST has {train:,} to train and {test:,} to test, all with "
        f"labels{kaggle}; add the four IDX files, mnist.npz, or mnist_train.csv with mnist_test.csv"
    )


def images(pieces: Iterable[np.ndarray], name: str) -> list[np.ndarray]:
    """Rows of 784 grey values, whole numbers up to 255 or parts of 1."""
    return [np.concatenate(list(grey(pieces, name))).reshape(-1, 28, 28)]


def labels(pieces: Iterable[np.ndarray], name: str) -> list[np.ndarray]:
    """Rows of one label, a number or its digits."""
    return [np.concatenate([label(piece, name) for piece in pieces])]


def one_hot(pieces: Iterable[np.ndarray], name: str) -> list[np.ndarray]:
    """Rows of ten numbers, a 1 at the label and 0 elsewhere."""
    found = []
    for piece in pieces:
        if not (((piece == 0) | (piece == 1)).all() and (piece.sum(1) == 1).all()):
            raise DataError(f"{name} is not usable (a row of ten has not one 1 and nine 0); save the labels as numbers")
        found.append(piece.argmax(1).astype(np.uint8))
    return [np.concatenate(found)]


def images_and_labels(pieces: Iterable[np.ndarray], name: str) -> list[np.ndarray]:
    """Rows of a label and 784 grey values. The label is in the first column, unless all is 0 there, as in a corner of
    MNIST's images."""
    found: list[np.ndarray] = []
    last: bool | None = None

    def pixels() -> Iterator[np.ndarray]:
        nonlocal last
        for piece in pieces:
            if last is None:
                last = not piece[:, 0].any()
            found.append(label(piece[:, -1] if last else piece[:, 0], name))
            yield piece[:, :-1] if last else piece[:, 1:]

    return [*images(pixels(), name), np.concatenate(found)]


def grey(pieces: Iterable[np.ndarray], name: str) -> Iterator[np.ndarray]:
    """The pieces as uint8; whether they are parts of 1 is told by the first that is not all 0."""
    scale = 0
    for piece in pieces:
        low, high = piece.min(), piece.max()
        if piece.dtype.kind != "f":
            bad, whole = not (low >= 0 and high <= 255), piece
        else:
            scale = scale or (0 if high == 0 else 255 if high <= 1 else 1)
            values = piece.astype(np.float32) * scale
            whole = np.rint(values)
            bad = not (low >= 0 and high * scale <= 255 + AWAY and np.abs(values - whole).max() <= AWAY)  # NaN is bad
        if bad:
            raise DataError(
                f"{name} is not usable (it holds {piece.dtype} values from {low:g} to {high:g}); "
                "pixels are whole numbers from 0 to 255, or those divided by 255"
            )
        yield whole.astype(np.uint8)


def label(piece: np.ndarray, name: str) -> np.ndarray:
    """(n,) uint8."""
    try:
        values = piece.ravel().astype(np.int64) if piece.dtype.kind in "SU" else piece.ravel()
        with np.errstate(invalid="ignore"):
            whole = values.astype(np.uint8)
        if not (whole == values).all():
            raise ValueError(f"it holds {piece.dtype} values, not labels: whole numbers from 0")
    except ValueError as error:
        raise DataError(f"{name} is not usable ({reason(error)}); save the labels as whole numbers") from None
    return whole

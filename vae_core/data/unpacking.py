"""Files inside files: what is compressed or archived, as streams of what lies in it, in turn and within bounds."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from vae_core.data.idx import DataError
from vae_core.data.untrusted import entries_in, shown

LARGEST = 1 << 30  # bytes that come out of one file: MNIST's .csv and .npz together have less
MOST_ENTRIES = 1000  # of an archive
DEEPEST = 3  # an archive's .gz: the archive, what compresses it, what compresses its files
HEADERS = 1 << 20  # bytes between two files of a tar
HEAD = 512  # bytes by which a file is recognised
BUFFER = 1 << 16
COMPRESSED = ((b"\x1f\x8b", gzip.open), (b"BZh", bz2.open), (b"\xfd7zXZ", lzma.open))
Source = IO[bytes] | io.BufferedIOBase
ZIP = (b"PK\3\4", b"PK\5\6")  # the second: an empty one


class Budget:
    """How many bytes may come out of a file.

    Args:
        name: of the file, for the error.
        outer: another one that is spent too.
    """

    def __init__(self, name: str, left: int, outer: "Budget | None" = None) -> None:
        self.name, self.left, self.outer = name, left, outer

    def spend(self, count: int) -> None:
        """So many have come out.

        Raises:
            DataError: they are too many.
        """
        self.left -= count
        if self.left < 0:
            raise DataError(f"{self.name} unpacks to more than it may; MNIST's largest file has 47,040,016 bytes")
        if self.outer:
            self.outer.spend(count)


class Bounded(io.RawIOBase):
    """A stream that is read at a budget's cost."""

    def __init__(self, stream: Source, budget: Budget) -> None:
        self._stream, self._budget = stream, budget

    def readable(self) -> bool:
        """As its name says."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """As its name says; raises DataError where the budget ends."""
        raw = self._stream.read(len(buffer))
        buffer[: len(raw)] = raw
        self._budget.spend(len(raw))
        return len(raw)


def bounded(stream: Source, budget: Budget) -> io.BufferedReader:
    """A stream that can be peeked into, and lines read from."""
    return io.BufferedReader(Bounded(stream, budget), BUFFER)


Contents = Iterator[tuple[str, io.BufferedReader, bool]]  # name, stream, whether it lies in an archive


def contents(name: str, source: bytes | Path) -> Contents:
    """The files in a file; itself where it holds none. A stream is there until the next one is asked for.

    Raises:
        DataError: it cannot be read, or more comes out of it than may.
        Exception: it is damaged; zipfile, tarfile and the decoders have many of them.
    """
    with opened(source) as file:
        budget = Budget(name, LARGEST)
        if file.read(4) in ZIP:
            yield from _zip(name, file, budget)
        else:
            file.seek(0)
            yield from _inside(name, bounded(file, budget), budget)


def opened(source: bytes | Path) -> IO[bytes]:
    """A file, or bytes as one; DataError if it cannot be read."""
    if isinstance(source, bytes):
        return io.BytesIO(source)
    try:
        return open(source, "rb")
    except OSError as error:
        raise DataError(f"{source!s} cannot be read ({error.strerror}); check the path and its permissions") from error


def _zip(name: str, file: IO[bytes], budget: Budget) -> Contents:
    if entries_in(file) > MOST_ENTRIES:
        raise DataError(f"{name} holds more than {MOST_ENTRIES:,} files; four are needed")
    with zipfile.ZipFile(file) as archive:
        for part in archive.infolist():
            if not part.is_dir():
                with archive.open(part) as stream:
                    yield from _inside(f"{name}/{shown(part.filename)}", bounded(stream, budget), budget, archived=True)


def _tar(name: str, stream: io.BufferedReader, budget: Budget) -> Contents:
    headers = Budget(name, HEADERS)  # tarfile reads a header of any size at once: between two files little is left
    with tarfile.open(fileobj=bounded(stream, headers), mode="r|") as archive:
        for count, part in enumerate(archive, 1):
            if count > MOST_ENTRIES:
                raise DataError(f"{name} holds more than {MOST_ENTRIES:,} files; four are needed")
            headers.left = HEADERS + min(part.size, LARGEST)
            inner = archive.extractfile(part) if part.isreg() else None
            if inner is not None:
                yield from _inside(f"{name}/{shown(part.name)}", bounded(inner, budget), budget, archived=True)


def _inside(name: str, stream: io.BufferedReader, budget: Budget, archived: bool = False, depth: int = 0) -> Contents:
    head = stream.peek(HEAD)
    opener = next((opener for magic, opener in COMPRESSED if head.startswith(magic)), None)
    if opener and depth < DEEPEST:
        with opener(stream) as unpacked:
            yield from _inside(name, bounded(unpacked, budget), budget, archived, depth + 1)
    elif head[257:262] == b"ustar" and not archived:
        yield from _tar(name, stream, budget)
    else:
        yield name, stream, archived

"""Archives and what is compressed: each file in turn, and no more of it than may be."""

import bz2
import gzip
import io
import lzma
import tarfile
import tracemalloc
import zipfile

import numpy as np
import pytest

from tests.small_sets import npz_member, tar, zipped
from vae_core.data import DataError, add_files, unpacking
from vae_core.data.reading import looks_useful
from vae_core.data.unpacking import contents

PACKINGS = {
    "plain": lambda raw: raw,
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "gz twice": lambda raw: gzip.compress(gzip.compress(raw)),
    "zip": lambda raw: zipped({"a/": b"", "a/file": raw}),
    "zip of gz": lambda raw: zipped({"file.gz": gzip.compress(raw)}),
    "tar": lambda raw: tar({"file": raw}),
    "tar.gz of gz": lambda raw: tar({"file": gzip.compress(raw)}, "w:gz"),
    "tar.bz2": lambda raw: tar({"file": raw}, "w:bz2"),
}


@pytest.mark.parametrize("packing", PACKINGS)
def test_what_lies_in_a_file(packing, tmp_path):
    raw = bytes(range(256)) * 1000
    path = tmp_path / "file"
    path.write_bytes(PACKINGS[packing](raw))
    for source in (path, path.read_bytes()):
        assert [(stream.read(), archived) for _, stream, archived in contents("name", source)] == [
            (raw, packing.startswith(("zip", "tar")))
        ]


def test_links_and_devices_of_a_tar_are_left_out(tmp_path):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE):
            member = tarfile.TarInfo(f"kind {kind!r}")
            member.type, member.linkname = kind, "/etc/passwd"
            archive.addfile(member)
    assert list(contents("name", out.getvalue())) == []


def test_names_from_elsewhere_are_shown_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for made in (zipped({"../../up": b"1", "a\nb": b"2"}), tar({"../../up": b"1", "a\nb": b"2"})):
        assert [name for name, *_ in contents("m", made)] == ["m/../../up", "m/a?b"]
    assert list(tmp_path.iterdir()) == []


ZEROS = bytes(64 << 20)
BOMBS = {
    "gz of zeros": lambda: gzip.compress(b"\0\0\x08\3" + ZEROS * 3, 1),
    "csv without a line end": lambda: gzip.compress(b"1," * 100_000_000, 1),
    "zip of csv": lambda: zipped({f"{k}.csv": b"1," * 50_000_000 for k in range(3)}),
    "npy that claims much": lambda: gzip.compress(claim("(70000, 784)", "<c16") + ZEROS, 1),
    "npy that claims more": lambda: gzip.compress(claim("(60000,)", "|S99999999"), 1),
    "tar with a header of a gigabyte": lambda: gzip.compress(huge_header(), 1),
    "zip of many": lambda: zipped({str(k): b"" for k in range(1500)}),
    "tar of many": lambda: tar({str(k): b"" for k in range(1500)}),
    "gz in gz in gz in gz": lambda: gzip.compress(gzip.compress(gzip.compress(gzip.compress(b"1,2")))),
}


def claim(shape, dtype):
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\1\0" + len(text).to_bytes(2, "little") + text.encode()


def huge_header():
    member = tarfile.TarInfo("long")
    member.type, member.size = tarfile.XHDTYPE, 1 << 30
    return member.tobuf(tarfile.GNU_FORMAT) + ZEROS * 2


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_refused_in_little_memory(bomb):
    raw = BOMBS[bomb]()
    tracemalloc.start()
    try:
        with pytest.raises(DataError) as caught:
            add_files({"file": raw})
        assert tracemalloc.get_traced_memory()[1] < 140 << 20
    finally:
        tracemalloc.stop()
    assert "\n" not in str(caught.value)


def test_all_files_of_an_archive_share_one_bound(monkeypatch):
    monkeypatch.setattr(unpacking, "LARGEST", 3 << 20)
    part = gzip.compress(npz_member(np.zeros((10_000, 784), np.uint8))[: 1 << 20])
    made = zipped({f"{k}.csv": b"1," * 400_000 for k in range(9)})
    for source in (made, tar({str(k): part for k in range(9)}, "w:gz")):
        with pytest.raises(DataError, match="unpacks to more than it may"):
            sum(len(stream.read()) for _, stream, _ in contents("name", source))


def test_memory_is_of_the_bytes_not_of_the_numbers(tmp_path):
    """60,000 images as numbers of eight bytes each are 376 MB."""
    images = np.random.RandomState(0).randint(0, 256, (60_000, 784)).astype(np.uint8)
    path = tmp_path / "mnist.npz"
    with zipfile.ZipFile(path, "w") as archive, archive.open("x.npy", "w", force_zip64=True) as file:
        file.write(claim("(60000, 784)", "<f8"))
        for start in range(0, 60_000, 1000):
            file.write((images[start : start + 1000] / 255).tobytes())
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="lacks train-labels"):
            add_files([path])
        assert tracemalloc.get_traced_memory()[1] < 150 << 20
    finally:
        tracemalloc.stop()


def test_files_of_a_folder_that_are_looked_into(tmp_path):
    useful = {
        "a.zip": zipped({"x": b"1"}),
        "b.csv": b"label,a,b\n",
        "c": b"\0\0\x08\3",
        "d.npy": npz_member(np.zeros(3)),
    }
    useless = {
        "e.png": b"\x89PNG",
        "g": b"",
        "h.html": b"<html>" + b"," * 99,
        "i.gz": b"\x1f\x8b\x08",
    }
    for name, raw in {**useful, **useless}.items():
        (tmp_path / name).write_bytes(raw)
    assert {path.name for path in tmp_path.iterdir() if looks_useful(path)} == set(useful)

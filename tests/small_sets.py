"""MNIST and Fashion-MNIST in small, in all the forms in which files come, and a machine without either.

The fixtures are taken over by the modules that need them: place, asked and tiny.
"""

import gzip
import hashlib
import io
import struct
import tarfile
import urllib.error
import urllib.request
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from vae_core.data.idx import FILES
from vae_core.data.originals import ORIGINALS
from vae_core.data.reading import KERAS

TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS = FILES
SHAPES = {TRAIN_IMAGES: (60, 28, 28), TRAIN_LABELS: (60,), TEST_IMAGES: (20, 28, 28), TEST_LABELS: (20,)}


def idx(array):
    return struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def numbers(seed):
    random = np.random.RandomState(seed)
    return {
        stem: random.randint(0, 10 if len(shape) == 1 else 256, shape).astype(np.uint8)
        for stem, shape in SHAPES.items()
    }


def npz(arrays, **changes):
    out = io.BytesIO()
    np.savez(out, **(dict(zip(KERAS, arrays.values(), strict=False)) | changes))
    return out.getvalue()


def zipped(parts):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, raw in parts.items():
            archive.writestr(name, raw)
    return out.getvalue()


def tar(parts, mode="w") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:
        for name, raw in parts.items():
            member = tarfile.TarInfo(name)
            member.size = len(raw)
            archive.addfile(member, io.BytesIO(raw))
    return out.getvalue()


def write(folder, arrays, suffix=".gz", pack=gzip.compress):
    folder.mkdir(parents=True, exist_ok=True)
    for stem, array in arrays.items():
        (folder / f"{stem}{suffix}").write_bytes(pack(idx(array)))
    return folder


def npz_member(array):
    out = io.BytesIO()
    np.save(out, array, allow_pickle=True)
    return out.getvalue()


def assert_holds(found, arrays):
    for have, want in zip(
        (found.train_images, found.train_labels, found.test_images, found.test_labels), arrays.values(), strict=True
    ):
        assert have.dtype == np.uint8 and have.shape == want.shape
        np.testing.assert_array_equal(have, want)


def is_mapped(array):
    while array is not None and not isinstance(array, np.memmap):
        array = getattr(array, "base", None)
    return array is not None


def change(path, edit):
    path.write_bytes(edit(path.read_bytes()))


def flip(raw, at=-12):
    raw = bytearray(raw)
    raw[at] ^= 0xFF
    return bytes(raw)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty machine: no data, no cache, no network."""
    for name in ("NOISE_LAB_DATA", "NOISE_LAB_OFFLINE", "KERAS_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.setenv("NOISE_LAB_CACHE", str(tmp_path / "cache"))
    (tmp_path / "home").mkdir()
    (tmp_path / "work" / "here").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "work" / "here")
    return tmp_path


@pytest.fixture
def asked(monkeypatch):
    """The addresses that were asked for, in order; each answers like a machine without a name server."""
    urls = []

    def urlopen(url, timeout):
        urls.append(url)
        raise urllib.error.URLError(OSError(-2, "Name or service not known"))

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    return urls


@pytest.fixture
def tiny(place, asked, monkeypatch):
    """MNIST and Fashion-MNIST shrunk to 60 + 20 images, with checksums of their own."""
    sets = {"mnist": numbers(1), "fashion_mnist": numbers(2)}
    for stem, shape in SHAPES.items():
        monkeypatch.setitem(FILES, stem, shape)
    for name, arrays in sets.items():
        new = hashlib.sha256 if name == "mnist" else hashlib.md5
        checksums = tuple(new(idx(array)).hexdigest() for array in arrays.values())
        monkeypatch.setitem(ORIGINALS, name, replace(ORIGINALS[name], checksums=checksums))
    return sets

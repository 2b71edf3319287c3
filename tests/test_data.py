"""Data sets: what is found, what is refused and in which words, what is kept. No test touches the network."""

import bz2
import gzip
import hashlib
import io
import json
import lzma
import os
import pickle
import struct
import subprocess
import sys
import threading
import time
import urllib.error
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import numpy as np
import pytest

import vae_core.data as data
from vae_core.data import DataError, add_files, load_dataset, parse_idx

REAL = os.environ.get("NOISE_LAB_DATA")
real_mnist = pytest.mark.skipif(not REAL, reason="NOISE_LAB_DATA is unset, so the real MNIST is not at hand")
TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS = data.FILES
SHAPES = {TRAIN_IMAGES: (60, 28, 28), TRAIN_LABELS: (60,), TEST_IMAGES: (20, 28, 28), TEST_LABELS: (20,)}
ROOT = Path(__file__).parents[1]


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
    np.savez_compressed(out, **(dict(zip(data.KERAS, arrays.values())) | changes))
    return out.getvalue()


def zipped(parts):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, raw in parts.items():
            archive.writestr(name, raw)
    return out.getvalue()


def write(folder, arrays, suffix=".gz", pack=gzip.compress):
    folder.mkdir(parents=True, exist_ok=True)
    for stem, array in arrays.items():
        (folder / f"{stem}{suffix}").write_bytes(pack(idx(array)))
    return folder


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

    monkeypatch.setattr(data.urllib.request, "urlopen", urlopen)
    return urls


@pytest.fixture
def tiny(place, asked, monkeypatch):
    """MNIST and Fashion-MNIST shrunk to 60 + 20 images, with checksums of their own."""
    sets = {"mnist": numbers(1), "fashion_mnist": numbers(2)}
    monkeypatch.setattr(data, "FILES", SHAPES)
    monkeypatch.setattr(
        data,
        "KNOWN",
        {
            name: replace(
                data.KNOWN[name],
                checksums=tuple(
                    (hashlib.sha256 if name == "mnist" else hashlib.md5)(idx(a)).hexdigest() for a in arrays.values()
                ),
            )
            for name, arrays in sets.items()
        },
    )
    return sets


class Answer(io.BytesIO):
    """What urlopen returns."""

    def __init__(self, body, size=None):
        super().__init__(body)
        self.headers = {"Content-Length": str(len(body) if size is None else size)}


def serve(monkeypatch, reply):
    """Let `reply(url)` answer: bytes, or an exception to raise. Returns the list of addresses asked for."""
    urls = []

    def urlopen(url, timeout):
        urls.append(url)
        answer = reply(url)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, Answer) else Answer(answer)

    monkeypatch.setattr(data.urllib.request, "urlopen", urlopen)
    return urls


def original(arrays):
    return lambda url: gzip.compress(idx(arrays[url.rsplit("/", 1)[1].removesuffix(".gz")]))


# --- IDX


@pytest.mark.parametrize("shape", [(5,), (3, 28, 28), (2, 3), (0, 28, 28)])
def test_parse_idx_gives_back_what_was_written(shape):
    array = np.random.RandomState(0).randint(0, 256, shape).astype(np.uint8)
    back = parse_idx(idx(array))
    assert back.dtype == np.uint8 and back.shape == shape and not back.flags.writeable
    np.testing.assert_array_equal(back, array)


@pytest.mark.parametrize(
    "raw, words",
    [
        (b"", "it is empty"),
        (b"<!DOCTYPE html>", "starts with 3c 21 44 4f"),
        (struct.pack(">4BI", 0, 0, 0x0D, 1, 1) + b"1234", "not an IDX file of bytes"),
        (b"\0\0\x08\0", "not an IDX file of bytes"),
        (struct.pack(">4BI", 0, 0, 8, 3, 60), "truncated: 8 bytes, its header alone takes 16"),
        (idx(np.zeros((60, 28, 28), np.uint8))[:1000], "truncated: 1,000 bytes, its header announces 47,056"),
        (idx(np.zeros(10, np.uint8)) + b"x", "too long: 19 bytes, its header announces 18"),
    ],
)
def test_parse_idx_says_what_is_wrong(raw, words):
    with pytest.raises(DataError, match=words) as caught:
        parse_idx(raw, "train-images")
    assert str(caught.value).startswith("train-images ") and "download it again" in str(caught.value)
    assert isinstance(caught.value, ValueError)


# --- names


@pytest.mark.parametrize(
    "name, words",
    [
        ("minst", "did you mean 'mnist'?"),
        ("MNIST", "did you mean 'mnist'?"),
        ("fashion-mnist", "did you mean 'fashion_mnist'?"),
        ("cats", "'cats'; valid"),
        (None, "None; valid"),
        ([], r"\[\]; valid"),
    ],
)
def test_unknown_name_lists_the_valid_ones(name, words):
    with pytest.raises(ValueError, match=words) as caught:
        load_dataset(name)
    assert str(caught.value).endswith("valid names: mnist, fashion_mnist, digits")


# --- the folder of NOISE_LAB_DATA


@pytest.mark.parametrize(
    "suffix, pack", [("", bytes), (".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)]
)
def test_own_folder_in_any_compression(tiny, place, asked, monkeypatch, suffix, pack):
    monkeypatch.setenv("NOISE_LAB_DATA", str(write(place / "own", tiny["mnist"], suffix, pack)))
    found = load_dataset("mnist")
    assert_holds(found, tiny["mnist"])
    assert (found.name, found.title, found.banner, found.classes) == ("mnist", "MNIST", None, tuple("0123456789"))
    assert str(place / "own") in found.source and "LeCun" in found.source
    assert asked == []


def test_own_folder_relative_nested_npz_or_single_file(tiny, place, monkeypatch):
    write(place / "work" / "here" / "own" / "MNIST" / "raw", tiny["mnist"])
    monkeypatch.setenv("NOISE_LAB_DATA", "own")
    assert_holds(load_dataset(), tiny["mnist"])
    (place / "npz").mkdir()
    (place / "npz" / "mnist.npz").write_bytes(npz(tiny["mnist"], y_train=tiny["mnist"][TRAIN_LABELS].astype(np.int64)))
    for own in (place / "npz", place / "npz" / "mnist.npz"):
        monkeypatch.setenv("NOISE_LAB_DATA", str(own))
        found = load_dataset()
        assert_holds(found, tiny["mnist"])
        assert "mnist.npz" in found.source


def test_names_with_dots_and_files_of_other_kinds(tiny, place, monkeypatch):
    own = place / "own"
    own.mkdir()
    for stem, array in tiny["mnist"].items():
        (own / stem.replace("-idx", ".idx")).write_bytes(idx(array))
        (own / f"{stem.replace('-idx', '.idx')}.gz.part").write_bytes(b"half a download of a browser")
        (own / f"{stem}.md5").write_bytes(b"abc")
    monkeypatch.setenv("NOISE_LAB_DATA", str(own))
    assert_holds(load_dataset(), tiny["mnist"])


def change(path, edit):
    path.write_bytes(edit(path.read_bytes()))


def flip(raw, at=-12):
    raw = bytearray(raw)
    raw[at] ^= 0xFF
    return bytes(raw)


BAD = {
    "half of the gz": (TEST_IMAGES, lambda raw: raw[: len(raw) // 2], "damaged or cut short"),
    "gz CRC": (TEST_IMAGES, lambda raw: flip(raw, -6), "damaged or cut short"),
    "gz body": (TEST_IMAGES, lambda raw: flip(raw, len(raw) // 2), "damaged or cut short|wrong checksum"),
    "half inside": (
        TEST_IMAGES,
        lambda raw: gzip.compress(gzip.decompress(raw)[:5000]),
        "truncated: 5,000 bytes, its header announces 15,696",
    ),
    "too long": (TRAIN_LABELS, lambda raw: gzip.compress(gzip.decompress(raw) + b"ab"), "too long: 70 bytes"),
    "empty": (TRAIN_LABELS, lambda raw: b"", "it is empty"),
    "web page": (TRAIN_LABELS, lambda raw: b"<html>", "not an IDX file"),
    "fewer labels": (TRAIN_LABELS, lambda raw: idx(np.zeros(59, np.uint8)), r"wrong size: it holds \(59,\).*\(60,\)"),
    "images for labels": (TEST_LABELS, lambda raw: idx(np.zeros((20, 28, 28), np.uint8)), "wrong size"),
    "one pixel": (TRAIN_IMAGES, lambda raw: gzip.compress(flip(gzip.decompress(raw))), "wrong checksum.*changed"),
    "npy for idx": (TRAIN_LABELS, lambda raw: npz_member(np.zeros(60)), "float64 values"),
    "pickle": (TRAIN_LABELS, lambda raw: npz_member(np.array([{}] * 60, object)), "allow_pickle"),
    "bomb": (TRAIN_IMAGES, lambda raw: gzip.compress(bytes(data.LIMIT + 2)), "unpacks to more than 67,108,864 bytes"),
}


def npz_member(array):
    out = io.BytesIO()
    np.save(out, array, allow_pickle=True)
    return out.getvalue()


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("filled", [False, True], ids=["first", "cache filled before"])
def test_bad_file_in_own_folder_is_reported_never_hidden(tiny, place, asked, monkeypatch, bad, filled):
    stem, edit, words = BAD[bad]
    own = write(place / "own", tiny["mnist"])
    monkeypatch.setenv("NOISE_LAB_DATA", str(own))
    if filled:
        load_dataset()
    change(own / f"{stem}.gz", edit)
    for _ in range(2):
        with pytest.raises(DataError, match=words) as caught:
            load_dataset()
        assert stem in str(caught.value) and "\n" not in str(caught.value)
    write(own, tiny["mnist"])  # repaired: works again at once
    assert_holds(load_dataset(), tiny["mnist"])
    assert asked == []


@pytest.mark.parametrize("filled", [False, True])
def test_missing_file_empty_and_absent_folder(tiny, place, monkeypatch, filled):
    own = write(place / "own", tiny["mnist"])
    monkeypatch.setenv("NOISE_LAB_DATA", str(own))
    if filled:
        load_dataset()
    (own / f"{TEST_LABELS}.gz").unlink()
    with pytest.raises(DataError, match=f"own lacks {TEST_LABELS} "):
        load_dataset()
    for path in own.iterdir():
        path.unlink()
    with pytest.raises(DataError, match="own, which holds none of MNIST's files"):
        load_dataset()
    own.rmdir()
    for name in data.KNOWN:
        with pytest.raises(DataError, match="own, which does not exist"):
            load_dataset(name)


@pytest.mark.parametrize(
    "raw, words",
    [
        (b"PK\3\4 and then nothing", "damaged or cut short"),
        (npz(numbers(1))[:900], "damaged or cut short"),
        (npz(numbers(1), x_test=np.zeros((20, 28, 27), np.uint8)), r"x_test.npy has the wrong size"),
        (npz(numbers(1), y_test=np.full(20, 300)), "y_test.npy is not usable .*int64"),
        (npz(numbers(1), y_test=np.array([{}] * 20, object)), "y_test.npy is not usable .*allow_pickle"),
        (npz(numbers(3)), "wrong checksum"),
        (zipped({"x_train.npy": npz_member(numbers(1)[TRAIN_IMAGES])}), f"lacks {TRAIN_LABELS}, {TEST_IMAGES}"),
        (
            zipped(
                {
                    "x_train.npy": b"\x93NUMPY\1\0"
                    + struct.pack("<H", 80)
                    + b"{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999,), }".ljust(79)
                    + b"\n"
                }
            ),
            "not usable",
        ),
    ],
)
def test_bad_npz(tiny, place, monkeypatch, raw, words):
    (place / "mnist.npz").write_bytes(raw)
    monkeypatch.setenv("NOISE_LAB_DATA", str(place / "mnist.npz"))
    with pytest.raises(DataError, match=words) as caught:
        load_dataset()
    assert "mnist.npz" in str(caught.value)


def test_no_pickle_is_ever_run(tiny, place, monkeypatch):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(place / "trapped"),)

    pickle.loads(pickle.dumps(Trap()))
    (place / "trapped").rmdir()  # the trap works
    with pytest.raises(DataError):
        add_files({"mnist.npz": npz(tiny["mnist"], y_test=np.array([Trap()] * 20, object))})
    assert not (place / "trapped").exists()


def test_other_data_set_is_named(tiny, place, monkeypatch):
    monkeypatch.setenv("NOISE_LAB_DATA", str(write(place / "own", tiny["fashion_mnist"])))
    with pytest.raises(DataError, match="not MNIST's: it is Fashion-MNIST's"):
        load_dataset("mnist")


def test_fashion_in_own_folder(tiny, place, monkeypatch):
    own = write(place / "own", tiny["mnist"])
    write(own / "fashion_mnist", tiny["fashion_mnist"])
    monkeypatch.setenv("NOISE_LAB_DATA", str(own))
    found = load_dataset("fashion_mnist")
    assert_holds(found, tiny["fashion_mnist"])
    assert found.classes[0] == "T-shirt/top" and len(found.classes) == 10 and found.banner is None
    assert_holds(load_dataset("mnist"), tiny["mnist"])
    change(own / "fashion_mnist" / f"{TEST_IMAGES}.gz", lambda raw: raw[:-20])
    with pytest.raises(DataError, match="fashion_mnist.*damaged"):
        load_dataset("fashion_mnist")


# --- the places where people have it already


@pytest.mark.parametrize(
    "folder", ["work/here/data/MNIST/raw", "work/data/MNIST/raw", "home/data/MNIST/raw", "work/here/data"]
)
def test_torchvision_folders(tiny, place, asked, folder):
    write(place / folder, tiny["mnist"])
    found = load_dataset()
    assert_holds(found, tiny["mnist"])
    assert str(place / folder) in found.source and asked == []


def test_keras_folders(tiny, place, asked, monkeypatch):
    keras = place / "home" / ".keras" / "datasets"
    write(keras / "fashion-mnist", tiny["fashion_mnist"])
    (keras / "mnist.npz").write_bytes(npz(tiny["mnist"]))
    assert_holds(load_dataset("mnist"), tiny["mnist"])
    assert_holds(load_dataset("fashion_mnist"), tiny["fashion_mnist"])
    assert asked == []


def test_bad_copy_elsewhere_is_skipped_and_mentioned(tiny, place, asked):
    raw = write(place / "home/data/MNIST/raw", tiny["mnist"])
    change(raw / f"{TEST_IMAGES}.gz", lambda b: b[:100])
    found = load_dataset()
    assert found.name == "digits" and len(asked) == 2
    assert "Skipped: " in found.banner and str(raw / f"{TEST_IMAGES}.gz") in found.banner
    keras = place / "home/.keras/datasets"
    keras.mkdir(parents=True)
    (keras / "mnist.npz").write_bytes(npz(tiny["mnist"]))
    assert_holds(load_dataset(), tiny["mnist"])  # the next place is still reached


# --- without MNIST


def test_without_network_digits_with_a_banner_at_once(tiny, place, asked):
    start = time.perf_counter()
    found = load_dataset("mnist")
    assert time.perf_counter() - start < 1
    assert found.name == "digits" and found.train_images.shape == (1500, 28, 28)
    for words in ("MNIST was not found", "Name or service not known", "8×8", "mnist.npz", "NOISE_LAB_DATA"):
        assert words in found.banner
    assert [url.split("/")[2] for url in asked] == ["ossci-datasets.s3.amazonaws.com", "storage.googleapis.com"]
    load_dataset("mnist")
    assert len(asked) == 4  # it failed at once, so asking again costs nothing
    fashion = load_dataset("fashion_mnist")
    assert fashion.name == "digits" and "Fashion-MNIST was not found" in fashion.banner
    assert "NOISE_LAB_DATA/fashion_mnist" in fashion.banner


@pytest.mark.parametrize(
    "env, argument, tries",
    [
        ("1", None, False),
        ("0", None, True),
        ("", None, True),
        (None, None, True),
        (None, False, False),
        ("1", True, True),
    ],
)
def test_when_a_download_is_tried(tiny, asked, monkeypatch, env, argument, tries):
    if env is not None:
        monkeypatch.setenv("NOISE_LAB_OFFLINE", env)
    found = load_dataset(download=argument)
    assert bool(asked) == tries
    assert ("the download failed" if tries else "downloads are switched off") in found.banner


def test_download_with_progress_then_from_the_cache(tiny, monkeypatch):
    urls, seen, threads = serve(monkeypatch, original(tiny["mnist"])), [], set()

    def progress(share, sentence):
        seen.append((share, sentence))
        threads.add(threading.current_thread())

    found = load_dataset(progress=progress)
    assert_holds(found, tiny["mnist"])
    assert "ossci-datasets" in found.source and found.banner is None
    assert len(urls) == 4 and threads == {threading.current_thread()}
    shares = [share for share, _ in seen]
    assert shares[0] == 0 and shares[-1] == 1 and shares == sorted(shares) and len(shares) >= 8
    assert seen[-1][1] == "Downloading MNIST: 100%"
    assert_holds(load_dataset(progress=progress), tiny["mnist"])
    assert len(urls) == 4 and len(seen) == len(shares)


@pytest.mark.parametrize(
    "broken",
    [
        lambda good: urllib.error.HTTPError("", 404, "Not Found", {}, None),
        lambda good: ConnectionResetError("reset"),
        lambda good: Answer(good[: len(good) // 2], size=len(good)),
        lambda good: b"<html>Please log in to the network</html>",
        lambda good: gzip.compress(flip(gzip.decompress(good))),
        lambda good: b"",
    ],
    ids=["404", "reset", "half", "login page", "wrong bytes", "nothing"],
)
@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_second_mirror_helps_when_the_first_is_broken(tiny, monkeypatch, broken, name):
    first, second = data.KNOWN[name].mirrors
    good = original(tiny[name])
    urls = serve(monkeypatch, lambda url: broken(good(url)) if url.startswith(first) else good(url))
    found = load_dataset(name)
    assert_holds(found, tiny[name])
    assert second in found.source
    assert [u.startswith(first) for u in urls] == [True] + [False] * 4  # a bad mirror is asked once
    serve(monkeypatch, lambda url: broken(good(url)))
    for path in data.cache_folder().iterdir():
        path.unlink()
    assert load_dataset(name).name == "digits"  # both broken: nothing wrong is ever kept
    assert not list(data.cache_folder().glob("*.npy"))


def test_mirror_that_hangs_costs_a_bounded_time_and_once(tiny, place, monkeypatch):
    monkeypatch.setattr(data, "SILENCE", 0.6)
    release = threading.Event()
    urls = serve(monkeypatch, lambda url: release.wait(20) and OSError("late"))  # as a name look-up that hangs
    start = time.perf_counter()
    found = load_dataset()
    took = time.perf_counter() - start
    assert 1.1 < took < 3 and "no answer within 0.6 s" in found.banner and len(urls) == 2
    start = time.perf_counter()
    assert "no answer within 0.6 s" in load_dataset().banner  # the next page does not wait again
    assert time.perf_counter() - start < 0.5 and len(urls) == 2
    serve(monkeypatch, original(tiny["mnist"]))
    assert_holds(load_dataset(download=True), tiny["mnist"])  # unless asked to
    release.set()


def test_mirror_that_hangs_is_tried_again_after_a_while(tiny, monkeypatch):
    data.cache_folder().mkdir()
    failed = data.cache_folder() / "mnist.unreachable"
    failed.write_text("nobody answered")
    urls = serve(monkeypatch, original(tiny["mnist"]))
    assert "nobody answered" in load_dataset().banner and urls == []
    os.utime(failed, (time.time() - data.RETRY - 5,) * 2)
    assert_holds(load_dataset(), tiny["mnist"])


def test_mirror_that_stalls_or_drips(tiny, monkeypatch):
    monkeypatch.setattr(data, "SILENCE", 0.3)
    monkeypatch.setattr(data, "PATIENCE", 1.0)
    first, _ = data.KNOWN["mnist"].mirrors

    class Slow(Answer):
        pauses = 1.0

        def read1(self, size):
            time.sleep(self.pauses)
            return super().read1(10)

    good = original(tiny["mnist"])
    serve(monkeypatch, lambda url: Slow(good(url)) if url.startswith(first) else good(url))
    assert_holds(load_dataset(), tiny["mnist"])
    for path in data.cache_folder().iterdir():
        path.unlink()
    Slow.pauses = 0.05
    serve(monkeypatch, lambda url: Slow(good(url)))
    start = time.perf_counter()
    assert "too slow or too large" in load_dataset().banner
    assert time.perf_counter() - start < 3


def test_endless_answer_is_cut(tiny, monkeypatch):
    monkeypatch.setattr(data, "LIMIT", 1 << 20)

    class Endless(Answer):
        def read1(self, size):
            return b"x" * size

    serve(monkeypatch, lambda url: Endless(b"", size=0))
    assert "too slow or too large" in load_dataset().banner


def test_an_error_in_the_progress_callback_is_the_callers(tiny, monkeypatch):
    serve(monkeypatch, original(tiny["mnist"]))

    def stop(share, sentence):
        raise KeyError("the page was closed")

    with pytest.raises(KeyError, match="the page was closed"):
        load_dataset(progress=stop)


# --- the cache


@pytest.fixture
def filled(tiny, asked):
    add_files({f"{stem}.gz": gzip.compress(idx(a)) for stem, a in tiny["mnist"].items()})
    return data.cache_folder() / "mnist.npy"


def test_cache_is_mapped_read_only_and_tidy(tiny, filled, asked):
    found = load_dataset()
    assert_holds(found, tiny["mnist"])
    for array in (found.train_images, found.train_labels, found.test_images, found.test_labels):
        assert is_mapped(array) and type(array) is np.ndarray
        with pytest.raises(ValueError):
            array[0] = 1
    with pytest.raises(FrozenInstanceError):
        found.name = "mine"
    assert sorted(p.name for p in filled.parent.iterdir()) == ["mnist.json", "mnist.npy"]
    assert asked == [] and found.banner is None and "by hand" in found.source
    copy = pickle.loads(pickle.dumps(found))
    assert_holds(copy, tiny["mnist"])


def test_unchanged_cache_is_not_hashed_again(tiny, filled, monkeypatch):
    load_dataset()
    monkeypatch.setattr(data, "_verify", lambda *args: pytest.fail("hashed again"))
    load_dataset()


def in_place(edit, keep_time=False):
    def run(npy):
        before = npy.stat()
        npy.write_bytes(edit(npy.read_bytes()))
        os.utime(npy, ns=(0, before.st_mtime_ns if keep_time else before.st_mtime_ns + 5))

    return run


BROKEN_CACHE = {
    "cut": in_place(lambda raw: raw[:-100]),
    "empty": in_place(lambda raw: b""),
    "no npy": in_place(lambda raw: b"x" * len(raw)),
    "pickle": in_place(lambda raw: pickle.dumps([1, 2])),
    "one bit": in_place(lambda raw: flip(raw, 5000)),
    "zeroed by a crash, size and time kept": in_place(lambda raw: raw[:2000] + bytes(len(raw) - 2000), keep_time=True),
    "other shape": in_place(lambda raw: npz_member(np.zeros(7, np.uint8))),
    "other type": in_place(lambda raw: npz_member(np.zeros(80 * 785, np.int8))),
    "gone": lambda npy: npy.unlink(),
}


@pytest.mark.parametrize("how", BROKEN_CACHE)
def test_broken_cache_is_found_and_rebuilt(tiny, filled, place, asked, how):
    BROKEN_CACHE[how](filled)
    assert load_dataset().name == "digits"  # nothing to rebuild from: no broken bytes are used
    write(place / "home/data/MNIST/raw", tiny["mnist"])
    assert_holds(load_dataset(), tiny["mnist"])
    again = load_dataset()
    assert_holds(again, tiny["mnist"])
    assert is_mapped(again.train_images)


@pytest.mark.parametrize("note", [None, b"", b"{", b"[]", b"3", b'{"stamp": "x"}', b"\xff\xfe"])
def test_broken_note_only_costs_a_second_look(tiny, filled, asked, note):
    path = filled.with_suffix(".json")
    path.unlink() if note is None else path.write_bytes(note)
    assert_holds(load_dataset(), tiny["mnist"])
    assert json.loads(path.read_text())["stamp"][0] == filled.stat().st_size
    assert asked == []


def test_full_disk_is_no_error(tiny, place, monkeypatch):
    def full(file, array):
        file.write(b"some")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(data.np, "save", full)
    monkeypatch.setenv("NOISE_LAB_DATA", str(write(place / "own", tiny["mnist"])))
    found = load_dataset()
    assert_holds(found, tiny["mnist"])
    assert not is_mapped(found.train_images) and not found.train_images.flags.writeable
    assert list(data.cache_folder().iterdir()) == []  # no half file stays


def test_unwritable_cache_is_no_error(tiny, place, monkeypatch):
    (place / "file").write_text("")
    monkeypatch.setenv("NOISE_LAB_CACHE", str(place / "file" / "cache"))  # also stops root, unlike chmod
    monkeypatch.setenv("NOISE_LAB_DATA", str(write(place / "own", tiny["mnist"])))
    assert_holds(load_dataset(), tiny["mnist"])
    assert load_dataset("digits").name == "digits"


def test_read_only_cache_with_another_time_is_still_used(tiny, filled, asked, monkeypatch):
    os.utime(filled, (1, 1))  # as after a copy into a container image
    monkeypatch.setattr(data, "_try_replace", lambda *args: False)
    assert_holds(load_dataset(), tiny["mnist"])


def test_many_threads_at_once(tiny, place, monkeypatch):
    monkeypatch.setenv("NOISE_LAB_DATA", str(write(place / "own", tiny["mnist"])))
    barrier = threading.Barrier(8)

    def load(_):
        barrier.wait()
        return [load_dataset() for _ in range(5)]

    with ThreadPoolExecutor(8) as pool:
        for found in sum(pool.map(load, range(8)), []):
            assert_holds(found, tiny["mnist"])
    assert sorted(p.name for p in data.cache_folder().iterdir()) == ["mnist.json", "mnist.npy"]


@pytest.mark.parametrize(
    "platform, env, expected",
    [
        ("linux", {"XDG_CACHE_HOME": "/x"}, "/x/noise-lab"),
        ("linux", {}, "home/.cache/noise-lab"),
        ("darwin", {}, "home/Library/Caches/noise-lab"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/noise-lab"),
        ("linux", {"NOISE_LAB_CACHE": "~/mine"}, "home/mine"),
    ],
)
def test_cache_folder(place, monkeypatch, platform, env, expected):
    for name in ("NOISE_LAB_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(data.sys, "platform", platform)
    assert data.cache_folder() == place / expected


# --- files dropped on the page


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
@pytest.mark.parametrize(
    "dropped",
    [
        lambda a: {f"{stem}.gz": gzip.compress(idx(x)) for stem, x in a.items()},
        lambda a: {f"file ({i})": idx(x) for i, x in enumerate(a.values())},  # told apart by their shapes
        lambda a: {"mnist.npz": npz(a)},
        lambda a: {
            "archive.zip": zipped(
                {"README": b"hello", "__MACOSX/._train-images-idx3-ubyte": b"junk"}
                | {f"{stem}/": b"" for stem in a}
                | {f"{stem}/{stem.replace('-idx', '.idx')}": idx(x) for stem, x in a.items()}
            )
        },
    ],
    ids=["four gz", "renamed", "npz", "Kaggle's zip"],
)
def test_add_files_then_load(tiny, asked, dropped, name):
    assert load_dataset(name).name == "digits"
    added = add_files(dropped(tiny[name]))
    assert added.name == name
    assert_holds(added, tiny[name])
    del asked[:]
    found = load_dataset(name)
    assert_holds(found, tiny[name])
    assert asked == [] and found.banner is None


def test_add_files_takes_paths(tiny, place):
    folder = write(place / "downloads", tiny["mnist"])
    assert_holds(add_files(sorted(folder.iterdir())), tiny["mnist"])
    with pytest.raises(DataError, match="nowhere.gz cannot be read"):
        add_files([folder / "nowhere.gz"])
    with pytest.raises(DataError, match="downloads cannot be read"):
        add_files([folder])


@pytest.mark.parametrize(
    "files, words",
    [
        ({}, "lacks train-images-idx3-ubyte, train-labels"),
        ({"cat.jpg": b"\xff\xd8\xff\xe0"}, "cat.jpg is not an IDX file"),
        ({"other": idx(np.zeros((3, 28, 28), np.uint8))}, r"other has the wrong size: it holds \(3, 28, 28\)"),
        ({f: idx(a) for f, a in numbers(9).items()}, "wrong checksum"),
        (
            {f: idx((numbers(1) | {TEST_IMAGES: numbers(2)[TEST_IMAGES]})[f]) for f in SHAPES},
            "t10k-images.*is Fashion-MNIST's",
        ),
    ],
)
def test_add_files_refuses_and_keeps_nothing(tiny, files, words):
    with pytest.raises(DataError, match=words):
        add_files(files)
    assert not data.cache_folder().exists()


# --- digits


def test_digits(place):
    digits = load_dataset("digits")
    assert (digits.name, digits.banner, digits.classes) == ("digits", None, tuple("0123456789"))
    assert digits.train_images.shape == (1500, 28, 28) and digits.test_images.shape == (297, 28, 28)
    images = np.concatenate([digits.train_images, digits.test_images])
    labels = np.concatenate([digits.train_labels, digits.test_labels])
    assert images.dtype == labels.dtype == np.uint8 and images.max() == 255
    border = images.copy()
    border[:, 4:24, 4:24] = 0
    assert border.max() == 0  # a box of 20x20, centred
    assert set(np.bincount(digits.test_labels, minlength=10) > 15) == {True}
    assert not digits.train_images.flags.writeable
    assert hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest() == DIGITS


DIGITS = "3740d1e7e2b3b5d6d1203427ca5c7c0cc35c894dc3527b8908ec5784a3f931c6"  # exact integers and a frozen random stream: the same bytes on each machine


def test_digits_are_scikit_learns_enlarged(place):
    from sklearn.datasets import load_digits

    theirs, ours = load_digits(), load_dataset("digits")
    order = np.random.RandomState(0).permutation(1797)
    np.testing.assert_array_equal(ours.train_labels, theirs.target[order][:1500])
    np.testing.assert_array_equal(ours.test_labels, theirs.target[order][1500:])
    # an independent oracle: the mean of each of the 4x4 blocks of 5x5 pixels is close to that of 2x2 of theirs
    blocks = ours.test_images[:, 4:24, 4:24].reshape(-1, 4, 5, 4, 5).mean((2, 4)) / 255
    coarse = theirs.images[order][1500:].reshape(-1, 4, 2, 4, 2).mean((2, 4)) / 16
    assert np.abs(blocks - coarse).mean() < 0.03 and np.corrcoef(blocks.ravel(), coarse.ravel())[0, 1] > 0.98
    small, _ = data._small_digits()
    np.testing.assert_array_equal(small, theirs.images)


def test_digits_by_the_slow_path_are_the_same(place, monkeypatch):
    fast = load_dataset("digits")
    monkeypatch.setattr(data.importlib.util, "find_spec", lambda name: None)
    slow = load_dataset("digits")
    np.testing.assert_array_equal(fast.train_images, slow.train_images)
    np.testing.assert_array_equal(fast.test_labels, slow.test_labels)
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(DataError, match="pip install scikit-learn"):
        load_dataset("digits")


def python(code, **env):
    return subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | env,
    )


def test_no_heavy_imports(tmp_path):
    process = python(
        "import sys, vae_core.data as d; d.load_dataset('digits'); "
        "print(sorted({'torch', 'streamlit', 'sklearn', 'scipy', 'pandas'} & set(sys.modules)))"
    )
    out, err = process.communicate(timeout=60)
    assert (out.strip(), err) == ("[]", "")


# --- the real MNIST


@real_mnist
def test_real_mnist(tmp_path, monkeypatch, asked):
    monkeypatch.setenv("NOISE_LAB_CACHE", str(tmp_path))
    times = []
    for _ in range(20):
        start = time.perf_counter()
        found = load_dataset("mnist")
        times.append(time.perf_counter() - start)
    print(f"first load {1e3 * times[0]:.0f} ms, then {1e3 * np.median(times[1:]):.2f} ms")
    assert times[0] < 5 and np.median(times[1:]) < 0.01
    assert found.train_images.shape == (60000, 28, 28) and found.test_images.shape == (10000, 28, 28)
    assert all(is_mapped(a) for a in (found.train_images, found.train_labels, found.test_images, found.test_labels))
    # facts about MNIST that do not come from our code
    assert found.train_labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert found.test_labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert np.bincount(found.train_labels).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert found.train_images.mean() / 255 == pytest.approx(0.1307, abs=5e-5)
    assert found.train_images.std() / 255 == pytest.approx(0.3081, abs=5e-5)
    assert asked == []


@real_mnist
def test_real_mnist_as_npz_has_the_same_checksums(place, asked):
    files = {p.name: p.read_bytes() for p in Path(REAL if os.path.isabs(REAL) else START / REAL).glob("*ubyte*")}
    arrays = data._arrays(files.items(), "here")
    arrays = {stem: arrays[stem] for stem in data.FILES}
    found = add_files({"mnist.npz": npz(arrays)})
    assert found.name == "mnist" and asked == []
    assert_holds(found, arrays)
    wrong = arrays | {TRAIN_IMAGES: arrays[TRAIN_IMAGES].copy()}
    wrong[TRAIN_IMAGES][59999, 27, 27] ^= 1
    with pytest.raises(DataError, match="train-images-idx3-ubyte of what was added has the right size but a wrong"):
        data._verify("mnist", wrong, "what was added")


START = Path.cwd()  # a relative NOISE_LAB_DATA means the folder pytest was started in


@real_mnist
def test_several_processes_fill_one_cache(tmp_path):
    code = (
        "import hashlib, vae_core.data as d; f = d.load_dataset('mnist', download=False); "
        "print(f.name, hashlib.sha256(f.test_labels).hexdigest()[:8], int(f.train_images.sum()))"
    )
    own = str((START / REAL).resolve())
    running = [python(code, NOISE_LAB_CACHE=str(tmp_path), NOISE_LAB_DATA=own) for _ in range(4)]
    outs = {process.communicate(timeout=120) for process in running}
    assert len(outs) == 1 and next(iter(outs))[0].startswith("mnist ") and next(iter(outs))[1] == ""
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mnist.json", "mnist.npy"]

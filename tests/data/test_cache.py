"""Our cache: mapped, checked once, replaced when it is broken, and never in the way."""

import gzip
import json
import os
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError
from itertools import chain

import numpy as np
import pytest

from tests import small_sets
from tests.small_sets import assert_holds, flip, idx, is_mapped, npz_member, write
from vae_core.data import add_files, cache, cache_folder, load_dataset

place, asked, tiny = small_sets.place, small_sets.asked, small_sets.tiny


@pytest.fixture
def filled(tiny, asked):
    add_files({f"{stem}.gz": gzip.compress(idx(a)) for stem, a in tiny["mnist"].items()})
    return cache_folder() / "mnist.npy"


def test_cache_is_mapped_read_only_and_tidy(tiny, filled, asked):
    found = load_dataset()
    assert_holds(found, tiny["mnist"])
    for array in (found.train_images, found.train_labels, found.test_images, found.test_labels):
        assert is_mapped(array) and type(array) is np.ndarray
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    with pytest.raises(FrozenInstanceError):
        found.name = "mine"
    assert sorted(p.name for p in filled.parent.iterdir()) == ["mnist.json", "mnist.npy"]
    assert asked == [] and found.banner is None and "by hand" in found.source
    copy = pickle.loads(pickle.dumps(found))
    assert_holds(copy, tiny["mnist"])


def test_unchanged_cache_is_not_hashed_again(tiny, filled, monkeypatch):
    load_dataset()
    monkeypatch.setattr(cache, "verify", lambda *args: pytest.fail("hashed again"))
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

    monkeypatch.setattr(np, "save", full)
    monkeypatch.setenv("NOISE_LAB_DATA", str(write(place / "own", tiny["mnist"])))
    found = load_dataset()
    assert_holds(found, tiny["mnist"])
    assert not is_mapped(found.train_images) and not found.train_images.flags.writeable
    assert list(cache_folder().iterdir()) == []  # no half file stays


def test_unwritable_cache_is_no_error(tiny, place, monkeypatch):
    (place / "file").write_text("")
    monkeypatch.setenv("NOISE_LAB_CACHE", str(place / "file" / "cache"))  # also stops root, unlike chmod
    monkeypatch.setenv("NOISE_LAB_DATA", str(write(place / "own", tiny["mnist"])))
    assert_holds(load_dataset(), tiny["mnist"])
    assert load_dataset("digits").name == "digits"


def test_read_only_cache_with_another_time_is_still_used(tiny, filled, asked, monkeypatch):
    os.utime(filled, (1, 1))  # as after a copy into a container image
    monkeypatch.setattr(cache, "try_replace", lambda *args: False)
    assert_holds(load_dataset(), tiny["mnist"])


def test_many_threads_at_once(tiny, place, monkeypatch):
    monkeypatch.setenv("NOISE_LAB_DATA", str(write(place / "own", tiny["mnist"])))
    barrier = threading.Barrier(8)

    def load(_):
        barrier.wait()
        return [load_dataset() for _ in range(5)]

    with ThreadPoolExecutor(8) as pool:
        for found in chain.from_iterable(pool.map(load, range(8))):
            assert_holds(found, tiny["mnist"])
    assert sorted(p.name for p in cache_folder().iterdir()) == ["mnist.json", "mnist.npy"]

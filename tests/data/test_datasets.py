"""Data sets: what is found where, what is refused and in which words. No test touches the network."""

import bz2
import gzip
import lzma
import os
import pickle
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests import small_sets
from tests.small_sets import (
    SHAPES,
    TEST_IMAGES,
    TEST_LABELS,
    TRAIN_IMAGES,
    TRAIN_LABELS,
    assert_holds,
    change,
    flip,
    idx,
    is_mapped,
    npz,
    npz_member,
    numbers,
    write,
    zipped,
)
from vae_core.data import DataError, add_files, cache_folder, load_dataset
from vae_core.data.idx import FILES
from vae_core.data.originals import ORIGINALS, verify
from vae_core.data.reading import LIMIT, read_arrays

place, asked, tiny = small_sets.place, small_sets.asked, small_sets.tiny
REAL = os.environ.get("NOISE_LAB_DATA")
real_mnist = pytest.mark.skipif(not REAL, reason="NOISE_LAB_DATA is unset, so the real MNIST is not at hand")
ROOT = Path(__file__).parents[2]
START = Path.cwd()  # a relative NOISE_LAB_DATA means the folder pytest was started in


# --- names


@pytest.mark.parametrize(
    ("name", "words"),
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
    ("suffix", "pack"), [("", bytes), (".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)]
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
    "npy for idx": (TRAIN_LABELS, lambda raw: npz_member(np.full(60, 0.5)), "float64 values"),
    "pickle": (TRAIN_LABELS, lambda raw: npz_member(np.array([{}] * 60, object)), "Python objects"),
    "bomb": (
        TRAIN_IMAGES,
        lambda raw: gzip.compress(b"\0\0\x08\3" + bytes(LIMIT), 1),
        "unpacks to more than 67,108,864 bytes",
    ),
}


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
    for name in ORIGINALS:
        with pytest.raises(DataError, match="own, which does not exist"):
            load_dataset(name)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"PK\3\4 and then nothing", "damaged or cut short"),
        (npz(numbers(1))[:900], "damaged or cut short"),
        (npz(numbers(1), x_test=np.zeros((20, 28, 27), np.uint8)), r"x_test.npy has the wrong size"),
        (npz(numbers(1), y_test=np.full(20, 300)), "y_test.npy is not usable .*int64"),
        (npz(numbers(1), y_test=np.array([{}] * 20, object)), "y_test.npy is not usable .*Python objects"),
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
            "it holds 99,999,999,999,999 labels",
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
    with pytest.raises(DataError, match=r"fashion_mnist.*damaged"):
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
    with pytest.raises(DataError, match=r"nowhere\.gz cannot be read"):
        add_files([folder / "nowhere.gz"])
    with pytest.raises(DataError, match="downloads cannot be read"):
        add_files([folder])


@pytest.mark.parametrize(
    ("files", "words"),
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
    assert not cache_folder().exists()


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
    arrays = read_arrays(files.items(), "here")
    arrays = {stem: arrays[stem] for stem in FILES}
    found = add_files({"mnist.npz": npz(arrays)})
    assert found.name == "mnist" and asked == []
    assert_holds(found, arrays)
    wrong = arrays | {TRAIN_IMAGES: arrays[TRAIN_IMAGES].copy()}
    wrong[TRAIN_IMAGES][59999, 27, 27] ^= 1
    with pytest.raises(DataError, match="train-images-idx3-ubyte of what was added has the right size but a wrong"):
        verify("mnist", wrong, "what was added")


@real_mnist
def test_several_processes_fill_one_cache(tmp_path):
    code = (
        "import hashlib, vae_core.data.datasets as d; f = d.load_dataset('mnist', download=False); "
        "print(f.name, hashlib.sha256(f.test_labels).hexdigest()[:8], int(f.train_images.sum()))"
    )
    own = str((START / REAL).resolve())
    running = [python(code, NOISE_LAB_CACHE=str(tmp_path), NOISE_LAB_DATA=own) for _ in range(4)]
    outs = {process.communicate(timeout=120) for process in running}
    assert len(outs) == 1 and next(iter(outs))[0].startswith("mnist ") and next(iter(outs))[1] == ""
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mnist.json", "mnist.npy"]

"""MNIST in the forms in which people have it: the same bytes, or one sentence that says what is missing."""

import gzip

import numpy as np
import pytest

from tests import small_sets
from tests.small_sets import (
    TEST_IMAGES,
    TEST_LABELS,
    TRAIN_IMAGES,
    TRAIN_LABELS,
    assert_holds,
    idx,
    npz_member,
    numbers,
    tar,
    write,
    zipped,
)
from vae_core.__main__ import main
from vae_core.data import DataError, add_files, arrays, load_dataset

place, asked, tiny = small_sets.place, small_sets.asked, small_sets.tiny


def packed(**members) -> bytes:
    return zipped({f"{key}.npy": npz_member(np.asarray(value)) for key, value in members.items()})


def named(images, labels, keys=("train_images", "train_labels", "test_images", "test_labels")):
    """An .npz of MNIST, its arrays changed by two functions."""
    change = {3: images, 1: labels}
    return lambda a: {"mnist.npz": packed(**{k: change[x.ndim](x) for k, x in zip(keys, a.values(), strict=True)})}


def same(array):
    return array


def one_hot(y):
    return np.eye(10, dtype=np.float32)[y]


def together(a):
    """(80, 28, 28) and (80,): all images, those to train first."""
    return np.concatenate([a[TRAIN_IMAGES], a[TEST_IMAGES]]), np.concatenate([a[TRAIN_LABELS], a[TEST_LABELS]])


def csv(images, labels, header="", last=False, form=str) -> bytes:
    rows = []
    for image, label in zip(images, labels, strict=True):
        pixels = [form(value) for value in image.ravel()]
        rows.append(",".join([*pixels, str(label)] if last else [str(label), *pixels]))
    return ("\n".join([header, *rows] if header else rows) + "\n").encode()


def idx_files(a):
    return {f"{stem}.gz": gzip.compress(idx(x)) for stem, x in a.items()}


def two_tables(a, **options):
    return {
        "mnist_train.csv": csv(a[TRAIN_IMAGES], a[TRAIN_LABELS], **options),
        "mnist_test.csv": csv(a[TEST_IMAGES], a[TEST_LABELS], **options),
    }


HEADER = "label," + ",".join(f"{row}x{column}" for row in range(1, 29) for column in range(1, 29))
OPENML = ",".join(f"pixel{k}" for k in range(1, 785)) + ",class"
FORMS = {
    "idx under other names": lambda a: {f"file{i}.bin": idx(x) for i, x in enumerate(a.values())},
    "other keys": named(same, same),
    "keys that say nothing": named(same, same, ("a", "b", "c", "d")),
    "flat": named(lambda x: x.reshape(-1, 784), same),
    "with a channel": named(lambda x: x[..., None], lambda y: y[:, None]),
    "channel first": named(lambda x: x[:, None], same),
    "labels int64": named(same, lambda y: y.astype(np.int64)),
    "labels float": named(same, lambda y: y.astype(float)),
    "labels text": named(same, lambda y: y.astype(str)),
    "one-hot": named(same, one_hot),
    "float16 to 1": named(lambda x: (x / 255).astype(np.float16), same),
    "float32 to 1": named(lambda x: (x / 255).astype(np.float32), same),
    "float64 to 255": named(lambda x: x.astype(float), same),
    "int64": named(lambda x: x.astype(np.int64), same),
    "big-endian": named(lambda x: x.astype(">i4"), same),
    "Fortran's order": named(np.asfortranarray, same),
    "Fortran's order, flat": named(lambda x: np.asfortranarray(x.reshape(-1, 784)), same),
    "OpenML's": lambda a: {"openml.npz": packed(X=together(a)[0].reshape(-1, 784), y=together(a)[1].astype(str))},
    "label and pixels in one array": lambda a: {
        "all.npy": npz_member(np.column_stack([together(a)[1], together(a)[0].reshape(-1, 784)]))
    },
    "four .npy": lambda a: {f"{i}.npy": npz_member(x) for i, x in enumerate(a.values())},
    "csv": two_tables,
    "csv with names": lambda a: two_tables(a, header=HEADER),
    "csv, gz": lambda a: {f"{name}.gz": gzip.compress(raw) for name, raw in two_tables(a).items()},
    "csv of parts of 1": lambda a: two_tables(a, form=lambda value: f"{value / 255:.6f}"),
    "OpenML's csv": lambda a: {"mnist_784.csv": csv(*together(a), header=OPENML, last=True)},
    "csv with Windows' line ends": lambda a: {k: x.replace(b"\n", b"\r\n") for k, x in two_tables(a).items()},
    "zip of csv": lambda a: {"archive.zip": zipped({**two_tables(a), "LICENSE": b"free"})},
    "zip of renamed gz": lambda a: {"m.zip": zipped({f"{i}": x for i, x in enumerate(idx_files(a).values())})},
    "tar": lambda a: {"mnist.tar": tar({"mnist/README": b"hello", **idx_files(a)})},
    "tar.gz": lambda a: {"mnist.tgz": tar(idx_files(a), "w:gz")},
    "tar.xz of csv": lambda a: {"mnist.tar.xz": tar(two_tables(a), "w:xz")},
    "more than MNIST in one .npz": lambda a: {
        "m.npz": packed(mean=np.zeros(3), **dict(zip(["xt", "yt", "xv", "yv"], a.values(), strict=True)))
    },
}


@pytest.fixture
def empty_corners(monkeypatch):
    """MNIST's first and last pixels are 0, by which the column of labels is told; those of the small sets are not."""

    def with_corners(seed):
        arrays = numbers(seed)
        for stem in (TRAIN_IMAGES, TEST_IMAGES):
            arrays[stem][:, 0, 0] = arrays[stem][:, -1, -1] = 0
        return arrays

    monkeypatch.setattr(small_sets, "numbers", with_corners)


@pytest.fixture
def mnist(empty_corners, tiny):
    return tiny["mnist"]


@pytest.mark.parametrize("form", FORMS)
def test_each_form_gives_the_published_bytes(mnist, form):
    assert_holds(add_files(FORMS[form](mnist)), mnist)


@pytest.mark.parametrize("form", FORMS)
def test_each_form_is_found_in_the_folder(mnist, place, asked, monkeypatch, form):
    (place / "own").mkdir()
    (place / "own" / "notes.txt").write_text("Where these come from, and why.")
    (place / "own" / "photo.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(2000))
    for name, raw in FORMS[form](mnist).items():
        (place / "own" / name).write_bytes(raw)
    monkeypatch.setenv("NOISE_LAB_DATA", str(place / "own"))
    for _ in range(2):
        found = load_dataset()
        assert_holds(found, mnist)
        assert str(place / "own") in found.source and asked == []


def test_one_file_that_was_renamed_is_found_beside_the_others(mnist, place, monkeypatch):
    own = write(place / "own", mnist)
    (own / f"{TEST_LABELS}.gz").rename(own / "labels-of-the-test.gz")
    (own / "half.zip").write_bytes(b"PK\3\4 half a download of something else")
    monkeypatch.setenv("NOISE_LAB_DATA", str(own))
    assert_holds(load_dataset(), mnist)


def test_fashion_in_another_form(tiny, place, monkeypatch):
    fashion = tiny["fashion_mnist"]
    assert add_files(FORMS["flat"](fashion)).name == "fashion_mnist"
    (place / "own" / "fashion_mnist").mkdir(parents=True)
    (place / "own" / "fashion_mnist" / "f.npz").write_bytes(FORMS["one-hot"](fashion)["mnist.npz"])
    monkeypatch.setenv("NOISE_LAB_DATA", str(place / "own"))
    assert_holds(load_dataset("fashion_mnist"), fashion)


A = numbers(1)
X, Y = A[TRAIN_IMAGES], A[TRAIN_LABELS]
REFUSED = {
    "other pictures": (lambda a: idx_files(a | {TRAIN_IMAGES: np.roll(a[TRAIN_IMAGES], 3, 2)}), "other pictures than"),
    "labels of others": (lambda a: idx_files(a | {TEST_LABELS: a[TEST_LABELS][::-1].copy()}), "other labels than"),
    "a part with labels": (
        lambda a: {"train.csv": csv(X[:42], Y[:42], header=HEADER)},
        "train.csv is not whole MNIST: it holds 42 images with labels, and MNIST has 60 to train and 20 to test",
    ),
    "images alone": (lambda a: {"test.csv": csv(X[:28].reshape(28, 784)[:, 1:], X[:28, 0, 0])}, "28 images without"),
    "too many rows": (lambda a: {"m.csv": csv(np.tile(X, (2, 1, 1)), np.tile(Y, 2))}, "more than 80 images"),
    "no labels": (lambda a: {"m.npz": packed(a=X, b=A[TEST_IMAGES])}, f"lacks {TRAIN_LABELS}, {TEST_LABELS}"),
    "three columns": (lambda a: {"m.csv": b"1,2,3\n4,5,6\n"}, "has 3 columns, not 785"),
    "a line cut short": (lambda a: {"m.csv": csv(X, Y)[:-1500] + b"\n"}, "m.csv is not usable"),
    "a word among numbers": (lambda a: {"m.csv": csv(X, Y).replace(b",255,", b",dog,", 1)}, "'dog'"),
    "a line without end": (lambda a: {"m.csv": b"1," * 2_000_000}, "columns, not 785"),
    "values beside the whole": (named(lambda x: x / 100, same), "from 0 to 2.55"),
    "standardised": (named(lambda x: (x - 33.0) / 79, same), "from -0.41"),
    "not a number": (named(lambda x: np.where(x == 9, np.nan, x / 255), same), "not usable"),
    "two hot": (named(same, lambda y: one_hot(y) + one_hot(y)[:, ::-1]), "not one 1 and nine 0"),
    "labels of words": (named(same, lambda y: np.char.add("t", y.astype(str))), "labels"),
    "long words": (named(same, lambda y: np.char.add("0" * 100, y.astype(str))), "text, not numbers"),
    "a pickle": (lambda a: {"mnist.pkl": b"\x80\4\x95"}, "pickle, which can run any code"),
    "a header alone": (lambda a: {"x_train.npy": npz_member(X)[:128]}, "truncated"),
    "numbers after the last": (lambda a: {"x_train.npy": npz_member(X) + b"x"}, "too long"),
    "a header that is none": (lambda a: {"x.npy": b"\x93NUMPY\1\0\x10\0" + b"{[(" * 9}, "header cannot be read"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_mnist_is_said_in_one_sentence(mnist, case):
    make, words = REFUSED[case]
    with pytest.raises(DataError, match=words) as caught:
        add_files(make(mnist))
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500


def test_kaggles_competition_is_known():
    """Its 42,000 images with labels and 28,000 without are not MNIST, and the sentence says why."""
    for width, words in ((785, "42,000 images with labels"), (784, "42,000 images without labels")):
        with pytest.raises(DataError, match=f"{words}, and MNIST has 60,000 to train.*Kaggle's competition"):
            arrays.form_of(width, 42_000, "train.csv", (42_000, width))


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (None, "which does not exist"),
        ({}, "holds none of MNIST's files"),
        ({"notes.txt": b"nothing"}, "holds none of MNIST's files"),
        ({"mnist_train.csv": csv(X[:10], Y[:10])}, "10 images with labels"),
        ({"m.npz": packed(a=X)}, f"own/m.npz lacks {TRAIN_LABELS}"),
        ({f"{stem}.gz": gzip.compress(idx(a)) for stem, a in numbers(5).items()}, "other pictures than MNIST's"),
    ],
)
def test_a_wrong_folder_is_said_until_files_are_added(mnist, place, monkeypatch, broken, words):
    own = place / "own"
    if broken is not None:
        own.mkdir()
    for name, raw in (broken or {}).items():
        (own / name).write_bytes(raw)
    monkeypatch.setenv("NOISE_LAB_DATA", str(own))
    with pytest.raises(DataError, match=words):
        load_dataset()
    add_files(idx_files(mnist))
    assert_holds(load_dataset(), mnist)


def test_commands_stop_and_say_it(monkeypatch, place, capsys):
    monkeypatch.setenv("NOISE_LAB_DATA", str(place / "own"))
    for command in (["train", "--steps", "1"], ["measures", "--epochs", "1"]):
        assert main(command) == 2
        told = capsys.readouterr()
        assert f"NOISE_LAB_DATA is set to {place / 'own'}, which does not exist" in told.err and not told.out

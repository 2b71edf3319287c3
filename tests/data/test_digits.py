"""The embedded digits: always the same bytes, and scikit-learn's."""

import hashlib
import importlib.util

import numpy as np
import pytest

from vae_core.data.datasets import DataError, load_dataset
from vae_core.data.digits import small_digits

# exact integers and a frozen random stream: the same bytes on each machine
DIGITS = "3740d1e7e2b3b5d6d1203427ca5c7c0cc35c894dc3527b8908ec5784a3f931c6"


def test_digits():
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


def test_digits_are_scikit_learns_enlarged():
    from sklearn.datasets import load_digits

    theirs, ours = load_digits(), load_dataset("digits")
    order = np.random.RandomState(0).permutation(1797)
    np.testing.assert_array_equal(ours.train_labels, theirs.target[order][:1500])
    np.testing.assert_array_equal(ours.test_labels, theirs.target[order][1500:])
    # an independent oracle: the mean of each of the 4x4 blocks of 5x5 pixels is close to that of 2x2 of theirs
    blocks = ours.test_images[:, 4:24, 4:24].reshape(-1, 4, 5, 4, 5).mean((2, 4)) / 255
    coarse = theirs.images[order][1500:].reshape(-1, 4, 2, 4, 2).mean((2, 4)) / 16
    assert np.abs(blocks - coarse).mean() < 0.03 and np.corrcoef(blocks.ravel(), coarse.ravel())[0, 1] > 0.98
    small, _ = small_digits()
    np.testing.assert_array_equal(small, theirs.images)


def test_without_scikit_learn_it_is_named(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DataError, match="pip install scikit-learn"):
        load_dataset("digits")

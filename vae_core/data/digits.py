"""The digits that come with scikit-learn, enlarged to MNIST's format.

Alpaydin and Kaynak, "Optical recognition of handwritten digits" (UCI, 1998), 8x8.
"""

import importlib.util
from pathlib import Path

import numpy as np

from vae_core.data.idx import DataError


def enlarged_digits() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Images and labels of 1500 to train, then of 297 to test: (8, 8), 0..16 -> 20x20 centred in (28, 28), 0..255."""
    small, labels = small_digits()
    # Catmull-Rom weights in exact integers (positions are multiples of 1/10, weights of 1/2000):
    # the same bytes on each machine, which a float product would not promise.
    at = 0.4 * np.arange(20) - 0.3
    d = np.abs(at[:, None] - np.arange(8))  # (20, 8) distances
    weights = np.where(d < 1, 1.5 * d**3 - 2.5 * d**2 + 1, np.where(d < 2, -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2, 0))
    weights = np.rint(2000 * weights).astype(np.int64)
    scale = 16 * 2000**2
    large = (2 * 255 * (weights @ small @ weights.T) + scale) // (2 * scale)
    images = np.zeros((len(small), 28, 28), np.uint8)
    images[:, 4:24, 4:24] = large.clip(0, 255)
    order = np.random.RandomState(0).permutation(len(images))  # this stream is frozen by NumPy; default_rng's is not
    images, labels = images[order], labels[order].astype(np.uint8)
    return images[:1500], labels[:1500], images[1500:], labels[1500:]


def small_digits() -> tuple[np.ndarray, np.ndarray]:
    """(1797, 8, 8) and (1797,) int64, from scikit-learn's own file: importing scikit-learn takes a second."""
    try:
        package = importlib.util.find_spec("sklearn")
        if package is None or package.origin is None:
            raise FileNotFoundError("scikit-learn")
        table = np.loadtxt(Path(package.origin).parent / "datasets/data/digits.csv.gz", delimiter=",").astype(np.int64)
    except OSError as error:  # no such package, no such file in it
        raise DataError("the embedded digits need scikit-learn; install it with: pip install scikit-learn") from error
    return table[:, :64].reshape(-1, 8, 8), table[:, 64]

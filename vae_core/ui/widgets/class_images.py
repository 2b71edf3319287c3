"""The stage's strip of test images: the one that stands for each class."""

import numpy as np

from vae_core.engine.player import LiveRun
from vae_core.run.packing import unpack


def labels_of(run: LiveRun) -> np.ndarray:
    """(n,) the label of each test image that the stage shows as a point."""
    labels: np.ndarray = unpack(run.probe)[1]["labels"]
    return labels


def classes_shown(run: LiveRun) -> list[str]:
    """The classes that have an image in the strip; with few points these are not all."""
    labels = labels_of(run)
    return [run.info["classes"][label] for label in sorted({int(labels[index]) for index in run.header["strip"]})]


def stands_for(run: LiveRun, name: str) -> int:
    """The index of the test image that stands for a class of this name."""
    labels, label = labels_of(run), run.info["classes"].index(name)
    return next(int(index) for index in run.header["strip"] if labels[index] == label)


def test_image(run: LiveRun, name: str) -> np.ndarray:
    """(28, 28) uint8 the test image that stands for a class of this name."""
    image: np.ndarray = unpack(run.images)[1]["images"][stands_for(run, name)]
    return image

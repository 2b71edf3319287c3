"""The published data sets: who made them, how their files are recognised and where copies lie.

MNIST: LeCun, Cortes and Burges, "The MNIST database of handwritten digits" (1998).
Fashion-MNIST: Xiao, Rasul and Vollgraf (2017), https://arxiv.org/abs/1708.07747.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from vae_core.data.idx import FILES, DataError, has_checksum


@dataclass(frozen=True)
class Original:
    """A published data set of MNIST's format."""

    title: str
    cite: str
    classes: tuple[str, ...]
    checksums: tuple[str, ...]  # of the decompressed files in the order of FILES; 64 digits: SHA-256, 32: MD5
    mirrors: tuple[str, ...]
    folders: tuple[str, ...]  # where to look inside NOISE_LAB_DATA and other data folders
    keras: str  # where to look inside Keras's folder


ORIGINALS = {
    "mnist": Original(
        "MNIST",
        "LeCun, Cortes and Burges 1998",
        tuple("0123456789"),
        (
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
        ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"),
        (".", "mnist", "MNIST/raw"),
        ".",
    ),
    "fashion_mnist": Original(
        "Fashion-MNIST",
        "Xiao, Rasul and Vollgraf 2017",
        ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
        (
            "f4a8712d7a061bf5bd6d2ca38dc4d50a",
            "9018921c3c673c538a1fc5bad174d6f9",
            "8181f5470baa50b63fa0f6fddb340f0a",
            "15d484375f8d13e6eb1aabb0c3f46965",
        ),
        (
            "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        ),
        ("fashion_mnist", "fashion-mnist", "FashionMNIST/raw"),
        "fashion-mnist",
    ),
}


def verify(name: str, arrays: Mapping[str, np.ndarray], where: str) -> None:
    """Raise DataError unless the arrays that are there are the published ones, byte for byte."""
    for i, stem in enumerate(FILES):
        if stem in arrays and not has_checksum(arrays[stem], ORIGINALS[name].checksums[i]):
            other = [k.title for k in ORIGINALS.values() if has_checksum(arrays[stem], k.checksums[i])]
            title, kind = ORIGINALS[name].title, "pictures" if "images" in stem else "labels"
            what = f"it is {other[0]}'s" if other else f"these are other {kind} than {title}'s, or they were changed"
            raise DataError(
                f"{stem} of {where} has the right size but a wrong checksum, so it is not {title}'s: {what}; "
                f"{' and '.join(known.title for known in ORIGINALS.values())} alone are taken, as they were published"
            )

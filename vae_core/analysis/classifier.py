"""Which class an image would be: a small classifier, trained once for each data set and kept in the cache.

It judges what decoders paint. It has seen sharp images only, so its probabilities for blurred ones
say which class is nearest, not how good the image is.
"""

import hashlib
import io
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from vae_core.data import Dataset, load_dataset
from vae_core.data.folders import cache_folder, try_replace
from vae_core.trainer.adam import Adam
from vae_core.trainer.batches import training_images
from vae_core.trainer.networks import linear
from vae_core.trainer.pixels import PIXELS, grey
from vae_core.trainer.random_streams import stream

WIDTH, BATCH, STEPS, RATE = 256, 256, 800, 4e-3
SETTINGS = f"784-{WIDTH} relu, batch {BATCH}, {STEPS} steps from {RATE} linearly to 0, seed 0"
NAMES = ("hidden_weight", "hidden_bias", "class_weight", "class_bias")


Weights = tuple[Tensor, Tensor, Tensor, Tensor]  # in the order of `NAMES`


@dataclass(frozen=True, eq=False)
class Classifier:
    """A network 784-256-classes with one hidden layer of rectified linear units.

    Attributes:
        weights: (256, 784), (256,), (classes, 256), (classes,) float32 on the CPU.
        accuracy: share of the data set's test images whose class it names.
    """

    weights: Weights
    accuracy: float

    @torch.no_grad()
    def class_probabilities(self, images: np.ndarray | Tensor) -> np.ndarray:
        """(n, classes) float32 probabilities of each class, for images (n, 28, 28) or (n, 784): float in
        [0, 1], or uint8 0..255."""
        images = images.cpu() if isinstance(images, Tensor) else torch.from_numpy(np.array(images))
        images = images.reshape(-1, PIXELS)
        pixels = grey(images) if images.dtype == torch.uint8 else images.float()
        return scores(self.weights, pixels).softmax(1).numpy()


@cache
def classifier_of(name: str) -> Classifier:
    """The classifier of a data set: from the cache folder if it is whole there, else trained and kept.

    Training takes some two seconds on one core; the same seed gives the same weights each time.

    Args:
        name: of the images inside, `Dataset.name`.
    """
    data = load_dataset(name)
    path = cache_folder() / f"classifier-{data.name}.npz"
    try:
        weights = unpacked(path.read_bytes(), len(data.classes))
    except Exception:  # absent, damaged in one of many ways, or of other settings: each is mended alike
        weights = trained(data)
        try_replace(path, packed(weights))
    return Classifier(weights, accuracy_of(weights, data))


def scores(weights: Weights, pixels: Tensor) -> Tensor:
    """(n, classes) logits of images (n, 784) in [0, 1]."""
    hidden_weight, hidden_bias, class_weight, class_bias = weights
    return F.linear(F.linear(pixels, hidden_weight, hidden_bias).relu(), class_weight, class_bias)


def trained(data: Dataset) -> Weights:
    """Weights after training on the data set's training images."""
    device = torch.device("cpu")
    images, _ = training_images(data.name, "grey", device)
    labels = torch.from_numpy(data.train_labels.astype(np.int64))
    generator = stream(0, "classifier")
    layers = linear(PIXELS, WIDTH, generator), linear(WIDTH, len(data.classes), generator)
    weights = [part for layer in layers for part in layer.parameters()]  # weight and bias of each
    optimiser = Adam()
    for step in range(STEPS):
        rows = torch.randint(len(images), (BATCH,), generator=generator)
        with torch.enable_grad():
            F.cross_entropy(scores(as_weights(weights), grey(images[rows])), labels[rows]).backward()
        optimiser.step(dict(zip(NAMES, weights, strict=True)), RATE * (1 - step / STEPS))
    return as_weights(weight.detach() for weight in weights)


def as_weights(tensors: Iterable[Tensor]) -> Weights:
    """Four tensors in the order of `NAMES`."""
    hidden_weight, hidden_bias, class_weight, class_bias = tensors
    return hidden_weight, hidden_bias, class_weight, class_bias


def accuracy_of(weights: Weights, data: Dataset) -> float:
    """Share of the data set's test images whose class they name."""
    images = torch.from_numpy(np.array(data.test_images)).view(-1, PIXELS)
    found = torch.cat([scores(weights, grey(part)).argmax(1) for part in images.split(2000)])
    return float(np.mean(found.numpy() == data.test_labels))


def packed(weights: Weights) -> bytes:
    """Weights as npz, with the checksum that tells them from damaged ones and from other settings."""
    buffer = io.BytesIO()
    arrays: dict[str, Any] = {name: w.numpy() for name, w in zip(NAMES, weights, strict=True)}
    np.savez(buffer, checksum=checksum(weights), **arrays)
    return buffer.getvalue()


def unpacked(content: bytes, classes: int) -> Weights:
    """What `packed` packed.

    Raises:
        Exception: of many kinds, if it is something else.
    """
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        weights = as_weights(torch.from_numpy(archive[name]) for name in NAMES)
        known = str(archive["checksum"])
    shapes = [(WIDTH, PIXELS), (WIDTH,), (classes, WIDTH), (classes,)]
    if [tuple(w.shape) for w in weights] != shapes or known != checksum(weights):
        raise ValueError("These are not the weights of this classifier.")
    return weights


def checksum(weights: Weights) -> str:
    """SHA-256 of the settings and of the weights' types and bytes."""
    parts = [SETTINGS.encode(), *(str(w.dtype).encode() + w.numpy().tobytes() for w in weights)]
    return hashlib.sha256(b"".join(parts)).hexdigest()

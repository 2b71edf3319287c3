"""Which images a run trains on and in which order, and which it shows: seeded, on its device."""

from functools import cache, cached_property, lru_cache

import numpy as np
import torch
from torch import Tensor

from vae_core.data.datasets import Dataset, load_dataset
from vae_core.rule import LATENT, Batch
from vae_core.run.recipe import Recipe
from vae_core.trainer.networks import PIXELS, stream

PROBE, SEEN = 500, 200  # test and training images whose reconstructions are measured
REPEATS, PRIOR_SAMPLES = 50, 20


class TrainingBatch(Batch):
    """The images of a step. Most rules never ask for them in float32: they are made when one does."""

    def __init__(self, of: "TrainingSet", rows: Tensor, draws: Tensor) -> None:
        vars(self).update(of=of, rows=rows, draws=draws)

    @cached_property
    def images(self) -> Tensor:
        return grey(self.of.images.index_select(0, self.rows))


class TrainingSet:
    """The training images of a run, and the batch and ε of any of its steps.

    Attributes:
        images: (n, 784) uint8.
        mean_image: (784,) float32 in [0, 1], on the CPU.
        rows: (n,) where each image stands in the data set.
        batch_size, steps_per_epoch: a last, smaller batch is left out.
    """

    def __init__(self, recipe: Recipe, data: Dataset, device: torch.device) -> None:
        self._seed = recipe.seed
        self.images, self.mean_image = training_images(data.name, recipe.pixels, device)
        rows = torch.arange(len(self.images))
        self._whole = (data.name, recipe.pixels, device) if recipe.train_size >= len(rows) else None
        if recipe.train_size < len(rows):
            rows = torch.randperm(len(rows), generator=stream(recipe.seed, "subset"))[: recipe.train_size]
            self.images = self.images[rows.to(device)]
            self.mean_image = mean_image(self.images)
        self.rows = rows.numpy()
        self.batch_size = min(recipe.batch_size, len(rows))
        self.steps_per_epoch = len(rows) // self.batch_size
        self._epoch = -1
        self._row_of: dict[bytes, int] | None = None
        self._sample: Batch | None = None
        self._low: Tensor | None = None

    def batch(self, step: int) -> tuple[Batch, Tensor]:
        """Images and ε (B, 2) of a step, from streams that depend on seed and step alone."""
        epoch, place = divmod(step, self.steps_per_epoch)
        if epoch != self._epoch:
            size, device = self.steps_per_epoch * self.batch_size, self.images.device
            order = torch.randperm(len(self.images), generator=stream(self._seed, "order", epoch))[:size]
            self._order = order.to(device).view(self.steps_per_epoch, -1)
            self._eps = normal(size, device, self._seed, "noise", epoch).view(self.steps_per_epoch, -1, LATENT)
            self._epoch = epoch
        eps = self._eps[place]
        return TrainingBatch(self, self._order[place], eps), eps

    def pixels(self, batch: Batch, dtype: torch.dtype) -> Tensor:
        """(B, 784) the images of a step in [0, 1], in the type of the products: from a copy of all of them where
        that is bfloat16, which a step made anew would cost a tenth of its time."""
        if dtype != torch.bfloat16:
            return batch.images
        if self._low is None:
            self._low = low_images(*self._whole) if self._whole else low(self.images)
        return self._low.index_select(0, batch.rows)

    def sample(self) -> Batch:
        """Up to 200 training images that stand for all, with fixed draws."""
        if self._sample is None:
            rows = seen_of(*self._whole) if self._whole else spread_by_ink(self.images.cpu().numpy(), SEEN)
            rows = torch.from_numpy(rows).to(self.images.device)
            draws = normal(len(rows), self.images.device, 0, "seen/eps")
            self._sample = Batch(grey(self.images.index_select(0, rows)), rows, draws)
        return self._sample

    def find(self, raw: np.ndarray) -> Tensor:
        """(n,) the row of each uint8 image (n, 784) among the training images, -1 for the others."""
        if self._row_of is None:
            self._row_of = {image.tobytes(): i for i, image in enumerate(self.images.cpu().numpy())}
        found = [self._row_of.get(image.tobytes(), -1) for image in raw]
        return torch.tensor(found, dtype=torch.long, device=self.images.device)


class Points:
    """The test images that frames show, always the same, with their fixed ε.

    The first `PROBE` of them are those that are measured.

    Attributes:
        raw: (n, 784) uint8; images: the same as float in [0, 1]; labels: (n,) uint8; eps: (n, 2).
        strip: one image of each class, the one with the median ink.
        repeat_eps: (50, 2); prior_z: (20, 2), draws of N(0, I).
    """

    def __init__(self, data: Dataset, n: int, pixels: str, device: torch.device) -> None:
        rows = spread_by_ink(data.test_images, n)
        self.raw = as_seen(torch.from_numpy(np.array(data.test_images[rows])).view(-1, PIXELS), pixels)
        self.images = grey(self.raw.to(device))
        self.labels = np.array(data.test_labels[rows])
        self.eps = normal(len(rows), device, 0, "points/eps")
        self.repeat_eps = normal(REPEATS, device, 0, "repeats/eps")
        self.prior_z = normal(PRIOR_SAMPLES, device, 0, "prior")
        self._parts_of, self._parts = (0, torch.float32), {}
        probe = self.labels[:PROBE]  # sorted by ink
        by_class = [np.flatnonzero(probe == label) for label in np.unique(probe)]
        self.strip = tuple(int(members[len(members) // 2]) for members in by_class)

    def pixels(self, dtype: torch.dtype) -> Tensor:
        """(n, 784) the images in the type of the products."""
        return self._low if dtype == torch.bfloat16 else self.images

    @cached_property
    def _low(self) -> Tensor:
        return low(self.raw.to(self.images.device))

    def part(self, first: int, by: int, dtype: torch.dtype) -> tuple[Batch, Tensor]:
        """Every k-th point, and its images (m, 784) as they go into the products: made once, as long as the points are
        seen in so many parts."""
        if self._parts_of != (by, dtype):
            self._parts_of, self._parts = (by, dtype), {}
        if first not in self._parts:
            rows = slice(first, None, by)
            self._parts[first] = self.batch(rows), self.pixels(dtype)[rows].contiguous()
        return self._parts[first]

    def batch(self, rows: Tensor | slice = slice(None)) -> Batch:
        """Some of the points, as images that no training has seen."""
        images = self.images[rows]
        return Batch(images, torch.full((len(images),), -1, device=images.device), self.eps[rows])


@lru_cache(8)  # links ask for any number of them: 10,000 take 40 MB
def points_of(dataset: str, n: int, pixels: str, device: torch.device) -> Points:
    """The points of a data set: once for all runs of a process."""
    return Points(load_dataset(dataset), n, pixels, device)


@cache
def training_images(dataset: str, pixels: str, device: torch.device) -> tuple[Tensor, Tensor]:
    """(N, 784) uint8 images on a device and their (784,) mean: once for all runs of a process."""
    images = torch.from_numpy(np.array(load_dataset(dataset).train_images)).view(-1, PIXELS)
    images = as_seen(images, pixels).to(device)
    return images, mean_image(images)


@cache
def seen_of(dataset: str, pixels: str, device: torch.device) -> np.ndarray:
    """The rows of `SEEN` training images that stand for all: once for all runs of a process."""
    return spread_by_ink(training_images(dataset, pixels, device)[0].cpu().numpy(), SEEN)


@cache
def low_images(dataset: str, pixels: str, device: torch.device) -> Tensor:
    """(N, 784) training images in bfloat16: once for all runs of a process."""
    return low(training_images(dataset, pixels, device)[0])


def low(images: Tensor) -> Tensor:
    """uint8 0..255 -> bfloat16 in [0, 1], in parts that stay in the processor's cache."""
    made = torch.empty(images.shape, dtype=torch.bfloat16, device=images.device)
    for part, place in zip(images.split(500), made.split(500)):
        place.copy_(grey(part))
    return made


def as_seen(images: Tensor, pixels: str) -> Tensor:
    """(n, 784) uint8 images as a run's networks see them: grey, or binarized."""
    return images if pixels == "grey" else binarized(images)


def binarized(images: Tensor) -> Tensor:
    """(n, 784) uint8 images of 0 and 255 alone: each pixel is ink with the probability of its grey
    value (as in Salakhutdinov & Murray 2008), so that nats are comparable with the literature's.

    The draw follows from the image's own bytes: an image gets the same one wherever it comes from,
    and a binary image is left as it is. A threshold would be as fixed, but gives other nats.
    """
    drawn = stream(0, "binarized")
    weights = torch.randint(2**30, (PIXELS,), generator=drawn).double()
    levels = torch.randint(255, (2**20 + PIXELS,), generator=drawn, dtype=torch.uint8)  # 0 to 254
    windows = levels.unfold(0, PIXELS, 1)  # (2²⁰ + 1, 784), without a copy
    parts = []
    for part in images.cpu().split(5000):
        place = (part.double() @ weights).long() % 2**20  # whole numbers below 2⁵³: exact in any order
        parts.append((part > windows[place]).to(torch.uint8) * 255)
    return torch.cat(parts).to(images.device) if parts else images


def mean_image(images: Tensor) -> Tensor:
    """(784,) mean of uint8 images in [0, 1], from whole sums: the same however it is split. (Sums of parts are whole in
    float32, too, and those of integers take twenty times as long.)"""
    whole = sum(part.float().sum(0).double() for part in images.split(500))
    return (whole / (255 * len(images))).float().cpu()


def spread_by_ink(images: np.ndarray, n: int) -> np.ndarray:
    """Rows of n images that stand for all: every k-th by the amount of ink, on which the
    reconstruction depends most. The first `PROBE` of them stand for all in the same way."""
    ranked = np.argsort(images.reshape(len(images), -1).sum(1, dtype=np.int64), kind="stable")
    n = min(n, len(ranked))
    rows = ranked[((np.arange(n) + 0.5) * len(ranked) / n).astype(np.int64)]
    first = np.linspace(0, n - 1, min(PROBE, n)).round().astype(np.int64)
    return np.concatenate([rows[first], np.delete(rows, first)])


def normal(n: int, device: torch.device, seed: int, *names: object) -> Tensor:
    """(n, 2) draws of N(0, I) from a named stream; drawn on the CPU, so alike on all devices."""
    return torch.randn(n, LATENT, generator=stream(seed, *names)).to(device)


def grey(images: Tensor) -> Tensor:
    """uint8 0..255 -> float32 in [0, 1]."""
    return images.float().mul_(1 / 255)

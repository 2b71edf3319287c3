"""Which test images a run shows and measures: always the same, chosen by their ink, with fixed ε."""

from functools import cached_property, lru_cache

import numpy as np
import torch
from torch import Tensor

from vae_core.data.datasets import Dataset, load_dataset
from vae_core.rule import Batch
from vae_core.trainer.pixels import PIXELS, as_seen, grey, low
from vae_core.trainer.random_streams import normal

PROBE = 500  # of them are measured
REPEATS, PRIOR_SAMPLES = 50, 20


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
        self._parts_of = 0, torch.float32
        self._parts: dict[int, tuple[Batch, Tensor]] = {}
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


def spread_by_ink(images: np.ndarray, n: int) -> np.ndarray:
    """Rows of n images that stand for all: every k-th by the amount of ink, on which the
    reconstruction depends most. The first `PROBE` of them stand for all in the same way."""
    ranked = np.argsort(images.reshape(len(images), -1).sum(1, dtype=np.int64), kind="stable")
    n = min(n, len(ranked))
    rows = ranked[((np.arange(n) + 0.5) * len(ranked) / n).astype(np.int64)]
    first = np.linspace(0, n - 1, min(PROBE, n)).round().astype(np.int64)
    return np.concatenate([rows[first], np.delete(rows, first)])

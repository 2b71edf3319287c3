"""Which images a run trains on and in which order: seeded, on its device."""

from collections.abc import Mapping
from functools import cache, cached_property

import numpy as np
import torch
from torch import Tensor

from vae_core.data import Dataset, load_dataset
from vae_core.rule import LATENT, Batch
from vae_core.run.recipe import Recipe
from vae_core.trainer.pixels import PIXELS, as_seen, grey, low, mean_image
from vae_core.trainer.random_streams import normal, stream
from vae_core.trainer.shown_images import spread_by_ink

SEEN = 200  # training images whose reconstructions are measured


class TrainingBatch(Batch):
    """The images of a step. Most rules never ask for them in float32: they are made when one does."""

    of: "TrainingSet"

    def __init__(self, of: "TrainingSet", rows: Tensor, draws: Tensor) -> None:
        vars(self).update(of=of, rows=rows, draws=draws)

    @cached_property
    def images(self) -> Tensor:
        """(B, 784) float in [0, 1]."""
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
        self._row_of: Mapping[bytes, int] | None = None
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
            chosen = torch.from_numpy(rows).to(self.images.device)
            draws = normal(len(rows), self.images.device, 0, "seen/eps")
            self._sample = Batch(grey(self.images.index_select(0, chosen)), chosen, draws)
        return self._sample

    def find(self, raw: np.ndarray) -> Tensor:
        """(n,) the row of each uint8 image (n, 784) among the training images, -1 for the others."""
        if self._row_of is None:
            self._row_of = rows_of(*self._whole) if self._whole else by_content(self.images)
        found = [self._row_of.get(image.tobytes(), -1) for image in raw]
        return torch.tensor(found, dtype=torch.long, device=self.images.device)


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


def by_content(images: Tensor) -> Mapping[bytes, int]:
    """The row of each uint8 image (n, 784) by its bytes."""
    return {image.tobytes(): i for i, image in enumerate(images.cpu().numpy())}


@cache
def rows_of(dataset: str, pixels: str, device: torch.device) -> Mapping[bytes, int]:
    """The row of each training image, of which each copy would take 55 MB: once for all runs of a process."""
    return by_content(training_images(dataset, pixels, device)[0])


@cache
def low_images(dataset: str, pixels: str, device: torch.device) -> Tensor:
    """(N, 784) training images in bfloat16: once for all runs of a process."""
    return low(training_images(dataset, pixels, device)[0])

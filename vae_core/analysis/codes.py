"""Codes: where a run puts its training images, with and without noise; what holes and label accuracy measure."""

import numpy as np
import torch
from torch import Tensor

from vae_core.rule import LATENT, Batch
from vae_core.trainer.pixels import grey
from vae_core.trainer.random_streams import normal
from vae_core.trainer.trainer import Trainer

DRAWS_EACH, FEWEST = 5, 10_000  # draws of each training image, and of all of them, for the density's estimate
CHUNK = 1000  # images that are encoded at once: some rules compare all pairs


def drawn_codes(trainer: Trainer) -> np.ndarray:
    """(n, 2) float64 codes of the training images with the rule's noise, as much as the switch lets through.

    Each image is drawn 5 times, or as often as it takes to have 10,000 draws; the same at each call.
    """
    count = len(trainer.training_set.images)
    return training_codes(trainer, np.arange(count), max(DRAWS_EACH, -(-FEWEST // count)))


def training_codes(trainer: Trainer, rows: np.ndarray, draws: int = 0) -> np.ndarray:
    """(n, 2) float64 codes of the training images in these rows, see `codes_of`."""
    chosen = torch.from_numpy(rows).to(trainer.device)
    return codes_of(trainer, trainer.training_set.images[chosen], chosen, draws)


@torch.no_grad()
def codes_of(trainer: Trainer, images: Tensor, rows: Tensor, draws: int = 0) -> np.ndarray:
    """Codes of uint8 images (n, 784).

    Args:
        rows: (n,) of each among the training images, -1 for others.
        draws: of each image, with fixed ε; 0 is one code without noise.

    Returns:
        (n, 2) float64, or (n · draws, 2) in no order that counts.
    """
    trainer.at_rest()
    rows = rows.to(trainer.device)
    eps = normal(len(images) * draws, trainer.device, 0, "codes/eps").view(len(images), draws, LATENT)
    parts = []
    for own in torch.arange(len(images), device=trainer.device).split(CHUNK):
        pixels = grey(images[own])
        heads = trainer.encoder(pixels)
        for draw in eps[own].unbind(1) if draws else [torch.zeros(len(own), LATENT, device=trainer.device)]:
            latent = trainer.latent(heads, draw, Batch(pixels, rows[own], draw))
            if torch.equal(latent.z, latent.mean):  # no noise: each draw would be the same
                parts += [latent.mean] * max(draws, 1)
                break
            parts.append(latent.z if draws else latent.mean)
    return torch.cat(parts).double().cpu().numpy()


def spread(count: int, wanted: int) -> np.ndarray:
    """(n,) int64 evenly spaced rows, at most as many as wanted."""
    return np.linspace(0, count - 1, min(count, wanted)).round().astype(np.int64)

"""What the Draw page shows of a run: a drawing's code, what is like it, and a walk between two drawings."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from vae_core.analysis.walks import cheapest, inverse_density, largest_gap, straight
from vae_core.rule import Batch, Latent
from vae_core.trainer.pixels import PIXELS, as_bytes, grey
from vae_core.trainer.trainer import Trainer

DRAWS = 20  # of z for one drawing, at most the 50 that ε is kept for
CHUNK = 1000  # training images that are compared at a time: what fits a cache is six times as fast
WAYS = ("straight", "dense")


def draw_page(
    trainer: Trainer,
    image: np.ndarray | None = None,
    ends: tuple[np.ndarray, np.ndarray] | None = None,
    way: str = "straight",
    nearest: bool = False,
) -> dict[str, Any]:
    """What the page asks for, in one answer and of one step: a run that trains answers between its slices.

    Returns:
        "drawing", "nearest" and "walk": the views below, or None where they are not asked for.
    """
    return {
        "drawing": None if image is None else encode_drawing(trainer, image),
        "nearest": nearest_training(trainer, image) if nearest and image is not None else None,
        "walk": None if ends is None else walk(trainer, *ends, way),
    }


@torch.no_grad()
def encode_drawing(trainer: Trainer, image: np.ndarray) -> dict[str, Any]:
    """The code of one image under the present rule, knobs and noise switch, and its reconstructions.

    ε is the same in every call, so that what moves is the drawing or the model.

    Args:
        image: (28, 28) uint8.

    Returns:
        step, rule; mean: (2,) the code without noise; scale: (2,) of the posterior, or None where the rule
        has none; correlation: of the posterior, or None; draws: (20, 2) of z; at_mean, at_draw: (28, 28)
        uint8 reconstructions at the mean and at the first draw; log_likelihood: log p(x|z) in nats at
        "mean" and "draw".

    Raises:
        ValueError: it is not such an image.
    """
    pixels = pixels_of(trainer, image)
    eps = trainer.points.repeat_eps[:DRAWS]
    latent = latent_of(trainer, pixels.expand(len(eps), -1), eps)
    logits = trainer.decoder(torch.stack([latent.mean[0], latent.z[0]]))
    log_likelihood = (-trainer.nats(logits, pixels.expand(2, -1))).tolist()
    at_mean, at_draw = as_bytes(logits).cpu().numpy()
    return {
        "step": trainer.step_count,
        "rule": trainer.rule_name,
        "mean": latent.mean[0].cpu().numpy(),
        "scale": None if latent.scale is None else latent.scale[0].cpu().numpy(),
        "correlation": None if latent.correlation is None else float(latent.correlation[0]),
        "draws": latent.z.cpu().numpy(),
        "at_mean": at_mean,
        "at_draw": at_draw,
        "log_likelihood": dict(zip(("mean", "draw"), log_likelihood, strict=True)),
    }


@torch.no_grad()
def nearest_training(trainer: Trainer, image: np.ndarray, count: int = 5) -> dict[str, Any]:
    """The training images of the run that are nearest in pixels (Euclidean), the nearest first.

    Returns:
        images: (k, 28, 28) uint8; labels: (k,) uint8; rows: (k,) among the run's training images;
        distances: (k,) with pixels from 0 to 1. k is count, or less if the run trains on fewer.

    Raises:
        ValueError: it is no (28, 28) uint8 image.
    """
    pixels = pixels_of(trainer, image)[0]
    own = trainer.training_set
    # Differences and not ‖x‖² − 2x·t + ‖t‖²: a distance of 0 comes out as 0.
    squares = torch.cat([grey(part).sub_(pixels).square_().sum(1) for part in own.images.split(CHUNK)])
    nearest, rows = squares.topk(min(count, len(squares)), largest=False)
    kept = rows.cpu().numpy()
    return {
        "images": own.images[rows].view(-1, 28, 28).cpu().numpy(),
        "labels": np.array(trainer.dataset.train_labels[own.rows[kept]]),
        "rows": kept,
        "distances": nearest.sqrt().cpu().numpy(),
    }


@torch.no_grad()
def walk(
    trainer: Trainer, start: np.ndarray, end: np.ndarray, way: str = "straight", count: int = 25
) -> dict[str, Any]:
    """A walk on the plane from the code of one image to that of another, decoded on the way.

    Args:
        start, end: (28, 28) uint8 images.
        way: "straight", or "dense": where codes of test images lie close together, see `vae_core.analysis.walks`.
        count: places of the walk, evenly apart, both ends included.

    Returns:
        step; places: (count, 2); images: (count, 28, 28) uint8; gap: the largest distance of these places
        from the nearest code of a test image.

    Raises:
        ValueError: one of them is no such image, or there is no such way.
    """
    if way not in WAYS:
        raise ValueError(f"There is no way {way!r}; there are {' and '.join(WAYS)}.")
    pixels = torch.cat([pixels_of(trainer, image) for image in (start, end)])
    first, last = latent_of(trainer, pixels).mean.double().cpu().numpy()
    codes = latent_of(trainer, trainer.points.images).mean.double().cpu().numpy()
    if way == "dense":
        places = cheapest(first, last, inverse_density(codes), codes, count)
    else:
        places = straight(first, last, count)
    images = as_bytes(trainer.decoder(torch.from_numpy(places).float().to(trainer.device)))
    return {
        "step": trainer.step_count,
        "places": places,
        "images": images.cpu().numpy(),
        "gap": largest_gap(places, codes),
    }


def pixels_of(trainer: Trainer, image: np.ndarray) -> Tensor:
    """(1, 784) an image as the run's networks see it.

    Raises:
        ValueError: it is no (28, 28) uint8 array.
    """
    if not isinstance(image, np.ndarray) or image.shape != (28, 28) or image.dtype != np.uint8:
        what = f"{image.shape} {image.dtype}" if isinstance(image, np.ndarray) else type(image).__name__
        raise ValueError(f"An image should be a (28, 28) uint8 array; this is {what}.")
    return trainer.as_pixels(image.reshape(1, PIXELS))[0]


def latent_of(trainer: Trainer, pixels: Tensor, eps: Tensor | None = None) -> Latent:
    """Codes of images that no training has seen; without ε (n, 2), as if it were 0."""
    trainer.at_rest()
    eps = torch.zeros(len(pixels), 2, device=trainer.device) if eps is None else eps
    unseen = torch.full((len(pixels),), -1, device=trainer.device)
    return trainer.latent(trainer.encoder(pixels), eps, Batch(pixels, unseen, eps))

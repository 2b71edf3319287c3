"""Glimpse: where the points are between two frames, for the eye alone.

A frame holds all that is shown and measured of a run, and costs as much as several steps. So while somebody watches,
slices of training are longer, and in between the dots are seen to move: a glimpse costs half a step, is not recorded,
and nothing is computed from it.
"""

from functools import lru_cache

import torch
from torch import Tensor

from vae_core.batches import Points
from vae_core.frame import pack
from vae_core.rule import Batch
from vae_core.trainer import Trainer

MOST = 2000  # points in one: of more, each shows a part, in turns
EVERY = 0.04  # seconds of training between two pictures


@torch.no_grad()
def glimpse(trainer: Trainer, turn: int) -> bytes:
    """The codes of every k-th point, packed: mean, z (m, 2) float32, of the points ``first``, ``first + by``, …

    Args:
        turn: which of the parts, counted round and round.
    """
    points = trainer.points
    by = -(-len(points.labels) // MOST)
    batch, images = part(points, turn % by, by, trainer.product)
    trainer.networks.eval()
    trainer._fast(True)
    latent = trainer._latent(trainer.encoder(images), batch.draws, batch)
    codes = {"mean": latent.mean.cpu().numpy(), "z": latent.z.cpu().numpy()}
    return pack({"kind": "glimpse", "step": trainer.step_count, "first": turn % by, "by": by}, codes)


@lru_cache(16)
def part(points: Points, first: int, by: int, dtype: torch.dtype) -> tuple[Batch, Tensor]:
    """Every k-th point, and its images as they go into the products: once for all glimpses of it."""
    return points.batch(slice(first, None, by)), points.pixels(dtype)[first::by].contiguous()


def stops(began: int, target: int, step_seconds: float) -> list[int]:
    """The steps between two frames at which to look, evenly spread."""
    parts = min(target - began, round((target - began) * step_seconds / EVERY))
    return [began + (target - began) * part // parts for part in range(1, parts)]

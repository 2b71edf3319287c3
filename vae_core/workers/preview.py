"""Preview: where the points are between two frames, for the eye alone.

A frame holds all that is shown and measured of a run, and costs as much as several steps. So while somebody watches,
slices of training are longer, and in between the dots are seen to move: a preview is not recorded, nothing is computed
from it, and it shows as many points as its share of the time allows.
"""

import torch

from vae_core.run.packing import pack
from vae_core.trainer.trainer import Trainer

EVERY = 0.04  # seconds of training between two pictures
SHARE = 0.05  # of that time, for a picture
FIXED = 5e-4  # seconds that a picture takes however few points it shows
PARTS = (1, 2, 4, 8, 16, 32)  # of the points, of which each picture shows one, in turns


@torch.no_grad()
def preview(trainer: Trainer, turn: int, by: int = 1) -> bytes:
    """The codes of every k-th point, packed: mean, z (m, 2) float32, of the points ``first``, ``first + by``, …

    Args:
        turn: which of the parts, counted round and round.
        by: in how many parts the points are shown.
    """
    points = trainer.points
    batch, images = points.part(turn % by, by, trainer.product)
    trainer.at_rest(exact=False)
    latent = trainer.latent(trainer.encoder(images), batch.draws, batch)
    codes = {"mean": latent.mean.cpu().numpy(), "z": latent.z.cpu().numpy()}
    return pack({"kind": "glimpse", "step": trainer.step_count, "first": turn % by, "by": by}, codes)


def parts(points: int, seconds: float) -> int:
    """In how many parts to show so many points, of which each takes so long."""
    return next((by for by in PARTS if points * seconds <= by * SHARE * EVERY), PARTS[-1])


def stops(began: int, target: int, step_seconds: float) -> list[int]:
    """The steps between two frames at which to look, evenly spread."""
    looks = min(target - began, round((target - began) * step_seconds / EVERY))
    return [began + (target - began) * look // looks for look in range(1, looks)]

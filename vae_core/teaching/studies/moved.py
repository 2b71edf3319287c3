"""One horse: does a code say what an image shows? Unseen images moved by a pixel or turned a little, after training on
few images and on many."""

from collections.abc import Iterator

import numpy as np
import torch

from vae_core.analysis.moved_images import others_passed
from vae_core.run.recipe import Recipe
from vae_core.teaching.studies import Row
from vae_core.trainer.shown_images import PROBE
from vae_core.trainer.trainer import Trainer

CELL = "rule", "train_size"
FIGURES = "levels", "shifted", "turned"
SIZES = 20, 200, 2_000, 60_000
RULES = "autoencoder", "vae"
STEPS = 1500
LEVELS = 50, 75, 90, 95, 99


def cells() -> Iterator[Row]:
    """Each size under both rules."""
    return ({"rule": rule, "train_size": size} for size in SIZES for rule in RULES)


def measure(rule: str, train_size: int, seed: int) -> Row:
    """Percentiles over images, at `LEVELS`, of how many of 100 others an image's code passes when the image is
    shifted, and when it is turned, see `others_passed`."""
    trainer = Trainer(Recipe(rule=rule, train_size=train_size, seed=seed), points=PROBE)
    with torch.enable_grad():
        trainer.train(STEPS)
    return {
        "levels": list(LEVELS),
        "shifted": np.percentile(others_passed(trainer), LEVELS).round(3).tolist(),
        "turned": np.percentile(others_passed(trainer, turned=True), LEVELS).round(3).tolist(),
    }

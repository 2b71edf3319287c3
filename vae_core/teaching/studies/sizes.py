"""When is a VAE better, when an autoencoder? Both trained on 20 to 60,000 images, and looked at while they train."""

from collections.abc import Iterator

import numpy as np
import torch

from vae_core import exact
from vae_core.exact.priors import yardsticks
from vae_core.run.recipe import Recipe
from vae_core.teaching.claims.bench import Measured
from vae_core.teaching.studies import Row
from vae_core.trainer.shown_images import PROBE
from vae_core.trainer.trainer import Trainer

CELL = "rule", "train_size"
FIGURES = "steps", "reconstruction", "reconstruction_at_mean", "standard", "best", "mean_image"
SIZES = 20, 60, 200, 600, 2_000, 6_000, 20_000, 60_000
RULES = "autoencoder", "vae"
END = 2560  # training steps
FEW, SOONER, SOON = 200, 5, 20  # so few images are learned by heart sooner: the first look comes sooner, too
IMAGES = 100  # test images of which log p(x) is the mean


def cells() -> Iterator[Row]:
    """Each size under both rules."""
    return ({"rule": rule, "train_size": size} for size in SIZES for rule in RULES)


def looks(train_size: int) -> list[int]:
    """Steps at which a run is looked at, each twice as far."""
    first = SOONER if train_size <= FEW else SOON
    return [first * 2**k for k in range((END // first).bit_length())]


def measure(rule: str, train_size: int, seed: int) -> Row:
    """Nats per unseen image at each look.

    Returns:
        steps; reconstruction (at a draw), reconstruction_at_mean; standard: log p(x) under N(0, I); best: under the
        best for these images of N(0, I) and a Gaussian and a mixture that were fitted to the training codes;
        mean_image: what the mean training image would give, as a reconstruction.
    """
    trainer = Trainer(Recipe(rule=rule, train_size=train_size, seed=seed), points=PROBE)
    steps = looks(train_size)
    row: Row = {"steps": steps, "reconstruction": [], "reconstruction_at_mean": [], "standard": [], "best": []}
    raw = trainer.points.raw[np.linspace(0, len(trainer.points.raw) - 1, IMAGES).round().astype(int)]
    for step in steps:
        with torch.enable_grad():
            trainer.train(step - trainer.step_count)
        metrics, priors = trainer.frame().metrics, yardsticks(trainer)
        found = exact.log_marginals(trainer, raw, list(priors.values()))
        means = {name: float(np.mean(nats)) for name, nats in zip(priors, found, strict=True)}
        row["reconstruction"].append(metrics["reconstruction"])
        row["reconstruction_at_mean"].append(metrics["reconstruction_at_mean"])
        row["standard"].append(means["standard"])
        row["best"].append(max(means.values()))
    row["mean_image"] = Measured(trainer, IMAGES).mean_image_nats
    return row

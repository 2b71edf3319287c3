"""Importance-weighted bounds: with more draws they climb from the ELBO to log p(x)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vae_core.exact.elbo import joint_of
from vae_core.exact.gaussians import posterior_of
from vae_core.rule import LATENT
from vae_core.trainer.random_streams import normal
from vae_core.trainer.trainer import Trainer

COUNTS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
DRAWS = 20_000


@dataclass(frozen=True)
class Bounds:
    """L_K = E[log 1/K Σ p(x, z_k) / q(z_k|x)] of an image (Burda et al. 2016, eq. 8), in nats.

    Attributes:
        counts: K; value: (c,) mean over all groups of K draws; error: (c,) standard error of that mean
            (not a number where there is but one group).
    """

    counts: tuple[int, ...]
    value: np.ndarray
    error: np.ndarray


@torch.no_grad()
def importance_bounds(
    trainer: Trainer,
    image: np.ndarray | Tensor,
    counts: Sequence[int] = COUNTS,
    draws: int = DRAWS,
    name: str = "bounds",
) -> Bounds | None:
    """The bounds of one image, each from the same draws of q in groups of K; None without a posterior.

    Args:
        image: (28, 28) or (784,).
        name: of the random stream of ε.
    """
    image = torch.as_tensor(np.array(image) if not isinstance(image, Tensor) else image).reshape(1, -1)
    q = posterior_of(trainer, image)
    if q is None:
        return None
    eps = normal(draws, trainer.device, 0, name).double()
    log_q = -0.5 * eps.square().sum(1) - (q.entropy() - LATENT / 2)
    log_joint = joint_of(trainer, image)
    row = torch.zeros(1, dtype=torch.long, device=trainer.device)
    parts = [log_joint(row, q.places(part))[0] for part in eps.split(8192)]
    weights = torch.cat(parts) - log_q
    value, error = [], []
    for count in counts:
        groups = weights[: draws // count * count].view(-1, count).logsumexp(1) - np.log(count)
        value.append(float(groups.mean()))
        error.append(float(groups.std() / len(groups) ** 0.5) if len(groups) > 1 else float("nan"))
    return Bounds(tuple(counts), np.array(value), np.array(error))

"""The aggregate posterior q(z) = 1/N Σ q(z|x), how far it is from the prior, and what z tells about x."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vae_core.exact.estimate import Nats
from vae_core.exact.gaussians import Gaussians, posterior_of
from vae_core.exact.mixture import entropy_of_mixture
from vae_core.rule import LATENT
from vae_core.trainer.trainer import Trainer


@dataclass(frozen=True)
class Aggregate:
    """Averages over N images, in nats.

    Attributes:
        kl: mean KL(q(z|x) ‖ N(0, I)) = mutual_information + aggregate_kl
            (Hoffman & Johnson 2016).
        mutual_information: I(x; z) under q, with the N images as all there are: at most log N.
        aggregate_kl: KL(q(z) ‖ N(0, I)).
        images: N.
    """

    kl: float
    mutual_information: Nats
    aggregate_kl: Nats
    images: int


def aggregate_kl(trainer: Trainer, images: np.ndarray | Tensor) -> Nats | None:
    """KL(q(z) ‖ N(0, I)) of the aggregate posterior of these images, in nats; None without a posterior."""
    found = aggregate(trainer, images)
    return None if found is None else found.aggregate_kl


def mutual_information(trainer: Trainer, images: np.ndarray | Tensor) -> Nats | None:
    """I(x; z) under q of these images, in nats, at most the logarithm of their number; None without a
    posterior."""
    found = aggregate(trainer, images)
    return None if found is None else found.mutual_information


def aggregate(trainer: Trainer, images: np.ndarray | Tensor) -> Aggregate | None:
    """All that is known of the aggregate posterior of some images; None where the rule has no posterior."""
    q = posterior_of(trainer, images)
    return None if q is None else aggregate_of(q)


@torch.no_grad()
def aggregate_of(q: Gaussians) -> Aggregate:
    """`Aggregate` of given Gaussians.

    Both come of one integral: with H(q(z)), I = H(q(z)) − mean H(q(z|x)), from 0 to log N, and
    KL(q(z) ‖ p(z)) = −H(q(z)) − E_q log p(z), whose last term has a closed form.
    """
    second = q.mean.square().sum(1) + q.lower.square().sum((1, 2))
    cross = 0.5 * second.mean() + LATENT / 2 * math.log(2 * math.pi)  # −E log N(z; 0, I)
    entropy, error = entropy_of_mixture(q)
    own = float(q.entropy().mean())
    # Rounding, and the error of an estimate, may lead out of what is possible.
    entropy = min(max(entropy, own), own + math.log(len(q.mean)), float(cross))
    information = max(entropy - own, 0.0)
    return Aggregate(
        kl=float(cross) - own,
        mutual_information=Nats(information, error),
        aggregate_kl=Nats(float(cross) - entropy, error),
        images=len(q.mean),
    )

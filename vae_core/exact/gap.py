"""How close a Gaussian comes to the true posterior: the gap, and its two parts."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vae_core.exact.best_gaussians import best_gaussians, family_of
from vae_core.exact.elbo import bound_of, joint_of
from vae_core.exact.estimate import NatsOfImages
from vae_core.exact.gaussians import Gaussians, posterior_of
from vae_core.exact.marginal import integral_of
from vae_core.exact.priors import rule_prior
from vae_core.trainer.trainer import Trainer


@dataclass(frozen=True)
class Gap:
    """KL(q(z|x) ‖ p(z|x)) = log p(x) − ELBO of each image, in nats, and its two parts
    (Cremer et al. 2018). Unpacks to total, approximation, amortization.

    Attributes:
        total: (n,) or None where the rule has no posterior.
        approximation: (n,) of the best q that the rule could choose for this image.
        amortization: (n,) the rest: what the encoder, one function for all images, misses.
        log_marginal, elbo: (n,) log p(x) and E_q[log p(x|z)] − KL(q ‖ p(z)).
        best: the best q.
    """

    total: NatsOfImages | None
    approximation: NatsOfImages | None
    amortization: NatsOfImages | None
    log_marginal: NatsOfImages
    elbo: NatsOfImages | None = None
    best: Gaussians | None = None

    def __iter__(self) -> Iterator[NatsOfImages | None]:
        return iter((self.total, self.approximation, self.amortization))


@torch.no_grad()
def gap(trainer: Trainer, images: np.ndarray | Tensor) -> Gap:
    """The inference gap of each image and its split, see `Gap`.

    The best q is sought in the rule's own family: with `vae` a Gaussian along the axes, with
    `full_covariance` any, with `mean_only` one of the given size, with `noise_only` the one that there is.
    """
    found = integral_of(trainer, images, [rule_prior(trainer)])
    marginal = NatsOfImages(found.log_value[0].cpu().numpy(), found.error[0].cpu().numpy())
    q = posterior_of(trainer, images)
    if q is None:
        return Gap(None, None, None, marginal)
    log_joint = joint_of(trainer, images)
    bound = bound_of(log_joint, q)
    best, reached = best_gaussians(log_joint, q, found.peaks[0], found.width[0], family_of(trainer))
    error = marginal.errors + bound.errors
    total = NatsOfImages(np.asarray(marginal) - np.asarray(bound), error)
    approximation = NatsOfImages(np.asarray(marginal) - np.asarray(reached), marginal.errors + reached.errors)
    amortization = NatsOfImages(np.asarray(reached) - np.asarray(bound), reached.errors + bound.errors)
    return Gap(total, approximation, amortization, marginal, bound, best)

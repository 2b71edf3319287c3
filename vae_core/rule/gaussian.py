"""Draws and densities of Gaussians on the plane."""

import math

import torch
from torch import Tensor
from torch.distributions import Distribution, MultivariateNormal, Normal

from vae_core.rule.contract import LATENT


def draw(posterior: Distribution, eps: Tensor) -> Tensor:
    """(B, 2) the draw of a Gaussian posterior that belongs to ε (B, 2)."""
    if isinstance(posterior, Normal):
        return posterior.mean + posterior.stddev * eps
    assert isinstance(posterior, MultivariateNormal)
    return posterior.mean + (posterior.scale_tril * eps.unsqueeze(1)).sum(2)


def standard_normal(like: Tensor) -> Normal:
    """N(0, I) with the shape and device of ``like``."""
    zero = torch.zeros_like(like)
    return Normal(zero, zero + 1, validate_args=False)


def gaussian_log_density(z: Tensor) -> Tensor:
    """(B,) log N(z; 0, I) of places (B, 2), in nats."""
    return -0.5 * z.square().sum(1) - LATENT / 2 * math.log(2 * math.pi)

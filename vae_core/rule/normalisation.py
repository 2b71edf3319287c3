"""Batch normalisation of codes: mean 0 and standard deviation 1 in each batch (Ioffe & Szegedy 2015)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vae_core.rule.contract import LATENT

MOMENTUM, EPSILON = 0.1, 1e-5


class Normalisation(nn.Module):
    """(x − m) / d with the moments of the batch while it trains, with running ones at test time."""

    running_mean: Tensor
    running_variance: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("running_mean", torch.zeros(LATENT))
        self.register_buffer("running_variance", torch.ones(LATENT))

    def forward(self, codes: Tensor) -> Tensor:
        """(B, 2) normalised codes."""
        by_batch = self.training and len(codes) > 1  # one code alone has no variance
        return F.batch_norm(
            codes, self.running_mean, self.running_variance, training=by_batch, momentum=MOMENTUM, eps=EPSILON
        )

    def facts(self) -> dict[str, Tensor]:
        """For the rule card."""
        return {"running mean m": self.running_mean, "running deviation d": self.running_variance.sqrt()}

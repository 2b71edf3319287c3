"""Codes shifted and scaled to where flows work."""

import torch
from torch import Tensor, nn

from vae_core.rule.contract import LATENT


class Standardiser(nn.Module):
    """Shifts and scales codes by their running mean and deviation, which follow the training.

    Flows work near the origin; the codes of rules without a penalty lie far from it.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(LATENT))
        self.register_buffer("deviation", torch.ones(LATENT))

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 2) standardised codes and (B,) the logarithm of the map's determinant."""
        if self.training and len(z) > 1:
            with torch.no_grad():
                self.mean.lerp_(z.mean(0), 0.1)
                self.deviation.lerp_(z.std(0).clamp(min=1e-4), 0.1)
        ladj = -self.deviation.log().sum().expand(len(z))
        return (z - self.mean.clone()) / self.deviation.clone(), ladj

    def inverse(self, u: Tensor) -> Tensor:
        """(B, 2) the codes of standardised ones."""
        return self.mean + self.deviation * u

"""One Gaussian for each image: what an encoder says of it."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal

from vae_core.rule import LATENT
from vae_core.trainer.trainer import Trainer


@dataclass(frozen=True)
class Gaussians:
    """One Gaussian for each image: mean (n, 2) and lower Cholesky factor (n, 2, 2), float64."""

    mean: Tensor
    lower: Tensor

    def entropy(self) -> Tensor:
        """(n,) nats."""
        log_scale = self.lower.diagonal(dim1=1, dim2=2).log().sum(1)
        return log_scale + LATENT / 2 * (1 + math.log(2 * math.pi))

    def places(self, xi: Tensor) -> Tensor:
        """(n, k, 2) mean + L ξ for nodes ξ (k, 2)."""
        return self.mean.unsqueeze(1) + xi @ self.lower.transpose(1, 2)

    def spread(self) -> Tensor:
        """(n, 2) standard deviation along each axis."""
        return self.lower.square().sum(2).sqrt()

    def narrowest(self) -> Tensor:
        """(n,) standard deviation in the direction in which it is smallest."""
        values: Tensor = torch.linalg.eigvalsh(self.lower @ self.lower.transpose(1, 2))
        return values[:, 0].clamp(min=0).sqrt()

    def log_density(self, places: Tensor) -> Tensor:
        """(n, k) nats of each at the same places (k, 2)."""
        inverse = torch.linalg.inv(self.lower)
        log_scale = inverse.diagonal(dim1=1, dim2=2).log().sum(1, keepdim=True) - math.log(2 * math.pi)
        log_density: Tensor = log_scale - 0.5 * squared_distance(inverse, places - self.mean.unsqueeze(1))
        return log_density

    def only(self, rows: Tensor | slice) -> "Gaussians":
        """Those in some rows."""
        return Gaussians(self.mean[rows], self.lower[rows])


def squared_distance(inverse: Tensor, away: Tensor) -> Tensor:
    """(n, k) ‖L⁻¹ away‖², with L⁻¹ lower triangular (n, 2, 2), of places (n, k, 2) seen from the mean."""
    x, y = away.unbind(2)
    a, b, c = (inverse[:, i, j].unsqueeze(1) for i, j in ((0, 0), (1, 0), (1, 1)))  # a product of 2 × 2 is slower
    return (a * x).square_() + (b * x + c * y).square_()


@torch.no_grad()
def posterior_of(trainer: Trainer, images: np.ndarray | Tensor) -> Gaussians | None:
    """The encoder's q(z|x) of each image, the one that the rule charges for; None where there is none."""
    q = trainer.encode(images, torch.zeros(len(images), LATENT)).posterior
    if q is None:
        return None
    lower = q.scale_tril if isinstance(q, MultivariateNormal) else torch.diag_embed(q.stddev)
    return Gaussians(q.mean.double().to(trainer.device), lower.double().to(trainer.device))

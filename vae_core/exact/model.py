"""The decoder's likelihood in the form that makes integrals over the plane one matrix product."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from vae_core.trainer.pixels import PIXELS
from vae_core.trainer.trainer import Trainer

ROWS = 2048  # places in one product: their logits, 6 MB, stay near the processor
FINE = 0.1  # below this a deviation of the Gaussian likelihood needs float64 products: a white image has 784 / d² nats


@dataclass(frozen=True)
class Model:
    """A likelihood of the form log p(x|z) = x · a(z) − b(z) − c(x), as Bernoulli and Gaussian pixels have.

    Attributes:
        factors: places (M, 2) -> a (M, P) and b (M,) float64.
        constant: images (N, P) -> c (N,) float64.
        device, dtype: of places, images and products; sums are float64.
        highest: nats above which log p(x|z) never is.
    """

    factors: Callable[[Tensor], tuple[Tensor, Tensor]]
    constant: Callable[[Tensor], Tensor]
    device: torch.device
    dtype: torch.dtype = torch.float32
    highest: float = 0.0

    def log_likelihood(self, images: Tensor, places: Tensor) -> Tensor:
        """(N, K) log p(x|z) in nats of images (N, P), each at places of its own (N, K, 2)."""
        count, each = places.shape[:2]
        result = torch.empty(count, each, dtype=torch.float64, device=self.device)
        part = max(1, ROWS // each)
        for start in range(0, count, part):
            own, x = places[start : start + part].to(self.dtype), images[start : start + part]
            a, b = self.factors(own.reshape(-1, own.shape[-1]))
            product = torch.bmm(a.view(len(own), each, -1), x.unsqueeze(2)).squeeze(2)
            result[start : start + part] = product.double() - b.view(len(own), each)
        return result - self.constant(images).unsqueeze(1)


def model_of(trainer: Trainer) -> Model:
    """The likelihood of a run's decoder as it is now."""
    trainer.at_rest()
    decoder, recipe = trainer.decoder, trainer.recipe
    if recipe.likelihood == "gaussian":
        precision = recipe.deviation**-2
        dtype = torch.float64 if recipe.deviation < FINE else torch.float32
        log_scale = PIXELS * (math.log(recipe.deviation) + 0.5 * math.log(2 * math.pi))

        def gaussian(z: Tensor) -> tuple[Tensor, Tensor]:
            # −‖x − p‖² / 2d² = x·p/d² − ‖p‖²/2d² − ‖x‖²/2d²
            p = torch.sigmoid(decoder(z.float()).to(dtype))
            return precision * p, 0.5 * precision * p.double().square().sum(1) + log_scale

        def constant(x: Tensor) -> Tensor:
            return 0.5 * precision * x.double().square().sum(1)

        return Model(gaussian, constant, trainer.device, dtype, highest=-log_scale)

    def bernoulli(z: Tensor) -> tuple[Tensor, Tensor]:
        logits = decoder(z)
        # In float32 like the logits: torch adds in pairs, so that 784 terms lose 1e-5 nats. In float64 it took as long
        # as all products.
        return logits, F.softplus(logits).sum(1).double()

    return Model(bernoulli, lambda x: torch.zeros(len(x), dtype=torch.float64, device=x.device), trainer.device)

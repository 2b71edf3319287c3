"""log p(x) and the true posterior p(z|x), by integration over the plane."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from vae_core.exact.best_gaussians import best_gaussians
from vae_core.exact.elbo import Joint
from vae_core.exact.estimate import NatsOfImages
from vae_core.exact.far import far_hints
from vae_core.exact.gaussians import Gaussians
from vae_core.exact.mesh import Box, Integral, integrate
from vae_core.exact.model import Model, model_of
from vae_core.exact.priors import Prior, rule_prior
from vae_core.rule import LATENT
from vae_core.trainer.trainer import Trainer

UNRESOLVED = 0.1  # nats: what may be further off is not shown as a value
FINEST = 400  # nodes of a posterior's grid, each way, at most


class Posterior(NamedTuple):
    """The true posterior of one image on a grid.

    Attributes:
        grid: (k, m, 2) float64 places; rows are z₂, columns z₁, evenly spaced.
        density: (k, m) float64, p(z|x) per unit of area: it sums to 1 over the grid's cells.
    """

    grid: np.ndarray
    density: np.ndarray


def log_marginal(trainer: Trainer, images: np.ndarray | Tensor, prior: Prior | None = None) -> NatsOfImages:
    """log p(x) = log ∫ p(x|z) p(z) dz of each image, exact to the error that it states.

    Defined for every rule, the plain autoencoder included: it asks of the decoder and a prior alone.
    With grey pixels and the Bernoulli likelihood it is a pseudo-likelihood, of a density that does not
    integrate to one (Loaiza-Ganem & Cunningham 2019); with binarized ones a probability.

    Args:
        images: (n, 28, 28) or (n, 784), as for `Trainer.encode`.
        prior: of z; the rule's own if left out.

    Returns:
        (n,) nats, with ``.error``, the mean of the errors achieved, and ``.errors`` of each; infinite where the
        integral was not resolved: the value is a lower bound then.
    """
    return log_marginals(trainer, images, [prior or rule_prior(trainer)])[0]


@torch.no_grad()
def log_marginals(trainer: Trainer, images: np.ndarray | Tensor, priors: Sequence[Prior]) -> list[NatsOfImages]:
    """`log_marginal` under several priors at once, for little more than the time of one."""
    result = integral_of(trainer, images, priors)
    return [NatsOfImages(v.cpu().numpy(), e.cpu().numpy()) for v, e in zip(result.log_value, result.error, strict=True)]


@torch.no_grad()
def integral_of(trainer: Trainer, images: np.ndarray | Tensor, priors: Sequence[Prior], **options: Any) -> Integral:
    """The integrals of likelihood times prior, with where their mass lies, see `integrate`.

    Where one is not resolved, its value is a lower bound, the ELBO of the best Gaussian, and its error infinite.
    """
    pixels, _ = trainer.as_pixels(images)
    codes = trainer.encode(images, torch.zeros(len(pixels), 2)).mean.to(trainer.device)
    boxes = [Box.around(codes), *(prior.box for prior in priors)]
    box = boxes[0]
    for other in boxes[1:]:
        box = box.join(other)
    model, densities = model_of(trainer), [prior.log_density for prior in priors]
    hints = torch.cat([codes.double().unsqueeze(1), far_hints(model, pixels, priors, box, codes)], 1)
    found = integrate(model, pixels, densities, box, hints, **options)
    for r, prior in enumerate(priors):
        rows = (found.error[r] > UNRESOLVED).nonzero().squeeze(1)
        if len(rows):
            width = found.width[r, rows]
            start = Gaussians(found.mode[r, rows], torch.diag_embed(width.unsqueeze(1).expand(-1, LATENT)))
            joint = Joint(model, prior, pixels[rows].to(model.dtype))
            bound = best_gaussians(joint, start, found.peaks[r, rows], width, "full")[1]
            found.log_value[r, rows] = torch.from_numpy(np.asarray(bound) - bound.errors).to(width)
            found.error[r, rows] = torch.inf
    return found


@torch.no_grad()
def posterior(trainer: Trainer, image: np.ndarray | Tensor, prior: Prior | None = None, nodes: int = 0) -> Posterior:
    """p(z|x) = p(x|z) p(z) / p(x) of one image, on a grid that holds its mass.

    Args:
        image: (28, 28) or (784,), as for `Trainer.encode`.
        prior: of z; the rule's own if left out.
        nodes: along each side; as many as its width asks for if left out.
    """
    prior = prior or rule_prior(trainer)
    image = torch.as_tensor(np.array(image) if not isinstance(image, Tensor) else image).reshape(1, -1)
    found = integral_of(trainer, image, [prior])
    low, high = found.extent[0, 0].view(2, 2)
    counts = [nodes or min(FINEST, int(np.ceil(float(width) / float(found.step[0, 0])))) for width in high - low]
    return posterior_on(model_of(trainer), trainer.as_pixels(image)[0], prior, Box(low, high), counts)


def posterior_on(model: Model, pixels: Tensor, prior: Prior, box: Box, counts: Sequence[int]) -> Posterior:
    """The posterior of an image (1, 784) on the cell centres of a box."""
    axes = [
        low + (high - low) * (torch.arange(n, device=model.device, dtype=torch.float64) + 0.5) / n
        for low, high, n in zip(box.low.to(model.device), box.high.to(model.device), counts, strict=True)
    ]
    y, x = torch.meshgrid(axes[1], axes[0], indexing="ij")
    grid = torch.stack([x, y], 2)
    places = grid.reshape(-1, 2)
    a, b = model.factors(places.to(model.dtype))
    joint = (a @ pixels[0].to(model.dtype)).double() - b + prior.log_density(places)
    cell = float((axes[0][1] - axes[0][0]) * (axes[1][1] - axes[1][0])) if min(counts) > 1 else 1.0
    density = (joint - joint.logsumexp(0)).exp() / cell
    return Posterior(grid.cpu().numpy(), density.view(grid.shape[:2]).cpu().numpy())

"""The Gaussian of a family that comes closest to the true posterior."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Normal

from vae_core.exact.elbo import Joint, Log, bound_of, hermite
from vae_core.exact.estimate import NatsOfImages
from vae_core.exact.gaussians import Gaussians
from vae_core.rule import LATENT
from vae_core.trainer.trainer import Trainer

LONGEST, ROUNDS = 60, 7  # steps of the search, order of its rule


def family_of(trainer: Trainer) -> str:
    """What the rule's encoder may choose for each image: "full", "diagonal", "mean" or "nothing"."""
    rule = trainer.rule
    if rule.free is not None:
        return rule.free
    example = trainer.encode(trainer.points.raw[:1].numpy()).posterior
    return "diagonal" if isinstance(example, Normal) else "full"


def best_gaussians(
    log_joint: Log, start: Gaussians, peaks: Tensor, width: Tensor, family: str = "diagonal"
) -> tuple[Gaussians, NatsOfImages]:
    """The Gaussians of a family with the largest ELBO, and that ELBO.

    A posterior may have several peaks, and the highest need not hold the most mass: each search starts from the
    encoder's own Gaussian, from the highest peak with the encoder's covariance, and from each with the posterior's
    width.

    Args:
        start: (n) the encoder's Gaussians; with family "mean" they also give the covariance.
        peaks: (n, k, 2) high places of each posterior, not a number where there are fewer.
        width: (n,) of the order of a peak's standard deviation.
    """
    if family == "nothing":
        return start, bound_of(log_joint, start)
    lower = start.lower
    if family == "diagonal":
        lower = torch.diag_embed(start.spread())
    rows = torch.arange(len(start.mean), device=start.mean.device)
    starts = [(rows, Gaussians(start.mean, lower))]
    round_ones = width[:, None, None] * torch.eye(LATENT, dtype=lower.dtype, device=lower.device)
    for k, peak in enumerate(peaks.unbind(1)):
        some = rows[peak.isfinite().all(1)]
        scales = [lower] if family == "mean" else [lower, round_ones] if not k else [round_ones]
        starts += [(some, Gaussians(peak[some], scale[some])) for scale in scales]
    mean, value = start.mean.clone(), torch.full((len(rows),), -torch.inf, dtype=lower.dtype, device=lower.device)
    error = value.clone()
    for some, first in starts:
        own = _only(log_joint, some)
        found = _climb(own, first, family)
        bound = bound_of(own, found)
        reached, its_error = (torch.from_numpy(np.array(a)).to(value.device) for a in (bound, bound.errors))
        better = reached > value[some]
        won = some[better]
        mean[won], value[won], error[won] = found.mean[better], reached[better], its_error[better]
        lower = lower.index_copy(0, won, found.lower[better])
    return Gaussians(mean, lower), NatsOfImages(value.cpu().numpy(), error.cpu().numpy())


def _only(log_joint: Log, some: Tensor) -> Log:
    """log p(x, z) of some of the images, by their number among these."""
    if isinstance(log_joint, Joint):
        return replace(log_joint, pixels=log_joint.pixels[some])
    return lambda rows, places: log_joint(some[rows], places)


def _climb(log_joint: Log, q: Gaussians, family: str) -> Gaussians:
    """Natural-gradient steps for mean and covariance, from values of log p(x, z) alone
    (Opper & Archambeau 2009: at the optimum S⁻¹ = −E[∇² log p] and E[∇ log p] = 0, with both
    expectations turned into covariances with ξ by Stein's lemma)."""
    xi, weights = hermite(ROUNDS, q.mean.device)
    eye = torch.eye(LATENT, dtype=q.mean.dtype, device=q.mean.device)
    rows = torch.arange(len(q.mean), device=q.mean.device)
    mean, lower = q.mean.clone(), q.lower.clone()

    def value_of(rows: Tensor, gaussians: Gaussians) -> tuple[Tensor, Tensor]:
        f = log_joint(rows, gaussians.places(xi))
        return f, f @ weights + gaussians.entropy()

    f, value = value_of(rows, q)
    size = torch.ones_like(value)
    still = rows
    for _ in range(LONGEST):
        own = f[still] - (f[still] @ weights).unsqueeze(1)
        inverse = torch.linalg.solve_triangular(lower[still], eye.expand(len(still), -1, -1), upper=False)  # L⁻¹
        slope = torch.einsum("nk,k,kd->nd", own, weights, xi)  # E[ξ f] = Lᵀ E[∇f]
        bend = torch.einsum("nk,k,kd,ke->nde", own, weights, xi, xi)  # E[ξξᵀ f] = Lᵀ E[∇²f] L
        rate = size[still]
        precision = inverse.transpose(1, 2) @ ((1 - rate)[:, None, None] * eye - rate[:, None, None] * bend) @ inverse
        if family == "mean":
            new_lower = lower[still]
        else:
            if family == "diagonal":
                precision = torch.diag_embed(precision.diagonal(dim1=1, dim2=2))
            values, vectors = torch.linalg.eigh(precision)
            old = (lower[still].square().sum((1, 2)) / 2).unsqueeze(1)
            values = torch.minimum(torch.maximum(values, 0.1 / old), 100 / old)  # a step of at most 10 in the scale
            covariance = vectors @ (vectors / values.unsqueeze(1)).transpose(1, 2)
            new_lower = torch.linalg.cholesky(covariance)
        gradient = (inverse.transpose(1, 2) @ slope.unsqueeze(2)).squeeze(2)
        covariance = new_lower @ new_lower.transpose(1, 2)
        shift = rate.unsqueeze(1) * (covariance @ gradient.unsqueeze(2)).squeeze(2)
        tried = Gaussians(mean[still] + shift, new_lower)
        f_tried, value_tried = value_of(still, tried)
        better = value_tried > value[still]
        gain = value_tried - value[still]
        won = still[better]
        mean[won], lower[won] = tried.mean[better], tried.lower[better]
        f[won], value[won] = f_tried[better], value_tried[better]
        size[still] = torch.where(better, (2 * rate).clamp(max=1.0), rate / 4)
        still = still[(gain.abs() > 1e-4) & (size[still] > 1e-3)]
        if not len(still):
            break
    return Gaussians(mean, lower)

"""log p(x) by brute force, by nothing that the product uses: the sum over all nodes of one fine lattice of the plane.

No tiles, no tolerance, nothing that follows the mass: nodes 0.025 apart, as far as ±14. Where every second node says
otherwise, or the posterior reaches further, `sampled` takes over: importance sampling from a mixture of Student's t
around all the peaks that gradient ascent finds from many starts, with its standard error.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from vae_core.exact.priors import Prior, rule_prior
from vae_core.trainer.trainer import Trainer

STEP, HALF = 0.025, 14.0
AGREED = 1e-3  # nats between a lattice and its every second node
TOGETHER = 8192  # places decoded at once
STARTS, ASCENTS, DRAWS = 40, 300, 20_000  # places to climb from, of each image; steps of it; draws of the mixture
FURTHEST = 250.0  # where an image that is like no other may have its mass
FREEDOM = 3  # of Student's t: tails heavier than any posterior's here


@dataclass
class Truth:
    """log p(x) of images, nats, with the error that is certain; not a number where the oracle does not know."""

    value: np.ndarray
    error: np.ndarray


def log_likelihood(trainer: Trainer, pixels: Tensor, z: Tensor) -> Tensor:
    """(N, M) log p(x|z) of images (N, 784) at places (M, 2), written down anew, in float64 but for the network."""
    logits = trainer.decoder(z.float()).double()
    x = pixels.double()
    if trainer.recipe.likelihood == "bernoulli":
        return x @ logits.T - F.softplus(logits).sum(1)
    d = trainer.recipe.deviation
    p = torch.sigmoid(logits)
    square = x.square().sum(1, keepdim=True) - 2 * x @ p.T + p.square().sum(1)
    return -0.5 * square / d**2 - 784 * math.log(d * math.sqrt(2 * math.pi))


@torch.no_grad()
def brute_force(
    trainer: Trainer, images: np.ndarray | Tensor, prior: Prior | None = None, step: float = STEP, half: float = HALF
) -> Truth:
    """log p(x) of each image by one lattice for all; see the module."""
    prior = prior or rule_prior(trainer)
    pixels, _ = trainer.as_pixels(images)
    centre = (prior.box.low + prior.box.high).double() / 2
    half = max(half, float((prior.box.high - prior.box.low).max()) / 2)
    axis = torch.arange(round(2 * half / step), dtype=torch.float64) * step - half
    sums = torch.full((2, 2, len(pixels)), -math.inf, dtype=torch.float64)  # over even and odd rows and columns
    edge = torch.full((len(pixels),), -math.inf, dtype=torch.float64)
    for i in range(2):
        for j in range(2):
            for z in torch.cartesian_prod(axis[i::2], axis[j::2]).split(TOGETHER):
                joint = log_likelihood(trainer, pixels, z + centre) + prior.log_density(z + centre)
                sums[i, j] = torch.logaddexp(sums[i, j], joint.logsumexp(1))
                outermost = ((z <= axis[0]) | (z >= axis[-1])).any(1)
                if outermost.any():
                    edge = torch.maximum(edge, joint[:, outermost].amax(1))
    total = sums.flatten(0, 1).logsumexp(0)
    parts = [sums[0].logsumexp(0), sums[:, 0].logsumexp(0), torch.logaddexp(sums[0, 0], sums[1, 1])]
    apart = (torch.stack(parts) + math.log(2) - total).abs().amax(0)
    value = (total + 2 * math.log(step)).numpy()
    is_known = (apart < 10 * AGREED) & (edge < total - 14)
    return Truth(np.where(is_known, value, np.nan), np.where(is_known, apart.numpy() / 3, np.nan))


def sampled(trainer: Trainer, images: np.ndarray | Tensor, prior: Prior | None = None, seed: int = 0) -> Truth:
    """log p(x) of each image by importance sampling; the error is three standard errors.

    The mixture has `FREEDOM` degrees of freedom at every peak within 20 nats of the highest, with the curvature
    there, widened by half.
    """
    prior = prior or rule_prior(trainer)
    pixels, _ = trainer.as_pixels(images)
    generator = torch.Generator().manual_seed(seed)
    codes = trainer.encode(trainer.training_set.images[:4000], torch.zeros(len(trainer.training_set.images[:4000]), 2))
    own = trainer.encode(images, torch.zeros(len(pixels), 2)).mean.double()
    low, high = prior.box.low.double(), prior.box.high.double()
    anywhere = low + (high - low) * torch.rand(4000, 2, generator=generator).double()
    radius = FURTHEST ** torch.rand(4000, 1, generator=generator).double()
    far = radius * F.normalize(torch.randn(4000, 2, generator=generator).double())
    near = 1.5 * torch.randn(4000, 2, generator=generator).double()
    places = torch.cat([codes.mean.double(), anywhere, near, far])
    with torch.no_grad():
        joint = torch.cat(
            [log_likelihood(trainer, pixels, z) + prior.log_density(z) for z in places.split(TOGETHER)], 1
        )
    values, errors = [], []
    for i in range(len(pixels)):
        starts = torch.cat([own[i : i + 1], places[joint[i].topk(STARTS).indices]])
        values_, error = _sampled(trainer, pixels[i : i + 1], prior, starts, generator)
        values.append(values_)
        errors.append(error)
    return Truth(np.array(values), np.array(errors))


def _sampled(trainer, pixels, prior, starts, generator) -> tuple[float, float]:
    def joint(z: Tensor) -> Tensor:
        return log_likelihood(trainer, pixels, z)[0] + prior.log_density(z)

    def slope(z: Tensor) -> Tensor:
        with torch.enable_grad():
            z = z.detach().requires_grad_()
            return torch.autograd.grad(joint(z).sum(), z)[0].double()

    z, rate = starts.clone(), torch.full((len(starts),), 1e-2, dtype=torch.float64)
    with torch.no_grad():
        height = joint(z)
    for _ in range(ASCENTS):  # along the slope, each by a step of its own that grows while it rises
        direction = slope(z)
        direction /= direction.norm(dim=1, keepdim=True).clamp(min=1e-12)
        tried = z + rate.unsqueeze(1) * direction
        with torch.no_grad():
            there = joint(tried)
        higher = there > height
        z, height = torch.where(higher[:, None], tried, z), torch.where(higher, there, height)
        rate = torch.where(higher, 1.5 * rate, rate / 3)
    peaks: list[Tensor] = []
    scales: list[Tensor] = []
    for k in height.argsort(descending=True):
        if height[k] < height.max() - 20:
            break
        covariance = _curvature(slope, z[k])
        if covariance is None or any(
            (z[k] - p).norm() < c.diagonal().sqrt().max() for p, c in zip(peaks, scales, strict=True)
        ):
            continue
        peaks.append(z[k])
        scales.append(covariance)
    if not peaks:
        return math.nan, math.nan
    centre, lower = torch.stack(peaks), torch.linalg.cholesky(2.25 * torch.stack(scales))
    which = torch.randint(len(peaks), (DRAWS,), generator=generator)
    chi = torch.distributions.Chi2(torch.tensor(float(FREEDOM)).double())
    torch.manual_seed(0)
    spread = (FREEDOM / chi.sample((DRAWS,))).sqrt().unsqueeze(1)
    normal = torch.randn(DRAWS, 2, generator=generator).double()
    draws = centre[which] + spread * (lower[which] @ normal.unsqueeze(2)).squeeze(2)
    away = torch.linalg.solve_triangular(
        lower, (draws.unsqueeze(1) - centre).permute(1, 2, 0), upper=False
    )  # (K, 2, n)
    log_t = -(FREEDOM / 2 + 1) * torch.log1p(away.square().sum(1) / FREEDOM) - math.log(2 * math.pi)
    log_t = log_t - lower.diagonal(dim1=1, dim2=2).log().sum(1, keepdim=True)
    with torch.no_grad():
        log_weight = torch.cat([joint(part) for part in draws.split(TOGETHER)]) - (
            log_t.logsumexp(0) - math.log(len(peaks))
        )
    weight = (log_weight - log_weight.max()).exp()
    value = float(log_weight.max() + weight.mean().log())
    return value, 3 * float(weight.std() / weight.mean() / DRAWS**0.5)


def _curvature(slope, peak: Tensor) -> Tensor | None:
    """(2, 2) inverse of minus the Hessian at a peak, by differences that fit its width; None where it is no peak."""
    width = torch.full((2,), 1e-3, dtype=torch.float64)
    for _ in range(4):
        shifts = torch.diag(width)
        rows = (slope(peak + shifts) - slope(peak - shifts)) / (2 * width).unsqueeze(1)
        hessian = -(rows + rows.T) / 2
        values = torch.linalg.eigvalsh(hessian)
        if not torch.isfinite(values).all() or values[0] <= 0:
            return None
        covariance = torch.linalg.inv(hessian)
        width = covariance.diagonal().sqrt() / 2
    return covariance

"""How close a Gaussian comes to the true posterior: the gap, and its two parts."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal, Normal

from vae_core.exact.estimate import NatsOfImages
from vae_core.exact.marginal import integral_of
from vae_core.exact.model import model_of
from vae_core.exact.priors import rule_prior
from vae_core.rule import LATENT
from vae_core.trainer.trainer import Trainer

ORDERS = (6, 9, 14, 24, 40)  # of the Gauss–Hermite rule, each way, until two agree
SETTLED = 0.005  # nats
LONGEST, ROUNDS = 60, 7  # steps of the search, order of its rule

Log = Callable[[Tensor, Tensor], Tensor]  # images (n,) by number and places (n, k, 2) -> (n, k) log p(x, z)


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

    def only(self, rows: Tensor | slice) -> "Gaussians":
        """Those in some rows."""
        return Gaussians(self.mean[rows], self.lower[rows])


@dataclass(frozen=True)
class Gap:
    """KL(q(z|x) ‖ p(z|x)) = log p(x) − ELBO of each image, in nats, and its two parts
    (Cremer et al. 2018, eq. 3 and 4). Unpacks to total, approximation, amortization.

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
def posterior_of(trainer: Trainer, images: np.ndarray | Tensor) -> Gaussians | None:
    """The encoder's q(z|x) of each image, the one that the rule charges for; None where there is none."""
    q = trainer.encode(images, torch.zeros(len(images), LATENT)).posterior
    if q is None:
        return None
    lower = q.scale_tril if isinstance(q, MultivariateNormal) else torch.diag_embed(q.stddev)
    return Gaussians(q.mean.double().to(trainer.device), lower.double().to(trainer.device))


@torch.no_grad()
def elbo(trainer: Trainer, images: np.ndarray | Tensor) -> NatsOfImages | None:
    """E_q[log p(x|z)] − KL(q(z|x) ‖ p(z)) of each image (Kingma & Welling 2014, eq. 3), by Gauss–Hermite
    quadrature instead of a draw. None where the rule has no posterior."""
    q = posterior_of(trainer, images)
    if q is None:
        return None
    return _bound(joint_of(trainer, images), q)


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
    bound = _bound(log_joint, q)
    best, reached = best_gaussians(log_joint, q, found.mode[0], family_of(trainer))
    error = marginal.errors + bound.errors
    total = NatsOfImages(np.asarray(marginal) - np.asarray(bound), error)
    approximation = NatsOfImages(np.asarray(marginal) - np.asarray(reached), marginal.errors + reached.errors)
    amortization = NatsOfImages(np.asarray(reached) - np.asarray(bound), reached.errors + bound.errors)
    return Gap(total, approximation, amortization, marginal, bound, best)


def family_of(trainer: Trainer) -> str:
    """What the rule's encoder may choose for each image: "full", "diagonal", "mean" or "nothing"."""
    rule = trainer.rule
    if rule.free is not None:
        return rule.free
    example = trainer.encode(trainer.points.raw[:1].numpy()).posterior
    return "diagonal" if isinstance(example, Normal) else "full"


def joint_of(trainer: Trainer, images: np.ndarray | Tensor) -> Log:
    """log p(x, z) of images, by their number, at places of their own."""
    pixels, _ = trainer.as_pixels(images)
    model, prior = model_of(trainer), rule_prior(trainer)
    pixels = pixels.to(model.dtype)

    def log_joint(rows: Tensor, places: Tensor) -> Tensor:
        log_prior = prior.log_density(places.reshape(-1, LATENT)).view(places.shape[:2])
        return model.log_likelihood(pixels[rows], places) + log_prior

    return log_joint


@cache
def hermite(order: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Nodes (k, 2) and weights (k,) of E over N(0, I): exact for polynomials of degree 2·order − 1."""
    node, weight = np.polynomial.hermite_e.hermegauss(order)
    xi = torch.cartesian_prod(*[torch.from_numpy(node)] * LATENT)
    weights = torch.outer(*[torch.from_numpy(weight / weight.sum())] * LATENT).flatten()
    return xi.to(device), weights.to(device)


def _bound(log_joint: Log, q: Gaussians) -> NatsOfImages:
    """E_q[log p(x, z)] + H(q), with the rule's order raised where two orders do not agree."""
    count, device = len(q.mean), q.mean.device
    value = torch.full((count,), math.nan, dtype=torch.float64, device=device)
    error = torch.full((count,), math.inf, dtype=torch.float64, device=device)
    for order in ORDERS:
        rows = (error > SETTLED).nonzero().squeeze(1)
        if not len(rows):
            break
        xi, weights = hermite(order, device)
        now = log_joint(rows, q.only(rows).places(xi)) @ weights
        error[rows] = (now - value[rows]).abs().nan_to_num(math.inf)
        value[rows] = now
    return NatsOfImages((value + q.entropy()).cpu().numpy(), error.cpu().numpy())


def best_gaussians(
    log_joint: Log, start: Gaussians, modes: Tensor, family: str = "diagonal"
) -> tuple[Gaussians, NatsOfImages]:
    """The Gaussians of a family with the largest ELBO, and that ELBO.

    Each is sought twice, from the encoder's own and from the largest peak of the posterior, since a
    posterior may have several.

    Args:
        start: (n) the encoder's Gaussians; with family "mean" they also give the covariance.
        modes: (n, 2) a high place of each posterior.
    """
    if family == "nothing":
        return start, _bound(log_joint, start)
    if family == "full" or family == "mean":
        lower = start.lower
    else:
        lower = torch.diag_embed((start.lower @ start.lower.transpose(1, 2)).diagonal(dim1=1, dim2=2).sqrt())
    candidates = [
        _climb(log_joint, Gaussians(start.mean, lower), family),
        _climb(log_joint, Gaussians(modes, lower), family),
    ]
    bounds = [_bound(log_joint, candidate) for candidate in candidates]
    second = torch.from_numpy(np.asarray(bounds[1]) > np.asarray(bounds[0])).to(start.mean.device)
    best = Gaussians(
        torch.where(second[:, None], candidates[1].mean, candidates[0].mean),
        torch.where(second[:, None, None], candidates[1].lower, candidates[0].lower),
    )
    chosen = second.cpu().numpy()
    return best, NatsOfImages(
        np.where(chosen, bounds[1], bounds[0]), np.where(chosen, bounds[1].errors, bounds[0].errors)
    )


def _climb(log_joint: Log, q: Gaussians, family: str) -> Gaussians:
    """Natural-gradient steps for mean and covariance, from values of log p(x, z) alone
    (Opper & Archambeau 2009, eq. 6 and 7: at the optimum S⁻¹ = −E[∇² log p] and E[∇ log p] = 0, with both
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

"""The ELBO without a draw: expectations over Gaussians by quadrature.

Narrow Gaussians, as those of a trained encoder, take few nodes each (Gauss and Hermite's). Over wide ones, as those of
an encoder that was trained without noise, log p(x|z) is no polynomial of any low degree: they are summed over one
lattice for all images, whose nodes are decoded once.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor

from vae_core.exact.estimate import NatsOfImages
from vae_core.exact.gaussians import Gaussians, posterior_of
from vae_core.exact.model import ROWS, Model, model_of
from vae_core.exact.priors import REACH, Prior, rule_prior
from vae_core.rule import LATENT
from vae_core.trainer.trainer import Trainer

ORDERS = (6, 9, 14, 24, 40)  # of the Gauss–Hermite rule, each way, until two agree
SETTLED = 0.005  # nats
FEWEST_NODES, MOST_NODES = 20_000, 150_000  # of a lattice

Log = Callable[[Tensor, Tensor], Tensor]  # images (n,) by number and places (n, k, 2) -> (n, k) log p(x, z)


@torch.no_grad()
def elbo(
    trainer: Trainer,
    images: np.ndarray | Tensor,
    tolerance: float = SETTLED,
    pause: Callable[[], None] = lambda: None,
) -> NatsOfImages | None:
    """E_q[log p(x|z)] − KL(q(z|x) ‖ p(z)) of each image (Kingma & Welling 2014, eq. 3), by quadrature instead of a
    draw. None where the rule has no posterior.

    Args:
        tolerance: nats, at which an image's ELBO is exact enough.
        pause: is called between two products, and may raise an error that ends it.
    """
    q = posterior_of(trainer, images)
    return None if q is None else bound_of(joint_of(trainer, images), q, tolerance, pause)


@dataclass(frozen=True)
class Joint:
    """log p(x, z) of some images.

    Attributes:
        model: the likelihood; prior: of z; pixels: (n, 784).
    """

    model: Model
    prior: Prior
    pixels: Tensor

    def __call__(self, rows: Tensor, places: Tensor) -> Tensor:
        """(m, k) nats of images, by their number, at places (m, k, 2) of their own."""
        log_prior = self.prior.log_density(places.reshape(-1, LATENT)).view(places.shape[:2])
        return self.model.log_likelihood(self.pixels[rows], places) + log_prior


def joint_of(trainer: Trainer, images: np.ndarray | Tensor) -> Joint:
    """log p(x, z) of images under the rule's own prior."""
    model = model_of(trainer)
    return Joint(model, rule_prior(trainer), trainer.as_pixels(images)[0].to(model.dtype))


@cache
def hermite(order: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Nodes (k, 2) and weights (k,) of E over N(0, I): exact for polynomials of degree 2·order − 1."""
    node, weight = np.polynomial.hermite_e.hermegauss(order)
    xi = torch.cartesian_prod(*[torch.from_numpy(node)] * LATENT)
    weights = torch.outer(*[torch.from_numpy(weight / weight.sum())] * LATENT).flatten()
    return xi.to(device), weights.to(device)


def bound_of(
    log_joint: Log, q: Gaussians, tolerance: float = SETTLED, pause: Callable[[], None] = lambda: None
) -> NatsOfImages:
    """E_q[log p(x, z)] + H(q), with the rule's order raised where two orders do not agree, and from a lattice as soon
    as that takes no more; the error is how far the last two, or the lattice's halves, were apart."""
    count, device = len(q.mean), q.mean.device
    value = torch.full((count,), math.nan, dtype=torch.float64, device=device)
    error = torch.full((count,), math.inf, dtype=torch.float64, device=device)
    summed, its_error = value.clone(), error.clone()  # by a lattice
    joint = log_joint if isinstance(log_joint, Joint) else None  # else the pixels are unknown
    for order in ORDERS:
        rows = (torch.minimum(error, its_error) > tolerance).nonzero().squeeze(1)
        if joint is not None and order > ORDERS[1] and len(rows) * order**2 > FEWEST_NODES:  # a lattice is no dearer
            size = q.narrowest()[rows].log2().floor()
            for some in (rows[size == one] for one in torch.unique(size)):
                summed[some], its_error[some] = _over_lattice(joint, some, q.only(some), tolerance, pause)
            joint, rows = None, (torch.minimum(error, its_error) > tolerance).nonzero().squeeze(1)
        if not len(rows):
            break
        pause()
        xi, weights = hermite(order, device)
        now = log_joint(rows, q.only(rows).places(xi)) @ weights
        error[rows] = (now - value[rows]).abs().nan_to_num(math.inf)
        value[rows] = now
    value, error = torch.where(its_error < error, summed, value), torch.minimum(error, its_error)
    return NatsOfImages((value + q.entropy()).cpu().numpy(), error.cpu().numpy())


def _over_lattice(
    joint: Joint, rows: Tensor, q: Gaussians, tolerance: float, pause: Callable[[], None]
) -> tuple[Tensor, Tensor]:
    """(n,) E_q[log p(x, z)] over one lattice for all, halved until it is exact enough or has too many nodes; (n,) how
    far the sums over every second row, column or diagonal are from it."""
    reach = REACH * q.spread()
    low, high = (q.mean - reach).amin(0), (q.mean + reach).amax(0)
    step = min(float(q.narrowest().min()), math.sqrt(float((high - low).prod()) / FEWEST_NODES))
    value = torch.zeros(len(rows), dtype=torch.float64, device=low.device)
    error = torch.full_like(value, math.inf)
    while float(((high - low) / step).prod()) <= MOST_NODES and bool((error > tolerance).any()):
        sums = torch.zeros(2, 2, 2, len(rows), dtype=torch.float64, device=low.device)  # columns, rows, what
        for i in range(2):
            for j in range(2):
                axes = [torch.arange(float(low[k]) + at * step, float(high[k]), 2 * step) for k, at in ((0, i), (1, j))]
                places = torch.cartesian_prod(*(axis.double().to(low.device) for axis in axes))
                sums[i, j] = _weighted(joint, rows, q, places, pause)
        total, mass = sums.sum((0, 1))
        halves = torch.stack([sums[0].sum(0), sums[:, 0].sum(0), sums[0, 0] + sums[1, 1]])
        value = total / mass
        # Where the sum's error falls with the square of the step, each half has three more of it in one direction.
        error = (halves[:, 0] / halves[:, 1] - value).abs().amax(0).nan_to_num(math.inf) * 2 / 3
        step /= 2
    return value, error


def _weighted(joint: Joint, rows: Tensor, q: Gaussians, places: Tensor, pause: Callable[[], None]) -> Tensor:
    """(2, n) Σ q(z) log p(x, z) and Σ q(z) over places (M, 2): the images' weights are put on the decoder's factors
    before these meet the pixels."""
    model, x = joint.model, joint.pixels[rows]
    factors = torch.zeros_like(x, dtype=torch.float64)
    rest, mass = (torch.zeros(len(rows), dtype=torch.float64, device=places.device) for _ in range(2))
    for part in places.split(ROWS):
        pause()
        a, b = model.factors(part.to(model.dtype))
        weight = q.log_density(part).exp()
        factors += (weight.to(a.dtype) @ a).double()
        rest += weight @ (joint.prior.log_density(part) - b)
        mass += weight.sum(1)
    total = (factors * x.double()).sum(1) + rest - mass * model.constant(x)
    return torch.stack([total, mass])

"""The entropy of an equal mixture of many Gaussians, summed over squares as small as the narrowest one asks for.

Where all Gaussians are alike, a lattice would do. Late in training without a charge some are a thousand times narrower
than the distance to their neighbours: only squares that follow each one's size find all of the mass.
"""

import math

import numpy as np
import torch
from torch import Tensor

from vae_core.exact.gaussians import Gaussians, squared_distance
from vae_core.exact.priors import REACH
from vae_core.rule import LATENT
from vae_core.trainer.random_streams import normal

ORDER = 8  # nodes of a square, each way
SIDES = 14.0, 9.0, 6.0, 4.0  # of a square in deviations of the narrowest Gaussian that reaches it, until that is exact
TOLERANCE = 5e-3  # nats
TOGETHER, MOST_PAIRS = 40_000, 400_000  # of a Gaussian and a square: at a time; in all, before it takes too long
DRAWS = 4_000  # of the estimate that takes the sum's place then
LOG = 100.0  # times an error of the mass, that of q log q is less


@torch.no_grad()
def entropy_of_mixture(q: Gaussians) -> tuple[float, float]:
    """H of the equal mixture in nats, and its error: how far the mixture's mass, summed in the same way, is from 1.

    Gaussians of very different sizes, thousands on top of each other, are estimated from draws; the error is then
    three standard errors.
    """
    entropy, error = 0.0, math.inf
    for side in SIDES:
        squares = _squares(q, side)
        if squares is None:
            break
        entropy = mass = 0.0
        for low, length, component, square, count in squares:
            density, weight = _density(q, low, length, component, square, count)
            entropy += float((torch.special.entr(density) * weight).sum())
            mass += float((density * weight).sum())
        error = LOG * abs(mass - 1)
        if error <= TOLERANCE:
            return entropy, error
    estimate = _estimated(q)
    return estimate if estimate[1] < error else (entropy, error)


def _squares(q: Gaussians, ratio: float) -> list[tuple[Tensor, float, Tensor, Tensor, int]] | None:
    """Squares of each size: their low corners (T, 2), their side, and which Gaussian (P,) reaches which square (P,);
    None where there would be too many."""
    narrow, reach = q.narrowest(), REACH * q.spread()
    side = ratio * float(narrow.max())
    low = (q.mean - reach).amin(0)
    first = ((q.mean - reach - low) / side).floor().long()
    span = ((q.mean + reach - low) / side).floor().long() - first + 1  # (n, 2) squares each way
    if int(span.prod(1).sum()) > MOST_PAIRS:
        return None
    component = torch.arange(len(q.mean), device=q.mean.device).repeat_interleave(span.prod(1))
    number = torch.arange(len(component), device=component.device)
    number -= (span.prod(1).cumsum(0) - span.prod(1))[component]
    place = first[component] + torch.stack([number // span[component, 1], number % span[component, 1]], 1)
    found, pairs = [], 0
    quarters = torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1]], device=component.device)
    while len(component):
        width = int(place[:, 1].max()) + 1
        keys, square = torch.unique(place[:, 0] * width + place[:, 1], return_inverse=True)
        narrowest = torch.full((len(keys),), math.inf, dtype=narrow.dtype, device=narrow.device)
        narrowest.scatter_reduce_(0, square, narrow[component], "amin")
        is_fine = side <= 1.001 * ratio * narrowest
        pairs += len(component)
        if pairs > MOST_PAIRS:
            return None
        here = is_fine[square]
        kept = is_fine.cumsum(0) - 1
        corners = low + torch.stack([keys // width, keys % width], 1)[is_fine].double() * side
        found.append((corners, side, component[here], kept[square[here]], int(is_fine.sum())))
        side /= 2
        place = (2 * place[~here].unsqueeze(1) + quarters).reshape(-1, LATENT)
        component = component[~here].repeat_interleave(4)
        away = (low + (place.double() + 0.5) * side - q.mean[component]).abs()
        touches = (away <= reach[component] + side / 2).all(1)
        component, place = component[touches], place[touches]
    return found


def _density(
    q: Gaussians, low: Tensor, side: float, component: Tensor, square: Tensor, count: int
) -> tuple[Tensor, Tensor]:
    """The mixture's density (T, 64) at the nodes of squares, and the nodes' weights (64,)."""
    node, share = np.polynomial.legendre.leggauss(ORDER)
    axis = torch.from_numpy((node + 1) / 2 * side).to(low)
    offsets = torch.cartesian_prod(axis, axis)
    weight = torch.from_numpy(np.outer(share, share).ravel() * side**2 / 4).to(low)
    inverse = torch.linalg.inv(q.lower)
    scale = inverse.diagonal(dim1=1, dim2=2).prod(1) / (2 * math.pi * len(q.mean))
    density = torch.zeros(count, ORDER**2, dtype=torch.float64, device=low.device)
    for start in range(0, len(component), TOGETHER):
        own, where = component[start : start + TOGETHER], square[start : start + TOGETHER]
        power = squared_distance(inverse[own], (low[where] - q.mean[own]).unsqueeze(1) + offsets)
        density.index_add_(0, where, power.mul_(-0.5).exp_().mul_(scale[own].unsqueeze(1)))
    return density, weight


def _estimated(q: Gaussians) -> tuple[float, float]:
    """The mean entropy and E log q(z|x) / q(z) from draws, and three standard errors: where the Gaussians lie apart,
    that ratio hardly varies."""
    count = len(q.mean)
    each = -(-DRAWS // count)
    xi = normal(count * each, q.mean.device, 0, "mixture").double().view(count, each, LATENT)
    z = q.mean.unsqueeze(1) + xi @ q.lower.transpose(1, 2)
    own = -0.5 * xi.square().sum(2) - (q.entropy() - LATENT / 2).unsqueeze(1)
    values = own.flatten() - log_density_at(q, z.reshape(-1, LATENT))
    return float(q.entropy().mean() + values.mean()), 3 * float(values.std() / len(values) ** 0.5)


@torch.no_grad()
def log_density_at(q: Gaussians, places: Tensor) -> Tensor:
    """(M,) log density of the equal mixture at places (M, 2), nats."""
    part = max(1, 4_000_000 // len(q.mean))
    each = [q.log_density(some).logsumexp(0) for some in places.double().split(part)]
    return torch.cat(each) - math.log(len(q.mean))

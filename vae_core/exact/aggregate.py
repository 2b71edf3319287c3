"""The aggregate posterior q(z) = 1/N Σ q(z|x), how far it is from the prior, and what z tells about x."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vae_core.exact.estimate import Nats
from vae_core.exact.gaussians import Gaussians, posterior_of
from vae_core.exact.mesh import SIDE, richardson
from vae_core.rule import LATENT
from vae_core.trainer.trainer import Trainer

REACH = 6.5  # standard deviations of each q(z|x) that are summed
MOST_NODES, MOST_PAIRS = 4_000_000, 40_000  # of the lattice; of an image and a tile at a time
TOLERANCE = 2e-3  # nats


@dataclass(frozen=True)
class Aggregate:
    """Averages over N images, in nats.

    Attributes:
        kl: mean KL(q(z|x) ‖ N(0, I)) = mutual_information + aggregate_kl
            (Hoffman & Johnson 2016, eq. 9).
        mutual_information: I(x; z) under q, with the N images as all there are: at most log N.
        aggregate_kl: KL(q(z) ‖ N(0, I)).
        images: N.
    """

    kl: float
    mutual_information: Nats
    aggregate_kl: Nats
    images: int


def aggregate_kl(trainer: Trainer, images: np.ndarray | Tensor) -> Nats | None:
    """KL(q(z) ‖ N(0, I)) of the aggregate posterior of these images, in nats; None without a posterior."""
    found = aggregate(trainer, images)
    return None if found is None else found.aggregate_kl


def mutual_information(trainer: Trainer, images: np.ndarray | Tensor) -> Nats | None:
    """I(x; z) under q of these images, in nats, at most the logarithm of their number; None without a
    posterior."""
    found = aggregate(trainer, images)
    return None if found is None else found.mutual_information


def aggregate(trainer: Trainer, images: np.ndarray | Tensor) -> Aggregate | None:
    """All that is known of the aggregate posterior of some images; None where the rule has no posterior."""
    q = posterior_of(trainer, images)
    return None if q is None else aggregate_of(q)


@torch.no_grad()
def aggregate_of(q: Gaussians) -> Aggregate:
    """`Aggregate` of given Gaussians.

    Both integrals are sums over one lattice: H(q(z)), and with it I = H(q(z)) − mean H(q(z|x)), and
    KL(q(z) ‖ p(z)) = −H(q(z)) − E_q log p(z), whose last term has a closed form.
    """
    second = q.mean.square().sum(1) + q.lower.square().sum((1, 2))
    cross = 0.5 * second.mean() + LATENT / 2 * math.log(2 * math.pi)  # −E log N(z; 0, I)
    entropy, error = entropy_of_mixture(q)
    information = entropy - float(q.entropy().mean())
    return Aggregate(
        kl=float(cross - q.entropy().mean()),
        mutual_information=Nats(information, error),
        aggregate_kl=Nats(float(cross) - entropy, error),
        images=len(q.mean),
    )


def entropy_of_mixture(q: Gaussians) -> tuple[float, float]:
    """H of the equal mixture, nats, and the error achieved: the lattice is halved until that is small."""
    step = float(q.lower.diagonal(dim1=1, dim2=2).median())
    while True:
        cosets, mass = _negative_entropy(q, step)
        error = float(richardson(cosets))
        nodes = float(np.prod(_size(q) / step))
        if error <= TOLERANCE or nodes * 4 > MOST_NODES:
            # The mixture's mass is 1; what the lattice makes of it is a second witness of its error.
            return -float(cosets.sum()) * step**LATENT, max(error, abs(mass - 1))
        step /= 2


def _size(q: Gaussians) -> np.ndarray:
    reach = REACH * q.lower.square().sum(2).sqrt()
    return ((q.mean + reach).amax(0) - (q.mean - reach).amin(0)).cpu().numpy()


def _negative_entropy(q: Gaussians, step: float) -> tuple[Tensor, float]:
    """Sums of q log q over the four sublattices (2, 2), and the mass Σ q · cell."""
    _low, _tiles, density = mixture_on_tiles(q, step)
    values = torch.where(density > 0, density * density.clamp(min=1e-300).log(), 0.0)
    cosets = values.view(-1, SIDE // 2, 2, SIDE // 2, 2).sum((0, 1, 3))
    return cosets, float(density.sum()) * step**LATENT


def mixture_on_tiles(q: Gaussians, step: float) -> tuple[Tensor, Tensor, Tensor]:
    """Density of the mixture on tiles of 8 × 8 nodes, those that some Gaussian reaches.

    Returns:
        low: (2,) where tile (0, 0) begins; tiles: (T, 2) integer places; density: (T, 64), z₁ first.
    """
    device, side = q.mean.device, SIDE * step
    reach = REACH * q.lower.square().sum(2).sqrt()  # (n, 2) standard deviation along each axis
    low = (q.mean - reach).amin(0)
    first = ((q.mean - reach - low) / side).floor().long()
    span = ((q.mean + reach - low) / side).floor().long() - first + 1  # (n, 2) tiles each way
    width = int((first[:, 1] + span[:, 1]).max()) + 1
    per_image = span.prod(1)
    image = torch.arange(len(q.mean), device=device).repeat_interleave(per_image)
    number = torch.arange(len(image), device=device) - (per_image.cumsum(0) - per_image)[image]
    column = first[image, 0] + number // span[image, 1]
    row = first[image, 1] + number % span[image, 1]
    found, tile = torch.unique(column * width + row, return_inverse=True)
    tiles = torch.stack([found // width, found % width], 1)
    offsets = torch.arange(SIDE * SIDE, device=device)
    offsets = (torch.stack([offsets // SIDE, offsets % SIDE], 1) + 0.5) * step
    inverse = torch.linalg.inv(q.lower)
    weight = inverse.diagonal(dim1=1, dim2=2).prod(1) / (2 * math.pi * len(q.mean))
    density = torch.zeros(len(tiles), SIDE * SIDE, dtype=torch.float64, device=device)
    for start in range(0, len(image), MOST_PAIRS):
        own, where = image[start : start + MOST_PAIRS], tile[start : start + MOST_PAIRS]
        away = (low + tiles[where] * side - q.mean[own]).unsqueeze(1) + offsets  # (p, 64, 2)
        x, y = away.unbind(2)
        a, b, c = (inverse[own, i, j].unsqueeze(1) for i, j in ((0, 0), (1, 0), (1, 1)))  # a product of 2 × 2 is slower
        square = (a * x).square_() + (b * x + c * y).square_()
        density.index_add_(0, where, square.mul_(-0.5).exp_().mul_(weight[own].unsqueeze(1)))
    return low, tiles, density


@torch.no_grad()
def density_at(q: Gaussians, places: Tensor) -> Tensor:
    """(M,) density of the equal mixture at places (M, 2)."""
    total = torch.zeros(len(places), dtype=torch.float64, device=places.device)
    inverse = torch.linalg.inv(q.lower)
    weight = inverse.diagonal(dim1=1, dim2=2).prod(1) / (2 * math.pi * len(q.mean))
    for start in range(0, len(q.mean), 200):
        own = slice(start, start + 200)
        away = (places.double() - q.mean[own].unsqueeze(1)) @ inverse[own].transpose(1, 2)  # (n, M, 2)
        total += ((-0.5 * away.square().sum(2)).exp() * weight[own].unsqueeze(1)).sum(0)
    return total

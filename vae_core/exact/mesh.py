"""Integrals over the plane, for many images at once, on a mesh that goes where each one's mass is.

The mesh is made of square tiles of 8 × 8 nodes. All images are summed on a coarse lattice first; each
image whose sum has not settled goes on to tiles of half the size, there alone where its integrand may
have mass. So each image is summed on one uniform lattice as fine as it needs, and the sum of a smooth
function that vanishes at the border, over a uniform lattice, converges faster than any power of the step
(Trefethen & Weideman 2014, sec. 5).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vae_core.exact.model import ROWS, Model

SIDE = 8  # nodes of a tile, each way
NODES = SIDE * SIDE
NEGLIGIBLE = 16.0  # nats below the best node: mass e^-16 is left out
SAFETY = 3.0  # times what a parabola would rise above the nodes between them
FIRST = 96  # nodes along the longer side of the first lattice
IMAGES = 2000  # at a time: their values on the coarse lattice take 80 MB

LogDensity = Callable[[Tensor], Tensor]  # places (M, 2) -> (M,) nats


@dataclass(frozen=True)
class Box:
    """A rectangle of the plane: corners (2,) float64."""

    low: Tensor
    high: Tensor

    @classmethod
    def around(cls, places: Tensor, margin: float | Tensor = 0.0) -> "Box":
        """The smallest box that holds places (n, 2), and a margin."""
        places = places.double()
        return cls(places.amin(0) - margin, places.amax(0) + margin)

    def join(self, other: "Box") -> "Box":
        """The smallest box that holds both."""
        return Box(torch.minimum(self.low, other.low), torch.maximum(self.high, other.high))


@dataclass(frozen=True)
class Integral:
    """∫ p(x|z) p(z) dz of each image under each of R priors.

    Attributes:
        log_value: (R, N) nats, float64.
        error: (R, N) nats: how far the sums over every second column, row or diagonal differ, by Richardson's
            rule for convergence of second order, which a smooth integrand exceeds by far.
        mode: (R, N, 2) the node with the largest p(x|z) p(z).
        step: (R, N) of the lattice on which each was summed.
        extent: (R, N, 4) low and high corner of the nodes that have mass.
    """

    log_value: Tensor
    error: Tensor
    mode: Tensor
    step: Tensor
    extent: Tensor


def integrate(
    model: Model,
    images: Tensor,
    priors: Sequence[LogDensity],
    box: Box,
    hints: Tensor,
    tolerance: float = 5e-3,
    coarse: int = FIRST,
    deepest: int = 9,
    pause: Callable[[], None] = lambda: None,
) -> Integral:
    """Integrate likelihood times prior over the plane.

    Args:
        images: (N, P).
        box: holds the mass of all priors, and the codes.
        hints: (N, 2) a place near the mass of each image, such as its code; the mesh looks there too.
        tolerance: the error in nats at which an image has settled.
        coarse: nodes along the longer side of the first lattice.
        deepest: how often the step is halved at most.
        pause: is called between two products, and may raise an error that ends it.
    """
    options = tolerance, coarse, deepest, pause
    parts = [
        _integrate(model, images[at : at + IMAGES], priors, box, hints[at : at + IMAGES], *options)
        for at in range(0, len(images), IMAGES)
    ]
    return Integral(*(torch.cat(field, 1) for field in zip(*parts, strict=True)))


def _integrate(
    model: Model,
    images: Tensor,
    priors: Sequence[LogDensity],
    box: Box,
    hints: Tensor,
    tolerance: float,
    coarse: int,
    deepest: int,
    pause: Callable[[], None],
) -> tuple[Tensor, ...]:
    device, count = model.device, len(images)
    images, constant = images.to(model.dtype), model.constant(images)
    low, size = box.low.to(device), (box.high - box.low).to(device)
    step = float(size.max()) / coarse
    across = (size / (SIDE * step)).ceil().long()  # tiles, each way
    i, j = torch.meshgrid(*(torch.arange(int(n), device=device) for n in across), indexing="ij")
    tiles = torch.stack([i.flatten(), j.flatten()], 1)  # (T, 2) integer places, in tiles
    every = torch.arange(count, device=device)
    image, tile = every.repeat(len(tiles)), torch.arange(len(tiles), device=device).repeat_interleave(count)
    at_hint = model.log_likelihood(images, hints.unsqueeze(1).double())[:, 0] + constant
    hint_joint = torch.stack([at_hint + prior(hints.double()) for prior in priors])  # (R, N)

    shape = len(priors), count
    log_value, error = (torch.full(shape, math.inf, dtype=torch.float64, device=device) for _ in range(2))
    mode, extent = (torch.zeros(*shape, width, dtype=torch.float64, device=device) for width in (2, 4))
    steps = torch.zeros(shape, dtype=torch.float64, device=device)
    unsettled = torch.ones(shape, dtype=torch.bool, device=device)
    for level in range(deepest + 1):
        sums = _sum_over_tiles(model, images, priors, low, step, tiles, image, tile, pause)
        best = torch.full(shape, -math.inf, dtype=torch.float64, device=device)
        best.scatter_reduce_(1, image.expand_as(sums.top), sums.top, "amax")
        cosets = torch.zeros(*shape, 2, 2, dtype=torch.float64, device=device)
        weight = (sums.top - best[:, image]).exp()
        cosets.index_add_(1, image, sums.cosets * weight[..., None, None])
        log_value[unsettled] = (best + cosets.sum((2, 3)).log() + 2 * math.log(step))[unsettled]
        error[unsettled] = richardson(cosets)[unsettled]
        steps[unsettled] = step
        for r, now in enumerate(unsettled):
            first = (sums.top[r] == best[r, image]) & now[image]
            mode[r, image[first]] = sums.place[r][first]
            massive = (sums.top[r] >= best[r, image] - NEGLIGIBLE) & now[image]
            extent[r, now] = _corners(tiles[tile[massive]], image[massive], count, low, SIDE * step)[now]
        unsettled &= (error > tolerance) | (hint_joint > best + 0.5)  # there a peak stands between the nodes
        unsettled |= torch.tensor(level == 0, device=device)
        if level == deepest or not unsettled.any():
            break
        hopeful = sums.top + SAFETY * sums.sag >= torch.maximum(best, hint_joint)[:, image] - NEGLIGIBLE
        keep = (hopeful & unsettled[:, image]).any(0)
        children = 2 * tiles[tile[keep]].unsqueeze(1) + torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1]], device=device)
        step /= 2
        still = unsettled.any(0)
        at_hints = ((hints[still].double() - low) / (SIDE * step)).floor().long()
        places = torch.cat([children.reshape(-1, 2), at_hints])
        whose = torch.cat([image[keep].repeat_interleave(4), every[still]])
        tiles, tile, image = _unique(places, whose)
    return log_value - constant, error, mode, steps, extent


def richardson(cosets: Tensor) -> Tensor:
    """(...) error in nats of a lattice's sum, from the sums over its four sublattices (..., 2, 2)."""
    total = cosets.sum((-2, -1))
    halves = (
        torch.stack([cosets[..., 0, :].sum(-1), cosets[..., 0].sum(-1), cosets[..., 0, 0] + cosets[..., 1, 1]]) / total
    )
    # Both halves estimate the whole; each is as far from it as a step doubled in one direction.
    return (halves.log() - (1 - halves).clamp(min=0).log()).abs().nan_to_num(math.inf).amax(0) / 6


@dataclass(frozen=True)
class _Sums:
    """What each of P pairs of an image and a tile adds, for R priors.

    Attributes:
        top: (R, P) the largest value, log p(x|z) p(z).
        sag: (R, P) how far a parabola with the largest curvature found may rise above it between nodes.
        place: (R, P, 2) where it is largest.
        cosets: (R, P, 2, 2) sums of exp(value − top) over even and odd columns and rows.
    """

    top: Tensor
    sag: Tensor
    place: Tensor
    cosets: Tensor


def _sum_over_tiles(
    model: Model,
    images: Tensor,
    priors: Sequence[LogDensity],
    low: Tensor,
    step: float,
    tiles: Tensor,
    image: Tensor,
    tile: Tensor,
    pause: Callable[[], None],
) -> _Sums:
    """Pairs must be sorted by tile."""
    device, pairs = model.device, len(image)
    offsets = torch.arange(NODES, device=device)
    offsets = torch.stack([offsets // SIDE, offsets % SIDE], 1) + 0.5
    shape = len(priors), pairs
    top, sag = (torch.empty(shape, dtype=torch.float64, device=device) for _ in range(2))
    place = torch.empty(*shape, 2, dtype=torch.float64, device=device)
    cosets = torch.empty(*shape, 2, 2, dtype=torch.float64, device=device)
    bounds = torch.searchsorted(tile, torch.arange(len(tiles) + 1, device=device)).tolist()
    part = ROWS // NODES
    for start in range(0, len(tiles), part):
        pause()
        end = min(start + part, len(tiles))
        nodes = low + (SIDE * tiles[start:end].unsqueeze(1) + offsets) * step  # (t, 64, 2)
        a, b = model.factors(nodes.reshape(-1, 2).to(model.dtype))
        log_prior = torch.stack([prior(nodes.reshape(-1, 2)) for prior in priors]).view(len(priors), -1, NODES)
        a, b = a.view(end - start, NODES, -1), b.view(-1, NODES)
        own = slice(bounds[start], bounds[end])
        values = torch.cat(
            [images[image[bounds[t] : bounds[t + 1]]] @ a[t - start].T for t in range(start, end)]
        )  # (p, 64) x · a(z)
        local = tile[own] - start
        for r in range(len(priors)):
            joint = values + (log_prior[r] - b)[local].to(values.dtype)
            largest, where = joint.max(1)
            top[r, own], sag[r, own] = largest.double(), _sag(joint.view(-1, SIDE, SIDE)).double()
            place[r, own] = nodes[local, where]
            shares = (joint - largest.unsqueeze(1)).exp_().view(-1, SIDE // 2, 2, SIDE // 2, 2)
            cosets[r, own] = shares.sum((1, 3), dtype=torch.float64)
    return _Sums(top, sag, place, cosets)


def _sag(values: Tensor) -> Tensor:
    """(P,) an eighth of the largest second difference along each axis of values (P, 8, 8), added."""
    first, second = (values.diff(n=2, dim=axis).flatten(1).amin(1).clamp(max=0) for axis in (1, 2))
    return -(first + second) / 8


def _unique(places: Tensor, whose: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Tiles (T, 2), and the pairs (tile, image) without repetition, sorted by tile."""
    base = places.amin(0)
    width = int((places[:, 1] - base[1]).max()) + 1
    keys = (places[:, 0] - base[0]) * width + (places[:, 1] - base[1])
    images = int(whose.max()) + 1
    pairs = torch.unique(keys * images + whose)
    found, tile = torch.unique_consecutive(pairs // images, return_inverse=True)
    tiles = torch.stack([found // width, found % width], 1) + base
    return tiles, tile, pairs % images


def _corners(tiles: Tensor, image: Tensor, count: int, low: Tensor, side: float) -> Tensor:
    """(N, 4) low and high corner of each image's tiles."""
    corners = torch.full((count, 4), math.inf, dtype=torch.float64, device=tiles.device)
    lower = low + tiles * side
    both = torch.cat([lower, -(lower + side)], 1)
    corners.scatter_reduce_(0, image.unsqueeze(1).expand_as(both), both, "amin")
    return torch.cat([corners[:, :2], -corners[:, 2:]], 1)

"""Integrals over the plane, for many images at once, on a mesh that goes where each one's mass is.

The mesh is made of square tiles of 8 × 8 nodes. All images are summed on a coarse lattice first; each
image whose sum has not settled goes on to tiles of half the size, there alone where its integrand may
have mass. So each image is summed on one uniform lattice as fine as it needs, and the sum of a smooth
function that vanishes at the border, over a uniform lattice, converges faster than any power of the step
(Trefethen & Weideman 2014, sec. 5).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import partial

import torch
from torch import Tensor

from vae_core.exact.model import ROWS, Model

SIDE = 8  # nodes of a tile, each way
NODES = SIDE * SIDE
NEGLIGIBLE = 16.0  # nats below the best node: mass e^-16 is left out
BORDER = 12.0  # nats below the best node: where the values at a tile's border are higher, the mesh grows beyond it
SAFETY = 3.0  # times what a parabola would rise above the nodes between them
FIRST = 96  # nodes along the longer side of the first lattice
ROUNDING = 10.0  # units in the last place of a value, that its products may be off
CHANGE = 8.0  # times less than a sum has changed by a halved step, its error is at most
NARROW, HIGH = 1.0, 4.0  # nats that a peak rises above its nodes, and lies below the best at most, to be doubted
PEAKS, APART, LOWEST = 3, 2, 6.0  # of a posterior, that are told; tiles between two; nats below the highest
FURTHEST = 64  # tiles that the mesh may grow in a row
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
            rule for convergence of second order, which a smooth integrand exceeds by far; or an eighth of what the
            last halving of the step changed, where that is more; and what was left out. Infinite where a code says
            that there is a peak between the nodes, or where the mass was not followed to its end.
        peaks: (R, N, K, 2) nodes where p(x|z) p(z) is large, each some tiles from the others, the highest first; not
            a number where there are fewer.
        step: (R, N) of the lattice on which each was summed.
        extent: (R, N, 4) low and high corner of the nodes that have mass.
    """

    log_value: Tensor
    error: Tensor
    peaks: Tensor
    step: Tensor
    extent: Tensor

    @property
    def mode(self) -> Tensor:
        """(R, N, 2) the node with the largest p(x|z) p(z)."""
        return self.peaks[:, :, 0]

    @property
    def width(self) -> Tensor:
        """(R, N) of the order of a peak's standard deviation: the lattice was halved until it was that fine."""
        return 1.5 * self.step


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
        hints: (N, K, 2) places near the mass of each image, such as its code; the mesh looks there too.
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
    places = torch.stack([i.flatten(), j.flatten()], 1)  # (T, 2) integer places, in tiles
    every = torch.arange(count, device=device)
    pairs = _with_hints(places.repeat_interleave(count, 0), every.repeat(len(places)), hints, every, low, step)
    sum_over = partial(_sum_over_tiles, model, images, priors, low, pause)
    at_hint = model.log_likelihood(images, hints.double()) + constant.unsqueeze(1)  # (N, K)
    hint_joint = torch.stack(
        [(at_hint + prior(hints.double().flatten(0, 1)).view(at_hint.shape)).amax(1) for prior in priors]
    )  # (R, N)

    shape = len(priors), count
    log_value, error = (torch.full(shape, math.inf, dtype=torch.float64, device=device) for _ in range(2))
    left = torch.full(shape, -math.inf, dtype=torch.float64, device=device)  # log of the mass that was left out
    peaks = torch.full((*shape, PEAKS, 2), math.nan, dtype=torch.float64, device=device)
    extent = torch.zeros(*shape, 4, dtype=torch.float64, device=device)
    steps = torch.zeros(shape, dtype=torch.float64, device=device)
    unsettled = torch.ones(shape, dtype=torch.bool, device=device)
    for level in range(deepest + 1):
        pairs, sums, best, is_closed = _sums_as_far_as_mass_reaches(partial(sum_over, step), pairs, unsettled)
        image = pairs.image
        cosets = torch.zeros(*shape, 2, 2, dtype=torch.float64, device=device)
        weight = (sums.top - best[:, image]).exp()
        cosets.index_add_(1, image, sums.cosets * weight[..., None, None])
        now_value = best + cosets.sum((2, 3)).log() + 2 * math.log(step)
        # Sublattices may agree by chance: a sum that has just changed much is not trusted yet.
        changed = (now_value - log_value).abs() / CHANGE
        now_error = torch.maximum(richardson(cosets), changed) + (left - now_value).exp()
        now_error[~is_closed | (hint_joint > best + 0.5)] = math.inf  # there a peak stands between the nodes
        for r, is_doubted in enumerate((sums.sag > NARROW) & (sums.top + sums.sag > best[:, image] - HIGH)):
            now_error[r, image[is_doubted]] = math.inf  # as narrow as the step: all sublattices may pass it by
        log_value[unsettled], error[unsettled], steps[unsettled] = now_value[unsettled], now_error[unsettled], step
        done = unsettled & (error <= tolerance) if level < deepest else unsettled.clone()
        for r, now in enumerate(done):
            peaks[r, now] = _peaks(pairs, sums.top[r], sums.place[r], best[r])[now]
            massive = (sums.top[r] >= best[r, image] - NEGLIGIBLE) & now[image]
            extent[r, now] = _corners(pairs.place[massive], image[massive], count, low, SIDE * step)[now]
        unsettled &= ~done
        if not unsettled.any():
            break
        hopeful = sums.top + SAFETY * sums.sag >= torch.maximum(best, hint_joint)[:, image] - NEGLIGIBLE
        keep = (hopeful & unsettled[:, image]).any(0)
        dropped = sums.top + sums.cosets.sum((2, 3)).log() + 2 * math.log(step)
        dropped[:, keep] = -math.inf
        for r in range(len(priors)):
            left[r] = torch.logaddexp(left[r], _logsumexp(dropped[r], image, count))
        step /= 2
        still = unsettled.any(0)
        children = 2 * pairs.place[keep].unsqueeze(1) + torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1]], device=device)
        pairs = _with_hints(
            children.reshape(-1, 2), image[keep].repeat_interleave(4), hints[still], every[still], low, step
        )
    rounding = ROUNDING * torch.finfo(model.dtype).eps * log_value.abs()  # which no finer lattice makes less
    return log_value - constant, error + rounding, peaks, steps, extent


def _with_hints(places: Tensor, image: Tensor, hints: Tensor, own: Tensor, low: Tensor, step: float) -> "_Pairs":
    """Tiles (P, 2) of images (P,), and those with the hints (n, K, 2) of images ``own`` (n,)."""
    at_hints = ((hints.double() - low) / (SIDE * step)).floor().long().flatten(0, 1)
    return _Pairs.of(torch.cat([places, at_hints]), torch.cat([image, own.repeat_interleave(hints.shape[1])]))


def _logsumexp(values: Tensor, group: Tensor, groups: int) -> Tensor:
    """(G,) log Σ exp of the values (P,) of each group."""
    top = torch.full((groups,), -math.inf, dtype=values.dtype, device=values.device)
    top.scatter_reduce_(0, group, values, "amax")
    base = top.clamp(min=-1e300)
    total = torch.zeros_like(top).index_add_(0, group, (values - base[group]).exp())
    return base + total.log()


@dataclass(frozen=True)
class _Pairs:
    """Tiles and the images that are summed on them, without repetition, sorted by tile.

    Attributes:
        key: (P,) of tile and image; place: (P, 2) integer place of the tile, in tiles; image: (P,).
    """

    key: Tensor
    place: Tensor
    image: Tensor

    FAR = 1 << 20  # tiles each way from the first
    MANY = 1 << 20  # images

    @classmethod
    def of(cls, place: Tensor, image: Tensor) -> "_Pairs":
        """Each pair once."""
        place = place.clamp(-cls.FAR, cls.FAR - 1) + cls.FAR
        return cls.from_keys(torch.unique((place[:, 0] * 2 * cls.FAR + place[:, 1]) * cls.MANY + image))

    @classmethod
    def from_keys(cls, key: Tensor) -> "_Pairs":
        tile = key // cls.MANY
        place = torch.stack([tile // (2 * cls.FAR), tile % (2 * cls.FAR)], 1) - cls.FAR
        return cls(key, place, key % cls.MANY)

    def without(self, others: Tensor) -> "_Pairs":
        """Those whose keys are not among others."""
        return _Pairs.from_keys(self.key[~torch.isin(self.key, others)])


def _sums_as_far_as_mass_reaches(
    sum_over: "Callable[[_Pairs, Tensor], _Sums]", pairs: _Pairs, unsettled: Tensor
) -> tuple[_Pairs, "_Sums", Tensor, Tensor]:
    """The sums over some pairs, and over all further tiles that the mass reaches across a border.

    Returns:
        All pairs, their sums, the highest value of each image (R, N), and whether all of its mass was reached.
    """
    best = torch.full(unsettled.shape, -math.inf, dtype=torch.float64, device=unsettled.device)
    sides = torch.tensor([[-1, 0], [1, 0], [0, -1], [0, 1]], device=unsettled.device)
    fresh, parts, keys = pairs, [], pairs.key
    is_closed = torch.ones_like(unsettled)
    for left in reversed(range(FURTHEST)):
        sums = sum_over(fresh, best)
        parts.append((fresh, sums))
        reaches = sums.edges >= best[:, fresh.image].unsqueeze(2) - BORDER
        reaches &= unsettled[:, fresh.image].unsqueeze(2)
        who, side = reaches.any(0).nonzero(as_tuple=True)
        fresh = _Pairs.of(fresh.place[who] + sides[side], fresh.image[who]).without(keys)
        if not len(fresh.key):
            break
        keys = torch.cat([keys, fresh.key])
        if not left:
            is_closed[:, fresh.image] = False
    together = _Pairs(*(torch.cat([getattr(p, name) for p, _ in parts]) for name in ("key", "place", "image")))
    sums = _Sums(*(torch.cat([getattr(s, f.name) for _, s in parts], 1) for f in fields(_Sums)))
    return together, sums, best, is_closed


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
        edges: (R, P, 4) the largest value in the first and last column, and the first and last row.
    """

    top: Tensor
    sag: Tensor
    place: Tensor
    cosets: Tensor
    edges: Tensor


def _sum_over_tiles(
    model: Model,
    images: Tensor,
    priors: Sequence[LogDensity],
    low: Tensor,
    pause: Callable[[], None],
    step: float,
    pairs: _Pairs,
    best: Tensor,
) -> _Sums:
    """The sums over some pairs; ``best`` (R, N), the highest known value of each image, is brought up to date."""
    device, image = model.device, pairs.image
    _, tile, many = torch.unique_consecutive(pairs.key // pairs.MANY, return_inverse=True, return_counts=True)
    ends = many.cumsum(0)
    tiles, bounds = pairs.place[ends - 1], [0, *ends.tolist()]
    offsets = torch.arange(NODES, device=device)
    offsets = torch.stack([offsets // SIDE, offsets % SIDE], 1).double() + 0.5
    shape = len(priors), len(image)
    top, sag = (torch.empty(shape, dtype=torch.float64, device=device) for _ in range(2))
    place = torch.empty(*shape, 2, dtype=torch.float64, device=device)
    cosets = torch.zeros(*shape, 2, 2, dtype=torch.float64, device=device)
    edges = torch.empty(*shape, 4, dtype=torch.float64, device=device)
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
            square = joint.view(-1, SIDE, SIDE)
            borders = square[:, 0], square[:, -1], square[:, :, 0], square[:, :, -1]
            edges[r, own] = torch.stack([border.amax(1) for border in borders], 1).double()
            best[r].scatter_reduce_(0, image[own], top[r, own], "amax")
            counts = (top[r, own] >= best[r, image[own]] - 2 * NEGLIGIBLE).nonzero().squeeze(1)
            shares = (joint[counts] - largest[counts, None]).exp_().view(-1, SIDE // 2, 2, SIDE // 2, 2)
            cosets[r, own.start + counts] = shares.sum((1, 3), dtype=torch.float64)
    return _Sums(top, sag, place, cosets, edges)


def _sag(values: Tensor) -> Tensor:
    """(P,) an eighth of the largest second difference along each axis of values (P, 8, 8), added."""
    first, second = (values.diff(n=2, dim=axis).flatten(1).amin(1).clamp(max=0) for axis in (1, 2))
    return -(first + second) / 8


def _peaks(pairs: _Pairs, top: Tensor, place: Tensor, best: Tensor) -> Tensor:
    """(N, K, 2) the highest places (P, 2) of each image, more than `APART` tiles from each other."""
    peaks = torch.full((len(best), PEAKS, 2), math.nan, dtype=torch.float64, device=best.device)
    near = (top >= best[pairs.image] - LOWEST).nonzero().squeeze(1)
    image, tile, top, place = pairs.image[near], pairs.place[near], top[near].clone(), place[near]
    for k in range(PEAKS):
        highest = torch.full_like(best, -math.inf).scatter_reduce_(0, image, top, "amax")
        first = (top == highest[image]) & (top > -math.inf)
        if not first.any():
            break
        chosen = torch.zeros(len(best), 2, dtype=tile.dtype, device=tile.device)
        chosen[image[first]], peaks[image[first], k] = tile[first], place[first]
        top[((tile - chosen[image]).abs().amax(1) <= APART) & (highest[image] > -math.inf)] = -math.inf
    return peaks


def _corners(place: Tensor, image: Tensor, count: int, low: Tensor, side: float) -> Tensor:
    """(N, 4) low and high corner of each image's tiles."""
    corners = torch.full((count, 4), math.inf, dtype=torch.float64, device=place.device)
    lower = low + place.double() * side
    both = torch.cat([lower, -(lower + side)], 1)
    corners.scatter_reduce_(0, image.unsqueeze(1).expand_as(both), both, "amin")
    return torch.cat([corners[:, :2], -corners[:, 2:]], 1)

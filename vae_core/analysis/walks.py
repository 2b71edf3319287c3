"""Walks on the plane from one code to another: straight, or where codes are dense."""

from collections.abc import Callable

import numpy as np
from scipy.ndimage import map_coordinates
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

NODES = 72  # of the lattice, along its longer side
MARGIN = 0.05  # of the lattice around what it must hold, as a share of the longer side
STEPS = ((0, 1), (1, 0), (1, 1), (1, -1))  # to the neighbours of a node; each is walked both ways
SAMPLES = 48  # of the cost along a shortcut
NEIGHBOURS = 10

Cost = Callable[[np.ndarray], np.ndarray]  # places (m, 2) -> (m,) what a unit of length costs there


def straight(start: np.ndarray, end: np.ndarray, count: int) -> np.ndarray:
    """(count, 2) places evenly apart on the straight line, both ends included."""
    return resampled(np.stack([start, end]), count)


def inverse_density(codes: np.ndarray, k: int = NEIGHBOURS) -> Cost:
    """One over the density of codes (n, 2), estimated by the distance r to the k-th nearest of them,
    n π r² / k (Loftsgaarden & Quesenberry 1965); as a cost, it makes a length in which sparse places are
    far apart (Sajama & Orlitsky 2005).

    Raises:
        ValueError: there are fewer than k codes.
    """
    if len(codes) < k:
        raise ValueError(f"The density needs at least {k} codes; there are {len(codes)}.")
    tree = cKDTree(codes)
    typical = np.square(np.ptp(codes, axis=0)).sum() / len(codes) + 1e-12

    def cost(places: np.ndarray) -> np.ndarray:
        distance = tree.query(places, k=[k])[0][:, 0]
        # Where many codes are equal their density is infinite: a floor keeps the length of any way above 0.
        return len(codes) * np.pi / k * (np.square(distance) + 1e-3 * typical)

    return cost


def cheapest(start: np.ndarray, end: np.ndarray, cost: Cost, around: np.ndarray, count: int) -> np.ndarray:
    """(count, 2) places, evenly apart on the cheapest way from start to end, both exactly included.

    The way is first sought along the edges of a lattice (Dijkstra 1959). Lattice ways are jagged, so of
    all ways that skip some of its nodes by straight lines the cheapest is then taken: where the cost is
    the same everywhere, that is the straight line.

    Args:
        around: (n, 2) places that the lattice must hold, beside start and end.
    """
    held = np.concatenate([around, [start, end]])
    low, high = held.min(0), held.max(0)
    margin = MARGIN * (high - low).max() + 1e-6
    low, high = low - margin, high + margin
    pitch = (high - low).max() / (NODES - 1)
    shape = np.ceil((high - low) / pitch).astype(int) + 1
    nodes = low + pitch * np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1)  # (a, b, 2)
    costs = cost(nodes.reshape(-1, 2)).reshape(shape)
    first, last = (tuple(np.rint((place - low) / pitch).astype(int)) for place in (start, end))
    corners = nodes.reshape(-1, 2)[lattice_way(costs, first, last)]
    corners = np.concatenate([[start], corners[1:-1], [end]])
    return resampled(_with_shortcuts(corners, costs, low, pitch), count)


def lattice_way(costs: np.ndarray, first: tuple[int, ...], last: tuple[int, ...]) -> list[int]:
    """Nodes of the cheapest way through the lattice, ends included; an edge costs its length times the mean
    of its ends."""
    numbers = np.arange(costs.size).reshape(costs.shape)
    rows, columns, weights = [], [], []
    for down, across in STEPS:
        here = (slice(None, -down or None), slice(max(0, -across), -across if across > 0 else None))
        there = (slice(down, None), slice(max(0, across), across if across < 0 else None))
        rows.append(numbers[here].ravel())
        columns.append(numbers[there].ravel())
        weights.append(np.hypot(down, across) * (costs[here] + costs[there]).ravel() / 2)
    edges = [np.concatenate(part) for part in (weights, rows, columns)]
    graph = coo_array((edges[0], (edges[1], edges[2])), shape=(costs.size, costs.size)).tocsr()
    source, node = numbers[first], numbers[last]
    before = dijkstra(graph, directed=False, indices=source, return_predecessors=True)[1]
    way = [int(node)]
    while way[-1] != source:
        way.append(int(before[way[-1]]))
    return way[::-1]


def _with_shortcuts(corners: np.ndarray, costs: np.ndarray, low: np.ndarray, pitch: float) -> np.ndarray:
    """The cheapest way from the first to the last corner that skips any of those between: all pairs are
    costed on the lattice, bilinearly, and the best way to each corner follows from those to earlier ones."""
    share = np.linspace(0, 1, SAMPLES)[:, None]
    best, before = np.zeros(len(corners)), np.zeros(len(corners), dtype=int)
    for j in range(1, len(corners)):
        lines = corners[:j, None] + share * (corners[j] - corners[:j, None])  # (j, SAMPLES, 2)
        along = map_coordinates(costs, np.moveaxis((lines - low) / pitch, -1, 0), order=1, mode="nearest")
        lengths = np.linalg.norm(corners[j] - corners[:j], axis=1)
        total = best[:j] + lengths * np.trapezoid(along, dx=1 / (SAMPLES - 1), axis=1)
        before[j] = total.argmin()
        best[j] = total[before[j]]
    way = [len(corners) - 1]
    while way[-1]:
        way.append(before[way[-1]])
    return corners[way[::-1]]


def resampled(way: np.ndarray, count: int) -> np.ndarray:
    """(count, 2) places evenly apart along a broken line (m, 2), both its ends exactly included."""
    way = np.asarray(way, dtype=np.float64)
    walked = np.concatenate([[0.0], np.linalg.norm(np.diff(way, axis=0), axis=1).cumsum()])
    at = np.linspace(0, walked[-1], count)
    places = np.stack([np.interp(at, walked, way[:, axis]) for axis in (0, 1)], 1)
    places[0], places[-1] = way[0], way[-1]
    return places


def largest_gap(places: np.ndarray, codes: np.ndarray) -> float:
    """The largest distance of places (m, 2) from the nearest of the codes (n, 2)."""
    return float(cKDTree(codes).query(places)[0].max())

"""Walks against straight lines, a known arc, and a plain Dijkstra."""

import heapq
import itertools

import numpy as np
import pytest

from vae_core.analysis.walks import cheapest, inverse_density, largest_gap, lattice_way, resampled, straight


def price(way, cost, pieces=400):
    """What a broken line (m, 2) costs: the cost, integrated along it (trapezoid rule on even pieces)."""
    length = np.linalg.norm(np.diff(way, axis=0), axis=1).sum()
    return length * np.trapezoid(cost(resampled(way, pieces + 1)), dx=1 / pieces)


def even(places: np.ndarray) -> np.ndarray:
    return np.ones(len(places))


@pytest.fixture(scope="module")
def arc() -> np.ndarray:
    """Two blobs at (-2, 0) and (2, 0), joined by a half circle of radius 2."""
    random = np.random.default_rng(0)
    angle = np.linspace(np.pi, 0, 600)
    bow = 2 * np.column_stack([np.cos(angle), np.sin(angle)]) + 0.1 * random.normal(size=(600, 2))
    blobs = [0.2 * random.normal(size=(300, 2)) + (x, 0) for x in (-2, 2)]
    return np.concatenate([bow, *blobs])


def test_straight():
    places = straight(np.array([0.0, 1.0]), np.array([4.0, 3.0]), 5)
    np.testing.assert_allclose(places, [[0, 1], [1, 1.5], [2, 2], [3, 2.5], [4, 3]])


def test_resampled_places_are_evenly_apart():
    corner = np.array([[0.0, 0.0], [3.0, 0.0], [3.0, 1.0]])
    np.testing.assert_allclose(resampled(corner, 5), [[0, 0], [1, 0], [2, 0], [3, 0], [3, 1]])


@pytest.mark.parametrize("seed", range(10))
def test_where_all_places_cost_the_same_the_way_is_straight(seed):
    start, end, *around = np.random.default_rng(seed).normal(size=(30, 2))
    way = cheapest(start, end, even, np.array(around), 25)
    np.testing.assert_allclose(way, straight(start, end, 25), atol=1e-9)


def test_the_dense_way_follows_the_arc(arc):
    start, end = np.array([-2.0, 0.0]), np.array([2.0, 0.0])
    cost = inverse_density(arc)
    way = cheapest(start, end, cost, arc, 25)
    assert np.array_equal(way[0], start) and np.array_equal(way[-1], end)
    assert np.abs(np.hypot(*way.T) - 2).max() < 0.15
    assert way[12, 1] > 1.8
    assert price(way, cost) < price(straight(start, end, 25), cost) / 20
    assert largest_gap(way, arc) < 0.15 < 1.4 < largest_gap(straight(start, end, 25), arc)


@pytest.mark.parametrize("seed", range(5))
def test_never_dearer_than_the_straight_line(seed):
    random = np.random.default_rng(seed)
    codes = random.normal(size=(400, 2)) * random.uniform(0.01, 50, 2)  # flat clouds, near and far
    start, end = codes[:2] * 1.5
    cost = inverse_density(codes)
    way = cheapest(start, end, cost, codes, 200)
    assert np.array_equal(way[[0, -1]], [start, end])
    assert price(way, cost) <= 1.1 * price(straight(start, end, 200), cost)  # both are costed on lattices of their own


def test_price_is_the_integral():
    way = np.array([[0.0, 0.0], [3.0, 0.0], [3.0, 4.0]])
    assert price(way, even) == pytest.approx(7)
    assert price(way[:2], lambda places: places[:, 0]) == pytest.approx(4.5)


def test_a_way_round_a_wall():
    """A wall x = 0 with a gap at y = 3: the cheapest way is two straight lines through the gap."""

    def wall(places):
        return np.where((np.abs(places[:, 0]) < 0.2) & (np.abs(places[:, 1] - 3) > 0.3), 1000.0, 1.0)

    around = np.array([[-4.0, -4.0], [4.0, 4.0]])
    way = cheapest(np.array([-3.0, 0.0]), np.array([3.0, 0.0]), wall, around, 101)
    length = np.linalg.norm(np.diff(way, axis=0), axis=1).sum()
    assert 2 * np.hypot(2.8, 2.7) < length < 2 * np.hypot(3, 3) + 0.1


def test_thelattice_way_is_dijkstra_s():
    costs = np.random.default_rng(3).uniform(0.1, 3, (9, 7))
    way = lattice_way(costs, (0, 1), (8, 5))
    assert way[0] == 1 and way[-1] == 8 * 7 + 5
    nodes = [divmod(node, 7) for node in way]
    total = sum(edge(costs, a, b) for a, b in itertools.pairwise(nodes))
    assert total == pytest.approx(plain_dijkstra(costs, (0, 1), (8, 5)))


def edge(costs: np.ndarray, a: tuple, b: tuple) -> float:
    assert max(abs(a[0] - b[0]), abs(a[1] - b[1])) == 1, "not neighbours"
    return np.hypot(a[0] - b[0], a[1] - b[1]) * (costs[a] + costs[b]) / 2


def plain_dijkstra(costs: np.ndarray, start: tuple, end: tuple) -> float:
    queue, done = [(0.0, start)], set()
    while queue:
        total, node = heapq.heappop(queue)
        if node == end:
            return total
        if node in done:
            continue
        done.add(node)
        for down in (-1, 0, 1):
            for across in (-1, 0, 1):
                there = node[0] + down, node[1] + across
                if there != node and 0 <= there[0] < costs.shape[0] and 0 <= there[1] < costs.shape[1]:
                    heapq.heappush(queue, (total + edge(costs, node, there), there))
    raise AssertionError


class TestDensity:
    def test_the_distance_to_the_tenth_nearest(self):
        codes = np.random.default_rng(1).normal(size=(300, 2))
        places = np.random.default_rng(2).normal(size=(20, 2))
        distance = np.sort(np.linalg.norm(codes - places[:, None], axis=2), axis=1)[:, 9]
        np.testing.assert_allclose(inverse_density(codes)(places), 300 * np.pi * distance**2 / 10, rtol=0.02, atol=0.3)

    def test_of_a_uniform_square(self):
        codes = np.random.default_rng(1).uniform(-2, 2, (20_000, 2))
        places = np.random.default_rng(2).uniform(-1, 1, (500, 2))
        assert inverse_density(codes, 100)(places).mean() == pytest.approx(16, rel=0.03)  # one over 1/16

    def test_too_few_codes_are_told(self):
        with pytest.raises(ValueError, match="at least 10 codes; there are 3"):
            inverse_density(np.zeros((3, 2)))


def test_equal_ends_and_equal_codes():
    """A rule that ignores the image puts all codes in one place."""
    codes, place = np.zeros((50, 2)), np.zeros(2)
    np.testing.assert_array_equal(cheapest(place, place, inverse_density(codes), codes, 7), np.zeros((7, 2)))
    assert largest_gap(np.array([[3.0, 4.0]]), codes) == 5

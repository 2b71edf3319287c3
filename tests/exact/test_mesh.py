"""The mesh follows the mass, wherever it is and however narrow."""

import math

import numpy as np
import pytest
import torch
from torch.distributions import MultivariateNormal

from tests.exact.test_exact import Linear
from vae_core.exact.best_gaussians import best_gaussians
from vae_core.exact.elbo import Joint, bound_of
from vae_core.exact.gaussians import Gaussians
from vae_core.exact.marginal import UNRESOLVED
from vae_core.exact.mesh import Box, integrate
from vae_core.exact.priors import Prior

EYE = torch.eye(2).double()


def small_box(side: float = 1.0) -> Box:
    return Box.around(torch.tensor([[-side, -side], [side, side]]))


@pytest.mark.parametrize("deviation", [1.0, 0.1])
def test_mass_that_lies_beyond_the_box_is_found(deviation):
    """The box ends at ±1, the codes lie at up to 3: the mesh grows where the integrand reaches its border, and looks
    where the codes are."""
    linear = Linear(deviation)
    found = integrate(linear.model(), linear.x, [linear.prior.log_prob], small_box(), linear.z[:, None])
    assert (found.log_value[0] - linear.log_marginal()).abs().max() < 0.01
    assert (found.error[0] < UNRESOLVED).all()


@pytest.mark.parametrize("deviation", [0.3, 0.05, 0.01])
@pytest.mark.parametrize("shift", [0.0, 0.01, 0.37])
def test_mass_on_a_tiles_border_is_not_cut(deviation, shift):
    """All posteriors lie in one place, which is a corner of four tiles, or near it."""
    linear = Linear(deviation)
    linear.x = (linear.b + 0 * linear.x).double()  # the image of z = 0
    box = Box.around(torch.tensor([[-8.0 + shift, -8.0 + shift], [8.0 + shift, 8.0 + shift]]))
    hints = torch.zeros(40, 1, 2)
    found = integrate(linear.model(), linear.x, [linear.prior.log_prob], box, hints)
    rounding = 3e-7 * float(linear.x.square().sum(1).max()) / deviation**2
    assert (found.log_value[0] - linear.log_marginal()).abs().max() < 0.006 + rounding


def test_what_is_not_resolved_says_so():
    """Posteriors far narrower than the finest lattice that is allowed."""
    linear = Linear(0.001)
    found = integrate(
        linear.model(torch.float64), linear.x, [linear.prior.log_prob], small_box(4.0), linear.z[:, None], deepest=2
    )
    off = (found.log_value[0] - linear.log_marginal()).abs()
    assert (found.error[0][off > 1] > UNRESOLVED).all() and (off > 1).any()


def test_peaks_are_told_apart():
    """Two peaks of one posterior: both are told, the higher first."""
    places = torch.tensor([[-2.0, 0.0], [2.0, 0.5]]).double()
    parts = MultivariateNormal(places, 0.01 * EYE.expand(2, -1, -1))

    def mixture(z):
        return (parts.log_prob(z.double().unsqueeze(1)) + torch.tensor([0.7, 0.3]).log()).logsumexp(1)

    found = integrate(
        Linear().model(), torch.zeros(1, 12), [lambda z: mixture(z) + flat(z)], small_box(4.0), places[None]
    )
    assert torch.allclose(found.peaks[0, 0, :2], places, atol=0.1) and found.peaks[0, 0, 2].isnan().all()


def flat(z):
    """What takes the likelihood of `Linear` away again."""
    model = Linear().model(torch.float64)
    return -model.log_likelihood(torch.zeros(1, 12).double(), z.double()[None])[0]


def test_the_better_of_two_peaks_is_found():
    """A narrow peak that is higher, and a broad one that holds the mass: the best Gaussian sits on the broad one,
    though the encoder's is on the narrow one."""
    broad, narrow = (
        MultivariateNormal(torch.tensor(place).double(), scale * EYE)
        for place, scale in (([2.0, 0], 0.25), ([-2.0, 0], 1e-4))
    )

    def log_joint(rows, places):
        parts = torch.stack([broad.log_prob(places) + math.log(0.9), narrow.log_prob(places) + math.log(0.1)])
        return parts.logsumexp(0)

    start = Gaussians(narrow.mean[None], 0.01 * EYE[None])
    peaks = torch.stack([narrow.mean, broad.mean, torch.full((2,), math.nan).double()])[None]
    best, bound = best_gaussians(log_joint, start, peaks, torch.tensor([0.1]).double(), "diagonal")
    assert float(bound[0]) == pytest.approx(math.log(0.9), abs=0.01)
    assert torch.allclose(best.mean[0], broad.mean, atol=0.05)


@pytest.mark.parametrize("size", [0.02, 0.3, 1.0, 3.0])
def test_the_bound_of_wide_gaussians(size):
    """E_q log p(x, z) in closed form: of a quadratic in z, and of one with a ripple that no polynomial follows."""
    linear = Linear(0.5)
    q = Gaussians(linear.z, size * EYE.expand(40, -1, -1))

    def rippled(z):
        return linear.prior.log_prob(z) + 5 * torch.cos(8 * z[:, 0])

    joint = Joint(linear.model(torch.float64), Prior("", rippled, small_box()), linear.x)
    found = bound_of(joint, q)
    mean = linear.z @ linear.w.T + linear.b
    spread = size**2 * linear.w.square().sum()
    expected = -0.5 * ((linear.x - mean).square().sum(1) + spread) / 0.25 - 12 * math.log(0.5 * math.sqrt(2 * math.pi))
    expected += -0.5 * (linear.z.square().sum(1) + 2 * size**2) - math.log(2 * math.pi)
    expected += 5 * torch.cos(8 * linear.z[:, 0]) * math.exp(-32 * size**2) + q.entropy()
    off = np.abs(np.asarray(found) - expected.numpy())
    assert (off <= 3 * found.errors + 1e-4).all() and found.errors.max() < 0.01

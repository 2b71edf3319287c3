"""Peaks of a posterior beyond a valley, far from all codes."""

import math

import pytest
import torch
from torch import Tensor

from tests.exact.oracle import sampled
from vae_core.exact.far import far_hints
from vae_core.exact.marginal import log_marginal
from vae_core.exact.mesh import Box
from vae_core.exact.model import Model
from vae_core.exact.priors import Prior
from vae_core.run.recipe import Recipe
from vae_core.trainer.trainer import Trainer

BOX = Box(torch.full((2,), -6.5).double(), torch.full((2,), 6.5).double())
NORMAL = Prior("N(0, I)", lambda z: -0.5 * z.square().sum(1) - math.log(2 * math.pi), BOX)


def hill(centre: Tensor, height: float, width: float) -> Model:
    """log p(x|z) = −1000 + height · exp(−|z − centre|² / 2 width²), whatever the image."""

    def factors(z: Tensor) -> tuple[Tensor, Tensor]:
        rise = height * (-(z.double() - centre).square().sum(1) / (2 * width**2)).exp()
        return torch.zeros(len(z), 1).double(), 1000 - rise

    return Model(factors, lambda x: torch.zeros(len(x)).double(), torch.device("cpu"), torch.float64)


@pytest.mark.parametrize("centre", [(-15.4, -29.6), (20.0, 3.0), (0.0, -9.0)])
def test_a_hill_far_out_is_found(centre):
    centre = torch.tensor(centre).double()
    model = hill(centre, 1000.0, 6.0)
    hint = far_hints(model, torch.zeros(3, 1).double(), [NORMAL], BOX, torch.zeros(3, 2))
    height = -model.factors(hint[:, 0])[1] + NORMAL.log_density(hint[:, 0])
    near = centre + torch.cartesian_prod(*[torch.linspace(-8, 8, 321).double()] * 2)
    best = (-model.factors(near)[1] + NORMAL.log_density(near)).max()
    assert height.min() > best - 0.05


def test_a_hill_too_low_to_matter_is_left():
    model = hill(torch.tensor([-15.4, -29.6]).double(), 400.0, 6.0)  # its prior costs 557
    codes = torch.ones(2, 2)
    assert far_hints(model, torch.zeros(2, 1).double(), [NORMAL], BOX, codes)[:, 0].equal(codes.double())


def test_a_white_image_early_in_a_training_on_gaussian_pixels(mnist):
    """Its mass lies 33 from the origin, and within the box the posterior is 650 nats lower."""
    trainer = Trainer(Recipe(likelihood="gaussian", deviation=0.1, seed=221), "cpu")
    with torch.enable_grad():
        trainer.train(40)
    white = torch.full((1, 28, 28), 255, dtype=torch.uint8).numpy()
    found, truth = log_marginal(trainer, white), sampled(trainer, white)
    assert found.errors[0] < 0.1
    assert abs(found[0] - truth.value[0]) < 3 * found.errors[0] + truth.error[0]

"""What the rule card says happens while the noise is off is what happens in a run."""

import numpy as np
import pytest

import vae_core
from tests.conftest import small
from vae_core.trainer.trainer import Trainer


def noise_off(rule: str, before: int = 300, after: int = 500, **knobs) -> tuple[Trainer, object, object]:
    """A run with the noise on, then off, and its frame at either end."""
    trainer = Trainer(small(rule=rule, knobs=knobs), points=297)
    on = trainer.advance(before)
    trainer.switch(noise=0.0)
    return trainer, on, trainer.advance(after)


@pytest.mark.parametrize("rule", ["vae", "full_covariance"])
def test_the_kl_pulls_sigma_to_one(rule):
    assert "the KL pulls" in vae_core.rules()[rule].noise_off
    _, on, off = noise_off(rule, before=100)
    assert np.median(on.scale) < 0.5
    assert np.abs(np.median(off.scale) - 1) < 0.1
    if rule == "full_covariance":
        assert np.abs(off.correlation).mean() < np.abs(on.correlation).mean()


def test_mean_only_becomes_an_autoencoder_with_decay_on_its_codes():
    _, _, off = noise_off("mean_only", after=50)
    charged = off.metrics["objective"] - off.metrics["reconstruction_at_mean"]
    assert charged == pytest.approx(0.5 * np.square(off.mean[:500]).sum(1).mean(), rel=1e-3)


def test_noise_only_paints_one_image():
    _, _, off = noise_off("noise_only", after=50)
    assert not off.z.any() and not np.ptp(off.strip_at_draw, axis=0).any()


def test_normalised_codes_have_mean_0_and_deviation_1():
    trainer, _, _ = noise_off("normalised_noise", after=300)
    codes = trainer.encode(trainer.dataset.train_images).z.numpy()
    assert np.abs(codes.mean(0)).max() < 0.2 and np.abs(codes.std(0) - 1).max() < 0.2

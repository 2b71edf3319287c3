"""Steepness, lines and classes of the plane, against finite differences and sums in double precision."""

import copy
from functools import cache

import numpy as np
import pytest
import torch

from tests.conftest import small
from vae_core.analysis.classifier import classifier_of
from vae_core.analysis.fields import CHUNK, change_along, jacobian_norm, which_class
from vae_core.trainer.trainer import Trainer


@cache
def trained(rule: str = "vae") -> Trainer:
    trainer = Trainer(small(rule=rule), device="cpu", points=297)
    trainer.train(1000)  # and no frame: a measure must look by itself
    return trainer


def painted(trainer: Trainer, places: np.ndarray) -> np.ndarray:
    """(n, 784) float64 images, by the decoder's layers in double precision."""
    decoder = copy.deepcopy(trainer.decoder).double()
    with torch.no_grad():
        return decoder(torch.as_tensor(places, dtype=torch.float64)).sigmoid().numpy()


def slopes(trainer: Trainer, places: np.ndarray, h: float = 1e-5) -> np.ndarray:
    """(n, 784, 2) central differences."""
    steps = h * np.eye(2)
    return np.stack([(painted(trainer, places + s) - painted(trainer, places - s)) / (2 * h) for s in steps], 2)


def flat(trainer: Trainer) -> Trainer:
    """A run whose decoder paints the same everywhere."""
    other = Trainer.from_state(trainer.state(), "cpu")
    torch.nn.init.zeros_(other.decoder.layers[0].weight)
    return other


PLACES = np.random.default_rng(0).normal(size=(40, 2)) * 2


class TestJacobian:
    def test_equals_finite_differences(self):
        norm = jacobian_norm(trained(), PLACES)
        assert norm.shape == (40,) and norm.dtype == np.float32
        np.testing.assert_allclose(norm, np.linalg.norm(slopes(trained(), PLACES), axis=(1, 2)), rtol=1e-4)
        assert norm.min() > 0.01

    def test_any_number_of_places(self):
        many = np.tile(PLACES, (CHUNK // len(PLACES) + 2, 1))
        norm = jacobian_norm(trained(), many)
        assert len(norm) == len(many) > CHUNK
        np.testing.assert_allclose(norm[-len(PLACES) :], jacobian_norm(trained(), PLACES), rtol=1e-4)

    def test_no_slope_where_nothing_changes(self):
        assert not jacobian_norm(flat(trained()), PLACES).any()


class TestLine:
    start, end = np.array([-1.0, 0.5]), np.array([1.5, -0.3])

    def test_is_the_sum_of_the_changes(self):
        line = change_along(trained(), self.start, self.end, 50)
        places = self.start + np.linspace(0, 1, 51)[:, None] * (self.end - self.start)
        np.testing.assert_allclose(line.places, places, atol=1e-6)
        images = painted(trained(), places)
        changes = np.linalg.norm(np.diff(images, axis=0), axis=1)
        step = np.hypot(2.5, 0.8) / 50
        np.testing.assert_allclose(line.rate, changes / step, rtol=1e-3)
        np.testing.assert_allclose(line.at, step * (np.arange(50) + 0.5))
        assert line.length == pytest.approx(changes.sum(), rel=1e-4)
        assert line.chord == pytest.approx(np.linalg.norm(images[-1] - images[0]), rel=1e-4)
        assert line.ratio == pytest.approx(line.length / line.chord) and line.ratio >= 1
        np.testing.assert_allclose(line.images.reshape(51, 784), images, atol=1e-5)

    def test_rate_is_the_slope_along_the_line(self):
        line = change_along(trained(), self.start, self.end, 200)
        unit = (self.end - self.start) / np.hypot(2.5, 0.8)
        places = self.start + line.at[:, None] * unit
        expected = np.linalg.norm(slopes(trained(), places) @ unit, axis=1)
        np.testing.assert_allclose(line.rate, expected, rtol=0.01)

    def test_there_and_back_are_alike(self):
        there, back = (change_along(trained(), *ends, 30) for ends in ((self.start, self.end), (self.end, self.start)))
        np.testing.assert_allclose(there.rate, back.rate[::-1], rtol=1e-3)

    def test_one_image_everywhere_has_no_ratio(self):
        line = change_along(flat(trained()), self.start, self.end)
        assert line.length < 1e-6 and line.ratio is None

    def test_no_line_is_refused(self):
        with pytest.raises(ValueError, match=r"same place. Choose two points"):
            change_along(trained(), self.start, self.start)


class TestClass:
    def test_is_the_classifiers(self):
        found, probability = which_class(trained(), PLACES)
        expected = classifier_of("digits").class_probabilities(trained().decode(PLACES))
        np.testing.assert_array_equal(found, expected.argmax(1))
        np.testing.assert_allclose(probability, expected.max(1), rtol=1e-5)

    def test_most_codes_are_painted_as_their_own_class(self):
        trainer = trained("autoencoder")
        codes = trainer.encode(trainer.dataset.train_images).mean
        found, _ = which_class(trainer, codes.numpy())
        assert np.mean(found == trainer.dataset.train_labels) > 0.6


def test_looking_changes_nothing():
    seen, alone = (Trainer(small(rule="vae"), device="cpu", points=50) for _ in range(2))
    for trainer in (seen, alone):
        trainer.train(10)
    stream = torch.get_rng_state()
    jacobian_norm(seen, PLACES), change_along(seen, [0, 0], [1, 1]), which_class(seen, PLACES)
    assert torch.equal(stream, torch.get_rng_state())
    for trainer in (seen, alone):
        trainer.train(10)
    assert seen.frame().packed() == alone.frame().packed()

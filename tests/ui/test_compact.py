"""Compact messages: what a class sees is what the run shows, to the step of the quantisation, in few bytes."""

import zlib

import numpy as np
import pytest

from tests.conftest import small
from vae_core.analysis import views
from vae_core.engine.live_measures import LiveMeasures, combined
from vae_core.run.packing import unpack
from vae_core.run.recipe import Recipe
from vae_core.run.recording import Run
from vae_core.trainer.trainer import Trainer
from vae_core.ui.server import compact
from vae_core.workers.lane import Lane
from vae_core.workers.messages import GetImages, OpenRun

LIMIT = 15_000  # bytes of a frame with its envelope


def opened(body: bytes):
    """A message as the browser opens it (compact_decoding.js)."""
    return unpack(zlib.decompress(body))


class Shown:
    """A trainer, its probe and images as a run has them, and the lens on it."""

    def __init__(self, recipe: Recipe, points: int = 2000) -> None:
        lane = Lane()
        lane.open(OpenRun("run", recipe.model_dump(), points=points))
        self.trainer: Trainer = lane.in_lane("run").trainer
        packed = lane.images(GetImages("run"))
        self.labels, self.images = unpack(packed.probe)[1]["labels"], unpack(packed.images)[1]["images"]
        self.lens = compact.Lens(packed.probe, packed.images, self.trainer.frame().strip)


@pytest.fixture(scope="module", params=["vae", "autoencoder", "full_covariance"])
def shown(request):
    shown = Shown(small(rule=request.param))
    shown.trainer.advance(300)
    return shown


def test_codes_are_those_of_the_points_within_half_a_step(shown):
    frame = shown.trainer.frame()
    header, arrays = opened(shown.lens.frame(frame.packed()))
    low, high = np.array(header["low"]), np.array(header["high"])
    step = (high - low) / 65535
    rows = [*shown.lens.rows, frame.strip[-1]]
    for name, codes in (("mean", frame.mean[rows]), ("z", frame.z[rows]), ("prior_z", frame.prior_z)):
        assert arrays[name].dtype == np.uint16 and arrays[name].shape == codes.shape
        assert (np.abs(low + arrays[name] * step - codes) <= 0.5001 * step + 1e-6).all(), name
    assert (np.abs(low + arrays["repeats"] * step - frame.repeats[-1]) <= 0.5001 * step + 1e-6).all()


def test_the_rest_of_a_frame(shown):
    frame = shown.trainer.frame()
    packed = frame.packed()
    header, arrays = opened(shown.lens.frame(packed))
    whole = packed.header()
    assert {k: v for k, v in header.items() if k in whole} == {
        k: whole[k] for k in whole if k not in ("chosen", "strip")
    }
    assert header["number"] == frame.strip[-1] and header["label"] == frame.labels[frame.strip[-1]]
    assert np.array_equal(shown.lens.rows[: len(frame.strip) - 1], frame.strip[:-1])
    assert ("scale" in arrays) == (frame.scale is not None)
    for name in ("scale", "correlation"):
        if (of_all := getattr(frame, name)) is not None:
            assert np.allclose(arrays[name].astype(float), of_all[list(frame.strip)], rtol=1e-3, atol=1e-6)
    for name in compact.IMAGES:
        assert np.abs(arrays[name].astype(int) - getattr(frame, name)).max() <= 8  # half of 255 / 15
    assert np.abs(arrays["input"].astype(int) - shown.images.reshape(-1, 784)[frame.strip[-1]]).max() <= 8


def test_any_image_may_be_the_chosen_one(shown):
    outside = next(i for i in range(len(shown.labels)) if i not in shown.lens.rows) if len(shown.labels) > 750 else 5
    shown.trainer.chosen = outside
    frame = shown.trainer.frame()
    header, arrays = opened(shown.lens.frame(frame.packed()))
    step = (np.array(header["high"]) - header["low"]) / 65535
    assert header["number"] == outside
    assert np.abs(header["low"] + arrays["mean"][-1] * step - frame.mean[outside]).max() <= step.max()


def test_points_are_a_fixed_part_that_stands_for_all():
    shown = Shown(small(), points=297)
    assert sorted(shown.lens.rows) == list(range(297))  # where there are few, all
    _, arrays = opened(shown.lens.probe())
    assert np.array_equal(arrays["labels"], shown.labels[shown.lens.rows])
    pictures = shown.images.reshape(297, -1)[shown.lens.rows]
    assert np.abs(arrays["strip_images"].astype(int) - pictures[: len(arrays["strip_images"])]).max() <= 8
    assert np.abs(opened(shown.lens.images())[1]["images"].astype(int) - pictures).max() <= 8


def test_codes_that_are_all_equal(shown):
    same = np.full((5, 2), 3.0, np.float32)
    assert (compact.quantised(same, np.array([3.0, 3.0]), np.array([4.0, 4.0])) == 0).all()


@pytest.mark.parametrize("rule", ["vae", "normalised_noise", "full_covariance"])
def test_a_frame_of_the_default_recipe_has_at_most_15_kb(mnist, rule):
    """With 2,000 points, at any time of the training. These rules have the largest: noise, and all that is drawn."""
    shown = Shown(Recipe(rule=rule))
    assert len(shown.labels) == 2000 and len(shown.lens.rows) == compact.POINTS
    for steps in (1, 20, 100):
        frame = shown.trainer.advance(steps)
        about = {"at": 1234567890.123456, "seconds": 1234.5, "weights": 123456}
        assert len(compact.envelope(shown.lens.frame(frame.packed()), step=frame.step, **about)) <= LIMIT
    by_class = np.bincount(shown.labels[shown.lens.rows], minlength=10) / compact.POINTS
    assert np.abs(by_class - np.bincount(shown.labels) / 2000).max() < 0.03


def test_history_is_the_recording_at_few_steps(shown):
    record, measures = Run(shown.trainer.recipe), LiveMeasures()
    first = shown.trainer.step_count
    for _ in range(700):
        record.history[first] = {"kl": float(first), "elbo": None}
        first += 3
    measures.take(views.live_exact(shown.trainer))
    header, arrays = opened(compact.history(record, measures))
    steps = sorted(record.history)
    assert len(arrays["steps"]) == compact.ROWS and arrays["steps"][0] == steps[0] and arrays["steps"][-1] == steps[-1]
    values = dict(zip(header["names"], arrays["values"], strict=True))
    assert np.array_equal(values["kl"], arrays["steps"]) and np.isnan(values["elbo"]).all()
    assert arrays["measured_steps"].tolist() == measures.steps
    assert np.allclose(arrays["measured"], measures.columns()["log_marginal"])


def painted(weights, z):
    """Pixels 0..255 of a SiLU decoder, as hover_decoder.js computes them."""
    x = z
    for layer in range(0, len(weights), 2):
        x = x @ weights[layer].T.astype(np.float32) + weights[layer + 1].astype(np.float32)
        if layer < len(weights) - 2:
            x = x / (1 + np.exp(-x))
    return 255 / (1 + np.exp(-x))


def test_the_decoder_paints_the_same_images(mnist):
    trainer = Trainer(Recipe(), points=50)
    packed = trainer.advance(200).packed()
    body = compact.decoder(packed)
    header, arrays = opened(body)
    assert len(body) < 0.45 * len(packed.decoder) and header["step"] == 200
    names = [f"{kind}{layer}" for layer in range(header["layers"]) for kind in "wb"]
    restored = [
        arrays[n] * arrays[f"factor_{n}"][:, None] if f"factor_{n}" in arrays else arrays[n].astype(np.float32)
        for n in names
    ]
    z = np.random.default_rng(0).normal(size=(500, 2)).astype(np.float32)
    off = np.abs(painted(restored, z) - painted(packed.unpacked().decoder, z))
    assert off.mean() < 1 and np.quantile(off, 0.999) < 15


def test_exact_measures_pass_unchanged(shown):
    header, arrays = combined([views.live_exact(shown.trainer)])
    again, same = opened(compact.compressed({"kind": "exact", **header}, arrays))
    assert again == {"kind": "exact", **header} and all(np.array_equal(arrays[n], same[n]) for n in arrays)


def test_what_is_told_outside_is_read_without_unpacking():
    body = compact.compressed({"kind": "state", "playing": True})
    header, arrays = unpack(compact.envelope(body, at=1.5))
    assert header == {"kind": "packed", "at": 1.5} and opened(arrays["body"].tobytes())[0]["playing"]

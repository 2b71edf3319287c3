"""Frames as bytes: nothing is lost, and damage is noticed."""

import dataclasses

import numpy as np
import pytest

from tests.conftest import small
from vae_core.run.packing import pack, unpack
from vae_core.run.recording import Run
from vae_core.trainer.trainer import Trainer


@pytest.fixture(scope="module", params=["vae", "autoencoder"])
def frame(request):
    return Trainer(small(rule=request.param), points=60).advance(5)


def test_round_trip(frame):
    again = frame.packed().unpacked()
    for field in dataclasses.fields(frame):
        ours, theirs = getattr(frame, field.name), getattr(again, field.name)
        if field.name == "decoder":
            assert all(np.array_equal(a, b) and a.dtype == b.dtype for a, b in zip(ours, theirs, strict=True))
        elif isinstance(ours, np.ndarray):
            assert np.array_equal(ours, theirs) and ours.dtype == theirs.dtype, field.name
        else:
            assert ours == theirs, field.name


def test_is_plain_numpy_of_the_stated_shapes(frame):
    n, k = 60, len(frame.strip)
    assert frame.mean.shape == frame.z.shape == (n, 2) and frame.labels.shape == (n,)
    assert (frame.scale is None) == (frame.rule == "autoencoder")
    assert frame.strip_at_mean.shape == frame.strip_at_draw.shape == (k, 28, 28)
    assert frame.prior.shape == (20, 28, 28) and frame.prior.dtype == np.uint8
    assert [w.shape for w in frame.decoder] == [(32, 2), (32,), (784, 32), (784,)]


def test_decoder_weights_paint_what_the_frame_shows(frame):
    """What the browser computes under the mouse is what the trainer computes."""
    w0, b0, w1, b1 = (w.astype(np.float64) for w in frame.decoder)
    hidden = frame.prior_z @ w0.T + b0
    hidden = hidden / (1 + np.exp(-hidden))  # silu
    p = 1 / (1 + np.exp(-(hidden @ w1.T + b1)))
    assert np.abs(p.reshape(-1, 28, 28) * 255 - frame.prior).max() < 2


def test_arrays_start_at_multiples_of_eight():
    data = pack({"kind": "x"}, {"a": np.arange(3, dtype=np.uint8), "b": np.arange(2.0)})
    header, arrays = unpack(data)
    assert header == {"kind": "x"} and len(data) % 8 == 0
    assert arrays["a"].tolist() == [0, 1, 2] and arrays["b"].tolist() == [0.0, 1.0]


@pytest.mark.parametrize(
    "damage", [lambda d: b"", lambda d: d[:100], lambda d: d[:-400], lambda d: b"\xff" * 64, lambda d: b"\x02\0\0\0[]"]
)
def test_damage_is_noticed(frame, damage):
    with pytest.raises(ValueError, match="Not a whole recorded frame"):
        unpack(damage(frame.packed().view))


def test_a_notebook_shows_one_line(frame):
    words = f"<Frame at step {frame.step:,}, {frame.rule}: reconstruction {frame.metrics['reconstruction']:.1f}"
    assert repr(frame).startswith(words) and "\n" not in repr(frame) and len(repr(frame)) < 100
    run = Run(small())
    assert repr(run) == "<Run of vae on digits, 0 frames, the last at step none>"
    run.add(frame.packed())
    assert repr(run) == f"<Run of vae on digits, 1 frames, the last at step {frame.step:,}>"

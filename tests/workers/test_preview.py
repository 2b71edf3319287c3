"""Previews: the points between two frames, which change nothing."""

import numpy as np
import pytest
import torch

from tests.conftest import small
from vae_core.rules import discover
from vae_core.run.packing import unpack
from vae_core.trainer.trainer import Trainer
from vae_core.workers.lane import Lane
from vae_core.workers.messages import Advance, OpenRun
from vae_core.workers.preview import parts, preview, stops


@pytest.mark.parametrize("rule", discover())
def test_to_look_changes_no_bit_of_the_training(rule):
    seen, alone = Trainer(small(rule=rule), points=60), Trainer(small(rule=rule), points=60)
    for _ in range(3):
        seen.train(2)
        preview(seen, 0)
    alone.train(6)
    assert seen.frame().packed() == alone.frame().packed()


def test_its_codes_are_those_of_the_frame():
    trainer = Trainer(small(rule="vae"), points=60)
    trainer.train(20)
    trainer.switch(noise=0.3)
    header, arrays = unpack(preview(trainer, 0))
    frame = trainer.frame()
    assert header == {"kind": "glimpse", "step": 20, "first": 0, "by": 1}
    for name in ("mean", "z"):  # of all but the measured points, as training computes them
        np.testing.assert_allclose(arrays[name], getattr(frame, name), atol=0.03)


def test_of_many_points_each_shows_a_part_in_turns():
    trainer = Trainer(small(rule="vae"), points=60)
    found = [unpack(preview(trainer, turn, 3)) for turn in range(4)]
    assert [(header["first"], header["by"], len(arrays["z"])) for header, arrays in found] == [
        (0, 3, 20), (1, 3, 20), (2, 3, 20), (0, 3, 20)
    ]  # fmt: skip
    whole = trainer.frame()
    np.testing.assert_allclose(found[1][1]["mean"], whole.mean[1::3], atol=0.03)


def test_dear_points_are_shown_in_more_parts():
    """5 % of 40 ms are 2 ms."""
    assert [parts(2000, microseconds * 1e-6) for microseconds in (0, 0.9, 1.1, 2.1, 15, 1000)] == [1, 1, 2, 4, 16, 32]


def test_the_steps_at_which_to_look():
    assert stops(64, 96, 0.005) == [72, 80, 88]
    assert stops(64, 96, 0.001) == []
    assert stops(7, 9, 1.0) == [8]


def lane_that_shows(waits_after: int) -> tuple[Lane, list[dict]]:
    lane, shown = Lane(), []
    lane.show = lambda data: shown.append(unpack(data)[0])
    lane.waits = lambda: len(shown) == waits_after > 0
    lane.open(OpenRun("run", {"dataset": "digits", "hidden": (32,), "batch_size": 64}, points=20))
    lane.advance(Advance("run", steps=256))
    pace = lane.in_lane("run").pace
    pace.step_seconds, pace.frame_seconds = 0.005, 0.001  # as if its network were a large one
    return lane, shown


def test_a_slice_shows_previews_and_ends_at_its_frame():
    lane, shown = lane_that_shows(0)
    packed = lane.advance(Advance("run", previews=True)).frame
    assert packed.step == 288 and [header["step"] for header in shown] == [264, 272, 280]


def test_a_slice_ends_at_a_preview_if_a_request_waits():
    lane, shown = lane_that_shows(2)
    packed = lane.advance(Advance("run", previews=True)).frame
    assert packed.step == 272 == shown[-1]["step"]


def test_who_plays_sees_the_first_step():
    lane, shown = lane_that_shows(0)
    packed = lane.advance(Advance("run", previews=True, resumed=True)).frame
    assert [header["step"] for header in shown] == [257] and 257 < packed.step <= 264


def test_where_nothing_can_be_shown_a_slice_is_a_short_one():
    lane, _ = lane_that_shows(0)
    lane.show = None
    assert lane.advance(Advance("run", previews=True)).frame.step == 264


def test_parts_are_made_once_for_all_who_look():
    points = Trainer(small(rule="vae"), points=60).points
    batch, images = points.part(1, 4, torch.float32)
    assert points.part(1, 4, torch.float32)[1] is images and images.is_contiguous()
    assert torch.equal(images, points.images[1::4]) and torch.equal(batch.draws, points.eps[1::4])
    points.part(0, 2, torch.float32)
    assert points.part(1, 4, torch.float32)[1] is not images  # only those of the last size are kept

"""Recordings: kept within bounds, saved, opened and forked without loss."""

import errno
import json
import os

import numpy as np
import pytest

from tests.conftest import small
from vae_core.run.frame import PackedFrame
from vae_core.run.packing import pack
from vae_core.run.recording import RecordingError, Run
from vae_core.run.thinning import least_missed
from vae_core.trainer.trainer import Trainer


def record(steps: int = 40, every: int = 4) -> tuple[Run, Trainer]:
    trainer = Trainer(small(), points=30)
    run = Run(trainer.recipe)
    run.add(trainer.frame().packed())
    while trainer.step_count < steps:
        trainer.train(every)
        if trainer.step_count == 20:
            trainer.switch(noise=0.0)
        run.events = list(trainer.events)
        run.add(trainer.frame().packed())
    return run, trainer


def test_survives_save_and_open(tmp_path):
    run, _ = record()
    run.save(tmp_path / "run")
    again = Run.open(tmp_path / "run")
    assert (again.recipe, again.events, again.steps, again.history) == (run.recipe, run.events, run.steps, run.history)
    for step in run.steps:
        assert again.packed(step) == run.packed(step)
        assert np.array_equal(again.frame(step).z, run.frame(step).z)


def test_saving_again_adds_and_removes(tmp_path):
    run, trainer = record()
    run.save(tmp_path)
    run.add(trainer.advance(4).packed())
    run.keep([step for step in run.steps if step != 4])
    run.save(tmp_path)
    assert Run.open(tmp_path).steps == run.steps


def test_memory_is_bounded_and_thinned_with_age():
    run = Run(small(), budget=100_000)
    for step in range(0, 4000, 4):
        run.add(PackedFrame(step, pack({"metrics": {}}, {}), bytes(1000)))
    kept = np.array(run.steps)
    assert sum(run.packed(s).size for s in run.steps) <= 100_000
    assert kept[0] == 0 and kept[-1] == 3996 and len(run.history) == 1000
    gaps = np.diff(kept)
    assert gaps[-3:].max() <= gaps[: len(gaps) // 2].max() / 4  # dense now, sparse long ago


def test_what_is_least_missed():
    assert least_missed([]) is None and least_missed([0, 1]) is None
    assert least_missed([0, 1, 1000]) == 1
    assert least_missed([0, 100, 110, 120, 1000, 1100]) == 110
    assert least_missed([0, 100, 110, 120, 1000, 1100], keep={110}) != 110


def test_event_frames_stay():
    run, trainer = record(steps=24, every=4)
    run.budget = 6 * run.packed(0).size
    for _ in range(30):
        run.add(trainer.advance(4).packed())
    assert 20 in run.steps and len(run.steps) <= 6


def test_packed_gives_the_frame_at_or_before():
    run, _ = record()
    assert run.packed(17).step == 16 and run.packed(10**9).step == 40 and run.packed(-5).step == 0


def test_fork_shares_the_past_and_then_goes_its_own_way():
    run, trainer = record()
    child = run.fork(20)
    assert child.steps == [0, 4, 8, 12, 16, 20] and [e.label for e in child.events] == ["noise off"]
    child.add(trainer.advance(4).packed())
    assert run.steps[-1] == 40 and 44 in child.steps and 44 not in run.steps


def test_a_sliders_journey_is_one_mark():
    trainer = Trainer(small(), points=10)
    run = Run(trainer.recipe)
    for step, change in [(0, 0.9), (2, 0.8), (4, 0.5)]:
        trainer.train(step - trainer.step_count)
        trainer.switch(knobs={"beta": change})
    trainer.train(2)
    trainer.switch(noise=0.0)
    trainer.train(100)
    trainer.switch(knobs={"beta": 2})
    run.events = trainer.events
    assert [(m["step"], m["label"]) for m in run.marks()] == [(0, "β = 0.5"), (6, "noise off"), (106, "β = 2")]


class TestBadInput:
    @pytest.fixture
    def folder(self, tmp_path):
        record()[0].save(tmp_path)
        return tmp_path

    def test_missing(self, tmp_path):
        with pytest.raises(RecordingError, match="There is no recording in"):
            Run.open(tmp_path / "nothing")

    def test_other_version(self, folder):
        about = json.loads((folder / "run.json").read_text())
        (folder / "run.json").write_text(json.dumps({**about, "format": 99}))
        with pytest.raises(RecordingError, match="format 99"):
            Run.open(folder)

    @pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 1}', '{"format": 1, "recipe": {"rule": "x"}}'])
    def test_damaged_header(self, folder, text):
        (folder / "run.json").write_text(text)
        with pytest.raises(RecordingError, match="damaged"):
            Run.open(folder)

    def test_damaged_frame(self, folder):
        path = next((folder / "frames").glob("*.frame"))
        path.write_bytes(path.read_bytes()[:-300])
        with pytest.raises(RecordingError, match="damaged"):
            Run.open(folder)

    def test_full_disk_keeps_what_was_there(self, folder, monkeypatch):
        before = Run.open(folder)
        run, trainer = record()
        run.add(trainer.advance(4).packed())

        def full(source, target):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(os, "replace", full)
        with pytest.raises(RecordingError, match=r"No space left.*kept"):
            run.save(folder)
        monkeypatch.undo()
        assert Run.open(folder).steps == before.steps and not list(folder.rglob("*.part"))

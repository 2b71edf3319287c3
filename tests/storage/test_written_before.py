"""What earlier versions wrote still opens: a recording, a library's zip, a link, a store with a run in progress.

The files of `written_before` were made before the code moved into rooms; facts.json says what is in them.
"""

import json
import tarfile
from pathlib import Path
from urllib.parse import parse_qs

import numpy as np
import pytest
import torch

from tests.conftest import wait_until
from vae_core.engine.engine import Engine
from vae_core.run.frame import Frame
from vae_core.run.link import from_query, to_query
from vae_core.run.recipe import Recipe
from vae_core.run.recording import Run
from vae_core.storage.library import Library
from vae_core.trainer.networks import bfloat16_is_faster
from vae_core.trainer.replay import replay
from vae_core.trainer.trainer import Trainer

HERE = Path(__file__).parent / "written_before"
FACTS = json.loads((HERE / "facts.json").read_text())
RECORDING, STORE = FACTS["recording"], FACTS["store"]


def untarred(name: str, folder: Path) -> Path:
    with tarfile.open(HERE / f"{name}.tar.xz") as packed:
        packed.extractall(folder, filter="data")
    return folder / name


def expect(frame: Frame, steps: list[int], facts: dict) -> None:
    assert steps == facts["steps"] and frame.step == steps[-1]
    assert frame.rule == facts["rule"] and frame.metrics == facts["metrics"]
    assert np.array_equal(frame.z[: len(facts["z"])], np.array(facts["z"], np.float32))


def expect_run(run: Run, facts: dict) -> None:
    expect(run.frame(run.steps[-1]), run.steps, facts)
    assert sorted(run.history) == facts["steps"]


def retrained(run: Run) -> Trainer:
    return replay(run.recipe, run.events, run.steps[-1], device="cpu", points=len(run.frame(0).labels))


def expect_close(frame: Frame, facts: dict) -> None:
    """Of a training on this machine: its bits need not be those of the machine that wrote the facts, which had no
    products in bfloat16."""
    rounder = 10 if bfloat16_is_faster(torch.device("cpu")) else 1
    assert frame.metrics.keys() == facts["metrics"].keys()
    for name, value in facts["metrics"].items():
        assert frame.metrics[name] == pytest.approx(value, rel=rounder * 1e-3), name
    assert frame.z[: len(facts["z"])] == pytest.approx(np.array(facts["z"]), abs=rounder * 1e-2)


def test_a_recording_opens_and_trains_to_the_same(tmp_path):
    run = Run.open(untarred("recording", tmp_path))
    expect_run(run, RECORDING)
    assert to_query(run.recipe, run.events, len(run.frame(0).labels)) == FACTS["link"]
    expect_close(retrained(run).frame(), RECORDING)


def test_a_zip_of_the_library_is_taken_in_with_its_state(tmp_path):
    library = Library(tmp_path)
    run, state = library.open(library.take((HERE / "library.zip").read_bytes(), "library.zip"))
    expect_run(run, RECORDING)
    trainer = Trainer.from_state(state, "cpu")
    assert trainer.step_count == run.steps[-1] and trainer.events == run.events
    expect_close(trainer.frame(), RECORDING)
    assert trainer.state() == Trainer.from_state(trainer.state(), "cpu").state()
    assert trainer.advance(5).step == run.steps[-1] + 5


def test_a_link_opens_and_trains_to_the_same(tmp_path):
    fields, events, points = from_query(parse_qs(FACTS["link"].removeprefix("?"), keep_blank_values=True))
    trainer = Trainer(Recipe(**fields), "cpu", points)
    for event in events:
        trainer.train(event.pop("step") - trainer.step_count)
        trainer.switch(**event)
    trainer.train(RECORDING["steps"][-1] - trainer.step_count)
    expect_close(trainer.frame(), RECORDING)
    assert to_query(trainer.recipe, trainer.events, points) == FACTS["link"]
    known = Run.open(untarred("recording", tmp_path))
    assert (trainer.recipe, trainer.events) == (known.recipe, known.events)


def test_a_run_in_a_store_is_recalled_and_plays_on(tmp_path):
    with Engine(1, folder=untarred("store", tmp_path)) as engine:
        live = engine.recall(STORE["run"])
        assert live is not None and live.owner == STORE["owner"]
        last = STORE["steps"][-1]
        assert live.record.steps == sorted(live.record.history) == STORE["steps"]
        expect_close(live.record.frame(last), STORE)  # trained again from the checkpoint before it
        assert live.header["step"] == last
        live.play()
        assert wait_until(lambda: live.record.steps[-1] > last, timeout=60)

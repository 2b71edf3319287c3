"""A run's note in the store: its two halves fit, and one written by an earlier version is read."""

import json

import pytest

from tests.conftest import wait_until
from vae_core.engine.engine import Engine
from vae_core.engine.player import LiveRun

RECIPE = {"dataset": "digits", "hidden": [8], "batch_size": 16}


@pytest.fixture
def engine(tmp_path):
    with Engine(folder=tmp_path) as engine:
        yield engine


@pytest.fixture
def run(engine):
    run = engine.open(RECIPE, points=20, owner="somebody")
    run.watch(lambda what: None)
    run.step(20)
    assert wait_until(lambda: run.resting and run.header["step"] == 20, 30)
    run.set_speed(50)
    return run


def test_a_note_brings_the_run_back(engine, run):
    note = json.loads(json.dumps(run.note()))
    assert note == {"feed": run.training.id, "owner": "somebody", "step": 20, "playing": False, "speed": 50.0}
    again = LiveRun.from_note(run.id, note, engine.trainings)
    assert (again.id, again.owner, again.speed, again.newest) == (run.id, "somebody", 50.0, run.newest)
    assert again.training is run.training and not again.autoplay and not again.playing
    assert again.message["text"] == "The server was started again; the run went on from step 20."


def test_one_of_a_run_that_played_plays_on_when_somebody_watches(engine, run):
    old = {"feed": run.training.id, "owner": "", "step": 20, "playing": True, "speed": 0.0, "server": "0123abcd"}
    again = LiveRun.from_note("an-id-of-old", old, engine.trainings)
    assert again.note()["playing"] and not again.playing
    again.watch(lambda what: None)
    assert again.playing


def test_one_whose_training_is_gone_is_none(engine, run):
    assert LiveRun.from_note(run.id, {**run.note(), "feed": "0" * 24}, engine.trainings) is None


def test_a_run_knows_what_it_trains(engine, run):
    assert run.trains({**RECIPE, "seed": 0}, (), 20)
    assert not run.trains(RECIPE, (), 21) and not run.trains({**RECIPE, "seed": 1}, (), 20)
    assert not run.trains(RECIPE, [{"step": 10, "noise": 0.0}], 20)

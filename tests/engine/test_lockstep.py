"""Runs in lockstep with real worker processes: one step for all, bits as alone, and nobody waits for the dead."""

import json
import os
import signal
import time
from urllib.parse import parse_qs

import pytest

from tests.conftest import small, wait_until
from vae_core.engine.engine import Engine
from vae_core.engine.limits import Limits
from vae_core.engine.lockstep import LONGEST, LOOKED_AT, SHARE, Lockstep
from vae_core.run.contrasts import contrast, plans_of
from vae_core.run.recipe import Recipe, RecipeError
from vae_core.trainer.replay import replay
from vae_core.workers.errors import LaneError, Refused

SMALL = {"dataset": "digits", "hidden": (32,), "batch_size": 64}


@pytest.fixture(scope="module")
def engine():
    with Engine() as engine:
        yield engine


@pytest.fixture
def open_lockstep(engine):
    opened = []

    def open_lockstep(*own: dict, watched: bool = True, **options) -> Lockstep:
        lockstep = Lockstep(engine, [({**SMALL, **fields}, ()) for fields in own], **options)
        opened.append(lockstep)
        if watched:
            lockstep.told = []
            lockstep.watch(lambda what: lockstep.told.append((what, [run.header["step"] for run in lockstep.members])))
        return lockstep

    yield open_lockstep
    for lockstep in opened:
        lockstep.end()


def steps(lockstep) -> list[int]:
    return [run.header["step"] for run in lockstep.members]


def rest(lockstep) -> None:
    lockstep.pause()
    assert wait_until(lambda: not lockstep._queued, 30)


def reach(lockstep, step: int) -> None:
    assert wait_until(lambda: lockstep.front >= step, 60), lockstep.state()


def alone(run):
    """What the same run gives, trained by itself."""
    return replay(run.record.recipe, run.record.events, run.header["step"], points=run.points).frame().packed()


def test_all_reach_a_step_before_any_goes_on(open_lockstep):
    lockstep = open_lockstep({}, {"rule": "autoencoder"}, {"rule": "moment_matching"}, {"batch_size": 16})
    lockstep.play()
    reach(lockstep, 60)
    rest(lockstep)
    frames = [seen for what, seen in lockstep.told if what == "frame"]
    assert len(frames) > 3 and all(len(set(seen)) == 1 for seen in frames)
    assert lockstep.kept() == lockstep.members[0].record.steps == lockstep.members[3].record.steps
    assert [frame.step for frame in lockstep.frames(20)] == [lockstep.frames(20)[0].step] * 4
    json.dumps(lockstep.state(), allow_nan=False)


def test_each_run_gives_the_bits_that_it_gives_alone(open_lockstep):
    lockstep = open_lockstep({}, {"rule": "offset", "knobs": {"f": "table"}}, {"batch_size": 16, "noise": 0.0})
    lockstep.play()
    reach(lockstep, 40)
    rest(lockstep)
    for run in lockstep.members:
        assert run.newest == alone(run)


def test_steps_are_exact_and_a_switch_reaches_all_at_the_same_step(open_lockstep):
    lockstep = open_lockstep({}, {"rule": "mean_only"})
    lockstep.step(7)
    reach(lockstep, 7)
    assert wait_until(lambda: not lockstep._queued, 30) and steps(lockstep) == [7, 7]
    lockstep.play()
    lockstep.switch(noise=0.0)  # while they train
    reach(lockstep, lockstep.front + 10)
    lockstep.switch(1, knobs={"sigma0": 0.5})
    rest(lockstep)
    first, second = (run.record.events for run in lockstep.members)
    assert [event.label for event in first] == ["noise off"] and first[0].step == second[0].step
    assert [event.label for event in second] == ["noise off", "σ₀ = 0.5"]
    lockstep.switch(knobs={"sigma0": 0.25})  # of those that have it
    assert [run.header["knobs"].get("sigma0") for run in lockstep.members] == [None, 0.25]
    lockstep.step(3)
    assert wait_until(lambda: not lockstep._queued, 30)
    for run in lockstep.members:
        assert run.newest == alone(run)


def test_what_cannot_be_is_refused_and_nothing_is_lost(engine, open_lockstep):
    lockstep = open_lockstep({}, {"rule": "autoencoder"})
    for settings in ({"rule": "foo"}, {"noise": 7}, {"knobs": {"beta": -1}}):
        with pytest.raises(LaneError) as error:
            lockstep.switch(**settings)
        assert isinstance(error.value, Refused)
    assert [run.header["rule"] for run in lockstep.members] == ["vae", "autoencoder"]
    before = len(engine.runs)
    for own in ([{}], [{}] * 5, [{}, {"dataset": "mnist"}], [{}, {"rule": "foo"}]):
        if own[-1].get("dataset") == "mnist" and "NOISE_LAB_DATA" not in os.environ:
            continue
        with pytest.raises((LaneError, RecipeError)):
            open_lockstep(*own)
    assert len(engine.runs) == before


def test_a_run_that_diverges_leaves_the_others_alone(open_lockstep):
    lockstep = open_lockstep({"learning_rate": 10.0}, {})
    lockstep.play()
    assert wait_until(lambda: lockstep.members[0].status == "diverged", 60)
    at = lockstep.members[0].header["step"]
    reach(lockstep, at + 50)
    rest(lockstep)
    state = lockstep.state()
    assert state["columns"][0]["step"] == at and "no longer a number" in state["columns"][0]["message"]["text"]
    assert [frame.step for frame in lockstep.frames()] == [at, lockstep.front]
    assert lockstep.frames(lockstep.kept()[-1])[0].step == at
    assert lockstep.members[1].newest == alone(lockstep.members[1])
    lockstep.step(2)
    reach(lockstep, state["step"] + 2)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="POSIX")
def test_a_killed_worker_costs_nothing(engine, open_lockstep):
    lockstep = open_lockstep({}, {"rule": "offset"})
    lockstep.play()
    reach(lockstep, 60)
    os.kill(engine.pool.pids()[0], signal.SIGKILL)
    reach(lockstep, lockstep.front + 60)
    rest(lockstep)
    assert len(set(steps(lockstep))) == 1
    for run in lockstep.members:
        assert run.newest == alone(run)


def test_reset_starts_all_again_with_their_present_settings(engine, open_lockstep):
    lockstep = open_lockstep({}, {"noise": 0.0})
    old = [run.id for run in lockstep.members]
    lockstep.step(5)
    reach(lockstep, 5)
    lockstep.look(17)
    lockstep.switch(0, knobs={"beta": 4.0})
    lockstep.reset()
    assert lockstep.front == 0 and steps(lockstep) == [0, 0] and not set(old) & set(engine.runs)
    assert [run.record.recipe.knobs["beta"] for run in lockstep.members] == [4.0, 1.0]
    assert [run.header["chosen"] for run in lockstep.members] == [17, 17]
    assert [column["title"] for column in lockstep.state()["columns"]] == ["β = 4 · noise on", "β = 1 · noise off"]
    lockstep.step(4)
    reach(lockstep, 4)


def test_nobody_watching_pauses(open_lockstep, monkeypatch):
    monkeypatch.setattr("vae_core.engine.watched.GRACE", 0.1)
    lockstep = open_lockstep({}, {"noise": 0.0}, watched=False)
    leave = lockstep.watch(lambda what: None)
    lockstep.play()
    reach(lockstep, 10)
    leave()
    assert wait_until(lambda: not lockstep.playing, 20)
    lockstep.watch(lambda what: None)  # back again, and they go on
    reach(lockstep, lockstep.front + 10)


def test_the_engine_keeps_what_is_watched(engine, open_lockstep, monkeypatch):
    lockstep = open_lockstep({}, {"noise": 0.0})
    forgotten = open_lockstep({}, {"noise": 0.0}, watched=False)
    monkeypatch.setattr("vae_core.engine.watched.GRACE", 0.0)
    monkeypatch.setattr(engine, "limits", Limits(runs=3))
    engine.open(SMALL)
    assert lockstep.alive and not forgotten.alive


def test_the_link_gives_the_comparison_again(engine, open_lockstep):
    lockstep = open_lockstep({}, {"rule": "mean_only"}, origin="contrast=mean&dataset=digits")
    assert lockstep.link() == "?contrast=mean&dataset=digits"
    lockstep.step(5)
    reach(lockstep, 5)
    lockstep.switch(noise=0.5)
    lockstep.switch(1, rule="offset")
    lockstep.step(5)
    reach(lockstep, 10)
    plans = plans_of(parse_qs(lockstep.link().removeprefix("?")))
    again = Lockstep(engine, plans)
    again.watch(lambda what: None)
    again.step(10)
    reach(again, 10)
    assert wait_until(lambda: not again._queued, 30)
    for run, same in zip(lockstep.members, again.members, strict=True):
        assert run.newest.unpacked().metrics == same.newest.unpacked().metrics
        assert run.record.events == same.record.events
    again.end()


def test_speed_is_kept(open_lockstep):
    lockstep = open_lockstep({}, {"noise": 0.0})
    lockstep.set_speed(10)
    began = time.monotonic()
    lockstep.play()
    reach(lockstep, 10)
    assert time.monotonic() - began > 0.6


@pytest.mark.parametrize(
    ("step", "picture", "between"),
    [
        (0.020, 0.048, (0.19, 0.25)),  # four runs: pictures take their share, and 4 a second are left
        (0.020, 0.010, (0.17, 0.20)),  # cheap pictures: no more than 5 a second
        (0.100, 0.200, (0.40, 0.50)),  # a busy machine: 2 a second rather than nothing but pictures
    ],
)
def test_the_stride_leaves_pictures_their_share(open_lockstep, step, picture, between):
    lockstep = open_lockstep({}, {"noise": 0.0}, watched=False)
    lockstep.front, lockstep._step_seconds, lockstep._picture_seconds = 10_000, step, picture
    took = lockstep._stride() * step + picture
    assert between[0] <= took <= between[1]
    assert picture / took <= SHARE + 0.03 or took >= LONGEST - step
    lockstep.front = 20
    assert lockstep._stride() <= 2  # the first moments one by one


def test_measuring_what_a_picture_costs_changes_nothing(open_lockstep):
    lockstep = open_lockstep({}, {"noise": 0.0})
    lockstep._rounds = LOOKED_AT - 1
    lockstep.step(12)
    reach(lockstep, 12)
    assert lockstep._picture_seconds > 0 and lockstep._step_seconds > 0
    for run in lockstep.members:
        assert run.newest == alone(run)


def test_a_contrast_opens_as_it_is(engine, open_lockstep):
    own = contrast("horse").recipes(dataset="digits", hidden=(16,))
    lockstep = open_lockstep(*own)
    assert [run.record.recipe.train_size for run in lockstep.members] == [60000, 60000, 20, 20]
    assert small(**own[2]) == Recipe(**{**SMALL, **own[2]})

"""The engine with real worker processes: playing, steering, forking, dying and coming back."""

import errno
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from tests.conftest import wait_until
from vae_core.data import add_files
from vae_core.engine.engine import Engine
from vae_core.engine.limits import Limits
from vae_core.engine.live_measures import Due
from vae_core.run.link import from_query
from vae_core.run.packing import unpack
from vae_core.run.recipe import Recipe
from vae_core.trainer.replay import replay
from vae_core.workers.errors import GaveWay, LaneError, Refused, ServerFull
from vae_core.workers.lane import Lane
from vae_core.workers.messages import Advance, Hurry, MeasureExactly, OpenRun
from vae_core.workers.pacing import next_stop

SEEDS = itertools.count()


def fresh(**fields) -> dict:
    """A recipe that nobody has trained before."""
    return {"dataset": "digits", "hidden": (32,), "batch_size": 64, "seed": next(SEEDS), **fields}


def again(run):
    """The run's newest step by straight training."""
    recipe = Recipe(**run.record.recipe.model_dump())
    return replay(recipe, run.record.events, run.header["step"])


@pytest.fixture(scope="module")
def engine():
    with Engine() as engine:
        yield engine


def watch(run):
    told = []
    run.watch(told.append)
    return told


def reach(run, step: int) -> None:
    assert wait_until(lambda: run.header["step"] >= step, 30), run.state()


def test_describes_the_rules(engine):
    assert {"vae", "autoencoder", "mean_only", "noise_only", "offset"} <= {rule["name"] for rule in engine.rules()}


def test_the_server_never_imports_torch():
    code = (
        "import sys; from vae_core.engine.engine import Engine\n"
        "with Engine() as e: run = e.open({'dataset': 'digits'}); run.step(3)\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_workers_never_import_streamlit():
    code = (
        "import sys, vae_core.workers.worker, vae_core.trainer.trainer, vae_core.run.catalogue\n"
        "assert 'streamlit' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_play_pause_step_epoch(engine):
    run = engine.open(fresh())
    told = watch(run)
    assert run.header["step"] == 0 and not run.playing
    run.step()
    reach(run, 1)
    assert wait_until(lambda: not run._busy, 5) and run.header["step"] == 1
    run.epoch()
    reach(run, 1 + run.info["steps_per_epoch"])
    assert wait_until(lambda: not run._busy, 5) and run.header["step"] == 1 + run.info["steps_per_epoch"]
    run.play()
    reach(run, 100)
    run.pause()
    assert wait_until(lambda: not run._busy, 5)
    at = run.header["step"]
    time.sleep(0.2)
    assert run.header["step"] == at and {"frame", "state"} <= set(told)
    assert run.state()["status"] == "paused"
    json.dumps(run.state(), allow_nan=False)


def test_what_was_played_is_what_the_recipe_and_events_give(engine):
    """Live slices, switches at whatever step, look and pause: the same bits as straight training."""
    run = engine.open(fresh())
    watch(run)
    run.play()
    for settings in ({"noise": 0.0}, {"rule": "offset", "knobs": {"f": "table"}}, {"rule": "vae", "noise": 1.0}):
        reach(run, run.header["step"] + 20)
        run.switch(**settings)
        run.look(5)
    reach(run, run.header["step"] + 20)
    run.pause()
    assert wait_until(lambda: not run._busy, 5)
    trained = again(run)
    trained.chosen = 5
    assert trained.frame().packed() == run.newest


def exact_of(run) -> dict:
    return unpack(run.measures.newest)[0] if run.measures.newest else {}


def test_exact_measures_go_along_and_change_no_bit(engine):
    """With somebody who watches them a run gives the same bits as straight training; at rest all is measured."""
    run = engine.open(fresh())
    told = []
    run.watch(told.append, exact=True)
    run.play()
    assert wait_until(lambda: len(run.measures.steps) >= 2, 60), run.state()
    assert not exact_of(run)["fine"] and exact_of(run)["images"] < exact_of(run)["of"]
    run.switch(noise=0.5)
    reach(run, run.header["step"] + 20)
    run.pause()
    assert wait_until(lambda: exact_of(run).get("fine") and exact_of(run)["images"] == exact_of(run)["of"], 60)
    message = exact_of(run)
    assert message["step"] == run.header["step"] and run.measures.steps[-1] == message["step"] and "exact" in told
    assert message["gap"] + message["elbo"] == pytest.approx(message["log_marginal"])
    assert again(run).frame().packed() == run.newest
    run.look(5)
    assert wait_until(lambda: exact_of(run)["index"] == 5, 20) and exact_of(run)["images"] == message["of"]
    run.switch(rule="autoencoder")
    assert wait_until(lambda: exact_of(run)["rule"] == "autoencoder", 20) and exact_of(run)["gap"] is None
    past = engine.fork(run, run.measures.steps[0])
    assert past.measures.newest == run.measures.at(past.header["step"])


def test_nothing_is_measured_for_nobody(engine):
    run = engine.open(fresh())
    watch(run)
    run.play()
    reach(run, 200)
    run.pause()
    assert wait_until(lambda: run.resting, 5)
    time.sleep(0.3)
    assert run.measures.newest is None and not run.training._measuring


def test_a_measure_that_fails_does_not_stop_the_run(engine, monkeypatch):
    run = engine.open(fresh())
    monkeypatch.setattr(run.measures, "due", lambda header, resting: None if resting else Due("nonsense", 1, fine=True))
    told = []
    run.watch(told.append, exact=True)
    run.play()
    assert wait_until(lambda: "exact" in told and exact_of(run).get("failed"), 20)
    reach(run, run.header["step"] + 50)
    assert run.playing and run.message is None
    run.pause()


def test_measures_give_way_to_a_request_that_waits():
    lane = Lane()
    lane.open(OpenRun("run", fresh(), points=60))
    lane.waits = lambda: True
    with pytest.raises(LaneError) as error:
        lane.measure_exactly(MeasureExactly("run", 0, 4, fine=True))
    assert isinstance(error.value, GaveWay)
    assert lane.measure_exactly(MeasureExactly("run", 0, 4))["of"] == 60  # a coarse one, of a run that plays, is short
    lane.waits = lambda: False
    assert lane.measure_exactly(MeasureExactly("run", 0, 4, fine=True))["of"] == 60


def test_who_plays_does_not_wait_for_measures_at_rest_and_they_are_done_later(own, monkeypatch):
    asked, ask = [], own.pool.ask

    def noted(lane, turn, request, *more, **args):
        asked.append(type(request))
        return ask(lane, turn, request, *more, **args)

    monkeypatch.setattr(own.pool, "ask", noted)
    run = own.open(fresh(hidden=(512, 512)))
    run.watch(lambda what: None, exact=True)
    run.step(20)
    assert wait_until(lambda: MeasureExactly in asked, 20)
    run.play()
    assert Hurry in asked
    reach(run, 40)
    run.pause()
    step = run.header["step"]
    assert wait_until(lambda: run.resting, 20)
    assert wait_until(lambda: exact_of(run).get("images", 0) == exact_of(run).get("of") and exact_of(run)["fine"], 60)
    assert exact_of(run)["step"] == run.header["step"] >= step and not exact_of(run).get("failed")


def test_speed_is_kept(engine):
    run = engine.open(fresh())
    watch(run)
    run.set_speed(25)
    began = time.monotonic()
    run.play()
    reach(run, 25)
    assert time.monotonic() - began > 0.8


def test_refused_input_leaves_the_run_as_it_was(engine):
    run = engine.open(fresh())
    watch(run)
    for call in (
        lambda: run.switch(rule="foo"),
        lambda: run.switch(noise=7),
        lambda: run.switch(knobs={"beta": "many"}),
        lambda: run.look(10**6),
        lambda: engine.open({"rule": "foo"}),
        lambda: engine.open({"learning_rate": "NaN"}),
        lambda: engine.open({"dataset": "cifar"}),
    ):
        with pytest.raises(LaneError) as error:
            call()
        assert isinstance(error.value, Refused) and "\n" not in str(error.value)
    assert run.header["rule"] == "vae" and run.record.events == []


def test_a_diverged_run_keeps_its_recording_and_the_lane_its_others(engine):
    bad, good = engine.open(fresh(learning_rate=10.0)), engine.open(fresh())
    watch(bad), watch(good)
    bad.play()
    assert wait_until(lambda: bad.status == "diverged", 20)
    assert "no longer a number" in bad.message["text"] and len(bad.record.steps) >= 1
    bad.play()
    assert not bad.playing
    good.play()
    reach(good, 30)
    anew = engine.restart(bad)
    assert anew.header["step"] == 0 and anew.autoplay


def test_fork_and_restart(engine):
    run = engine.open(fresh())
    watch(run)
    run.play()
    reach(run, 64)
    run.pause()
    child = engine.fork(run, 40, noise=0.0)
    assert child.header["noise"] == 0 and child.header["step"] <= 40 and run.header["noise"] == 1
    assert [e.label for e in child.record.events] == ["noise off"]
    anew = engine.restart(child)
    assert anew.header["step"] == 0 and anew.record.recipe.noise == 0 and anew.record.events == []
    _, pending, _ = from_query(parse_qs(child.state()["link"].removeprefix("?")))
    assert pending == [{"step": child.header["step"], "noise": 0.0}]


def test_the_link_of_a_run_holds_what_lies_ahead(engine):
    ahead = [{"step": 20, "noise": 0.0}, {"step": 60, "knobs": {"beta": "4"}}, {"step": 10_000, "rule": "offset"}]
    recipe = fresh()
    run = engine.open(recipe, ahead)

    def linked() -> list:
        return from_query(parse_qs(run.state()["link"].removeprefix("?")))[1]

    assert linked() == ahead
    watch(run)
    run.play()
    reach(run, 40)
    run.pause()
    assert [change["step"] for change in linked()] == [20, 60, 10_000]
    assert linked()[2] == ahead[2] and next(event.step for event in run.record.events) == 20
    assert run.trains(recipe, ahead, run.points), "a page that is loaded again finds it"
    run.switch(noise=1.0)
    assert [change["step"] for change in linked()] == [20, *[e.step for e in run.record.events[1:]]], "steered: no more"


def test_added_data_is_trained_on_at_once(mnist, tmp_path, monkeypatch):
    folder = os.environ["NOISE_LAB_DATA"]
    monkeypatch.delenv("NOISE_LAB_DATA")
    for name in ("NOISE_LAB_CACHE", "HOME", "KERAS_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    recipe = {"dataset": "mnist", "hidden": (8,), "batch_size": 16}
    with Engine(1, folder=tmp_path / "store") as own:
        before = own.open(recipe)
        assert before.info["dataset"]["banner"] and own.open(recipe).training is before.training
        add_files(sorted(Path(folder).iterdir()))
        own.trainings.data_added()
        after = own.open(recipe)
        assert after.training is not before.training and after.info["dataset"]["banner"] is None
        assert own.open(recipe).training is after.training
        before.step(2)
        assert wait_until(lambda: before.header["step"] == 2), "the old run goes on"


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="POSIX")
def test_a_killed_worker_costs_nothing(engine):
    run, paused = engine.open(fresh()), engine.open(fresh())
    watch(run), watch(paused)
    run.play()
    reach(run, 100)
    run.switch(noise=0.0)
    os.kill(engine.pool.pids()[0], signal.SIGKILL)
    assert wait_until(lambda: bool(run.message) and "went on from step" in run.message["text"], 30), run.state()
    reach(run, run.header["step"] + 50)
    run.pause()
    assert wait_until(lambda: not run._busy, 5)
    assert again(run).frame().packed() == run.newest
    paused.switch(noise=0.5)  # a run that stood still comes back when it is asked for
    assert paused.header["noise"] == 0.5


def test_nobody_watching_pauses(engine, monkeypatch):
    monkeypatch.setattr("vae_core.engine.watched.GRACE", 0.1)
    run = engine.open(fresh())
    leave = run.watch(lambda what: None)
    run.play()
    reach(run, 20)
    leave()
    assert wait_until(lambda: not run.playing, 5)
    run.watch(lambda what: None)  # back again, and the run goes on
    reach(run, run.header["step"] + 20)


def test_runs_are_bounded(engine, monkeypatch):
    monkeypatch.setattr("vae_core.engine.watched.GRACE", 0.0)
    monkeypatch.setattr(engine, "limits", Limits(runs=100, runs_per_user=2))
    recipe = fresh()
    others = [engine.open(recipe, owner="somebody") for _ in range(2)]
    for _ in range(5):
        last = engine.open(recipe, owner="me")
    mine = [run for run in engine.runs.values() if run.owner == "me"]
    assert len(mine) <= 2 and last.id in engine.runs and set(others) <= set(engine.runs.values())
    most = sum(bool(run.viewers) for run in engine.runs.values()) + 3
    monkeypatch.setattr(engine, "limits", Limits(runs=most))
    for i in range(6):
        last = engine.open(recipe, owner=str(i))
    assert len(engine.runs) <= most and last.id in engine.runs


def test_a_full_server_says_so(engine, monkeypatch):
    run = engine.open(fresh())
    watch(run)
    monkeypatch.setattr(engine, "limits", Limits(runs=1))
    with pytest.raises(LaneError, match="shows 1 runs already") as error:
        engine.open(fresh())
    assert isinstance(error.value, ServerFull) and run.id in engine.runs


def test_a_full_disk_costs_checkpoints_and_nothing_else(tmp_path, monkeypatch):
    def full(part, path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("vae_core.workers.checkpoints.EVERY", 0.0)
    lane = Lane()
    lane.open(OpenRun("run", fresh(), folders=[str(tmp_path / "run")]))
    lane.advance(Advance("run", steps=4))
    assert (tmp_path / "run" / "4.npz").exists()
    monkeypatch.setattr("vae_core.data.folders.os.replace", full)
    packed = lane.advance(Advance("run", steps=4)).frame
    assert packed.step == 8 and [p.name for p in (tmp_path / "run").iterdir()] == ["4.npz"]


def test_checkpoints_are_thinned_and_used(tmp_path, monkeypatch):
    monkeypatch.setattr("vae_core.workers.checkpoints.EVERY", 0.0)
    lane, folders = Lane(), [str(tmp_path / "run")]
    lane.open(OpenRun("run", fresh(), folders=folders))
    for _ in range(40):
        packed = lane.advance(Advance("run", steps=2)).frame
    kept = sorted(int(path.stem) for path in (tmp_path / "run").iterdir())
    assert len(kept) <= 12 and kept[-1] == 80
    monkeypatch.setattr(
        "vae_core.trainer.trainer.Trainer.train", lambda trainer, steps: steps == 0 or pytest.fail("trained anew")
    )
    assert Lane().open(OpenRun("again", fresh(), step=80, folders=folders)).frame == packed


def test_no_process_is_left_behind():
    code = (
        "import os, signal; from vae_core.engine.engine import Engine\n"
        "e = Engine(2); e.rules(); print(*e.pool.pids(), flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60).stdout
    pids = [int(pid) for pid in out.split()]
    assert len(pids) == 2 and wait_until(lambda: not any(map(alive, pids)), 10)


def alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize(
    ("step", "each", "stop"),
    [
        (0, 0.001, 1),
        (5, 0.001, 6),
        (100, 0.001, 108),
        (130, 0.001, 144),
        (1000, 0.0013, 1008),
        (1000, 0.001, 1024),
        (1024, 1.0, 1025),
    ],
)
def test_frames_lie_at_fixed_steps(step, each, stop):
    assert next_stop(step, each, 0.033) == stop


@pytest.fixture
def own():
    """An engine with nobody else to serve."""
    with Engine() as engine:
        yield engine


def test_who_watches_closely_sees_the_points_move_between_frames(own):
    """Nothing of it is recorded, and whoever does not ask for it, a class say, is not served."""
    run, told = own.open(fresh(hidden=(512, 512), batch_size=512)), []
    leave = run.watch(told.append, closely=True)
    run.play()
    assert wait_until(lambda: told.count("preview") > 5, 30)
    begun = len(told)
    run.pause()
    assert wait_until(lambda: run.resting, 10)
    assert told[begun:].count("preview") <= 2  # the slice ends at the next one
    assert told.count("frame") + 1 >= len(run.record.steps)
    assert run.preview is None  # the last thing seen is a frame
    assert run.newest.unpacked().z.tobytes() == again(run).frame().z.tobytes()
    leave()
    del told[:]
    run.watch(told.append)
    run.play()
    assert wait_until(lambda: told.count("frame") > 8, 30)
    run.pause()
    assert "preview" not in told

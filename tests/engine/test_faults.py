"""What dies, and what comes back: workers, the server, memory, the disk."""

import itertools
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import wait_until
from vae_core.engine.engine import Engine
from vae_core.engine.trainings import IDLE
from vae_core.run.recipe import Recipe
from vae_core.storage.store import Store
from vae_core.trainer.replay import replay
from vae_core.workers.errors import OutOfMemory
from vae_core.workers.messages import Advance, CloseRun
from vae_core.workers.worker import TOO_MUCH, answer

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="POSIX")
SEEDS = itertools.count(2000)


def fresh(**fields) -> dict:
    return {"dataset": "digits", "hidden": (32,), "batch_size": 64, "seed": next(SEEDS), **fields}


def reach(run, step: int) -> None:
    assert wait_until(lambda: run.header["step"] >= step, 30), run.state()


def rest(run) -> None:
    run.pause()
    assert wait_until(lambda: run.resting, 10), run.state()


def straight(run):
    return replay(Recipe(**run.record.recipe.model_dump()), run.record.events, run.header["step"]).frame().packed()


def test_seven_kills_cost_no_bit(tmp_path):
    """A worker is killed at random steps, seven times; the run ends as one that was never disturbed."""
    chance = random.Random(0)
    with Engine(folder=tmp_path) as engine:
        run = engine.open(fresh())
        run.watch(lambda what: None)
        run.play()
        for kill in range(7):
            reach(run, run.header["step"] + chance.randrange(1, 200))
            assert wait_until(lambda: engine.pool.ready[run.training.lane], 30)
            before = run.header["step"]
            os.kill(engine.pool.pids()[run.training.lane], signal.SIGKILL)
            assert wait_until(lambda before=before: run.header["step"] > before + 60, 30), run.state()
            if kill == 3:
                run.switch(noise=0.5)
        rest(run)
        assert run.newest == straight(run) and [e.label for e in run.record.events] == ["noise 0.5"]
        assert engine.figures()["lost"] == 7 and "went on from step" in run.message["text"]


def test_a_worker_that_dies_takes_nobody_else_along(tmp_path):
    with Engine(2, folder=tmp_path) as engine:
        assert wait_until(lambda: all(engine.pool.ready), 60)  # else all are placed in the first
        runs = [engine.open(fresh(), owner=str(i)) for i in range(4)]
        for run in runs:
            run.watch(lambda what: None)
            run.play()
            reach(run, 20)
        assert {run.training.lane for run in runs} == {0, 1}
        os.kill(engine.pool.pids()[0], signal.SIGKILL)
        goals = [run.header["step"] + 50 for run in runs]
        for run, goal in zip(runs, goals, strict=True):
            reach(run, goal)
        for run in runs:  # all, before the first is trained anew: it takes the longer, the further they went
            run.pause()
        for run in runs:
            rest(run)
            assert run.newest == straight(run)


def test_a_run_too_large_for_a_worker_is_told_and_the_others_go_on(tmp_path, monkeypatch):
    with Engine(folder=tmp_path) as engine:
        need = (
            int(Path(f"/proc/{engine.pool.pids()[0]}/statm").read_text(encoding="utf-8").split()[5])
            if engine.rules()
            else 0
        )
    monkeypatch.setenv("NOISE_LAB_LANE_MEMORY", str(need * os.sysconf("SC_PAGE_SIZE") + (400 << 20)))
    with Engine(folder=tmp_path) as engine:
        run = engine.open(fresh())
        run.watch(lambda what: None)
        run.play()
        reach(run, 10)

        def fill():
            for seed in range(8):  # 17 million weights each, with gradients and moments
                large = engine.open(fresh(hidden=(4096, 1024), seed=seed))
                large.step(2)
                assert wait_until(lambda large=large: large.resting, 60)
                if large.message:
                    raise RuntimeError(large.message["text"])

        with pytest.raises(Exception, match="more memory than a worker has") as error:
            fill()
        assert "\n" not in str(error.value)
        reach(run, run.header["step"] + 50)
        assert engine.figures()["lost"] == 0


def test_what_another_server_of_the_store_has_steered_since_is_not_taken_for_the_old(tmp_path):
    recipe = fresh()
    with Engine(folder=tmp_path) as engine:
        run = engine.open(recipe)
        default = run.header["chosen"]
        run.step(20)
        assert wait_until(lambda: run.resting and run.header["step"] >= 20, 30)
    with Engine(folder=tmp_path) as engine:  # it knows by now what lies in the store
        with Engine(folder=tmp_path) as other:
            steered = other.open(recipe)
            steered.step(20)
            assert wait_until(lambda: steered.resting and steered.header["step"] == steered.training.head, 30)
            steered.look(0 if default else 1)
            assert steered.training.id == run.training.id
        run = engine.open(recipe)
        run.step(20)
        assert wait_until(lambda: run.resting and run.header["step"] >= 20, 30)
        assert run.header["chosen"] == default and run.newest == straight(run)


class Careless:
    """A lane in which a library cleans up after a lack of memory, and stumbles over that."""

    def answer(self, request: Advance) -> None:
        try:
            raise MemoryError
        except MemoryError:
            raise ValueError("I/O operation on closed file.") from None

    def close(self, request: CloseRun) -> None:
        self.closed = request.run


def test_memory_that_ran_out_is_told_whatever_error_came_of_it():
    lane = Careless()
    error = answer(lane, Advance("large"))
    assert (type(error), str(error), lane.closed) == (OutOfMemory, TOO_MUCH, "large")


SERVER = """
import json, sys, time
from pathlib import Path
from vae_core.engine.engine import Engine
engine = Engine(folder=Path(sys.argv[1]))
run = engine.open(json.loads(sys.argv[2]), owner="somebody")
run.watch(lambda what: None)
run.play()
while run.header["step"] < 750: time.sleep(0.01)
run.switch(noise=0.5)
while run.header["step"] < 1500: time.sleep(0.01)
engine.trainings.keep(run.training, 1e9)
engine.trainings._keeper.submit(lambda: None).result()
print(json.dumps([run.id, run.header["step"], *engine.pool.pids()]), flush=True)
time.sleep(60)
"""


def test_a_server_that_is_killed_finds_its_runs_again(tmp_path):
    recipe = fresh()
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(tmp_path), json.dumps(recipe)], stdout=subprocess.PIPE, text=True
    )
    id, step, *pids = json.loads(server.stdout.readline())
    server.kill()
    server.wait()
    assert wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids), 10)
    with Engine(folder=tmp_path) as engine:
        assert not engine.runs
        run = engine.recall(id)
        assert run.id == id and run.owner == "somebody" and "server was started again" in run.message["text"]
        at = run.header["step"]
        assert 750 < at <= step + 500 and [event.label for event in run.record.events] == ["noise 0.5"]
        assert len(run.record.steps) > 5 and run.record.steps[0] == 0 and len(run.record.history) > 10
        run.watch(lambda what: None)  # it played when the server died: it plays again once somebody is there
        reach(run, at + 50)
        rest(run)
        assert run.newest == straight(run)
        assert engine.recall(id) is run
        visitor = engine.open(recipe, pending=[{"step": run.record.events[0].step, "noise": 0.5}])
        assert visitor.training is run.training  # what was trained before is not trained again


def test_a_server_that_stops_keeps_what_is_open_and_forgets_what_was_closed(tmp_path):
    with Engine(folder=tmp_path) as engine:
        paused, closed = engine.open(fresh()), engine.open(fresh())
        for run in (paused, closed):
            run.step(40)
            assert wait_until(lambda run=run: run.resting, 10)
        engine.close(closed)
        last = paused.newest
    with Engine(folder=tmp_path) as engine:
        assert engine.recall(closed.id) is None and engine.recall("../../etc/passwd") is None
        run = engine.recall(paused.id)
        assert run.newest == last and run.state()["kept"] == paused.state()["kept"] and not run.playing
        assert run.seconds == pytest.approx(paused.seconds, abs=0.01)
        run.switch(noise=0.0)
        run.step(5)
        assert wait_until(lambda: run.resting, 10) and run.newest == straight(run)


def test_finished_recipes_come_from_the_store(tmp_path):
    recipe = fresh()
    with Engine(folder=tmp_path) as engine:
        first = engine.open(recipe)
        first.step(64)
        assert wait_until(lambda: first.resting, 10)
        last = first.newest
    with Engine(folder=tmp_path) as engine:
        run = engine.open(recipe)
        assert run.id != first.id and run.header["step"] == 0 and run.state()["recorded"] == 64
        run.step(64)
        assert wait_until(lambda: run.resting, 5) and run.newest == last


def trained_before(folder, recipe):
    """A run of 20 steps on a server that has stopped since."""
    with Engine(folder=folder) as engine:
        run = engine.open(recipe)
        run.step(20)
        assert wait_until(lambda: run.resting, 10)
    return run


class TestStore:
    def test_what_is_damaged_is_trained_again(self, tmp_path):
        recipe = fresh()
        run = trained_before(tmp_path, recipe)
        for frame in tmp_path.glob("feeds/*/recording/frames/*"):
            frame.write_bytes(b"nonsense")
        for state in tmp_path.glob("feeds/*/*.npz"):
            state.write_bytes(b"nonsense")
        with Engine(folder=tmp_path) as engine:
            assert engine.recall(run.id) is None
            again = engine.open(recipe)
            again.step(20)
            assert wait_until(lambda: again.resting, 10) and again.newest == run.newest

    def test_old_and_large_go_and_recent_stays(self, tmp_path, monkeypatch):
        store, now = Store(tmp_path), time.time()
        for name, days, size in (("old_feed", 20, 10), ("large_feed", 1, 5000), ("new_feed", 0, 5000)):
            folder = store.of(name)
            folder.mkdir(parents=True)
            (folder / "1.npz").write_bytes(b"x" * size)
            os.utime(folder, (now - days * 86400,) * 2)
        monkeypatch.setattr("vae_core.storage.store.SPACE", 6000)
        store.tidy()
        assert [path.name for path in (tmp_path / "feeds").iterdir()] == ["new_feed"]

    def test_two_servers_of_one_store_do_not_write_over_each_other(self, tmp_path):
        recipe = fresh()
        run = trained_before(tmp_path, recipe)
        with Engine(folder=tmp_path) as first, Engine(folder=tmp_path) as second:
            far, near = first.open(recipe), second.open(recipe)
            assert (
                far.training.id == run.training.id != near.training.id
            )  # the second one has a copy, and what was trained
            assert far.training.head == near.training.head == 20
            back = second.recall(run.id)  # nor does who comes back there
            assert back.id == run.id and back.training.id not in (far.training.id, near.training.id)
            back.step(5)
            assert wait_until(lambda: back.resting and back.header["step"] == 25, 10)
            first._store.drop(run.id)  # it is no longer the first one's to forget
            far.step(60)
            assert wait_until(lambda: far.resting and far.header["step"] == 60, 10)
            near.step(30)
            assert wait_until(lambda: near.resting and near.header["step"] == 30, 10)
        with Engine(folder=tmp_path) as engine:
            for run, step in ((far, 60), (near, 30), (back, 25)):
                again = engine.recall(run.id)
                assert again.header["step"] == step and again.newest == run.newest

    def test_a_training_is_free_again_when_it_is_closed(self, tmp_path):
        with Engine(folder=tmp_path) as engine:
            runs = [engine.open(fresh()) for _ in range(IDLE + 1)]
            for run in runs:
                run.step(2)
                assert wait_until(lambda run=run: run.resting, 10)
            other = Store(tmp_path)
            assert wait_until(lambda: set(other.kept().values()) == {run.training.id for run in runs}, 10)
            assert not any(other.claim(run.training.id) for run in runs)
            for run in runs:
                engine.close(run)  # the first one closed is not even kept in memory
            assert wait_until(lambda: other.claim(runs[0].training.id), 10)
            assert not any(other.claim(run.training.id) for run in runs[1:])
            assert (
                engine.open(runs[0].record.recipe.model_dump()).training.id != runs[0].training.id
            )  # it is the other's now

    def test_holds_no_name(self, tmp_path):
        with Engine(folder=tmp_path) as engine:
            run = engine.open(fresh(), owner="x7")
            run.step(3)
            assert wait_until(lambda: run.resting, 10)
        notes = [json.loads(path.read_text()) for path in tmp_path.glob("runs/*.json")]
        assert [set(note) for note in notes] == [{"feed", "owner", "step", "playing", "speed", "server"}]

    def test_a_disk_that_is_full_costs_no_run(self, tmp_path, monkeypatch):
        (tmp_path / "file").write_text("")
        with Engine(folder=tmp_path / "file") as engine:  # nothing can be written there
            run = engine.open(fresh())
            run.step(20)
            assert wait_until(lambda: run.resting, 10)
            run.switch(noise=0.0)
            assert run.newest == straight(run)

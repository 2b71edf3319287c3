"""Equal runs are trained once; who steers goes on alone, from the same bits."""

import itertools
from urllib.parse import parse_qs

import pytest

from tests.conftest import wait_until
from vae_core.engine.engine import Engine
from vae_core.engine.limits import Limits
from vae_core.run.key import key_of
from vae_core.run.link import from_query, to_query
from vae_core.run.packing import unpack
from vae_core.run.recipe import Recipe
from vae_core.trainer.replay import replay
from vae_core.workers.messages import Advance

SEEDS = itertools.count(1000)
DEFAULTS = {"vae": {"beta": 1.0, "s": 1.0}, "offset": {"f": "table", "a": 1.0}}


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    with Engine(2, folder=tmp_path_factory.mktemp("store")) as engine:
        yield engine


def fresh(**fields) -> dict:
    return {"dataset": "digits", "hidden": (32,), "batch_size": 64, "seed": next(SEEDS), **fields}


def reach(run, step: int) -> None:
    assert wait_until(lambda: run.header["step"] >= step, 30), run.state()


def rest(run) -> None:
    run.pause()
    assert wait_until(lambda: run.resting, 10)


def straight(run):
    return replay(Recipe(**run.record.recipe.model_dump()), run.record.events, run.header["step"]).frame().packed()


class Spent:
    """Steps that the lanes were asked to train."""

    def __init__(self, engine, monkeypatch):
        self.slices, ask = [], engine.pool.ask

        def counted(lane, turn, request, *more):
            if isinstance(request, Advance):
                self.slices.append(request.run)
            return ask(lane, turn, request, *more)

        monkeypatch.setattr(engine.pool, "ask", counted)


def test_forty_equal_runs_are_trained_once(engine, monkeypatch):
    spent, recipe = Spent(engine, monkeypatch), fresh()
    runs = [engine.open(recipe, owner=str(i)) for i in range(40)]
    seen = [set() for _ in runs]
    for run, steps in zip(runs, seen, strict=True):
        run.watch(lambda what, run=run, steps=steps: steps.add(run.header["step"]))
        run.set_speed(400)
        run.play()
    for run in runs:
        reach(run, 100)
    for run in runs:
        rest(run)
    trained = set(runs[0].training.record.steps)
    assert len({run.training for run in runs}) == 1 and all(steps <= trained for steps in seen)
    assert len(spent.slices) <= len(trained) + 1 and set(spent.slices) == {runs[0].training.id}
    frames = {id(run.record.packed(64)) for run in runs if 64 in run.record.steps}
    assert len(frames) == 1  # in memory once
    assert engine.figures()["frames"] < 3 * len(trained)


def test_who_comes_late_gets_the_recorded_past_and_then_goes_on(engine, monkeypatch):
    recipe = fresh()
    first = engine.open(recipe)
    first.watch(lambda what: None)
    first.play()
    reach(first, 300)
    rest(first)
    spent = Spent(engine, monkeypatch)
    late = engine.open(recipe)
    late.watch(lambda what: None)
    assert late.header["step"] == 0 and late.newest == first.record.packed(0)
    assert late.state()["recorded"] == first.header["step"] and first.state()["recorded"] is None
    late.step(first.header["step"])
    assert wait_until(lambda: late.resting, 10)
    assert late.newest is first.newest and not spent.slices and late.state()["recorded"] is None
    late.step(4)
    assert wait_until(lambda: late.resting, 10)
    assert spent.slices == [late.training.id] and late.newest == straight(late)
    assert late.seconds >= first.seconds > 0


def test_who_steers_leaves_and_nobody_else_notices(engine):
    recipe = fresh()
    mine, other = engine.open(recipe, owner="me"), engine.open(recipe, owner="other")
    for run in (mine, other):
        run.watch(lambda what: None)
        run.step(50)
        assert wait_until(lambda run=run: run.resting, 10)
    assert mine.training is other.training
    mine.switch(noise=0.0)
    assert mine.training is not other.training and other.header["noise"] == 1 and not other.record.events
    for run in (mine, other):
        run.step(20)
        assert wait_until(lambda run=run: run.resting, 10)
        assert run.header["step"] == 70 and run.newest == straight(run)
    assert [event.label for event in mine.record.events] == ["noise off"] and mine.newest != other.newest


def test_who_is_behind_steers_from_where_he_is(engine):
    recipe = fresh()
    ahead, behind = engine.open(recipe), engine.open(recipe)
    ahead.step(200)
    assert wait_until(lambda: ahead.resting, 10)
    behind.step(40)
    assert wait_until(lambda: behind.resting, 10) and behind.header["step"] == 40
    behind.switch(rule="autoencoder")
    assert [event.step for event in behind.record.events] == [40] and behind.newest == straight(behind)
    assert ahead.header["step"] == 200 and ahead.newest == straight(ahead)


def test_equal_changes_at_the_same_step_meet_again(engine):
    recipe = fresh()
    runs = [engine.open(recipe) for _ in range(2)]
    for run in runs:
        run.step(30)
        assert wait_until(lambda run=run: run.resting, 10)
        run.switch(noise=0.5)
    assert runs[0].training is runs[1].training and runs[0].training.players == set(runs)
    runs[0].switch(noise=0.25)
    assert runs[0].training is not runs[1].training and runs[1].header["noise"] == 0.5


def test_a_switch_at_the_start_is_an_event(engine):
    recipe = fresh()
    started, switched = engine.open({**recipe, "rule": "autoencoder"}), engine.open(recipe)
    switched.switch(rule="autoencoder")
    assert started.training is not switched.training and [event.step for event in switched.record.events] == [0]
    switched.step(5)
    assert wait_until(lambda: switched.resting, 10) and switched.newest == straight(switched)


def test_a_link_of_a_run_leads_to_its_recorded_frames(engine, monkeypatch):
    run = engine.open(fresh())
    run.step(30)
    assert wait_until(lambda: run.resting, 10)
    run.switch(rule="offset", knobs={"f": "random_network"})
    run.step(30)
    assert wait_until(lambda: run.resting, 10)
    link = to_query(run.record.recipe, run.record.events)
    recipe, pending, points = from_query(parse_qs(link.removeprefix("?")))
    spent = Spent(engine, monkeypatch)
    visitor = engine.open(recipe, pending, points)
    assert visitor.training is run.training
    visitor.step(60)
    assert wait_until(lambda: visitor.resting, 10) and not spent.slices and visitor.newest is run.newest


def test_odd_steps_between_recorded_frames_are_trained_apart(engine):
    recipe = fresh()
    ahead, exact = engine.open(recipe), engine.open(recipe)
    ahead.play()
    ahead.watch(lambda what: None)
    reach(ahead, 500)
    rest(ahead)
    steps = set(ahead.record.steps)
    wanted = next(step for step in range(200, 500) if step not in steps)
    exact.step(wanted)
    assert wait_until(lambda: exact.resting, 20)
    assert exact.header["step"] == wanted and exact.newest == straight(exact) and exact.training is not ahead.training


def test_a_look_at_another_image_is_ones_own(engine):
    recipe = fresh()
    mine, other = engine.open(recipe), engine.open(recipe)
    before = other.header["chosen"]
    mine.look(7)
    assert mine.header["chosen"] == 7 and mine.training is not other.training
    other.step(3)
    assert wait_until(lambda: other.resting, 10) and other.header["chosen"] == before


def ahead_and_behind(engine, steps=100, exact=False):
    """Two players of one training that rest at different steps, 40 the one; exact: it is watched with measures."""
    recipe = fresh()
    ahead, behind = engine.open(recipe), engine.open(recipe)
    ahead.step(steps)
    if exact:
        behind.watch(lambda what: None, exact=True)
    behind.step(40)
    assert wait_until(lambda: ahead.resting and behind.resting, 10)
    return ahead, behind


def test_examining_a_shared_run_sees_its_own_step(engine):
    ahead, behind = ahead_and_behind(engine)
    assert behind.examine("run_state")["frame"].step == 40 and ahead.examine("run_state")["frame"].step == 100


def test_who_rests_behind_is_measured_there(engine):
    ahead, behind = ahead_and_behind(engine, exact=True)
    assert wait_until(lambda: 40 in behind.measures.steps, 20)
    assert 100 not in ahead.measures.steps  # nobody watches it rest there; on the way it may have been measured
    header = unpack(behind.measures.newest)[0]
    assert header["step"] == behind.header["step"] == 40 and behind.newest == straight(behind)


def test_steps_asked_for_while_it_leaves_are_done(engine):
    ahead, behind = ahead_and_behind(engine, 300, exact=True)
    assert wait_until(lambda: behind._leaving or behind.training is not ahead.training, 5)
    behind.step(1)
    assert wait_until(lambda: behind.resting and behind.header["step"] == 41, 10)


def test_closing_leaves_the_others_alone_and_keeps_the_frames_for_whoever_comes(engine, monkeypatch):
    recipe = fresh()
    one, two = engine.open(recipe), engine.open(recipe)
    one.step(64)
    assert wait_until(lambda: one.resting, 10)
    engine.close(one)
    two.step(64)
    assert wait_until(lambda: two.resting, 10) and two.newest == straight(two)
    engine.close(two)
    spent = Spent(engine, monkeypatch)
    three = engine.open(recipe)
    three.step(64)
    assert wait_until(lambda: three.resting, 10) and not spent.slices


def test_memory_of_frames_stays_below_its_limit(engine, monkeypatch):
    monkeypatch.setattr("vae_core.engine.engine.LEAST_FRAMES", 1 << 17)
    monkeypatch.setattr(engine, "limits", Limits(frame_bytes=8 << 20))
    runs = [engine.open(fresh()) for _ in range(4)]
    for run in runs:
        run.watch(lambda what: None)
        run.play()
    for run in runs:
        reach(run, 400)
    for run in runs:
        run.pause()
    for run in runs:
        rest(run)
        run.step(1)
        assert wait_until(lambda run=run: run.resting, 10)
    assert all(run.record.size <= run.record.budget for run in runs)
    assert runs[0].record.budget * len(engine.trainings) <= 8 << 20


class TestKey:
    def test_spelling_does_not_matter(self):
        plain = key_of({"hidden": (32,), "seed": 3}, [{"step": 5, "noise": 0.0}], 2000, None, DEFAULTS)
        told = {"hidden": ["32"], "seed": "3", "rule": "vae", "noise": 1, "knobs": {"beta": "1", "s": 1}}
        assert plain == key_of(told, [{"step": 5, "noise": 0}], 2000, None, DEFAULTS)

    @pytest.mark.parametrize(
        ("recipe", "plan", "points", "chosen"),
        [
            ({"seed": 1}, [], 2000, None),
            ({"knobs": {"beta": 2}}, [], 2000, None),
            ({}, [{"step": 5, "noise": 0.0}], 2000, None),
            ({}, [{"step": 6, "knobs": {"beta": 2}}], 2000, None),
            ({}, [{"step": 6, "rule": "offset"}], 2000, None),
            ({}, [], 1000, None),
            ({}, [], 2000, 3),
        ],
    )
    def test_what_trains_differently_has_another_key(self, recipe, plan, points, chosen):
        assert key_of(recipe, plan, points, chosen, DEFAULTS) != key_of({}, [], 2000, None, DEFAULTS)

    def test_changes_that_change_nothing_do_not_count(self):
        nothing = [{"step": 5, "noise": 1.0}, {"step": 9, "knobs": {"beta": 1}}]
        assert key_of({}, nothing, 2000, None, DEFAULTS) == key_of({}, [], 2000, None, DEFAULTS)
        there_and_back = [{"step": 5, "noise": 0.0}, {"step": 5, "noise": 1.0}]
        assert key_of({}, there_and_back, 2000, None, DEFAULTS) == key_of({}, [], 2000, None, DEFAULTS)

    def test_how_a_run_started_counts(self):
        """A run that is switched at once trains like one that started so, but has another recipe and an event."""
        switched = key_of({}, [{"step": 0, "rule": "offset"}], 2000, None, DEFAULTS)
        assert switched != key_of({"rule": "offset"}, [], 2000, None, DEFAULTS)

    def test_a_rule_starts_at_its_defaults(self):
        named = [{"step": 5, "rule": "offset", "knobs": {"f": "table", "a": 1}}]
        assert key_of({}, named, 2000, None, DEFAULTS) == key_of(
            {}, [{"step": 5, "rule": "offset"}], 2000, None, DEFAULTS
        )

    def test_what_cannot_be_has_none(self):
        assert key_of({"rule": "foo"}, [], 2000, None, DEFAULTS) is None
        assert key_of({"learning_rate": "NaN"}, [], 2000, None, DEFAULTS) is None


def test_a_crowd_is_told(engine):
    runs = [engine.open(fresh()) for _ in range(4)]
    for run in runs:
        run.watch(lambda what: None)
        run.play()
    assert wait_until(lambda: (runs[0].state()["crowd"] or {}).get("runs", 0) >= 3, 5)
    assert runs[0].state()["crowd"]["workers"] == 2
    for run in runs:
        rest(run)
    assert wait_until(lambda: runs[0].state()["crowd"] is None, 10)

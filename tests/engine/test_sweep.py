"""A sweep: its values, its figures against a run of the same recipe, and how it ends."""

import math
import re

import numpy as np
import pytest

from tests.conftest import small, wait_until
from vae_core import exact
from vae_core.analysis import views
from vae_core.engine import sweep
from vae_core.engine.engine import Engine
from vae_core.engine.sweep import MEASURES, POINTS, Sweep, spaced
from vae_core.figures.sweep import sweep_figure
from vae_core.run.recipe import RecipeError
from vae_core.trainer.trainer import Trainer
from vae_core.workers.errors import LaneError

SMALL = {"dataset": "digits", "hidden": (32,), "batch_size": 64}


@pytest.fixture(scope="module")
def engine():
    with Engine() as engine:
        yield engine


def finished(sweep: Sweep) -> Sweep:
    sweep.join(120)
    return sweep


def test_figures_are_those_of_the_same_runs(engine):
    found = finished(Sweep(engine, SMALL, "knob.beta", [0.5, 4.0], 60))
    assert found.status == "done" and found.progress == 1 and [row["value"] for row in found.rows] == [0.5, 4.0]
    for row in found.rows:
        trainer = Trainer(small(knobs={"beta": row["value"]}), points=POINTS)
        metrics = trainer.advance(60).metrics
        assert {name: row[name] for name in MEASURES} == {name: metrics[name] for name in MEASURES}
        fine = exact.log_marginal(trainer, trainer.points.raw)
        assert abs(row["log_marginal"] - np.mean(fine)) < 0.05 + fine.error and 0 <= row["error"] < 0.05
        assert row["log_marginal"] > row["elbo"]
        assert views.probe_marginal(trainer)["images"] == POINTS and row["note"] == ""
    assert found.rows[0]["kl"] > found.rows[1]["kl"]


def test_what_a_rule_does_not_define_is_none(engine):
    found = finished(Sweep(engine, {**SMALL, "rule": "autoencoder"}, "train_size", [20, 200], 20))
    assert [row["kl"] for row in found.rows] == [None, None] and found.rows[0]["log_marginal"] < 0
    figure = sweep_figure(found.rows, found.values, "training images", log=True)
    said = {annotation.text for annotation in figure.layout.annotations}
    assert {"KL: not defined for this rule", "−ELBO: not defined for this rule"} <= said
    assert figure.layout.xaxis.type == "log"


def test_the_figure_shows_the_rows(engine):
    rows = [
        {"value": v, "reconstruction": 10 + v, "reconstruction_at_mean": 9 + v, "kl": 1 / v, "elbo": -11 - v,
         "log_marginal": -10.5 - v, "error": 0.0, "note": ""}
        for v in (1.0, 2.0)
    ]  # fmt: skip
    figure = sweep_figure(rows, [1.0, 2.0, 3.0], "β", log=False)
    lines = {line.name: list(line.y) for line in figure.data}
    assert lines["−ELBO"] == [12.0, 13.0] and lines["−log p(x), exact"] == [11.5, 12.5] and lines["KL"] == [1.0, 0.5]
    assert figure.layout.xaxis.range[0] < 1 and figure.layout.xaxis.range[1] > 3
    assert not sweep_figure([], [1.0, 2.0], "β", log=False).data[0].x


def test_a_value_that_diverges_leaves_the_others(engine):
    found = finished(Sweep(engine, SMALL, "learning_rate", [0.001, 10.0], 60))
    assert found.status == "done" and found.rows[0]["elbo"] is not None and found.rows[0]["note"] == ""
    assert found.rows[1]["elbo"] is None and "no longer a number" in found.rows[1]["note"]


def test_cancel_keeps_what_is_done(engine):
    before = len(engine.runs)
    found = Sweep(engine, SMALL, "knob.beta", spaced(0.1, 1, 5), 400)
    assert wait_until(lambda: len(found.rows) >= 1, 60)
    found.cancel()
    assert finished(found).status == "cancelled" and 1 <= len(found.rows) < 5 and found.progress < 1
    assert len(engine.runs) == before


def test_nobody_looking_ends_it(engine, monkeypatch):
    monkeypatch.setattr(sweep, "LEASE", 0.0)
    assert finished(Sweep(engine, SMALL, "knob.beta", [0.1, 1.0], 4000)).status == "cancelled"


@pytest.mark.parametrize(
    ("setting", "values", "steps", "words"),
    [
        ("knob.beta", [1.0, 99.0], 10, "'beta' of rule 'vae' should be less than or equal to 20"),
        ("knob.gamma", [1.0, 2.0], 10, "Unknown knob of rule 'vae' 'gamma'"),
        ("noise", [-1.0, 1.0], 10, "'noise' should be greater than or equal to 0"),
        ("noise", [0.0, 1.0], 0, "1 to 20,000 steps; it was 0"),
    ],
)
def test_a_bad_sweep_gets_a_sentence_before_anything_is_trained(engine, setting, values, steps, words):
    before = len(engine.runs)
    with pytest.raises((LaneError, RecipeError), match=re.escape(words)):
        Sweep(engine, SMALL, setting, values, steps)
    assert len(engine.runs) == before


def test_values():
    assert spaced(0, 1, 5) == [0, 0.25, 0.5, 0.75, 1]
    assert spaced(0.1, 10, 3, log=True) == [0.1, 1, 10]
    assert spaced(1, 4, 25, whole=True) == [1, 2, 3, 4]
    logs = [math.log(value) for value in spaced(0.02, 17.3, 9, log=True)]
    assert np.allclose(np.diff(logs), np.diff(logs)[0], atol=1e-3) and logs[-1] == math.log(17.3)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ((1, 1, 5), "should end above its start; it was from 1 to 1"),
        ((3, 1, 5), "from 3 to 1"),
        ((0, 1, 5, True), "should start above 0"),
        ((0, 1, 1), "2 to 25 values"),
        ((0, 1, 26), "2 to 25 values"),
        ((math.nan, 1, 5), "should end above its start"),
    ],
)
def test_a_bad_range_gets_a_sentence(asked, words):
    with pytest.raises(RecipeError, match=words):
        spaced(*asked)

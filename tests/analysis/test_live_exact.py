"""The exact panel's numbers, against the whole probe set measured at once; and what is measured when."""

import math
from dataclasses import asdict
from itertools import combinations

import numpy as np
import pytest
import torch
from torch.nn.functional import logsigmoid

from tests.conftest import small
from vae_core import exact
from vae_core.analysis import views
from vae_core.engine.live_measures import (
    CHANGED,
    FIRST,
    KEPT,
    MANY_PARTS,
    PARTS,
    SHARE,
    LiveMeasures,
    combined,
    estimate,
    identity,
)
from vae_core.exact.elbo import joint_of
from vae_core.exact.gaussians import posterior_of
from vae_core.run.packing import unpack
from vae_core.trainer.trainer import Trainer


@pytest.fixture(scope="module")
def trainer():
    trainer = Trainer(small(), points=300)
    trainer.advance(400)
    return trainer


def measured(trainer, parts=5, **options):
    first = views.live_exact(trainer, 0, parts, **options)
    return [first, *(views.live_exact(trainer, part, first["parts"], **options) for part in range(1, first["parts"]))]


# -- the numbers ---------------------------------------------------------------------------------


def test_all_parts_together_are_the_whole_measured_at_once(trainer):
    raw = trainer.points.raw
    header, _ = combined(measured(trainer, fine=True))
    log_marginal = exact.log_marginal(trainer, raw)
    gap = exact.gap(trainer, raw)
    assert header["images"] == header["of"] == len(raw) == 297
    assert header["log_marginal"] == pytest.approx(float(np.mean(log_marginal)), abs=0.01)
    assert header["gap"] == pytest.approx(float(np.mean(gap.total)), abs=0.01)
    assert header["elbo"] == pytest.approx(float(np.mean(gap.elbo)), abs=0.01)
    assert header["gap"] + header["elbo"] == pytest.approx(header["log_marginal"], abs=1e-9)
    assert header["log_marginal_error"] < 0.01


def test_what_is_not_resolved_is_counted_and_leaves_the_others_error_alone(trainer):
    parts = measured(trainer, fine=True)
    whole, _ = combined(parts)
    error = parts[0]["error"].copy()
    error[2] = math.inf
    header, _ = combined([{**parts[0], "error": error}, *parts[1:]])
    assert (whole["unresolved"], header["unresolved"]) == (0, 1)
    assert header["error"] == pytest.approx(whole["error"], rel=0.1) and math.isfinite(header["gap_error"])


def test_the_elbo_of_a_run_without_noise_is_as_exact_as_it_says():
    """Its σ is far wider than what the decoder can tell apart: no rule of few nodes is exact there."""
    trainer = Trainer(small(noise=0.0), points=100)
    trainer.advance(300)
    view = views.live_exact(trainer, parts=1)
    rows, places = torch.arange(100), torch.randn(2_000, 2, generator=torch.Generator().manual_seed(0)).double()
    q, log_joint = posterior_of(trainer, trainer.points.raw), joint_of(trainer, trainer.points.raw)
    with torch.no_grad():
        values = log_joint(rows, q.places(places))
    drawn, error = values.mean(1) + q.entropy(), values.std(1) / 2_000**0.5
    assert q.lower.diagonal(dim1=1, dim2=2).mean() > 0.5
    assert (np.abs(view["elbo"] - drawn.numpy()) < 5 * error.numpy() + 3 * view["elbo_error"]).all()
    assert view["elbo_error"].max() < 0.05


def test_the_kl_and_its_two_parts_are_the_aggregates(trainer):
    header, _ = combined(measured(trainer)[:1])
    raw = trainer.points.raw
    assert header["mutual_information"] == pytest.approx(float(exact.mutual_information(trainer, raw)), abs=1e-6)
    assert header["aggregate_kl"] == pytest.approx(float(exact.aggregate_kl(trainer, raw)), abs=1e-6)
    assert header["kl"] == pytest.approx(header["mutual_information"] + header["aggregate_kl"], abs=1e-6)
    assert header["mutual_information"] <= math.log(297)


def test_a_part_stands_for_all_within_its_error(trainer):
    """The standard errors tell how far the estimates lie off: not all too far, and not for nothing."""
    parts = measured(trainer)
    whole = combined(parts)[0]
    shared = {name: value for name, value in parts[0].items() if name not in parts[1]}
    for name in ("log_marginal", "gap"):
        alone = [combined([{**shared, **part}])[0] for part in parts]
        scores = np.array([(one[name] - whole[name]) / one[f"{name}_error"] for one in alone])
        assert np.abs(scores).max() < 5 and 0.2 < np.sqrt(np.mean(scores**2)) < 2.5, (name, scores)
        plain = np.std([np.mean(p["log_marginal"]) for p in parts])
        assert name == "gap" or np.std([one[name] for one in alone]) < plain / 2  # what the known values are for


def test_estimate_is_exact_for_what_differs_by_a_constant_and_for_all():
    generator = np.random.default_rng(0)
    known, rows = generator.normal(size=50), np.arange(0, 50, 7)
    mean, deviation = estimate(3 + known[rows], known, rows)
    assert mean == pytest.approx(3 + known.mean(), abs=1e-12) and deviation < 1e-12
    values = generator.normal(size=50)
    mean, deviation = estimate(values, known, np.arange(50))
    assert mean == pytest.approx(values.mean()) and deviation == 0
    same = np.zeros(50)  # of no use: the plain mean and its standard error
    mean, deviation = estimate(values[rows], same, rows)
    assert mean == pytest.approx(values[rows].mean())
    expected = math.sqrt(np.sum((values[rows] - mean) ** 2) / (len(rows) - 1) / len(rows) * (1 - len(rows) / 50))
    assert deviation == pytest.approx(expected)


@pytest.mark.parametrize("outlier", [0.0, 40.0])
def test_estimate_over_all_samples(outlier):
    """Over all 20 choose 5 samples: no bias, and errors of the size that is stated; also where one image makes most of
    the mean, as with the gap."""
    generator = np.random.default_rng(1)
    known = generator.normal(size=20)
    known[7] += outlier
    values = known + 0.3 * generator.normal(size=20)
    found = np.array([estimate(values[list(c)], known, np.array(c)) for c in combinations(range(20), 5)])
    off = found[:, 0] - values.mean()
    assert abs(off.mean()) < 1e-10  # the mean over all samples is the mean over all images, for any values
    assert np.mean(off**2) == pytest.approx(np.mean(found[:, 1] ** 2))  # and so it is of the squares


def test_the_posterior_is_the_exact_one(trainer):
    view = views.live_exact(trainer)
    grid, density = exact.posterior(trainer, trainer.points.raw[trainer.chosen].view(28, 28).numpy(), nodes=200)
    place = grid.reshape(-1, 2)[density.argmax()]
    rows, columns = np.unravel_index(view["posterior"].argmax(), view["posterior"].shape)
    cell = (view["high"] - view["low"]) / view["posterior"].shape[0]
    found = view["low"] + (np.array([columns, rows]) + 0.5) * cell  # rows are z2
    assert view["posterior"].max() == 255 and np.abs(found - place).max() < 1.01 * cell.max() + np.ptp(grid[0, :2, 0])
    weights = density / density.sum()
    drawn = view["posterior"] / view["posterior"].sum(dtype=np.float64)
    axis = [view["low"][k] + (np.arange(len(drawn)) + 0.5) * cell[k] for k in range(2)]
    mean = np.array([drawn.sum(0) @ axis[0], drawn.sum(1) @ axis[1]])
    assert np.abs(mean - (weights[..., None] * grid).sum((0, 1))).max() < 0.05


@pytest.mark.parametrize("rule", ["autoencoder", "flow"])
def test_without_a_posterior_log_p_alone_is_known(rule):
    trainer = Trainer(small(rule=rule), points=60)
    trainer.advance(50)
    header, arrays = combined([views.live_exact(trainer, fine=True)])
    assert math.isfinite(header["log_marginal"])
    assert [header[n] for n in ("elbo", "gap", "mutual_information", "aggregate_kl", "kl")] == [None] * 5
    assert (header["prior"] == "N(0, I)") == (rule == "autoencoder")
    assert arrays["posterior"].dtype == np.uint8


def test_few_points_are_fewer_parts():
    trainer = Trainer(small(), points=10)
    trainer.advance(20)
    parts = measured(trainer, parts=PARTS)
    assert parts[0]["parts"] == 2 and combined(parts)[0]["images"] == 10


def test_looking_changes_nothing(trainer):
    before = trainer.state()
    views.live_exact(trainer)
    assert trainer.state() == before


def test_the_guess_is_a_sum_over_codes(trainer):
    view = views.live_exact(trainer)
    raw = trainer.points.raw
    codes = trainer.encode(raw, torch.zeros(len(raw), 2)).mean
    pixels = raw.double() / 255
    with torch.no_grad():
        logits = trainer.decoder(codes).double()
    log_likelihood = pixels @ logsigmoid(logits).T + (1 - pixels) @ logsigmoid(-logits).T
    log_prior = -0.5 * codes.double().square().sum(1) - math.log(2 * math.pi)
    assert np.allclose(view["at_code"], log_likelihood.diagonal(), atol=0.02)
    assert np.allclose(view["guess"], (log_likelihood + log_prior).logsumexp(1), atol=0.02)


# -- the measures -----------------------------------------------------------------------------------


def header_of(view, **changes):
    return {**{name: view[name] for name in ("step", "rule", "noise", "knobs")}, "chosen": view["index"], **changes}


@pytest.fixture(scope="module")
def view(trainer):
    return views.live_exact(trainer)


def waits(measures, header, took: float) -> float:
    """Seconds of training until the next measure is due; it is then asked for."""
    hundredths = 0
    while not measures.due(header, resting=False):
        measures.passed(took / 100)
        hundredths += 1
    return took * hundredths / 100


def test_a_fortieth_of_the_training_time(view):
    measures, header, took = LiveMeasures(), header_of(view), 0.3
    assert waits(measures, header, took) == pytest.approx(0.5, abs=0.01)  # not before half a second
    trained, between = 0.5, []
    for _ in range(6):
        measures.take({**view, "seconds": took})
        between.append(waits(measures, header, took))
        expected = min(max(FIRST * took, trained), SHARE * took)  # at first as long again as it had trained
        assert between[-1] == pytest.approx(expected, abs=0.02)
        trained += between[-1]
    assert between[0] < between[2] < between[-1] == pytest.approx(SHARE * took, abs=0.02)


def test_what_a_switch_does_is_measured_sooner(view):
    measures, took = LiveMeasures(), 0.3
    for _ in range(6):
        waits(measures, header_of(view), took)
        measures.take({**view, "seconds": took})
    switched = header_of(view, noise=0.0)
    assert waits(measures, switched, took) == pytest.approx(
        CHANGED * took, abs=0.01
    )  # who drags does not stop the training
    measures.take({**view, "noise": 0.0, "seconds": took})
    assert waits(measures, switched, took) == pytest.approx(SHARE * took, abs=0.01)  # it has been measured


def test_parts_get_smaller_where_they_take_long(view):
    measures, header = LiveMeasures(), header_of(view)
    for _ in range(2):
        measures.passed(100.0)
        assert measures.due(header, resting=False).parts == PARTS
        measures.take({**view, "seconds": 0.7})
    measures.passed(100.0)
    assert measures.due(header, resting=False).parts == MANY_PARTS
    measures.passed(100.0)
    assert measures.due(header_of(view, rule="autoencoder"), resting=False).parts == PARTS  # another try


def test_at_rest_part_after_part_until_all_are_measured(trainer):
    measures = LiveMeasures()
    header = header_of(views.live_exact(trainer))
    asked = []
    while ask := measures.due(header, resting=True):
        asked.append(ask.part)
        measures.take(views.live_exact(trainer, **asdict(ask)))
    assert asked == list(range(MANY_PARTS))
    message, arrays = unpack(measures.newest)
    assert message["images"] == message["of"] == 297 and message["kind"] == "exact" and arrays["posterior"].any()
    again = measures.due({**header, "chosen": 7}, resting=True)  # another image: its posterior alone
    assert again.part == 0
    measures.take({**views.live_exact(trainer, **asdict(again)), "index": 7})
    assert measures.due({**header, "chosen": 7}, resting=True) is None
    assert unpack(measures.newest)[0]["images"] == 297
    assert measures.due({**header, "noise": 0.5, "chosen": 7}, resting=True).part == 0  # another run: all of it


def test_what_failed_is_let_alone_and_shown_as_failed(view):
    measures, header = LiveMeasures(), header_of(view)
    with pytest.raises(ValueError, match="not a number"):
        measures.take({**view, "log_marginal": view["log_marginal"] * math.nan})
    measures.failed(header)
    assert unpack(measures.newest)[0]["failed"] and measures.due(header, resting=True) is None
    assert measures.due({**header, "step": header["step"] + 1}, resting=True)
    assert measures.columns() == {"steps": [], "log_marginal": []}


def test_messages_are_kept_by_step_and_bounded(view):
    measures = LiveMeasures()
    for step in range(0, 10 * (KEPT + 50), 10):
        measures.take({**view, "step": step})
    assert len(measures.steps) == KEPT and measures.steps[0] == 0 and measures.steps[-1] == step
    assert measures.at(-1) is None and unpack(measures.at(step + 5))[0]["step"] == step
    early = measures.steps[5]
    assert unpack(measures.at(early + 1))[0]["step"] == early
    child = measures.fork(early)
    assert child.steps[-1] == early and child.newest == measures.at(early)
    child.take({**view, "step": early + 1})
    assert early + 1 not in measures.steps
    assert measures.columns()["steps"] == measures.steps


def test_identity_survives_the_way_to_the_screen(trainer):
    """The lane's settings and those of a frame that was packed as JSON must be told to be the same."""
    header = trainer.frame().packed().header()
    assert identity(header) == identity(views.live_exact(trainer))

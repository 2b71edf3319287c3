"""log p(x) as the app shows it, against the oracle; and what must hold whatever the numbers are."""

import math

import numpy as np
import pytest
import torch

import vae_core
from tests.exact.oracle import brute_force, sampled
from tests.exact.training import trained
from vae_core import exact
from vae_core.analysis.views.exact import COARSE
from vae_core.analysis.views.live import COARSE_TOLERANCE
from vae_core.exact.marginal import integral_of
from vae_core.exact.priors import rule_prior

SETTINGS = [
    *({"rule": rule} for rule in sorted(vae_core.rules())),
    {"steps": 5},
    {"likelihood": "gaussian", "deviation": 0.1},
    {"knobs": {"beta": 0.0}},
    {"knobs": {"beta": 10.0}},
    {"noise": 0.0},
    {"train_size": 20},
    {"rule": "offset", "knobs": {"f": "table", "a": 1.0}},
]


@pytest.fixture(scope="module", params=SETTINGS, ids=str)
def run(request):
    return trained(**{"steps": 200, **request.param})


@pytest.fixture(scope="module")
def raw(run) -> np.ndarray:
    black, white = np.zeros((1, 28, 28), np.uint8), np.full((1, 28, 28), 255, np.uint8)
    return np.concatenate([run.dataset.test_images[:16], black, white])


def test_the_truth_lies_within_three_stated_errors(run, raw):
    # A continuous flow's density takes an integral at each node; Gaussian pixels make narrow posteriors.
    step = 0.2 if run.rule_name == "continuous_flow" else 0.04 if run.recipe.likelihood == "gaussian" else 0.1
    truth = brute_force(run, raw, step=step, half=9.0)
    known = np.isfinite(truth.value)
    assert known.sum() >= 12
    for options in ({}, {"coarse": COARSE, "tolerance": COARSE_TOLERANCE}):
        found = integral_of(run, raw, [rule_prior(run)], **options)
        value, error = found.log_value[0].numpy(), found.error[0].numpy()
        off = np.abs(value - truth.value) - truth.error
        assert (off[known] <= 3 * error[known]).all(), (options, np.nanmax(off - 3 * error))
        assert np.isfinite(error).all()


def test_what_holds_always(run, raw):
    """ELBO ≤ log p(x), gaps ≥ 0, 0 ≤ I ≤ log N, KL ≥ 0, within the stated errors."""
    found = exact.gap(run, raw)
    if found.total is None:
        assert exact.aggregate_kl(run, raw) is None
        return
    for gap in found:
        assert (np.asarray(gap) >= -gap.errors - 1e-3).all()
    assert (np.asarray(found.elbo) <= np.asarray(found.log_marginal) + found.total.errors + 1e-3).all()
    information, kl = exact.mutual_information(run, raw), exact.aggregate_kl(run, raw)
    assert 0 <= information <= math.log(len(raw)) + 1e-9 and kl >= 0


def test_the_oracle_agrees_with_itself():
    """One lattice for all and draws around peaks: two methods that share nothing but the network."""
    run = trained(steps=200)
    raw = run.dataset.test_images[:6]
    lattice, draws = brute_force(run, raw, step=0.05, half=10.0), sampled(run, torch.from_numpy(np.array(raw)))
    assert (np.abs(lattice.value - draws.value) <= draws.error + lattice.error).all()
    assert (draws.error < 0.05).all()

"""The long measurements: they go on where they stopped, and what they estimate is held to sums."""

import json
import math
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch.distributions import MultivariateNormal, StudentT

from vae_core.__main__ import main
from vae_core.figures.studies import best, dimensions_figure, last, moved_figure, of_cell, sizes_figure
from vae_core.teaching import studies
from vae_core.teaching.claims.table import QUESTIONS
from vae_core.teaching.studies import STUDIES, dimensions, moved, rows, sizes


@pytest.fixture
def network() -> dimensions.Network:
    """A plane's network, a little trained on made-up images."""
    generator = torch.Generator().manual_seed(0)
    prototypes = torch.rand(10, 784, generator=generator)
    images = (255 * prototypes[torch.randint(10, (2000,), generator=generator)]).to(torch.uint8)
    network = dimensions.Network(2, 0, images.float().mean(0) / 255)
    with torch.enable_grad(), pytest.MonkeyPatch.context() as patched:
        patched.setattr(dimensions, "STEPS", 30)
        dimensions.train(network, images, "vae", 2e-3, 1, 0)
    return network


# -- the package's own figures -------------------------------------------------------------------


@pytest.mark.parametrize("name", STUDIES)
def test_the_table_is_whole(name):
    study = __import__(f"vae_core.teaching.studies.{name}", fromlist=["cells"])
    found = [studies.cell_of(row, study.CELL) for row in rows(name)]
    seeds = {cell["seed"] for cell in found}
    assert len(seeds) >= 2, f"run python -m vae_core study {name}"
    assert all(row.keys() == {*study.CELL, "seed", *study.FIGURES} for row in rows(name))
    assert all({**cell, "seed": seed} in found for cell in study.cells() for seed in seeds)
    assert STUDIES[name].question in QUESTIONS and len(STUDIES[name].words) > 80


def test_figures_show_means_and_reach():
    found = rows("sizes")
    figure = sizes_figure(found)
    line = next(trace for trace in figure.data if trace.name == "VAE, at the end")
    own = [row["reconstruction"][-1] for row in found if (row["rule"], row["train_size"]) == ("vae", 20)]
    assert line.x[0] == 20 and line.y[0] == pytest.approx(np.mean(own))
    assert line.y[0] + line.error_y.array[0] == pytest.approx(max(own))
    assert line.y[0] - line.error_y.arrayminus[0] == pytest.approx(min(own))
    best = next(trace for trace in figure.data if trace.name == "VAE, at the best step")
    assert all(low <= high for low, high in zip(best.y, line.y, strict=True))
    found = rows("dimensions")
    figure = dimensions_figure(found)
    line = next(trace for trace in figure.data if trace.name == "VAE, gentle")
    own = [
        -max(prior["log_marginal"] for prior in row["priors"].values())
        for row in found
        if (row["rule"], row["dimensions"], row["training"]) == ("vae", 8, "gentle")
    ]
    assert line.x == (2, 8, 32) and line.y[1] == pytest.approx(np.mean(own))
    found = rows("moved")
    figure = moved_figure(found)
    line = next(trace for trace in figure.data if trace.name == "VAE, 200 images")
    own = [row["shifted"][1] for row in found if (row["rule"], row["train_size"]) == ("vae", 200)]
    assert line.x == moved.LEVELS and line.y[1] == pytest.approx(np.mean(own))


def each(name: str, pick: Callable[[dict], float], **cell: object) -> float:
    """The mean over seeds."""
    return float(np.mean([pick(row) for row in of_cell(rows(name), **cell)]))


def test_what_is_said_of_sizes():
    ends, at_best = {}, {}
    for rule in sizes.RULES:
        for size in sizes.SIZES:
            for measure, sign in (("reconstruction", 1), ("best", -1), ("standard", -1)):
                cell = {"rule": rule, "train_size": size}
                ends[rule, size, measure] = each("sizes", lambda row: last(row, measure, sign), **cell)  # noqa: B023
                at_best[rule, size, measure] = each("sizes", lambda row: best(row, measure, sign), **cell)  # noqa: B023
    few = [size for size in sizes.SIZES if size <= 2000]
    for size in few:
        for measure in ("reconstruction", "best", "standard"):
            assert ends["vae", size, measure] < ends["autoencoder", size, measure], (size, measure)
    for size in sizes.SIZES:
        assert abs(at_best["vae", size, "reconstruction"] - at_best["autoencoder", size, "reconstruction"]) < 5, size
        assert at_best["autoencoder", size, "best"] < at_best["vae", size, "best"] + 5, size
        assert at_best["vae", size, "standard"] < at_best["autoencoder", size, "standard"], size
    for row in rows("sizes"):
        steps = row["steps"]
        turned = steps[int(np.argmin(row["reconstruction"]))], steps[int(np.argmax(row["best"]))]
        assert turned[0] <= turned[1], (row["rule"], row["train_size"], turned)


def test_what_is_said_of_moved_images():
    for name in ("shifted", "turned"):

        def at(level: int, rule: str, size: int, name: str = name) -> float:
            place = moved.LEVELS.index(level)
            return each("moved", lambda row: row[name][place], rule=rule, train_size=size)

        for rule in moved.RULES:
            assert at(50, rule, 60_000) < at(50, rule, 20) / (1 if name == "turned" else 3), (name, rule)
            assert all(at(99, rule, size) > 24 for size in moved.SIZES), (name, rule)
        for size in moved.SIZES:
            assert all(at(level, "vae", size) < at(level, "autoencoder", size) for level in (75, 90)), (name, size)


def test_what_is_said_of_dimensions():
    def own(row: dict) -> float:
        return max(prior["log_marginal"] for prior in row["priors"].values())

    def standard(row: dict, figure: str = "log_marginal") -> float:
        return row["priors"]["N(0, I)"][figure]

    for count in dimensions.DIMENSIONS:
        for training in dimensions.TRAININGS:
            cell = {"dimensions": count, "training": training}
            under = {rule: each("dimensions", standard, rule=rule, **cell) for rule in dimensions.RULES}
            best_of = {rule: each("dimensions", own, rule=rule, **cell) for rule in dimensions.RULES}
            sure = {r: each("dimensions", lambda row: standard(row, "sure"), rule=r, **cell) for r in dimensions.RULES}
            assert under["autoencoder"] < min(under["vae"], under["moment_matching"]) - 5, cell
            assert best_of["autoencoder"] > best_of["vae"] - 3, cell
            assert count > 8 or abs(under["moment_matching"] - under["vae"]) < 3, cell
            assert sure["vae"] > sure["autoencoder"] and sure["vae"] > sure["moment_matching"] - 0.03, cell
    cell = {"rule": "vae", "dimensions": 32}
    gently, plainly = (
        each("dimensions", lambda row: row["active"], training=training, **cell) for training in dimensions.TRAININGS
    )
    assert plainly < 16 < gently
    assert each("dimensions", standard, training="gentle", **cell) > max(
        each("dimensions", standard, rule="moment_matching", dimensions=32, training=training)
        for training in dimensions.TRAININGS
    )


def test_reading_them_needs_no_torch():
    code = "import sys, vae_core.teaching.studies as s; s.rows('sizes'); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


# -- going on ------------------------------------------------------------------------------------


def test_what_is_measured_is_not_measured_again(tmp_path, monkeypatch):
    asked, out = [], tmp_path / "sizes.json"
    monkeypatch.setattr(sizes, "cells", lambda: iter([{"rule": "vae", "train_size": n} for n in (20, 60)]))

    def measure(rule: str, train_size: int, seed: int) -> dict:
        asked.append((train_size, seed))
        if len(asked) == 2:
            raise KeyboardInterrupt
        return {"steps": [1]}

    monkeypatch.setattr(sizes, "measure", measure)
    monkeypatch.setattr("vae_core.commands.study.present", lambda dataset: None)
    assert main(["study", "sizes", "--seeds", "1", "--out", str(out)]) == 130
    assert [row["train_size"] for row in json.loads(out.read_text())] == [20]
    assert main(["study", "sizes", "--seeds", "2", "--out", str(out)]) == 0
    assert asked == [(20, 0), (60, 0), (60, 0), (20, 1), (60, 1)]
    assert [(row["train_size"], row["seed"]) for row in rows("sizes", out)] == [(20, 0), (60, 0), (20, 1), (60, 1)]


# -- what they measure ---------------------------------------------------------------------------


def test_few_images_are_looked_at_sooner():
    assert sizes.looks(60_000) == [20, 40, 80, 160, 320, 640, 1280, 2560]
    assert sizes.looks(20) == [5, 10, *sizes.looks(60_000)]
    assert all(row["steps"] == sizes.looks(row["train_size"]) for row in rows("sizes"))


def test_a_size_is_measured_on_digits(monkeypatch):
    from vae_core.run.recipe import Recipe

    monkeypatch.setattr(sizes, "looks", lambda train_size: [2, 30])
    monkeypatch.setattr(sizes, "IMAGES", 10)
    monkeypatch.setattr(sizes, "Recipe", lambda **fields: Recipe(dataset="digits", **{**fields, "hidden": (32,)}))
    row = sizes.measure("vae", 100, 0)
    assert row["steps"] == [2, 30] and all(len(row[name]) == 2 for name in ("reconstruction", "standard", "best"))
    assert all(best >= standard for best, standard in zip(row["best"], row["standard"], strict=True))
    assert row["reconstruction"][1] < row["reconstruction"][0] and 100 < row["mean_image"] < 300


def test_the_estimate_is_the_sum_in_the_plane(network):
    generator = torch.Generator().manual_seed(1)
    images, codes = torch.rand(5, 784, generator=generator), torch.randn(200, 2, generator=generator)
    prior = MultivariateNormal(torch.zeros(2).double(), torch.eye(2).double())
    axis = torch.arange(-7, 7, 0.02)
    places = torch.cartesian_prod(axis, axis)
    with torch.no_grad():
        logits = network.decode(places)
        each = (images @ logits.T - torch.nn.functional.softplus(logits).sum(1)).double() + prior.log_prob(places)
    exact = each.logsumexp(1) + 2 * math.log(0.02)
    found = dimensions.estimated(network, images, prior, codes, 0)
    assert found["log_marginal"] == pytest.approx(float(exact.mean()), abs=4 * found["error"] + 1e-3)
    assert found["error"] < 0.1 and 0 < found["effective"] <= 1


def test_students_density_is_that_of_the_mixture():
    """In one dimension by torch's own; of the draws, the share beyond the median is a half."""
    centres, lower = torch.tensor([[0.5], [3.0]]).double(), torch.tensor([[[2.0]], [[0.1]]]).double()
    z, log_density = dimensions.students(centres, lower, torch.Generator().manual_seed(0))
    parts = [
        StudentT(dimensions.FREEDOM, c.double(), s.double())
        for c, s in ((centres[0, 0], lower[0, 0, 0]), (centres[1, 0], lower[1, 0, 0]))
    ]
    known = torch.stack([part.log_prob(z[:, 0]) for part in parts]).logsumexp(0) - math.log(2)
    assert torch.allclose(log_density, known)
    near = (z[:, 0] - 3).abs() < 0.6
    assert 0.5 < float(near.double().mean()) < 0.7


def test_the_curvature_is_the_hessian_of_a_linear_decoder(network):
    """Where the decoder is linear nothing is left out: its second derivative is 0."""
    network.decoder = dimensions.listed([dimensions.linear(3, 784, torch.Generator().manual_seed(0))])
    prior = MultivariateNormal(torch.zeros(3).double(), 2 * torch.eye(3).double())
    image, z = torch.rand(784, generator=torch.Generator().manual_seed(1)), torch.tensor([0.3, -1.0, 0.2])

    def joint(z):
        logits = network.decode(z)
        return (image * logits - torch.nn.functional.softplus(logits)).sum() + prior.log_prob(z.double()).float()

    known = -torch.autograd.functional.hessian(joint, z)
    with torch.no_grad():
        found = dimensions.curvature(network, z.view(1, 1, 3), prior)[0, 0]
    assert torch.allclose(found.float(), known, rtol=1e-3, atol=1e-3)


def test_moments_of_any_dimension_are_those_of_the_rule():
    from vae_core.rules.moment_matching import kl_of_moments

    codes = torch.randn(50, 2, generator=torch.Generator().manual_seed(0)) * 0.7 + 0.2
    assert float(dimensions.kl_of_moments(codes)) == pytest.approx(float(kl_of_moments(codes.unsqueeze(0))), abs=1e-4)
    assert float(dimensions.kl_of_moments(torch.randn(20_000, 8))) == pytest.approx(0, abs=0.01)

"""What the Flows page is given, and the charts that it makes of it."""

import json
from functools import cache

import numpy as np
import pytest
import torch

from tests.conftest import small
from vae_core.analysis import views
from vae_core.figures.flows import EDGE, density_figure, samples_figure, way_figure
from vae_core.rule import gaussian_log_density
from vae_core.trainer.trainer import Trainer
from vae_core.workers.errors import LaneError
from vae_core.workers.lane import Lane
from vae_core.workers.messages import Examine, OpenRun

FLOWS = ("flow", "continuous_flow")


@cache
def trained(name: str) -> Trainer:
    trainer = Trainer(small(rule=name), points=300)
    trainer.train(300)  # and no frame: a view must look by itself
    return trainer


@pytest.mark.parametrize("name", FLOWS)
class TestViews:
    def test_the_way_starts_at_the_codes_and_ends_in_the_gaussian(self, name):
        trainer = trained(name)
        view = views.flow_way(trainer, points=100)
        stages = len(view["stages"])
        assert stages == (17 if name == "continuous_flow" else trainer.knobs.layers + 1)
        assert view["points"].shape == (stages, 100, 2) and view["lines"].shape == (stages, 26, 61, 2)
        assert view["labels"].shape == (100,)
        codes = trainer.frame().mean
        codes = codes[np.linspace(0, len(codes) - 1, 100).round().astype(int)]
        rule = trainer.rule
        expected = (torch.tensor(codes) - rule.standardise.mean) / rule.standardise.deviation
        np.testing.assert_allclose(view["points"][0], expected, atol=0.02)  # the frame's dots are in bfloat16
        end = view["points"][-1]
        assert np.abs(end.mean(0)).max() < 0.5 and end.std(0).min() > 0.6 and end.std(0).max() < 1.5

    def test_back_undoes_the_way(self, name):
        """The grid's lines, sent to the Gaussian and back, are the square grid again."""
        trainer = trained(name)
        there = views.flow_way(trainer)["lines"]
        back = views.flow_way(trainer, back=True)
        np.testing.assert_allclose(there[0], back["lines"][0])  # both start square
        assert back["labels"] is None
        rule, knobs = trainer.rule, trainer.knobs
        with torch.no_grad():
            ends = torch.from_numpy(there[-1].reshape(-1, 2))
            again = (rule.from_prior(ends, knobs) - rule.standardise.mean) / rule.standardise.deviation
        np.testing.assert_allclose(again.reshape(there[0].shape), there[0], atol=0.02)

    def test_samples_are_the_same_draws_decoded_twice(self, name):
        trainer = trained(name)
        view = views.flow_samples(trainer)
        assert view["straight"].shape == view["through"].shape == (20, 28, 28)
        with torch.no_grad():
            z = trainer.rule.from_prior(torch.from_numpy(view["draws"]), trainer.knobs)
        np.testing.assert_allclose(z, view["through_z"], atol=1e-5)
        expected = (255 * trainer.decode(view["through_z"])).round().numpy()
        np.testing.assert_allclose(view["through"], expected, atol=1)

    def test_density_of_grid_and_codes(self, name):
        trainer = trained(name)
        view = views.flow_density(trainer)
        codes = torch.from_numpy(view["codes"])
        with torch.no_grad():
            own = trainer.rule.log_density(codes, trainer.knobs).mean()
            corner = torch.tensor([[view["x"][3], view["y"][7]]])
            at_corner = trainer.rule.log_density(corner, trainer.knobs)
        assert view["mean"]["flow"] == pytest.approx(float(own), abs=1e-3)
        assert view["log_density"][7, 3] == pytest.approx(float(at_corner), rel=1e-3, abs=1e-3)
        assert view["mean"]["standard"] == pytest.approx(float(gaussian_log_density(codes).mean()), abs=1e-3)
        determinant = np.linalg.det(np.cov(view["codes"].T))
        n = len(codes)
        expected = -np.log(2 * np.pi) - 0.5 * np.log(determinant) - (n - 1) / n
        assert view["mean"]["fitted"] == pytest.approx(expected, abs=1e-3)
        assert view["mean"]["flow"] > view["mean"]["fitted"]

    def test_looking_changes_nothing(self, name):
        looked, other = (Trainer(small(rule=name), points=50) for _ in range(2))
        for trainer in (looked, other):
            trainer.train(10)
        global_stream = torch.get_rng_state()
        for view in (views.flow_way, views.flow_samples, views.flow_density):
            view(looked)
        assert torch.equal(global_stream, torch.get_rng_state())
        for trainer in (looked, other):
            trainer.train(10)
        assert looked.frame().packed() == other.frame().packed()

    def test_charts(self, name):
        trainer = trained(name)
        for back in (False, True):
            view = views.flow_way(trainer, back=back)
            figure = way_figure(view)
            assert [frame.name for frame in figure.frames] == view["stages"]
            assert [step.label for step in figure.layout.sliders[0].steps] == view["stages"]
            assert figure.layout.xaxis.range == (-EDGE, EDGE) and figure.layout.yaxis.scaleanchor == "x"
            last = figure.frames[-1].data[1]
            np.testing.assert_allclose(np.column_stack([last.x, last.y]), view["points"][-1], atol=1e-3)
            assert sum(x is None for x in figure.data[0].x) == len(view["lines"][0])  # a gap after each line
        density = views.flow_density(trainer)
        charts = [figure, density_figure(density), samples_figure(views.flow_samples(trainer)["through"])]
        for chart in charts:
            json.loads(chart.to_json())
        assert charts[1].data[0].z.shape == density["log_density"].shape


@pytest.mark.parametrize("mode", ["together", "prior"])
def test_the_other_modes_can_be_looked_at(mode):
    trainer = Trainer(small(rule="flow", knobs={"mode": mode, "layers": 5}), points=50)
    trainer.train(5)
    assert len(views.flow_way(trainer)["stages"]) == 6
    assert np.isfinite(list(views.flow_density(trainer)["mean"].values())).all()


@pytest.mark.parametrize("steps", [2, 16, 64])
def test_the_continuous_way_takes_seventeen_pictures_whatever_the_steps(steps):
    trainer = Trainer(small(rule="continuous_flow", knobs={"steps": steps}), points=50)
    assert len(views.flow_way(trainer)["points"]) == 17


def test_an_untrained_flow_and_equal_codes_can_be_looked_at():
    trainer = Trainer(small(rule="flow"), points=50)
    torch.nn.init.zeros_(trainer.encoder.heads["mean"].weight)
    view = views.flow_density(trainer)
    assert np.isfinite(view["log_density"]).all() and np.isfinite(view["mean"]["fitted"])
    density_figure(view)


@pytest.mark.parametrize("name", ["flow_way", "flow_samples", "flow_density"])
def test_another_rule_is_told_what_to_do(name):
    with pytest.raises(ValueError, match=r"^VAE has no flow. Switch the run to the spline flow or the continuous flow"):
        getattr(views, name)(Trainer(small(rule="vae"), points=50))


def test_through_the_lane():
    lane = Lane()
    lane.open(OpenRun("a", small(rule="flow").model_dump(), points=60))
    assert lane.examine(Examine("a", "flow_way", {"back": True}))["back"]
    with pytest.raises(LaneError, match="There is no view 'flow_wy'"):
        lane.examine(Examine("a", "flow_wy"))


def test_samples_sheet_is_filled_row_by_row():
    images = np.arange(7, dtype=np.uint8)[:, None, None] * np.ones((1, 2, 2), np.uint8)
    sheet = np.asarray(samples_figure(images).data[0].z)
    assert sheet.shape == (4, 10)
    assert sheet[0].tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4] and sheet[2].tolist() == [5, 5, 6, 6, *[0] * 6]

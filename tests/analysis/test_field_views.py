"""What the fields' page is given, and the charts that it makes of it."""

import base64
import io
import json
from functools import cache

import numpy as np
import plotly.graph_objects as go
import pytest
import torch
from PIL import Image

from tests.conftest import small
from vae_core.analysis import views
from vae_core.analysis.classifier import classifier_of
from vae_core.analysis.codes import training_codes
from vae_core.analysis.fields import change_along, jacobian_norm, which_class
from vae_core.analysis.holes import hole_share, in_holes
from vae_core.analysis.label_accuracy import label_accuracy
from vae_core.exact.priors import rule_prior
from vae_core.figures.colours import CLASSES
from vae_core.figures.fields import (
    PRIOR_LEVELS,
    VIEW,
    apart,
    class_figure,
    contours,
    holes_figure,
    line_figure,
    middles_of_regions,
    smoothness_figure,
)
from vae_core.trainer.trainer import Trainer
from vae_core.workers.errors import LaneError
from vae_core.workers.lane import Lane
from vae_core.workers.messages import Examine, OpenRun

VIEWS = ("smoothness_field", "class_field", "line_change", "holes", "code_quality")


@cache
def trained(rule: str = "autoencoder") -> Trainer:
    trainer = Trainer(small(rule=rule), device="cpu", points=297)
    trainer.train(600)  # and no frame: a view must look by itself
    return trainer


@cache
def view(name: str, rule: str = "autoencoder") -> dict:
    return getattr(views, name)(trained(rule))


class TestFields:
    def test_smoothness_belongs_to_its_places(self):
        field = views.smoothness_field(trained(), edge=3.0, nodes=7)
        assert field["x"].tolist() == field["y"].tolist() == [-3, -2, -1, 0, 1, 2, 3]
        place = np.array([[field["x"][5], field["y"][1]]])
        assert field["norm"].shape == (7, 7)
        assert field["norm"][1, 5] == pytest.approx(jacobian_norm(trained(), place)[0], rel=1e-4)
        assert field["at_codes"] == pytest.approx(jacobian_norm(trained(), field["codes"]).mean(), rel=1e-4)

    def test_class_belongs_to_its_places(self):
        field = views.class_field(trained(), edge=6.0, nodes=9)
        place = np.array([[field["x"][6], field["y"][2]]])
        found, probability = which_class(trained(), place)
        assert field["class"][2, 6] == found[0]
        assert field["probability"][2, 6] == pytest.approx(probability[0], rel=1e-4)
        assert field["classes"] == list("0123456789") and field["accuracy"] == classifier_of("digits").accuracy

    @pytest.mark.parametrize("name", ["smoothness_field", "class_field"])
    def test_codes_are_the_points(self, name):
        field, points = view(name), trained().points
        codes = trained().encode(points.raw).mean.numpy()
        np.testing.assert_allclose(field["codes"], codes, rtol=1e-3, atol=1e-4)
        np.testing.assert_array_equal(field["labels"], points.labels)

    @pytest.mark.parametrize("name", ["smoothness_field", "class_field"])
    @pytest.mark.parametrize("bad", [{"edge": 0}, {"edge": float("nan")}, {"nodes": 1}, {"nodes": 4000}])
    def test_a_lattice_that_cannot_be_is_refused(self, name, bad):
        with pytest.raises(ValueError, match=r"^The (edge|lattice) .* it was"):
            getattr(views, name)(trained(), **bad)


class TestLine:
    def test_between_two_points(self):
        line = views.line_change(trained(), 3, 40)
        codes = trained().encode(trained().points.raw[[3, 40]]).mean.numpy()
        expected = change_along(trained(), *codes, steps=200)
        np.testing.assert_allclose(line["rate"], expected.rate, rtol=1e-2)
        for name in ("length", "chord", "ratio"):
            assert line[name] == pytest.approx(getattr(expected, name), rel=1e-3)
        np.testing.assert_array_equal(line["labels"], trained().points.labels[[3, 40]])
        np.testing.assert_allclose(line["images_at"][[0, -1]], [0, np.linalg.norm(codes[1] - codes[0])], rtol=1e-4)
        ends = (255 * trained().decode(codes)).round().numpy()
        np.testing.assert_allclose(line["images"][[0, -1]].astype(float), ends, atol=1)

    def test_the_strips_ends_are_the_default(self):
        strip = trained().points.strip
        assert (view("line_change")["start"], view("line_change")["end"]) == (strip[0], strip[-1])

    @pytest.mark.parametrize("bad", [-1, 297, 1.5, True, "3"])
    def test_an_unknown_point_is_refused(self, bad):
        with pytest.raises(ValueError, match=r"There is no point .*; the points are 0 to 296"):
            views.line_change(trained(), bad, 3)


@pytest.mark.parametrize("rule", ["autoencoder", "vae", "flow"])
class TestHoles:
    def test_samples_are_flagged_and_decoded(self, rule):
        found, trainer = view("holes", rule), trained(rule)
        assert found["samples"].shape == (200, 2) and found["standard"] == (rule != "flow")
        assert found["share"] == pytest.approx(hole_share(trainer)) and found["draws"] == 10_500
        codes = training_codes(trainer, np.arange(1500), draws=7)
        np.testing.assert_array_equal(found["in_hole"], in_holes(found["samples"], codes, rule_prior(trainer)))
        expected = (255 * trainer.decode(found["samples"])).round().numpy()
        np.testing.assert_allclose(found["images"].astype(float), expected, atol=1)

    def test_samples_fall_into_holes_as_often_as_the_share_says(self, rule):
        found = view("holes", rule)
        error = np.sqrt(found["share"] * (1 - found["share"]) / 200)
        assert found["in_hole"].mean() == pytest.approx(found["share"], abs=3 * error + 0.01)

    def test_samples_are_of_the_prior(self, rule):
        samples = view("holes", rule)["samples"]
        if rule != "flow":
            assert np.abs(samples.mean(0)).max() < 0.25 and np.abs(samples.std(0) - 1).max() < 0.2
        else:
            flow = trained(rule).rule
            with torch.no_grad():
                back = flow.to_normal(torch.from_numpy(samples), trained(rule).knobs)[0].numpy()
            assert np.abs(back.mean(0)).max() < 0.25 and np.abs(back.std(0) - 1).max() < 0.2


def test_the_autoencoder_has_more_holes_than_the_vae():
    assert view("holes")["share"] > view("holes", "vae")["share"] + 0.05


def test_quality_is_the_two_measures():
    quality = view("code_quality")
    assert quality["label_accuracy"] == label_accuracy(trained()) and quality["k"] == 10
    assert quality["hole_share"] == hole_share(trained())
    assert views.code_quality(trained(), cap=50)["label_accuracy"] == label_accuracy(trained(), cap=50)


@pytest.mark.parametrize("name", VIEWS)
def test_plain_data_from_any_rule_through_the_lane(name):
    lane = Lane()
    for run, rule in enumerate(("noise_only", "continuous_flow", "offset")):
        lane.open(OpenRun(str(run), small(rule=rule).model_dump(), points=60, device="cpu"))
        if (name, rule) == ("line_change", "noise_only"):
            with pytest.raises(ValueError, match="same place"):
                lane.examine(Examine(str(run), name))
            continue
        found = lane.examine(Examine(str(run), name))
        assert found["step"] == 0
        assert all(isinstance(v, np.ndarray | list | int | float | None) for v in found.values()), name
    with pytest.raises(LaneError, match="There is no view"):
        lane.examine(Examine("0", name + "s_"))


def test_looking_changes_nothing():
    seen, alone = (Trainer(small(rule="vae"), device="cpu", points=50) for _ in range(2))
    for trainer in (seen, alone):
        trainer.train(10)
    stream = torch.get_rng_state()
    for name in VIEWS:
        getattr(views, name)(seen)
    assert torch.equal(stream, torch.get_rng_state())
    for trainer in (seen, alone):
        trainer.train(10)
    assert seen.frame().packed() == alone.frame().packed()


# -- figures -----------------------------------------------------------------------------------


FIGURES = {
    smoothness_figure: "smoothness_field", class_figure: "class_field", line_figure: "line_change",
    holes_figure: "holes",
}  # fmt: skip


@pytest.mark.parametrize("figure", FIGURES)
def test_charts_are_few_traces_in_large_type(figure):
    chart = figure(view(FIGURES[figure]))
    assert len(json.loads(chart.to_json())["data"]) <= 6
    for kind in (chart.layout, chart.layout.xaxis.title, chart.layout.yaxis.title):
        assert kind.font.size >= 14
    assert chart.layout.xaxis.tickfont.size >= 14 and chart.layout.yaxis.tickfont.size >= 14
    assert chart.layout.paper_bgcolor == chart.layout.plot_bgcolor == "rgba(0,0,0,0)"


def test_smoothness_is_drawn_as_it_is():
    field = view("smoothness_field")
    heat = smoothness_figure(field).data[0]
    np.testing.assert_allclose(heat.z, field["norm"], atol=0.006)
    assert heat.zmin == 0 and heat.zmax == pytest.approx(field["norm"].max())
    assert smoothness_figure(field, top=50.0).data[0].zmax == 50


def test_codes_outside_are_counted():
    field = views.smoothness_field(trained(), edge=1.0, nodes=5)
    outside = int((np.abs(field["codes"]).max(1) > 1).sum())
    assert smoothness_figure(field).layout.annotations[0].text == f"{outside} of 297 codes lie outside ±1"
    far = views.smoothness_field(trained(), edge=900.0, nodes=5)
    assert not smoothness_figure(far).layout.annotations


def colour_at(heat: go.Heatmap, value: float) -> tuple[list[int], float]:
    """Red, green, blue and opacity that a colour scale with jumps gives to a value inside a class."""
    share = value / heat.zmax
    for (low, first), (high, last) in zip(heat.colorscale[::2], heat.colorscale[1::2], strict=False):
        if low <= share <= high:
            first, last = ([float(part) for part in c[5:-1].split(",")] for c in (first, last))
            assert first[:3] == last[:3]
            return [int(part) for part in first[:3]], first[3] + (share - low) / (high - low) * (last[3] - first[3])
    raise AssertionError(value)


def test_classes_have_their_colours_and_doubt_is_faint():
    field = view("class_field")
    heat = class_figure(field).data[0]
    for row, column in ((0, 0), (40, 40), (60, 20), (80, 79)):
        colour, opacity = colour_at(heat, float(heat.z[row, column]))
        assert "#" + bytes(colour).hex() == CLASSES[field["class"][row, column]]
        assert opacity == pytest.approx(0.85 * field["probability"][row, column], abs=0.01)
        assert heat.text[row, column] == str(field["class"][row, column])


def test_names_of_classes_stand_in_their_regions():
    field = view("class_field")
    middles = middles_of_regions(field)
    for k, (x, y) in middles.items():
        row, column = np.abs(field["y"] - y).argmin(), np.abs(field["x"] - x).argmin()
        assert field["class"][row, column] == k
    large = [k for k in range(10) if np.mean(field["class"] == k) > 0.02]
    assert set(large) <= set(middles)


def ink(source: str) -> np.ndarray:
    """The image of a data URI, 255 where there is ink."""
    return 255 - np.asarray(Image.open(io.BytesIO(base64.b64decode(source.split(",")[1]))))


def test_line_shows_the_images_where_they_are():
    line = view("line_change")
    figure = line_figure(line)
    np.testing.assert_allclose(figure.data[0].y, line["rate"], atol=0.001)
    np.testing.assert_allclose([image.x for image in figure.layout.images], line["images_at"])
    for image, expected in zip(figure.layout.images, line["images"], strict=True):
        np.testing.assert_array_equal(ink(image.source), expected)


class TestHolesFigure:
    def test_shows_the_holes_and_what_falls_in(self):
        found = view("holes")
        figure = holes_figure(found)
        heat, outside, inside = figure.data[1:4]
        weighty = found["prior_density"] > 1e-3 * found["prior_density"].max()
        np.testing.assert_array_equal((np.asarray(heat.z) > 0)[weighty], found["hole"][weighty])
        assert not np.asarray(heat.z)[~found["hole"]].any()
        np.testing.assert_allclose(np.stack([inside.x, inside.y], 1), found["samples"][found["in_hole"]], atol=1e-3)
        assert len(outside.x) == 200 - len(inside.x)
        assert figure.layout.annotations[0].text.startswith(f"{found['in_hole'].sum()} of 200 samples")
        assert figure.layout.xaxis.range == (-VIEW, VIEW)

    def test_numbers_lead_from_the_map_to_the_images(self):
        found = view("holes")
        figure = holes_figure(found)
        numbers = [text for text in figure.data[3].text if text]
        assert len(numbers) == len(figure.layout.images) >= 2
        rows = np.flatnonzero(found["in_hole"])
        titles = [note.text for note in figure.layout.annotations[1:]]
        for image, title in zip(figure.layout.images, titles, strict=True):
            row = rows[list(figure.data[3].text).index(title)]
            np.testing.assert_array_equal(ink(image.source), found["images"][row])

    def test_none(self):
        found = {**view("holes"), "in_hole": np.zeros(200, bool)}
        figure = holes_figure(found)
        assert figure.layout.annotations[0].text == "None of 200 samples<br>falls into a hole"
        assert not figure.layout.images

    def test_shown_samples_stand_apart(self):
        places = np.random.default_rng(0).normal(size=(100, 2))
        kept = apart(np.arange(50), places, 0.4)
        assert len(kept) == 6 and max(kept) < 50
        gaps = np.linalg.norm(places[kept][:, None] - places[kept], axis=2) + 9 * np.eye(6)
        assert gaps.min() >= 0.4
        assert len(apart(np.arange(50), places, 100.0)) == 1 and apart(np.arange(0), places, 0.4) == []

    def test_contours_of_another_prior_hold_as_much_as_the_circles(self):
        x = np.linspace(-5, 5, 401)
        density = np.exp(-0.5 * (x[None] ** 2 + (x[:, None] / 0.5) ** 2)) / np.pi
        levels = contours({"x": x, "y": x, "prior_density": density}).contours
        expected = [np.exp(-0.5 * radius**2) / np.pi for radius in (2, 1)]
        np.testing.assert_allclose([levels.start, levels.start + levels.size], expected, rtol=0.02)
        assert levels.start + levels.size < levels.end < levels.start + 2 * levels.size
        np.testing.assert_allclose(PRIOR_LEVELS, 1 - np.exp([-0.5, -2]), atol=1e-3)
        holes_figure(view("holes", "flow"))

"""The Microscope's charts show what they say: ellipses at their distance, bars that add up, states without numbers."""

import base64
import io
import math
from functools import cache

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.stats import multivariate_normal

from tests.conftest import small
from vae_core.analysis import views
from vae_core.figures.exact import (
    bounds_figure,
    deviations,
    ellipse,
    images_figure,
    nats,
    posterior_figure,
    steady_frame,
    sum_figure,
    terms,
    thumbnail,
    whereabouts,
    within,
)
from vae_core.figures.together import split_figure, together_figure, yardstick_figure
from vae_core.trainer.trainer import Trainer

GAUSSIAN = {"mean": np.array([0.3, -1.2]), "covariance": np.array([[0.04, 0.018], [0.018, 0.01]])}
RULES = ("vae", "full_covariance", "mean_only", "noise_only", "autoencoder")


@cache
def trained(rule: str) -> Trainer:
    trainer = Trainer(small(rule=rule), points=300)
    trainer.train(400)
    return trainer


@cache
def microscope(rule: str, coarse: bool = False) -> dict:
    return views.microscope(trained(rule), index=7, coarse=coarse)


def mahalanobis(places: np.ndarray, gaussian: dict) -> np.ndarray:
    away = places - gaussian["mean"]
    return np.sqrt(np.einsum("nd,de,ne->n", away, np.linalg.inv(gaussian["covariance"]), away))


def closed(trace) -> np.ndarray:
    return np.stack([trace.x, trace.y], 1)


def texts(figure) -> str:
    return " ".join(annotation.text for annotation in figure.layout.annotations)


class TestPlane:
    @pytest.mark.parametrize("radius", [1, 2])
    def test_an_ellipse_lies_at_its_distance_all_around(self, radius):
        places = ellipse(GAUSSIAN, radius)
        np.testing.assert_allclose(mahalanobis(places, GAUSSIAN), radius, rtol=1e-9)
        np.testing.assert_allclose(places[:-1].mean(0), GAUSSIAN["mean"], atol=1e-9)

    def test_the_shade_of_a_gaussian_is_its_distance_in_deviations(self):
        x, y = np.linspace(-0.7, 1.3, 201), np.linspace(-1.7, -0.7, 151)
        places = np.stack(np.meshgrid(x, y), -1)
        density = multivariate_normal(GAUSSIAN["mean"], GAUSSIAN["covariance"]).pdf(places)
        expected = mahalanobis(places.reshape(-1, 2), GAUSSIAN).reshape(density.shape)
        inside = (expected > 0.2) & (expected < 3)
        np.testing.assert_allclose(deviations(density)[inside], expected[inside], atol=0.03)

    def test_the_shade_of_any_density_holds_as_much_mass(self):
        """Within 1 and 2 lie 1 − e^-½ and 1 − e^-2 of the mass, for two peaks too."""
        x = np.linspace(-3, 3, 241)
        places = np.stack(np.meshgrid(x, x), -1)
        peaks = [multivariate_normal(mean, 0.05 * np.eye(2)).pdf(places) for mean in ([-1, 0], [1.5, 1])]
        density = 0.7 * peaks[0] + 0.3 * peaks[1]
        depth = deviations(density)
        for radius in (1, 2):
            assert density[depth <= radius].sum() / density.sum() == pytest.approx(
                -math.expm1(-(radius**2) / 2), abs=0.003
            )

    @pytest.mark.parametrize("rule", RULES)
    @pytest.mark.parametrize("coarse", [False, True])
    def test_the_frame_holds_all_that_is_drawn(self, rule, coarse):
        view = microscope(rule, coarse)
        figure = posterior_figure(view)
        (left, right), (bottom, top) = figure.layout.xaxis.range, figure.layout.yaxis.range
        assert right - left == pytest.approx(top - bottom)
        drawn = [view["code"], view["mode"]] + ([*ellipse(view["encoder"], 2)] if view["encoder"] else [])
        for x, y in [*drawn, (view["x"][0], view["y"][0]), (view["x"][-1], view["y"][-1])]:
            assert left <= x <= right and bottom <= y <= top
        names = [trace.name for trace in figure.data if trace.showlegend]
        assert ("encoder’s, 1σ 2σ" in names) == (rule != "autoencoder")
        assert ("best along axes, 2σ" in names) == (rule != "autoencoder" and not coarse)

    @pytest.mark.parametrize("rule", ["vae", "full_covariance"])
    def test_the_encoder_is_drawn_at_one_and_two_deviations(self, rule):
        view = microscope(rule)
        figure = posterior_figure(view)
        lines = [t for t in figure.data if t.type == "scatter" and t.mode == "lines" and t.x[0] is not None]
        best = [t for t in lines if t.line.color == "#009e73"]
        lines = [t for t in lines if t.line.color == "#d55e00"]
        assert [round(float(mahalanobis(closed(line), view["encoder"]).mean()), 6) for line in lines] == [1, 2]
        for trace, name in zip(best, ("diagonal", "full"), strict=True):
            np.testing.assert_allclose(mahalanobis(closed(trace), view[name]), 2, rtol=1e-6)

    def test_the_frame_is_round_and_rarely_moves(self):
        low, edge = steady_frame(np.array([0.11, 0.52]), np.array([0.38, 0.79]))
        assert edge == pytest.approx(0.3) and (low <= [0.11, 0.52]).all() and (low + edge >= [0.38, 0.79]).all()
        again, same = steady_frame(np.array([0.112, 0.522]), np.array([0.381, 0.791]))
        np.testing.assert_allclose(again, low)
        assert same == edge

    @pytest.mark.parametrize("seed", range(20))
    def test_the_frame_holds_any_box(self, seed):
        rng = np.random.default_rng(seed)
        low = rng.normal(size=2) * 10 ** rng.uniform(-3, 2)
        high = low + 10 ** rng.uniform(-3, 2)
        found, edge = steady_frame(low, high)
        assert (found <= low).all() and (found + edge >= high).all() and edge < 2.5 * (high - low).max()

    def test_the_inset_is_the_plane_at_one_scale(self):
        low, edge = np.array([0.5, 1.0]), 0.5
        border, first, second, box = (closed(trace) for trace in whereabouts(low, edge, (1, 1), "white"))
        middle = border[:-1].mean(0)
        radii = [np.linalg.norm(circle - middle, axis=1).mean() for circle in (first, second)]
        assert radii[1] == pytest.approx(2 * radii[0])
        np.testing.assert_allclose((box[0] - middle) / radii[0], low)  # in units of the prior's deviation
        np.testing.assert_allclose((box[2] - box[0]) / radii[0], edge)
        assert (border >= low - 1e-9).all() and (border <= low + edge + 1e-9).all()


class TestSum:
    @pytest.mark.parametrize("rule", ["vae", "full_covariance", "mean_only", "noise_only"])
    @pytest.mark.parametrize("coarse", [False, True])
    def test_parts_lead_from_the_elbo_to_log_p(self, rule, coarse):
        view = microscope(rule, coarse)
        (_, bound, _, _), *parts, (_, exact, _, _) = terms(view)
        assert bound == view["elbo"] and exact == view["log_marginal"] and len(parts) == (1 if coarse else 2)
        at = bound
        for _, start, end, _ in parts:
            assert start == pytest.approx(at, abs=1e-9) and end >= start - 2 * view["error"] - 0.02
            at = end
        assert at == pytest.approx(exact, abs=1e-9)

    def test_an_elbo_says_how_exact_it_is_where_that_matters(self):
        view = dict(microscope("vae", False))
        for error, words in ((0.001, "</b>"), (0.4, " ± 0.4</b>")):
            view["elbo_error"] = error
            number = sum_figure(view).layout.annotations[0].text
            assert number == f"<b>{nats(view['elbo'])}{words}"

    def test_without_a_posterior_a_better_code_is_the_part(self):
        trainer, view = trained("autoencoder"), microscope("autoencoder")
        code, better, mode, exact = terms(view)
        assert better[1:3] == (code[1], mode[1]) and mode[1] >= code[1] - 1e-6
        pixels = trainer.as_pixels(trainer.points.raw[7:8])[0].double()
        for name, place in (("joint_at_code", view["code"]), ("joint_at_mode", view["mode"])):
            painted = trainer.decode(place).double().view(-1)
            likelihood = (pixels * painted.log() + (1 - pixels) * (1 - painted).log()).sum()
            prior = multivariate_normal(np.zeros(2), np.eye(2)).logpdf(place)
            assert view[name] == pytest.approx(float(likelihood) + prior, abs=0.02)
        # The mode stands where the drawn density is highest: p(x, z) = p(z|x) p(x).
        assert mode[1] - exact[1] == pytest.approx(np.log(view["density"].max()), abs=0.1)

    @pytest.mark.parametrize("rule", ["vae", "autoencoder"])
    def test_bars_end_where_the_terms_end_and_numbers_are_printed(self, rule):
        view = microscope(rule)
        figure = sum_figure(view)
        (bars,) = figure.data
        left, right = figure.layout.xaxis.range
        for (_, start, end, _), base, length in zip(terms(view), bars.base, bars.x, strict=True):
            assert base + length == pytest.approx(end) and base == pytest.approx(left if start == end else start)
            assert left <= min(base, end) and max(base, end) < right
            assert (nats(end) if start == end else "+" + nats(end - start)) in texts(figure)
        assert f"{nats(view['log_marginal'])} {within(view['error'])}" in texts(figure)
        least = sum_figure({**view, "error": math.inf})
        assert f"≥ {nats(view['log_marginal'])} (not resolved)" in texts(least)

    def test_numbers(self):
        assert [nats(v) for v in (-169.7405, 0.0036, 1372.166)] == ["−169.74", "0.0036", "1,372.17"]
        assert [within(e) for e in (0, 3e-7, 0.001, 0.0042, 0.05, 2.3)] == [
            "± 0.001",
            "± 0.001",
            "± 0.001",
            "± 0.005",
            "± 0.05",
            "± 3",
        ]
        for error in 10.0 ** np.random.default_rng(0).uniform(-6, 1, 200):
            assert float(within(error).removeprefix("± ")) >= error * (1 - 1e-9)


class TestBounds:
    def test_they_climb_to_the_line(self):
        view, bounds = microscope("vae"), views.microscope_bounds(trained("vae"), index=7)
        figure = bounds_figure(bounds, view)
        np.testing.assert_array_equal(figure.data[0].x, bounds["counts"])
        np.testing.assert_array_equal(figure.data[0].y, bounds["value"])
        assert figure.layout.shapes[0].y0 == figure.layout.shapes[0].y1 == view["log_marginal"]
        assert bounds["value"][0] == pytest.approx(view["elbo"], abs=5 * bounds["error"][0])
        low, high = figure.layout.yaxis.range
        assert low < bounds["value"].min() and view["log_marginal"] < high

    def test_a_bound_of_one_group_has_no_error_bar(self):
        bounds = {"counts": np.array([1, 10]), "value": np.array([-3.0, -2.0]), "error": np.array([0.1, np.nan])}
        figure = bounds_figure(bounds, {"log_marginal": -1.5, "error": 0.0})
        assert list(figure.data[0].error_y.array) == [0.1, None]

    def test_none_without_a_posterior(self):
        assert views.microscope_bounds(trained("autoencoder"), index=7) is None


class TestTogether:
    def test_the_two_parts_make_the_kl(self):
        view = views.together(trained("vae"), nodes=41)  # the 297 test images of the digits
        figure = split_figure(view)
        assert sum(bar.x[0] for bar in figure.data) == pytest.approx(view["kl"], abs=1e-9)
        assert [bar.x[0] for bar in figure.data] == [view["mutual_information"], view["aggregate_kl"]]
        assert all(nats(bar.x[0]) in bar.name for bar in figure.data) and nats(view["kl"]) in texts(figure)
        assert figure.layout.shapes[0].x0 == pytest.approx(math.log(297)) and "N = 297" in texts(figure)
        assert figure.layout.xaxis.range[0] == 0 and view["kl"] < figure.layout.xaxis.range[1]

    def test_quick_is_the_same_but_for_the_mixture(self):
        whole = views.together(trained("vae"), count=300, nodes=41)
        quick = views.together(trained("vae"), count=300, nodes=41, coarse=True)
        assert quick["mixture_kl"] is None and whole["mixture_kl"] > 0
        np.testing.assert_array_equal(quick["density"], whole["density"])
        assert views.together(trained("autoencoder"), count=300, nodes=41, coarse=True)["mixture_kl"] > 0

    @pytest.mark.parametrize("rule", ["vae", "autoencoder"])
    def test_heat_where_the_codes_are(self, rule):
        view = views.together(trained(rule), count=300, nodes=41)
        heat, *circles = together_figure(view).data
        assert np.argmax(heat.z) == np.argmax(view["density"]) and heat.z.max() == 1
        assert [round(float(np.hypot(c.x, c.y).mean()), 2) for c in circles] == [1, 2]

    def test_dots_of_the_yardstick(self):
        view = views.yardstick(trained("autoencoder"), count=30)
        figure = yardstick_figure(view)
        assert [trace.x[1] for trace in figure.data] == [prior["mean"] for prior in view["priors"]]
        assert [trace.y[1] for trace in figure.data] == ["N(0, I)", "N(m, S)", "mixture of 20"]
        assert all(nats(prior["mean"]) in texts(figure) for prior in view["priors"])


class TestView:
    @pytest.mark.parametrize("rule", RULES)
    def test_the_close_up_holds_the_mass_and_the_mode(self, rule):
        trainer, view = trained(rule), microscope(rule)
        cell = (view["x"][1] - view["x"][0]) * (view["y"][1] - view["y"][0])
        assert view["density"].sum() * cell == pytest.approx(1, abs=1e-9)
        assert view["x"][0] < view["mode"][0] < view["x"][-1] and view["y"][0] < view["mode"][1] < view["y"][-1]
        rim = [view["density"][0], view["density"][-1], view["density"][:, 0], view["density"][:, -1]]
        assert max(part.max() for part in rim) < 0.02 * view["density"].max()  # nothing that counts is cut off
        # The integral over the close-up alone is log p(x): brute force with the decoder.
        places = np.stack(np.meshgrid(view["x"], view["y"]), -1).reshape(-1, 2)
        logits = torch.logit(trainer.decode(places).double().view(len(places), -1), eps=1e-12)
        pixels = trainer.as_pixels(trainer.points.raw[7:8])[0].double()[0]
        joint = logits @ pixels - torch.nn.functional.softplus(logits).sum(1)
        joint += torch.from_numpy(multivariate_normal(np.zeros(2), np.eye(2)).logpdf(places))
        assert float(joint.logsumexp(0)) + np.log(cell) == pytest.approx(view["log_marginal"], abs=0.02)


def test_images_and_thumbnails():
    view = microscope("vae")
    sources = [picture.source for picture in images_figure(view).layout.images]
    for source, name in zip(sources, ("image", "at_mean", "at_mode"), strict=True):
        picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(source.split(",")[1]))))
        np.testing.assert_array_equal(255 - picture, view[name])
    picture = Image.open(io.BytesIO(base64.b64decode(thumbnail(view["image"]).split(",")[1])))
    np.testing.assert_array_equal(255 - np.asarray(picture)[3::6, 3::6], view["image"])

"""What the Draw page shows, against the trainer itself, scikit-learn and plain sums; its scene and its animation."""

import io

import numpy as np
import pytest
from PIL import Image
from sklearn.neighbors import NearestNeighbors

import vae_core
from tests.conftest import small
from vae_core.analysis.views import draw_page, encode_drawing, nearest_training, walk
from vae_core.data.drawing import EXAMPLE, as_mnist, rasterise
from vae_core.figures.drawing import MILLISECONDS, ZOOM, animation, classes_near, scene
from vae_core.run.packing import unpack
from vae_core.trainer.trainer import Trainer

DRAWING = as_mnist(rasterise(EXAMPLE))


def trained(steps: int = 200, **fields) -> Trainer:
    trainer = Trainer(small(**fields), points=200)
    trainer.train(steps)
    return trainer


@pytest.fixture(scope="module")
def vae() -> Trainer:
    return trained()


class TestCode:
    @pytest.mark.parametrize("rule", sorted(vae_core.rules()))
    def test_it_is_what_the_trainer_encodes(self, rule):
        trainer = trained(20, rule=rule)
        view = encode_drawing(trainer, DRAWING)
        latent = trainer.encode(np.repeat(DRAWING[None], 20, 0), trainer.points.repeat_eps[:20])
        np.testing.assert_allclose(view["mean"], latent.mean[0], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(view["draws"], latent.z, rtol=1e-4, atol=1e-5)
        assert (view["step"], view["rule"]) == (20, rule)
        if latent.posterior is None:
            assert view["scale"] is None and view["correlation"] is None
        else:
            np.testing.assert_allclose(view["scale"], latent.scale[0], rtol=1e-4)
        assert (view["correlation"] is not None) == (rule == "full_covariance")
        if rule == "full_covariance":
            assert view["correlation"] == pytest.approx(float(latent.correlation[0]), rel=1e-3)
        for place, code in (("at_mean", view["mean"]), ("at_draw", view["draws"][0])):
            expected = 255 * trainer.decode(code[None])[0].numpy()
            assert np.abs(view[place] - expected).max() <= 0.51

    def test_the_noise_switch_holds_for_drawings(self, vae):
        loud = encode_drawing(vae, DRAWING)
        vae.switch(noise=0.0)
        still = encode_drawing(vae, DRAWING)
        vae.switch(noise=1.0)
        assert np.ptp(loud["draws"], 0).min() > 0 and not np.ptp(still["draws"], 0).any()
        np.testing.assert_allclose(still["draws"][0], still["mean"], atol=1e-6)

    def test_bernoulli_log_likelihood(self, vae):
        view = encode_drawing(vae, DRAWING)
        x = DRAWING / 255.0
        for place, code in (("mean", view["mean"]), ("draw", view["draws"][0])):
            p = vae.decode(code[None])[0].numpy().astype(np.float64)
            expected = (x * np.log(p) + (1 - x) * np.log1p(-p)).sum()
            assert view["log_likelihood"][place] == pytest.approx(expected, rel=1e-4)

    def test_gaussian_log_likelihood(self):
        trainer = trained(20, likelihood="gaussian", deviation=0.3)
        view = encode_drawing(trainer, DRAWING)
        p = trainer.decode(view["mean"][None])[0].numpy().astype(np.float64)
        expected = -((DRAWING / 255.0 - p) ** 2).sum() / (2 * 0.09) - 784 * np.log(0.3 * np.sqrt(2 * np.pi))
        assert view["log_likelihood"]["mean"] == pytest.approx(expected, rel=1e-4)

    def test_a_binarized_run_sees_a_binary_drawing(self):
        trainer = trained(20, pixels="binarized")
        once, again = encode_drawing(trainer, DRAWING), encode_drawing(trainer, DRAWING)
        np.testing.assert_array_equal(once["mean"], again["mean"])
        seen = trainer.as_pixels(DRAWING[None])[0].numpy()
        assert set(np.unique(seen)) == {0, 1}
        p = trainer.decode(once["mean"][None]).reshape(-1).numpy().astype(np.float64)
        expected = np.log(np.where(seen[0] > 0, p, 1 - p)).sum()
        assert once["log_likelihood"]["mean"] == pytest.approx(expected, rel=1e-4)

    @pytest.mark.parametrize(
        ("image", "words"),
        [(np.zeros((28, 27), np.uint8), "27"), (np.zeros((28, 28)), "float64"), ([[0]], "list"), (None, "NoneType")],
    )
    def test_what_is_no_image_is_told(self, vae, image, words):
        for view in (encode_drawing, nearest_training):
            with pytest.raises(ValueError, match=rf"should be a \(28, 28\) uint8 array; this is .*{words}"):
                view(vae, image)


class TestNearest:
    def test_they_are_scikit_learn_s(self):
        trainer = trained(1, train_size=300)
        view = nearest_training(trainer, DRAWING)
        own = trainer.training_set.images.numpy() / 255.0
        distances, rows = NearestNeighbors(n_neighbors=5).fit(own).kneighbors(DRAWING.reshape(1, -1) / 255.0)
        np.testing.assert_array_equal(view["rows"], rows[0])
        np.testing.assert_allclose(view["distances"], distances[0], rtol=1e-5)
        in_data = trainer.training_set.rows[rows[0]]
        np.testing.assert_array_equal(view["images"], trainer.dataset.train_images[in_data])
        np.testing.assert_array_equal(view["labels"], trainer.dataset.train_labels[in_data])

    def test_a_training_image_finds_itself(self, vae):
        view = nearest_training(vae, np.array(vae.dataset.train_images[7]))
        assert view["distances"][0] == 0 and np.array_equal(view["images"][0], vae.dataset.train_images[7])
        assert (np.diff(view["distances"]) >= 0).all()

    def test_fewer_training_images_than_asked_for(self):
        assert len(nearest_training(trained(1, train_size=3), DRAWING)["labels"]) == 3


class TestWalk:
    @pytest.mark.parametrize("way", ["straight", "dense"])
    def test_from_one_code_to_the_other(self, vae, way):
        other = np.array(vae.dataset.test_images[0])
        view = walk(vae, DRAWING, other, way)
        ends = vae.encode(np.stack([DRAWING, other])).mean
        np.testing.assert_allclose(view["places"][[0, -1]], ends, rtol=1e-4, atol=1e-4)
        expected = 255 * vae.decode(view["places"]).numpy()
        assert view["images"].shape == (25, 28, 28) and np.abs(view["images"] - expected).max() <= 0.51
        codes = vae.frame().mean
        gap = np.linalg.norm(codes - view["places"][:, None], axis=2).min(1).max()
        assert view["gap"] == pytest.approx(gap, abs=0.02)

    def test_the_straight_one_is_straight(self, vae):
        places = walk(vae, DRAWING, np.array(vae.dataset.test_images[0]), count=9)["places"]
        np.testing.assert_allclose(places, np.linspace(places[0], places[-1], 9))

    @pytest.mark.parametrize("rule", sorted(vae_core.rules()))
    def test_every_rule_has_both(self, rule):
        trainer = trained(5, rule=rule)
        for way in ("straight", "dense"):
            view = walk(trainer, DRAWING, np.array(trainer.dataset.test_images[0]), way)
            assert np.isfinite(view["places"]).all() and np.isfinite(view["gap"])

    def test_another_way_is_told(self, vae):
        with pytest.raises(ValueError, match="no way 'winding'; there are straight and dense"):
            walk(vae, DRAWING, DRAWING, "winding")


def test_one_answer_for_the_page(vae):
    other = np.array(vae.dataset.test_images[0])
    everything = draw_page(vae, DRAWING, (DRAWING, other), "dense", nearest=True)
    np.testing.assert_array_equal(everything["drawing"]["draws"], encode_drawing(vae, DRAWING)["draws"])
    np.testing.assert_array_equal(everything["walk"]["places"], walk(vae, DRAWING, other, "dense")["places"])
    np.testing.assert_array_equal(everything["nearest"]["rows"], nearest_training(vae, DRAWING)["rows"])
    assert draw_page(vae) == {"drawing": None, "nearest": None, "walk": None}


def test_training_goes_on_as_if_nobody_looked():
    looked_at, alone = trained(10), trained(10)
    draw_page(looked_at, DRAWING, (DRAWING, DRAWING), "dense", nearest=True)
    looked_at.train(5), alone.train(5)
    assert np.array_equal(looked_at.frame().z, alone.frame().z)


class TestScene:
    def test_it_holds_what_the_views_say(self, vae):
        frame, ends = vae.frame(), (DRAWING, np.array(vae.dataset.test_images[0]))
        views = draw_page(vae, DRAWING, ends, "straight", nearest=True)
        classes = list("abcdefghij")
        header, arrays = unpack(scene(frame, classes, image=DRAWING, ends=ends, seq=3, **views))
        drawing = views["drawing"]
        assert header["seq"] == 3 and header["step"] == frame.step
        np.testing.assert_allclose(header["drawing"]["mean"], drawing["mean"])
        np.testing.assert_allclose(header["drawing"]["scale"], drawing["scale"])
        assert header["drawing"]["logLikelihood"] == drawing["log_likelihood"]
        assert header["nearest"] == [classes[k] for k in views["nearest"]["labels"]]
        np.testing.assert_array_equal(arrays["painted"], [DRAWING, drawing["at_mean"], drawing["at_draw"]])
        np.testing.assert_array_equal(arrays["codes"], frame.mean)
        np.testing.assert_array_equal(arrays["ends"], ends)
        np.testing.assert_allclose(arrays["places"], views["walk"]["places"], rtol=1e-6)

    def test_without_a_posterior_and_without_a_drawing(self):
        trainer = trained(1, rule="autoencoder")
        frame = trainer.frame()
        view = encode_drawing(trainer, DRAWING)
        header, _ = unpack(scene(frame, list("0123456789"), view, DRAWING))
        assert header["drawing"]["scale"] is None and header["drawing"]["correlation"] is None
        header, arrays = unpack(scene(frame, list("0123456789"), say="Nothing"))
        assert "drawing" not in header and set(arrays) == {"codes", "labels"} and header["say"] == "Nothing"

    def test_the_classes_of_the_ten_nearest_codes(self):
        codes = np.array([[k, 0.0] for k in range(20)])
        labels = np.array([5] * 3 + [2] * 4 + [7] * 13)
        assert classes_near(codes, labels, np.array([0.0, 0.0])) == [(2, 4), (5, 3), (7, 3)]
        random = np.random.default_rng(0)
        codes, labels, place = random.normal(size=(500, 2)), random.integers(0, 10, 500), random.normal(size=2)
        rows = NearestNeighbors(n_neighbors=10).fit(codes).kneighbors(place[None])[1][0]
        assert dict(classes_near(codes, labels, place)) == {k: (labels[rows] == k).sum() for k in labels[rows]}


def test_the_animation_goes_there_and_back():
    images = np.stack([np.full((28, 28), value, np.uint8) for value in (0, 100, 255)])
    images[0, 0, 0] = 255
    gif = Image.open(io.BytesIO(animation(images)))
    assert gif.format == "GIF" and gif.n_frames == 4 and gif.size == (28 * ZOOM, 28 * ZOOM)
    seen = []
    for k in range(gif.n_frames):
        gif.seek(k)
        assert gif.info["duration"] == MILLISECONDS and gif.info["loop"] == 0
        seen.append(np.asarray(gif.convert("L")))
    assert [image[-1, -1] for image in seen] == [255, 155, 0, 155]  # ink is dark
    assert seen[0][0, 0] == 0

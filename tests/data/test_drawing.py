"""Drawings against closed forms, Pillow, and MNIST's own images."""

import math

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.neighbors import KNeighborsClassifier

import vae_core
from vae_core.data.drawing import EXAMPLE, RASTER, DrawingError, area_weights, as_mnist, rasterise
from vae_core.run.recipe import Recipe
from vae_core.trainer.trainer import Trainer


def box_of(image: np.ndarray) -> tuple[int, int, int, int]:
    """Top, left, height and width of the ink."""
    rows, columns = np.flatnonzero(image.any(1)), np.flatnonzero(image.any(0))
    return rows[0], columns[0], rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1


def centre_of(image: np.ndarray) -> np.ndarray:
    """Row and column of the centre of mass."""
    mass = image.astype(float)
    return np.array([mass.sum(1), mass.sum(0)]) @ np.arange(28) / mass.sum()


class TestRaster:
    def test_a_dot_is_a_disc(self):
        ink = rasterise([[0.5, 0.5, 0.2]])
        assert ink.sum() == pytest.approx(math.pi * (0.1 * RASTER) ** 2, rel=0.01)
        assert ink[140, 140] == 1 and ink[140, 140 - 30] == 0
        np.testing.assert_allclose(ink, ink.T, atol=1e-5)

    def test_a_line_is_a_rectangle_with_round_ends(self):
        ink = rasterise([[0.2, 0.3, 0.1, 0.7, 0.6, 0.1]])
        length, width = math.hypot(0.5, 0.3) * RASTER, 0.1 * RASTER
        assert ink.sum() == pytest.approx(length * width + math.pi * width**2 / 4, rel=0.01)

    def test_the_width_changes_evenly(self):
        ink = rasterise([[0.5, 0.1, 0.05, 0.5, 0.9, 0.15]])
        across = ink.sum(1)
        for share in (0.25, 0.5, 0.75):
            row = round((0.1 + 0.8 * share) * RASTER)
            assert across[row] == pytest.approx((0.05 + 0.1 * share) * RASTER, abs=1)

    def test_a_line_may_be_cut_into_pieces(self):
        whole = rasterise([[0.2, 0.3, 0.1, 0.6, 0.5, 0.1]])
        pieces = rasterise([[0.2, 0.3, 0.1, 0.4, 0.4, 0.1, 0.6, 0.5, 0.1]])
        np.testing.assert_allclose(whole, pieces, atol=1e-5)

    def test_what_lies_outside_is_cut_off(self):
        assert not rasterise([[1.5, 1.5, 0.1]]).any()
        assert rasterise([[0.0, 0.5, 0.2]]).sum() == pytest.approx(math.pi * (0.1 * RASTER) ** 2 / 2, rel=0.01)
        assert rasterise([[-0.5, 0.5, 0.1, 1.5, 0.5, 0.1]]).sum() == pytest.approx(0.1 * RASTER**2, rel=0.01)

    @pytest.mark.parametrize(
        ("strokes", "words"),
        [
            ([[0.1, 0.2]], "x, y and width of each point"),
            ([["a", 0.2, 0.1]], "x, y and width of each point"),
            (7, "x, y and width of each point"),
            ([[10**400, 0.2, 0.1]], "x, y and width of each point"),
            ([[float("nan"), 0.2, 0.1]], "finite coordinates"),
            ([[0.1, 0.2, 0.1] * 5000], "may have 4,000 points"),
        ],
    )
    def test_what_is_no_drawing_is_told(self, strokes, words):
        with pytest.raises(DrawingError, match=words):
            rasterise(strokes)


class TestAsMnist:
    @pytest.mark.parametrize("strokes", [[], [[]], [[2, 2, 0.1]]])
    def test_an_empty_drawing_is_told(self, strokes):
        with pytest.raises(DrawingError, match=r"Nothing is drawn yet. Draw a digit."):
            as_mnist(rasterise(strokes))

    def test_a_corner_is_as_good_as_the_middle(self):
        ink = np.zeros((280, 280), np.float32)
        ink[:140, :140] = rasterise(EXAMPLE, 140)
        there = np.roll(ink, (140, 140), (0, 1))
        np.testing.assert_array_equal(as_mnist(ink), as_mnist(there))

    def test_size_does_not_matter(self):
        small = [[value / 3 for value in stroke] for stroke in EXAMPLE]
        difference = as_mnist(rasterise(EXAMPLE)).astype(int) - as_mnist(rasterise(small))
        assert np.abs(difference).mean() < 4  # of 255; the soft edge of a small drawing is a larger part of it

    def test_a_full_canvas_is_a_black_box(self):
        expected = np.zeros((28, 28), np.uint8)
        expected[4:24, 4:24] = 255
        np.testing.assert_array_equal(as_mnist(np.ones((280, 280))), expected)
        np.testing.assert_array_equal(as_mnist(np.full((50, 50), 255, np.uint8)), expected)

    def test_a_dot_fills_the_box_as_a_disc(self):
        image = as_mnist(rasterise([[0.9, 0.1, 0.05]]))
        assert box_of(image) == (4, 4, 20, 20)
        assert image.sum() / 255 == pytest.approx(math.pi * 100, rel=0.1)  # its edge was soft and is enlarged

    def test_a_single_pixel(self):
        ink = np.zeros((280, 280))
        ink[3, 277] = 1
        assert box_of(as_mnist(ink)) == (4, 4, 20, 20)

    @pytest.mark.parametrize("seed", range(20))
    def test_box_and_centre_are_those_of_mnist(self, seed):
        random = np.random.default_rng(seed)
        points = np.column_stack([random.uniform(0.1, 0.9, (6, 2)), np.full(6, 0.08)])
        image = as_mnist(rasterise([points.ravel()]))
        assert max(box_of(image)[2:]) == 20
        assert (centre_of(image) >= 13.5 - 0.01).all() and (centre_of(image) < 14.5 + 0.01).all()

    def test_no_ink_leaves_the_image(self):
        """A thin line with a heavy end: moved by its centre of mass, it would."""
        ink = np.zeros((200, 200))
        ink[:, 99:101], ink[180:, 70:130] = 1, 1
        image = as_mnist(ink)
        top, _, tall, _ = box_of(image)
        assert (top, tall) == (0, 20) and centre_of(image)[0] > 14.5

    def test_means_over_areas_are_pillow_s_box_filter(self):
        image = np.random.default_rng(0).uniform(size=(280, 280)).astype(np.float32)
        expected = np.asarray(Image.fromarray(image).resize((20, 20), Image.Resampling.BOX))
        weights = area_weights(280, 20)
        np.testing.assert_allclose(weights @ image @ weights.T, expected, atol=1e-5)

    @pytest.mark.parametrize("size", [1, 7, 20, 57, 280])
    def test_a_pixel_on_an_edge_counts_in_part(self, size):
        row = np.random.default_rng(size).uniform(size=size)
        in_twentieths = np.repeat(row, 20)  # no edge lies within one of them
        np.testing.assert_allclose(area_weights(size, 20) @ row, in_twentieths.reshape(20, size).mean(1))


class TestMnist:
    """MNIST's own digits, enlarged, come back as they were."""

    def test_its_box_and_centre(self, mnist):
        images = vae_core.load_dataset(mnist).test_images
        centres = np.array([centre_of(image) for image in images])
        assert ((centres >= 13.5) & (centres < 14.5)).all()
        assert sum(max(box_of(image)[2:]) == 20 for image in images) == 9997

    def test_enlarged_by_whole_factors_they_are_equal_to_the_bit(self, mnist):
        for k, image in enumerate(vae_core.load_dataset(mnist).test_images[:300]):
            enlarged = np.zeros((280, 280), np.uint8)
            side = 28 * (2 + k % 9)
            enlarged[-side:, :side] = np.kron(image, np.ones((side // 28, side // 28), np.uint8))
            np.testing.assert_array_equal(as_mnist(enlarged), image)

    def test_enlarged_smoothly_they_keep_their_place(self, mnist):
        """Any size, in any corner, by bicubic interpolation: [measured] the mean grey differs by 8.6 of 255, and
        kNN(10) tells the class of 0.69 of their codes, as it does of the originals' (0.69)."""
        data = vae_core.load_dataset(mnist)
        originals, labels = data.test_images[:1000], data.test_labels[:1000]
        drawn = np.stack([as_mnist(in_a_corner(image, k)) for k, image in enumerate(originals)])
        assert np.abs(drawn.astype(int) - originals).mean() < 10

        torch.set_num_threads(1)
        trainer = Trainer(Recipe(dataset=mnist), points=100)
        trainer.train(300)
        codes = [trainer.encode(images).mean.numpy() for images in (data.train_images[:3000], originals, drawn)]
        nearest = KNeighborsClassifier(10).fit(codes[0], data.train_labels[:3000])
        of_originals, of_drawn = (nearest.score(each, labels) for each in codes[1:])
        assert of_originals > 0.6 and of_drawn > of_originals - 0.04
        apart = np.linalg.norm(codes[2] - codes[1], axis=1)
        assert np.median(apart) < 0.25 * codes[1].std()


def in_a_corner(image: np.ndarray, k: int) -> np.ndarray:
    """(280, 280) an image at some size from 120 to 259 pixels, in one of the corners."""
    side = 120 + (37 * k) % 140
    far = 280 - side
    top, left = [(0, 0), (0, far), (far, 0), (far, far)][k % 4]
    canvas = np.zeros((280, 280), np.uint8)
    large = Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC)
    canvas[top : top + side, left : left + side] = large
    return canvas

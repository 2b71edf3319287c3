"""Visible properties of images, against drawings whose properties are known."""

import numpy as np
import pytest
import torch

from vae_core.data import load_dataset
from vae_core.rule.image_properties import PROPERTIES, measure, standardised


def drawn(paint) -> torch.Tensor:
    """(1, 784) an image that is painted on."""
    image = torch.zeros(28, 28)
    paint(image)
    return image.view(1, -1)


def bar(tall: int, wide: int, top: int = 4, left: int = 6) -> torch.Tensor:
    def paint(image):
        image[top : top + tall, left : left + wide] = 1

    return drawn(paint)


def test_a_bar_has_its_height_and_width():
    """√12 times the deviation: √(L² − 1) for L even pixels."""
    for top, left in ((4, 6), (0, 0), (10, 13)):  # wherever it stands
        image = bar(16, 9, top, left)
        assert measure(image, "height").item() == pytest.approx((16**2 - 1) ** 0.5, rel=1e-4)
        assert measure(image, "width").item() == pytest.approx((9**2 - 1) ** 0.5, rel=1e-4)
        assert measure(image, "ink").item() == pytest.approx(16 * 9 / 784)
        assert measure(image, "slant").item() == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize(("shift", "slant"), [(1, 1.0), (-1, -1.0)])
def test_slant_is_columns_to_the_right_for_each_row_upwards(shift, slant):
    def paint(image):
        for k in range(15):
            image[20 - k, 14 + shift * (k - 7)] = 1

    assert measure(drawn(paint), "slant").item() == pytest.approx(slant, rel=1e-4)


def test_against_a_double_loop():
    image = torch.rand(784, generator=torch.Generator().manual_seed(0))
    p = image.view(28, 28).double().numpy()
    m = p.sum()
    mu, mv = ((p * np.arange(28)[None]).sum() / m, (p * np.arange(28)[:, None]).sum() / m)
    moment = {(1, 1): 0.0, (2, 0): 0.0, (0, 2): 0.0}
    for v in range(28):
        for u in range(28):
            for j, k in moment:
                moment[j, k] += p[v, u] * (u - mu) ** j * (v - mv) ** k
    expected = {
        "ink": p.mean(),
        "slant": -moment[1, 1] / moment[0, 2],
        "height": (12 * moment[0, 2] / m) ** 0.5,
        "width": (12 * moment[2, 0] / m) ** 0.5,
    }
    for name, value in expected.items():
        assert measure(image.view(1, -1), name).item() == pytest.approx(value, rel=1e-3, abs=1e-5)


@pytest.mark.parametrize("name", PROPERTIES)
def test_an_empty_and_a_single_pixel_image_have_finite_ones(name):
    dot = drawn(lambda image: image[3, 3].fill_(1))
    assert torch.isfinite(measure(torch.cat([torch.zeros(1, 784), dot]), name)).all()
    assert measure(torch.zeros(1, 784), name).item() == 0


def test_ones_are_narrower_than_zeros():
    data = load_dataset("digits")
    width = measure(torch.from_numpy(data.train_images.reshape(-1, 784) / 255), "width")
    labels = torch.from_numpy(np.array(data.train_labels))
    assert width[labels == 1].mean() < width[labels == 0].mean()


def test_standardised():
    values = torch.tensor([[1.0, 5.0], [3.0, 5.0]])
    shift, scale = standardised(values)
    assert shift.tolist() == [2, 5]
    torch.testing.assert_close(scale, torch.tensor([2**0.5, 1.0]))
    assert standardised(values[:1])[1].tolist() == [1, 1]

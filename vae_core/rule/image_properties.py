"""Visible properties of an image, by its moments: what a table of offsets can be made of.

With ink p at column u and row v (rows count downwards), m = Σ p, means ū, v̄ and central
moments μ_jk = Σ p (u − ū)^j (v − v̄)^k:

- ink: m / 784, the mean pixel, 0 to 1;
- slant: −μ11 / μ02, columns to the right for each row upwards (0 is upright, 1 is 45°);
- height: √(12 μ02 / m) and width: √(12 μ20 / m), in pixels: the length of an even bar of that spread.

An image without ink has 0 in all of them.
"""

import torch
from torch import Tensor

SIDE = 28
EMPTY = 1e-6  # ink below which there is nothing to measure
PROPERTIES = ("ink", "slant", "height", "width")


def central_moment(images: Tensor, columns: int, rows: int) -> Tensor:
    """(n,) μ_jk / m of images (n, 784) in [0, 1]; 0 without ink."""
    places = torch.arange(SIDE, dtype=torch.float32, device=images.device)
    ink = images.sum(1).clamp(min=EMPTY)
    pixels = images.view(-1, SIDE, SIDE)
    u = places - (pixels.sum(1) @ places / ink).unsqueeze(1)  # (n, 28) columns from the middle
    v = places - (pixels.sum(2) @ places / ink).unsqueeze(1)  # (n, 28) rows
    return torch.einsum("nvu,nu,nv->n", pixels, u**columns, v**rows) / ink


def ink(images: Tensor) -> Tensor:
    """(n,) the mean pixel."""
    return images.mean(1)


def slant(images: Tensor) -> Tensor:
    """(n,) columns to the right for each row upwards."""
    return -central_moment(images, 1, 1) / central_moment(images, 0, 2).clamp(min=EMPTY)


def height(images: Tensor) -> Tensor:
    """(n,) pixels."""
    return (12 * central_moment(images, 0, 2)).sqrt()


def width(images: Tensor) -> Tensor:
    """(n,) pixels."""
    return (12 * central_moment(images, 2, 0)).sqrt()


def measure(images: Tensor, name: str) -> Tensor:
    """(n,) a property of images (n, 784) float in [0, 1]."""
    return {"ink": ink, "slant": slant, "height": height, "width": width}[name](images.float())


def standardised(values: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation (k,) of values (n, k); a deviation of 1 where there is none."""
    deviation = values.std(0) if len(values) > 1 else torch.zeros_like(values[0])
    return values.mean(0), torch.where(deviation > EMPTY, deviation, 1.0)

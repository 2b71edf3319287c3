"""A drawing as MNIST would have it: strokes, their grey raster, and 28 × 28 pixels of it."""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

RASTER = 280  # pixels a side of the raster that strokes are drawn on
BOX, SIDE = 20, 28  # of MNIST: the ink's box, and the image
MIDDLE = 14  # the pixel that holds the centre of mass, on both axes
MOST_POINTS = 4000  # of a drawing; a hand that writes a digit makes a few hundred

Stroke = Sequence[float]  # x, y, width, x, y, width, ...: in units of the canvas, from its upper left corner

_TWO = (.30, .36, .33, .27, .41, .21, .51, .19, .60, .22, .66, .29, .67, .38, .63, .47, .55, .57,
        .45, .67, .36, .76, .31, .81, .42, .81, .55, .81, .70, .80)  # fmt: skip
EXAMPLE: tuple[Stroke, ...] = (tuple(v for x, y in zip(_TWO[::2], _TWO[1::2], strict=True) for v in (x, y, 0.09)),)


class DrawingError(ValueError):
    """What was sent is not a drawing, or has no ink: one sentence for the screen."""


def rasterise(strokes: Sequence[Stroke], side: int = RASTER) -> np.ndarray:
    """(side, side) float32 share of ink in each pixel, 0 to 1: round pens along straight lines.

    A stroke of one point is a dot. What lies outside the canvas is cut off.

    Raises:
        DrawingError: a stroke is not a list of triples of finite numbers, or there are too many.
    """
    ink = np.zeros((side, side), np.float32)
    for stroke in checked(strokes):
        ends = stroke * side
        for start, end in pairwise(ends) if len(ends) > 1 else [(ends[0], ends[0])]:
            _add_line(ink, start, end)
    return ink


def checked(strokes: Sequence[Stroke]) -> list[np.ndarray]:
    """(n, 3) points of each stroke: x, y and width.

    Raises:
        DrawingError: see `rasterise`.
    """
    try:
        points = [np.asarray(stroke, dtype=np.float64).reshape(-1, 3) for stroke in strokes]
    except (TypeError, ValueError, OverflowError):
        raise DrawingError("A stroke should be a list of numbers: x, y and width of each point.") from None
    if sum(map(len, points)) > MOST_POINTS:
        raise DrawingError(f"A drawing may have {MOST_POINTS:,} points; clear the canvas and draw with fewer.")
    points = [p for p in points if len(p)]
    if not all(np.isfinite(p).all() for p in points):
        raise DrawingError("A stroke should have finite coordinates; clear the canvas and draw again.")
    return [np.clip(p, (-1, -1, 0), (2, 2, 1)) for p in points]


def _add_line(ink: np.ndarray, start: np.ndarray, end: np.ndarray) -> None:
    """Darken the pixels within half the width of a line, whose width changes evenly; one pixel soft at the edge."""
    reach = max(start[2], end[2]) / 2 + 1
    low = np.floor(np.minimum(start, end)[:2] - reach).clip(0).astype(int)
    high = np.ceil(np.maximum(start, end)[:2] + reach).clip(0).astype(int)
    part = ink[low[1] : high[1], low[0] : high[0]]
    y, x = np.ogrid[low[1] : low[1] + part.shape[0], low[0] : low[0] + part.shape[1]]
    x, y = x + 0.5 - start[0], y + 0.5 - start[1]
    across, down, wider = end - start
    along = np.clip((x * across + y * down) / max(across**2 + down**2, 1e-12), 0, 1)
    distance = np.hypot(x - along * across, y - along * down)
    np.maximum(part, np.clip((start[2] + along * wider) / 2 + 0.5 - distance, 0, 1), out=part)


def as_mnist(ink: np.ndarray) -> np.ndarray:
    """(28, 28) uint8: the ink's box scaled to fit 20 × 20 pixels, its shape kept, grey at the edges, and
    moved by whole pixels until the centre of mass is in the middle (LeCun et al. 1998, sec. III.A).

    In MNIST's own test images the longer side of the box is 20 pixels (in 9,997 of 10,000) and the centre
    of mass lies within half a pixel of the middle of pixel 14 (in all); so do they here. Only if ink
    would leave the image, it is moved less.

    Args:
        ink: (h, w) of any size; uint8 0 to 255, or float in [0, 1]; 0 is paper.

    Raises:
        DrawingError: there is no ink.
    """
    ink = ink / 255 if ink.dtype == np.uint8 else ink.astype(np.float64)
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    if not len(rows):
        raise DrawingError("Nothing is drawn yet. Draw a digit.")
    box = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    tall, wide = (max(1, round(BOX * size / max(box.shape))) for size in box.shape)
    small = area_weights(box.shape[0], tall) @ box @ area_weights(box.shape[1], wide).T
    image = np.zeros((SIDE, SIDE))
    top, left = (_shift(small.sum(1 - axis)) for axis in (0, 1))
    image[top : top + tall, left : left + wide] = small
    return np.round(255 * image).astype(np.uint8)


def area_weights(size: int, count: int) -> np.ndarray:
    """(count, size) how much of each of `size` pixels in a row falls into each of `count` that cover the same
    length; rows sum to 1, so that products are means over areas."""
    edges = np.linspace(0, size, count + 1)
    pixels = np.arange(size)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return overlap.clip(0) * (count / size)


def _shift(mass: np.ndarray) -> int:
    """Pixels from the image's edge to the box, so that the centre of mass lies in the middle pixel."""
    centre = float(mass @ np.arange(len(mass)) / mass.sum())
    return min(max(math.ceil(MIDDLE - 0.5 - centre - 1e-9), 0), SIDE - len(mass))

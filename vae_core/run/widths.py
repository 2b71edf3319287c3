"""How wide an encoder must be to have as many parameters as several: plain arithmetic, without torch."""

import itertools
from collections.abc import Sequence


def parameters(widths: Sequence[int]) -> int:
    """Weights and biases of an encoder with these hidden widths and a mean."""
    sizes = (28 * 28, *widths, 2)
    return sum(i * o + o for i, o in itertools.pairwise(sizes))


def wider(widths: Sequence[int], times: int = 2) -> tuple[int, ...]:
    """Hidden widths, all grown by one factor, with as many parameters as several such encoders."""
    target = times * parameters(widths)
    candidates = (tuple(max(1, round(width * k / 1000)) for width in widths) for k in range(1000, 16_001, 2))
    return min(candidates, key=lambda grown: abs(parameters(grown) - target))

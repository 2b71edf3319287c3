"""Which of many moments of a run to keep: all of the recent past, fewer of the distant one."""

from collections.abc import Callable, Collection, Sequence


def least_missed(steps: Sequence[int], keep: Collection[int] = ()) -> int | None:
    """The step whose removal leaves the smallest gap for its age, or None if all must stay.

    The first and the last step stay, and those of ``keep``. A gap of g steps that lies a steps
    back counts as g / a, so that what remains is spaced evenly on a logarithmic scale of age.
    """
    now = steps[-1] if steps else 0
    best, victim = float("inf"), None
    for before, step, after in zip(steps, steps[1:], steps[2:], strict=False):
        gap = (after - before) / (now - step + 50)
        if step not in keep and gap < best:
            best, victim = gap, step
    return victim


def thin(
    steps: list[int], drop: Callable[[int], object], too_many: Callable[[], bool], keep: Collection[int] = ()
) -> None:
    """Drop steps, least missed first, while there are too many. ``steps`` is changed in place."""
    while too_many() and (victim := least_missed(steps, keep)) is not None:
        steps.remove(victim)
        drop(victim)

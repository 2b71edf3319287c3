"""How long a slice lasts."""

import pytest

from vae_core.workers.pacing import FIRST, LONGEST, LONGEST_SEEN, SHORTEST, Pace, running_mean

STEPS = 1 << 20  # so far: any stride may be taken


def seconds(pace: Pace, previews: bool = False, resumed: bool = False) -> float:
    """Of training, in a slice that begins at a round number of steps."""
    return (pace.target(STEPS, previews, resumed) - STEPS) * pace.step_seconds


def test_a_slice_fits_its_time_together_with_its_frame():
    for step, frame in ((1e-4, 1e-3), (1e-3, 5e-3), (1e-3, 0.05), (0.01, 0.02)):
        pace = Pace(step, frame)
        assert 0.4 * SHORTEST / 2 <= seconds(pace) <= LONGEST - min(frame, 0.6 * LONGEST)


def test_with_previews_in_between_it_is_longer_and_after_a_rest_short():
    pace = Pace(1e-3, 5e-3)
    assert seconds(pace) < seconds(pace, previews=True) <= LONGEST_SEEN
    assert seconds(pace, resumed=True) <= FIRST and seconds(pace, previews=True, resumed=True) <= FIRST


def test_an_unknown_pace_begins_with_few_steps():
    assert Pace().target(0, False, False) == 1


def test_it_learns_from_what_has_passed():
    pace = Pace()
    pace.trained(10, 0.1)
    pace.framed(0.02)
    assert pace.step_seconds == pytest.approx(0.01) and pace.frame_seconds == 0.02
    pace.trained(0, 0.04)
    assert pace.step_seconds == pytest.approx(0.02)  # a third of the way
    before = pace.point_seconds
    pace.previewed(100, 100 * 4 * before)
    assert pace.point_seconds == pytest.approx(2 * before)


def test_the_first_value_counts_whole():
    assert running_mean(0.0, 3.0) == 3.0 and running_mean(3.0, 6.0) == 4.0

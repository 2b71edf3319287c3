"""Pacing: how long a slice of training lasts, and at which steps frames may lie."""

from dataclasses import dataclass

FIRST = 0.03  # seconds of the first slice after a rest, as its frame is waited for
# Seconds of a slice, and how many times as long as its frame it lasts where that is longer; with previews in between it
# may be long. These are bounds: the steps that fit may take two thirds of it.
SHORTEST, LONGEST, FRAMES = 0.075, 0.4, 4
SHORTEST_SEEN, LONGEST_SEEN, FRAMES_SEEN = 0.3, 1.4, 35
STRIDES = sorted(first * 2**k for first in (2, 3) for k in range(20))  # steps from frame to frame


@dataclass
class Pace:
    """How fast one run is here.

    Attributes:
        step_seconds, frame_seconds, point_seconds: how long a step, a frame and a point of a preview take; running
            means.
    """

    step_seconds: float = 0.0
    frame_seconds: float = 0.0
    point_seconds: float = 2e-6

    def target(self, step: int, previews: bool, resumed: bool) -> int:
        """Where a slice that begins at a step should end, see `vae_core.workers.messages.Advance`."""
        seconds = min(max(SHORTEST, FRAMES * self.frame_seconds), LONGEST)
        if resumed:
            seconds = FIRST
        elif previews:
            seconds = min(max(SHORTEST_SEEN, FRAMES_SEEN * self.frame_seconds), LONGEST_SEEN)
        return next_stop(step, self.step_seconds, max(0.4 * seconds, seconds - self.frame_seconds))

    def trained(self, steps: int, seconds: float) -> None:
        """So many steps took so long."""
        self.step_seconds = running_mean(self.step_seconds, seconds / max(1, steps))

    def framed(self, seconds: float) -> None:
        """A frame took so long."""
        self.frame_seconds = running_mean(self.frame_seconds, seconds)

    def previewed(self, points: float, seconds: float) -> None:
        """A preview of so many points took so long."""
        self.point_seconds = running_mean(self.point_seconds, seconds / points)


def running_mean(mean: float, value: float) -> float:
    """A mean that forgets: the first value counts whole, later ones a third."""
    return value if not mean else mean + (value - mean) / 3


def next_stop(step: int, step_seconds: float, seconds: float) -> int:
    """The next step at which to show a frame: a multiple of 1, 2, 3, 4, 6, 8, 12, …

    The stride is the largest of these that fits the time, and at most an eighth of the steps
    done, so that the first moments, where most happens, are seen one by one.
    """
    fitting = [stride for stride in STRIDES if stride * step_seconds <= seconds and 8 * stride <= step]
    stride = max(fitting, default=1)
    return (step // stride + 1) * stride

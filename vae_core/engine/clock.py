"""Clock: seconds that a training had taken at each of its kept steps."""

from collections.abc import Collection, Mapping


class Clock:
    """How long a training has taken.

    Attributes:
        seconds: so far.
    """

    def __init__(self, seconds_at: Mapping[int, float] | None = None) -> None:
        self._seconds_at = dict(seconds_at or {})
        self.seconds = max(self._seconds_at.values(), default=0.0)

    def passed(self, seconds: float) -> None:
        """It has trained for so long."""
        self.seconds += seconds

    def mark(self, step: int, kept: Collection[int]) -> None:
        """It is at a step now; now and then, forget those that are not kept any more."""
        self._seconds_at[step] = self.seconds
        if len(self._seconds_at) > 2 * len(kept) + 64:
            self._seconds_at = {at: self._seconds_at[at] for at in kept if at in self._seconds_at}

    def at(self, step: int) -> float:
        """Seconds until a step, or until the last one before it that is known."""
        exact = self._seconds_at.get(step)
        known = list(self._seconds_at.items())  # at once: it may be marked meanwhile
        return exact or max((seconds for at, seconds in known if at <= step), default=0.0)

    def of(self, steps: Collection[int]) -> dict[int, float]:
        """Seconds at each of these steps, for the store."""
        return {step: round(self._seconds_at.get(step, 0.0), 3) for step in steps}

    def fork(self, step: int) -> "Clock":
        """Another one that shares the past up to a step."""
        return Clock({at: seconds for at, seconds in self._seconds_at.items() if at <= step})

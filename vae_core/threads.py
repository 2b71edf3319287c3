"""How many threads to train with: all cores when they are free, one when they are busy.

Two threads that wait for each other in every product are up to forty times slower than one as
soon as something else runs on one of their cores (a browser that draws what is trained, say), and
nearly twice as fast when nothing does. So both are timed, now and then, on one step. The
number of threads does not change a bit of the result.
"""

import time
from collections.abc import Callable

import torch

EVERY, AT_MOST = 1.0, 16.0  # seconds of training between trials; twice as many after each in vain


class Threads:
    """Runs training steps with the number of threads that is the fastest at present."""

    def __init__(self) -> None:
        self.counts = sorted({1, torch.get_num_threads()})
        self.best = self.counts[0]  # until tried: the one that cannot be caught out
        self._since_trial = self._every = EVERY

    def run(self, train: Callable[[int], None], steps: int) -> None:
        """Call ``train`` so that it does this many steps in all."""
        if len(self.counts) > 1 and self._since_trial >= self._every and steps > len(self.counts):
            self._since_trial = 0.0
            seconds = {count: self._timed(train, 1, count) for count in self.counts}
            best = min(seconds, key=seconds.__getitem__)
            self._every = min(AT_MOST, 2 * self._every) if best == self.best else EVERY
            self.best = best
            steps -= len(self.counts)
        if steps:
            self._since_trial += self._timed(train, steps, self.best)

    @staticmethod
    def _timed(train: Callable[[int], None], steps: int, count: int) -> float:
        if torch.get_num_threads() != count:
            torch.set_num_threads(count)
        clock = time.perf_counter()
        train(steps)
        return time.perf_counter() - clock

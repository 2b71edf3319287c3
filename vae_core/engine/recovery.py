"""What happens when a worker dies.

Every request that was with it ends in `LaneLost`; the lane starts again by itself (`vae_core.workers.process`, or Ray
where it is on another machine), and answers `UnknownRun`, as it has forgotten its runs. Frames and events are here, and
its checkpoints on the disk: so a training opens its run again at its newest frame, in whichever lane has room
(`Training.recover`), and asks once more. It trains with equal bits. What happens when the server dies is in
`vae_core.engine.trainings`.
"""

import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from vae_core.workers.errors import LaneError, LaneLost, UnknownRun

PATIENCE, AGAIN = 30.0, 0.5  # seconds for a worker, or a cluster, to come back, and between two attempts


def is_lost(error: BaseException) -> bool:
    """Whether a lane no longer has the run that it was asked about."""
    return isinstance(error, LaneLost | UnknownRun)


def open_again(ask: Callable[[], Future[Any]], wanted: Callable[[], object]) -> None:
    """Open a run in a lane, again and again until one answers; waits for that.

    Args:
        ask: finds a lane and asks it.
        wanted: whether anybody still waits for the run.

    Raises:
        LaneError: it could not be.
    """
    end = time.monotonic() + PATIENCE
    while True:
        try:
            ask().result()
            return
        except LaneError as error:
            if not isinstance(error, LaneLost) or time.monotonic() > end or not wanted():
                raise LaneError(f"The run could not be brought back. {error}") from None
        time.sleep(AGAIN)

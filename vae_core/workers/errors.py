"""What a lane may answer instead of a result: each a sentence for the screen."""


class LaneError(RuntimeError):
    """A request that could not be met; in itself, a fault of the worker."""


class Refused(LaneError):
    """The request cannot be met as it is: a recipe, knob or number that cannot be."""


class TrainingDiverged(LaneError):
    """Losses are no longer finite numbers; the recording up to there is kept."""


class OutOfMemory(LaneError):
    """The run needs more than the worker may allocate; it was forgotten, the others go on."""


class UnknownRun(LaneError):
    """The lane has no such run, or no longer."""

    def __init__(self, text: str = "This run is no longer in memory. Press reset to start it again.") -> None:
        super().__init__(text)


class LaneLost(LaneError):
    """The lane's process, or the way to it, is gone."""

    def __init__(self, text: str = "The worker process stopped.") -> None:
        super().__init__(text)


class Elsewhere(LaneError):
    """The training is past the step at which something was asked of it."""

    def __init__(self, text: str = "The training has gone on since.") -> None:
        super().__init__(text)


class ServerFull(LaneError):
    """There are as many runs as there may be."""


class GaveWay(LaneError):
    """Another request waited; this one can be asked again later."""

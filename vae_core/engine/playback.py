"""Playback: the controls of a player. It takes one frame after the other from a training."""

import math
import threading
import time
from abc import abstractmethod
from concurrent.futures import Future
from typing import Any

from vae_core.engine.training import Training
from vae_core.engine.trainings import Trainings
from vae_core.engine.watched import Watched
from vae_core.run.frame import PackedFrame
from vae_core.run.recording import Run
from vae_core.workers.errors import Elsewhere, LaneError, TrainingDiverged
from vae_core.workers.turns import Turn

RECORDED = 1 / 25  # seconds that a recorded frame is shown at least


class Playback(Watched):
    """Play, pause and step; what is trained already is played from the recording. Base of `LiveRun`, which steers.

    Attributes:
        owner: whose share of the lanes it uses.
        first: a lecturer's run, which gets every other turn.
        status: "paused", "training" or "diverged".
        training: where the frames come from.
        record: what this user has seen so far.
        newest: the latest frame; ``header`` is its.
        preview: where the points have gone since, see `vae_core.workers.preview`, or None.
        portion: steps between two frames at most, where steps were asked for: an epoch is shown in parts.
    """

    def __init__(
        self, trainings: Trainings, training: Training, owner: str = "", record: Run | None = None, id: str = ""
    ) -> None:
        """Join a training.

        Args:
            trainings: all that there are.
            record: the past that it goes on from; the start of the training's if left out.
            id: of a run that comes back.
        """
        super().__init__(id)
        self.owner, self.first = owner, False
        self.status = "paused"
        self._trainings, self.training = trainings, training
        self._busy = self._leaving = False
        self._steps_due = 0  # of a single step or epoch that was asked for
        self.portion = 16
        training.players.add(self)
        self.record = record or Run(training.record.recipe)
        self._take(training.record.packed(self.record.steps[-1] if record else 0))

    @property
    def turn(self) -> Turn:
        """Whose turn its requests take."""
        return Turn(self.owner, self.first)

    @property
    def seconds(self) -> float:
        """Of training until here."""
        return self.training.clock.at(self.header["step"])

    @property
    def wants_frames(self) -> bool:
        """Whether it wants more frames."""
        return self.playing or self._steps_due > 0

    @property
    def resting(self) -> bool:
        """Whether all steps that were asked for are done, or cannot be."""
        return not (self._busy or self.wants_frames)

    # -- playing -----------------------------------------------------------------------------

    def play(self) -> None:
        """Train until paused."""
        with self._lock:
            if self.status == "diverged":
                return
            self.playing, self.status, self.left_at = True, "training", time.monotonic()
        self._go()
        self.tell("state")

    def pause(self) -> None:
        """Stop after the present slice."""
        with self._lock:
            self.playing, self._steps_due, self._plays_on = False, 0, False
            if self.status == "training":
                self.status = "paused"
        self.training.hurry()
        self._trainings.keep(self.training, math.inf)
        self.tell("state")
        self._measure()

    def step(self, steps: int = 1) -> None:
        """Train some steps and pause."""
        with self._lock:
            if self.status == "diverged":
                return
            self.playing = False
            self.status = "paused"
            self._steps_due += steps
        self._go()
        self.tell("state")

    def epoch(self) -> None:
        """Train as many steps as one pass over the training images takes, and pause."""
        self.step(self.training.info["steps_per_epoch"])

    def _go(self) -> None:
        """Ask for the next frame, if one is wanted and none is under way."""
        with self._lock:
            if self._busy or self._ended or self._leaving or not self.wants_frames:
                return
            if self._rest_unwatched():
                self.status = "paused"
                return
            self._busy = True
            ask: dict[str, int] = {}
            wait = 0.0
            if self._steps_due:
                ask = {"steps": min(self._steps_due, self.portion), "most": self._steps_due}
            elif self.speed:
                ask = {"stride": max(1, round(self.speed / 25))}
                wait = ask["stride"] / self.speed
            began, training = time.monotonic(), self.training
            future: Future[PackedFrame] | None
            try:
                future = training.next(self.header["step"], self.turn, **ask)
            except Elsewhere:
                future = None
        if future is None:
            self._leave_and_go_on()
            return
        if future.done() and not future.exception() and not self._steps_due:
            further = future.result().step - self.header["step"]
            wait = max(RECORDED, further / self.speed if self.speed else 0.0)
        future.add_done_callback(lambda done: self._arrived(done, training, began + wait))

    def _arrived(self, future: Future[PackedFrame], training: Training, not_before: float) -> None:
        with self._lock:
            left = self._leaving or training is not self.training
            if left:
                self._busy = False
        if left:
            self._go()
            return
        try:
            packed = future.result()
        except LaneError as error:
            self._failed(error)
            return
        with self._lock:
            passed = packed.step - self.header["step"]
            missed = 0 < self._steps_due < passed
            if passed > 0 and not missed:
                self._take(packed)
                self._steps_due = max(0, self._steps_due - passed)
            self._busy = missed
            pause = not_before - time.monotonic()
            if pause > 0:
                self.training.measures.passed(pause)
        if missed:  # another player's slice went further than the steps that were asked for here
            self._leave_and_go_on()
            return
        self.tell("frame")
        if not self.playing:
            self.tell("state")  # the last frame before a rest: the timeline ends with it
        if not self.wants_frames:
            self._measure()
        if pause > 0.001:
            threading.Timer(pause, self._go).start()
        else:
            self._go()

    def _take(self, packed: PackedFrame) -> None:
        self.record.events = [event for event in self.training.record.events if event.step <= packed.step]
        self.newest = packed
        self.preview: bytes | None = None
        self.header = self.record.add(packed)

    def show_preview(self, data: bytes) -> None:
        """The points have moved on; nothing else is known of that."""
        self.preview = data
        self.tell("preview")

    @property
    @abstractmethod
    def seen_closely(self) -> bool:
        """Whether somebody watches each move."""

    @property
    @abstractmethod
    def measured(self) -> bool:
        """Whether somebody watches its exact measures."""

    @abstractmethod
    def note(self) -> dict[str, Any]:
        """What brings it back after the server has stopped."""

    @abstractmethod
    def _measure(self) -> None:
        """See to it that a run that rests is measured exactly, if somebody watches that."""

    @abstractmethod
    def _leave_and_go_on(self) -> None:
        """The training has gone past the step that is wanted here: train it apart, in a thread of its own."""

    def _failed(self, error: LaneError) -> None:
        with self._lock:
            self._busy, self.playing, self._steps_due = False, False, 0
            self.status = "diverged" if isinstance(error, TrainingDiverged) else "paused"
            ending = " The recording up to there is kept." if isinstance(error, TrainingDiverged) else ""
            if not self._ended:
                self.message = {"level": "error", "text": str(error) + ending}
        self.tell("state")

    def end(self) -> None:
        """Stop for good."""
        with self._lock:
            self._ended, self.playing, self._steps_due = True, False, 0
            self.training.players.discard(self)

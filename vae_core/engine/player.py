"""LiveRun: a run as one user plays it. It takes one frame after the other from its training and tells who watches."""

import math
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from vae_core.engine.live_measures import LiveMeasures
from vae_core.engine.training import CALM, Training
from vae_core.run.frame import PackedFrame
from vae_core.run.link import to_query
from vae_core.run.recording import Run
from vae_core.workers.errors import Elsewhere, LaneError, TrainingDiverged
from vae_core.workers.turns import Turn

if TYPE_CHECKING:
    from vae_core.engine.engine import Engine

GRACE = 1.0  # seconds that a run trains on while nobody watches; it goes on when somebody comes back
RECORDED = 1 / 25  # seconds that a recorded frame is shown at least


class LiveRun:
    """One run with the controls of a player.

    Runs of equal recipes and changes share one training, which trains once for all of them. Who
    steers leaves it, with a copy of its state, unless nobody else is there.

    All methods may be called from any thread. What watchers are told comes through the
    functions that they `watch` with, called with "frame", "preview", "exact" or "state" after something changed.

    Attributes:
        id: cannot be guessed; whoever knows it can steer.
        owner: whose share of the lanes it uses.
        first: a lecturer's run, which gets every other turn.
        record: what this user has seen so far.
        newest: the latest frame.
        preview: where the points have gone since, see `vae_core.workers.preview`, or None.
    """

    def __init__(
        self, engine: "Engine", training: Training, owner: str = "", record: Run | None = None, id: str = ""
    ) -> None:
        """Join a training.

        Args:
            record: the past that it goes on from; the start of the training's if left out.
            id: of a run that comes back.
        """
        self.id = id or secrets.token_urlsafe(18)
        self.owner, self.first = owner, False
        self.playing = False
        self.speed = 0.0  # steps a second; 0 is as fast as possible
        self.status = "paused"
        self.message: dict[str, str] | None = None
        self.left_at = time.monotonic()
        self.autoplay = True  # nobody has watched it yet; it starts to play when somebody does
        self._engine, self.training = engine, training
        self._lock, self._steering = threading.RLock(), threading.Lock()
        self._watchers: list[Callable[[str], None]] = []
        self._busy = self._ended = self._leaving = False
        self._measure_watchers = 0  # how many watch exact measures
        self.close_watchers = 0  # how many watch each move
        self._unwatched = False  # paused because nobody watched
        self._steps_due = 0  # of a single step or epoch that was asked for
        self.portion = 16  # of these steps between two frames: an epoch is shown in parts
        training.players.add(self)
        self.record = record or Run(training.record.recipe)
        self._take(training.record.packed(self.record.steps[-1] if record else 0))

    info = property(lambda self: self.training.info)
    points = property(lambda self: self.training.points)
    probe = property(lambda self: self.training.probe)
    images = property(lambda self: self.training.images)

    @property
    def measures(self) -> LiveMeasures:
        """The exact measures until here."""
        step, measures = self.header["step"], self.training.measures
        return measures if self.training.head == step else measures.fork(step)

    @property
    def turn(self) -> Turn:
        return Turn(self.owner, self.first)

    @property
    def seconds(self) -> float:
        """Of training until here."""
        return self.training.seconds_at(self.header["step"])

    # -- watching ----------------------------------------------------------------------------

    def watch(self, tell: Callable[[str], None], exact: bool = False, closely: bool = False) -> Callable[[], None]:
        """Be told of changes, of exact measures and of previews too if asked for; returns the function that ends it."""
        with self._lock:
            self._watchers.append(tell)
            self.close_watchers += closely
            self._measure_watchers += exact
            self.training.measure_watchers += exact
            unwatched, self._unwatched = self._unwatched, False
        if unwatched:
            self.play()
        elif not self.autoplay:
            self._measure()

        def leave() -> None:
            with self._lock:
                self._watchers.remove(tell)
                self.close_watchers -= closely
                self._measure_watchers -= exact
                self.training.measure_watchers -= exact
                self.left_at = time.monotonic()

        return leave

    @property
    def viewers(self) -> int:
        """How many watch now."""
        return len(self._watchers)

    @property
    def watched(self) -> bool:
        return bool(self._watchers) or time.monotonic() - self.left_at < GRACE

    @property
    def wants_frames(self) -> bool:
        """Whether it wants more frames."""
        return self.playing or self._steps_due > 0

    @property
    def resting(self) -> bool:
        """Whether all steps that were asked for are done, or cannot be."""
        return not (self._busy or self.wants_frames)

    def tell(self, what: str) -> None:
        """Tell all who watch that something has changed."""
        for tell in list(self._watchers):
            tell(what)

    def state(self) -> dict[str, Any]:
        """What the controls show; JSON-ready. ``recorded``: the step up to which frames are there already, or None."""
        with self._lock:
            header = self.header
            return {
                "type": "state",
                "playing": self.playing,
                "speed": self.speed,
                "step": header["step"],
                "epoch": header["epoch"],
                "seconds": round(self.seconds, 2),
                "rule": header["rule"],
                "noise": header["noise"],
                "knobs": header["knobs"],
                "events": self.record.marks(),
                "kept": list(self.record.steps),
                "link": to_query(self.record.recipe, self.record.events, self.points),
                "message": self.message,
                "status": self.status,
                "recorded": self.training.head if self.training.head > header["step"] else None,
                "crowd": self._engine.crowd(),
            }

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
            self.playing, self._steps_due, self._unwatched = False, 0, False
            if self.status == "training":
                self.status = "paused"
        self.training.hurry()
        self._engine.trainings.keep(self.training, math.inf)
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
        self.step(self.info["steps_per_epoch"])

    def set_speed(self, steps_per_second: float) -> None:
        """0 is as fast as possible."""
        with self._lock:
            self.speed = max(0.0, min(float(steps_per_second), 1e4))
        self.tell("state")

    def _go(self) -> None:
        """Ask for the next frame, if one is wanted and none is under way."""
        with self._lock:
            if self._busy or self._ended or self._leaving or not self.wants_frames:
                return
            if self.playing and not self.watched:
                self.playing, self.status, self._unwatched = False, "paused", True
                return
            self._busy = True
            ask, wait = {}, 0.0
            if self._steps_due:
                ask = {"steps": min(self._steps_due, self.portion), "most": self._steps_due}
            elif self.speed:
                ask = {"stride": max(1, round(self.speed / 25))}
                wait = ask["stride"] / self.speed
            began, training = time.monotonic(), self.training
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

    def _arrived(self, future: Future, training: Training, not_before: float) -> None:
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
        self.newest, self.preview = packed, None
        self.header = self.record.add(packed)

    def show_preview(self, data: bytes) -> None:
        """The points have moved on; nothing else is known of that."""
        self.preview = data
        self.tell("preview")

    def _measure(self) -> None:
        """See to it that a run that rests is measured exactly, if somebody watches that."""
        if self._behind:
            threading.Timer(CALM, self._measure_apart).start()
        else:
            self.training.measure()

    @property
    def _behind(self) -> bool:
        """Whether it rests where its training, which is further, will not be measured any more."""
        step = self.header["step"]
        return (
            self.resting
            and bool(self._measure_watchers)
            and self.training.head > step
            and step not in self.training.measures.steps
        )

    def _measure_apart(self) -> None:
        if not self._behind or self._ended or self._engine.crowd():
            return
        with suppress(LaneError), self._steering:
            self._leave()
            self.training.measure()
        self._go()  # should somebody have pressed play meanwhile

    # -- steering ----------------------------------------------------------------------------

    def switch(self, rule: str | None = None, noise: float | None = None, knobs: dict | None = None) -> None:
        """Change rule, noise or knobs from the next step on.

        Raises:
            Refused: that cannot be; the run goes on as it was.
        """
        self._steer("switch", rule=rule, noise=noise, knobs=knobs)

    def look(self, index: int) -> None:
        """Choose the input image, by its index among the points."""
        if index == self.header["chosen"] and not self._alone:
            return
        self._steer("look", index=index)

    def examine(self, view: str, **args: Any) -> dict[str, Any]:
        """A view of the run as it is now, in plain numpy, see `vae_core.analysis.views`.

        Raises:
            LaneError: there is no such view, or it is not defined for the present rule.
        """
        with self._steering:
            if self._alone:
                return self.training.again(self.turn, "examine", view=view, **args)
            try:
                return self.training.again(self.turn, "examine", view=view, at=self.header["step"], **args)
            except LaneError as error:
                if not isinstance(error, Elsewhere):
                    raise
            self._leave()
            try:
                return self.training.again(self.turn, "examine", view=view, **args)
            finally:
                self._go()

    @property
    def _alone(self) -> bool:
        """Whether nobody else's picture changes with this run's training."""
        step = self.header["step"]
        return self.training.players == {self} and (
            self.training.head == step or (self._busy and self.training.before == step)
        )

    def _steer(self, name: str, **args: Any) -> None:
        with self._steering:
            if not self._alone:
                self._leave()
            packed = self.training.steer(self.turn, name, **args)
            with self._lock:
                if packed.step >= self.header["step"]:
                    self._take(packed)
                if name == "switch":
                    self.message = None
            self._engine.trainings.renamed(self)
            self._engine.trainings.keep(self.training, math.inf)
        self.tell("frame")
        self.tell("state")
        self._go()

    # -- leaving a shared training ---------------------------------------------------------------

    def _leave(self) -> None:
        """Go on with a training of one's own from the present frame; waits for the lane."""
        with self._lock:
            self._leaving = True  # what the old training still sends comes too late
            old, record = self.training, self.record.fork(self.header["step"])
        try:
            self.move_to(self._engine.trainings.branch(old, record, self.turn))
        except LaneError:
            self._leaving = False
            self._go()
            raise
        self._leaving = False

    def move_to(self, training: Training) -> None:
        """Take frames from another training, which has the same past."""
        with self._lock:
            old, self.training = self.training, training
            old.measure_watchers -= self._measure_watchers
            training.measure_watchers += self._measure_watchers
            training.players.add(self)
            old.players.discard(self)

    def _leave_and_go_on(self) -> None:
        def leave() -> None:
            try:
                with self._steering:
                    self._leave()
            except LaneError as error:
                self._failed(error)
                return
            self._busy = False
            self._go()

        threading.Thread(target=leave, daemon=True, name="leave").start()

    def _failed(self, error: LaneError) -> None:
        with self._lock:
            self._busy, self.playing, self._steps_due = False, False, 0
            self.status = "diverged" if isinstance(error, TrainingDiverged) else "paused"
            ending = " The recording up to there is kept." if isinstance(error, TrainingDiverged) else ""
            if not self._ended:
                self.message = {"level": "error", "text": str(error) + ending}
        self.tell("state")

    def complain(self, text: str) -> None:
        """Show a sentence about something that was asked and cannot be; the run goes on."""
        self.say("error", text)

    def say(self, level: str, text: str) -> None:
        """Show a sentence: level "info", "warning" or "error"."""
        with self._lock:
            self.message = {"level": level, "text": text}
        self.tell("state")

    def end(self) -> None:
        """Stop for good."""
        with self._lock:
            self._ended, self.playing, self._steps_due = True, False, 0
            self.training.players.discard(self)

"""LiveRun: a run as one user plays and steers it."""

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from typing import Any

from vae_core.engine.live_measures import LiveMeasures
from vae_core.engine.playback import Playback
from vae_core.engine.training import CALM, Training
from vae_core.engine.trainings import Trainings
from vae_core.engine.watched import Tell
from vae_core.run.frame import PackedFrame
from vae_core.run.link import to_query
from vae_core.run.recipe import Event
from vae_core.run.recording import Run, changes
from vae_core.workers.errors import Elsewhere, LaneError
from vae_core.workers.messages import Examine, Switch
from vae_core.workers.turns import Turn


@dataclass(frozen=True)
class Note:
    """What the store remembers of an open run.

    Attributes:
        feed: id of its training.
        step: up to which it had been shown.
    """

    feed: str
    owner: str
    step: int
    playing: bool
    speed: float


class LiveRun(Playback):
    """One run with the controls of a player.

    Runs of equal recipes and changes share one `Training`, which trains once for all of them. Who
    steers leaves it, with a copy of its state, unless nobody else is there.

    All methods may be called from any thread. What watchers are told comes through the
    functions that they `watch` with, called with "frame", "preview", "exact" or "state" after something changed.
    """

    def __init__(
        self, trainings: Trainings, training: Training, owner: str = "", record: Run | None = None, id: str = ""
    ) -> None:
        """Join a training, see `Playback`."""
        self._steering = threading.Lock()
        self._watch_measures = 0  # how many watch exact measures
        self._watch_closely = 0  # how many watch each move
        super().__init__(trainings, training, owner, record, id)  # from then on the training asks for them

    # -- what brings it back after the server has stopped ------------------------------------------

    def note(self) -> dict[str, Any]:
        """A `Note` for the store."""
        playing = self.playing or self._plays_on
        return asdict(Note(self.training.id, self.owner, self.header["step"], playing, self.speed))

    @classmethod
    def from_note(cls, id: str, about: Mapping[str, Any], trainings: Trainings) -> "LiveRun | None":
        """The run that a note is of; None if its training is gone."""
        note = Note(**{field.name: about[field.name] for field in fields(Note)})
        training = trainings.by_id(note.feed, Turn(note.owner))
        if training is None:
            return None
        step = training.record.packed(note.step).step
        run = cls(trainings, training, note.owner, training.record.fork(step), id)
        run.autoplay, run._plays_on = False, note.playing
        run.set_speed(note.speed)
        run.say("info", f"The server was started again; the run went on from step {step:,}.")
        return run

    def snapshot(self) -> tuple[Run, bytes | None]:
        """The recording up to now, and the state to go on from its last frame (None once it diverged).

        Raises:
            LaneError: the lane was lost and the run could not be brought back.
        """
        now = None if self.status == "diverged" else self.examine("run_state")
        with self._lock:  # frames arrive meanwhile
            record = self.record.fork(now["frame"].step if now else self.header["step"])
        if now is None:
            return record, None
        record.events = [Event.model_construct(**event) for event in now["events"]]
        record.add(now["frame"])
        return record, now["state"]

    def trains(self, recipe: Mapping[str, Any], plan: Sequence[dict[str, Any]], points: int) -> bool:
        """Whether it shows this recipe with these changes."""
        key = self._trainings.key(recipe, plan, points)
        own = self._trainings.key(self.record.recipe.model_dump(), self.plan, self.points)
        return key is not None and key in (own, self.training.key)

    @property
    def coming(self) -> list[dict[str, Any]]:
        """Changes that lie ahead of what it has shown."""
        events, last = self.record.events, self.record.steps[-1]
        known = events[-1].step if events else -1
        return [change for change in self.training.plan if change["step"] >= last and change["step"] > known]

    @property
    def plan(self) -> list[dict[str, Any]]:
        """All changes, those that were and those that lie ahead."""
        return [*changes(self.record.recipe, self.record.events), *self.coming]

    @property
    def info(self) -> dict[str, Any]:
        """What is known of it from its start on, see `vae_core.workers.messages.Opened`."""
        return self.training.info

    @property
    def points(self) -> int:
        """How many test images are on the plane."""
        return self.training.points

    @property
    def probe(self) -> bytes:
        """Their labels, packed."""
        return self.training.probe

    @property
    def images(self) -> bytes:
        """Their pixels, packed."""
        return self.training.images

    @property
    def measures(self) -> LiveMeasures:
        """The exact measures until here."""
        step, measures = self.header["step"], self.training.measures
        return measures if self.training.head == step else measures.fork(step)

    # -- watching ----------------------------------------------------------------------------

    def watch(self, tell: Tell, exact: bool = False, closely: bool = False) -> Callable[[], None]:
        """Be told of changes, of exact measures and of previews too if asked for; returns the function that ends it."""
        self._count(exact, closely)
        if not self._join(tell) and not self.autoplay:
            self._measure()

        def leave() -> None:
            self._count(-exact, -closely)
            self._part(tell)

        return leave

    def _count(self, exact: int, closely: int) -> None:
        with self._lock:
            self._watch_closely += closely
            self._watch_measures += exact
            self.training.measure_watchers += exact

    @property
    def seen_closely(self) -> bool:
        """Whether somebody watches each move."""
        return self._watch_closely > 0

    @property
    def measured(self) -> bool:
        """Whether somebody watches its exact measures."""
        return self._watch_measures > 0

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
                "link": to_query(self.record.recipe, self.record.events, self.points, self.coming),
                "message": self.message,
                "status": self.status,
                "recorded": self.training.head if self.training.head > header["step"] else None,
                "crowd": self._trainings.crowd(),
            }

    # -- exact measures at rest ------------------------------------------------------------------

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
        return self.resting and self.measured and self.training.head > step and step not in self.training.measures.steps

    def _measure_apart(self) -> None:
        if not self._behind or self._ended or self._trainings.crowd():
            return
        with suppress(LaneError), self._steering:
            self._leave()
            self.training.measure()
        self._go()  # should somebody have pressed play meanwhile

    # -- steering ----------------------------------------------------------------------------

    def switch(self, rule: str | None = None, noise: float | None = None, knobs: dict[str, Any] | None = None) -> None:
        """Change rule, noise or knobs from the next step on.

        Raises:
            Refused: that cannot be; the run goes on as it was.
        """
        self._steer(lambda own: own.switch(self.turn, Switch(own.id, rule, noise, knobs)), clear=True)

    def look(self, index: int) -> None:
        """Choose the input image, by its index among the points."""
        if index == self.header["chosen"] and not self._alone:
            return
        self._steer(lambda training: training.look(self.turn, index))

    def examine(self, view: str, **args: Any) -> Any:
        """A view of the run as it is now, in plain numpy, see `vae_core.analysis.views`.

        Raises:
            LaneError: there is no such view, or it is not defined for the present rule.
        """
        with self._steering:
            if self._alone:
                return self._examine(view, args)
            with suppress(Elsewhere):
                return self._examine(view, args, self.header["step"])
            self._leave()
            try:
                return self._examine(view, args)
            finally:
                self._go()

    def _examine(self, view: str, args: Mapping[str, Any], at: int | None = None) -> dict[str, Any]:
        return self.training.again(self.turn, Examine(self.training.id, view, args, at))

    @property
    def _alone(self) -> bool:
        """Whether nobody else's picture changes with this run's training."""
        step = self.header["step"]
        return self.training.players == {self} and (
            self.training.head == step or (self._busy and self.training.before == step)
        )

    def _steer(self, steer: Callable[[Training], PackedFrame], clear: bool = False) -> None:
        """Steer a training that is this run's own.

        Args:
            clear: what the message says is over with that.
        """
        with self._steering:
            if not self._alone:
                self._leave()
            packed = steer(self.training)
            with self._lock:
                if packed.step >= self.header["step"]:
                    self._take(packed)
                if clear:
                    self.message = None
            steered = self.training
            equal = self._trainings.renamed(steered, self.header["step"])
            if equal is not steered:
                self.move_to(equal)
                self._trainings.retire(steered)
            self._trainings.keep(self.training, math.inf)
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
            self.move_to(self._trainings.branch(old, record, self.turn))
        except LaneError:
            self._leaving = False
            self._go()
            raise
        self._leaving = False

    def move_to(self, training: Training) -> None:
        """Take frames from another training, which has the same past."""
        with self._lock:
            old, self.training = self.training, training
            old.measure_watchers -= self._watch_measures
            training.measure_watchers += self._watch_measures
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

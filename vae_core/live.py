"""LiveRun: a run that plays. It asks its lane for one slice after the other and tells who watches."""

import secrets
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from vae_core.frame import PackedFrame
from vae_core.gauge import Gauge
from vae_core.lane import LaneError
from vae_core.link import to_query
from vae_core.recipe import Event, Recipe
from vae_core.run import Run

if TYPE_CHECKING:
    from vae_core.engine import Engine

CALM = 0.4  # seconds that a run has stood still before it is measured: who steps or plays on need not wait
GRACE = 1.0  # seconds that a run trains on while nobody watches; it goes on when somebody comes back


class LiveRun:
    """One run in a lane, with the controls of a player.

    All methods may be called from any thread. What watchers are told comes through the
    functions that they `watch` with, called with "frame", "exact" or "state" after something changed.

    Attributes:
        id: cannot be guessed; whoever knows it can steer.
        record: the recording so far. It lives here and not in the lane, so that it outlives it.
        info: what the lane said when the run was opened (data set, sizes, classes).
        newest: the latest frame.
        gauge: the exact measures that go along.
    """

    def __init__(
        self,
        engine: "Engine",
        lane: int,
        recipe: dict[str, Any],
        pending: Sequence[dict[str, Any]] = (),
        points: int = 2000,
        record: Run | None = None,
        origin: str | None = None,
    ) -> None:
        self.id = secrets.token_urlsafe(18)
        self.lane = lane
        self.playing = False
        self.speed = 0.0  # steps a second; 0 is as fast as possible
        self.seconds = 0.0  # of training
        self.status = "paused"
        self.message: dict[str, str] | None = None
        self.left_at = time.monotonic()
        self.fresh = True  # nobody has watched it yet; it starts to play when somebody does
        self._engine, self.points, self._pending = engine, points, list(pending)
        self._origin = origin
        self._chosen: int | None = None
        self._lock, self._recovering = threading.RLock(), threading.Lock()
        self._watchers: list[Callable[[str], None]] = []
        self._busy = self._ended = False
        self._gauged, self._measuring = 0, False  # how many watch exact measures; one is under way
        self._calm_at = 0.0
        self._away = False  # paused because nobody watched
        self._steps_due = 0  # of a single step or epoch that was asked for
        self.portion = 16  # of these steps between two frames: an epoch is shown in parts
        events = [event.model_dump() for event in record.events] if record else []
        step = record.steps[-1] if record else 0
        self.info = self._ask("open", **self._opening(recipe, events, step)).result()
        self.record = record or Run(Recipe.model_construct(**self.info["recipe"]))
        self.newest: PackedFrame = self.info.pop("frame")
        self.header = self.record.add(self.newest)
        self.gauge = Gauge()
        self.probe, self.images = self._ask("images").result()

    def _opening(self, recipe: dict[str, Any], events: list[dict], step: int) -> dict[str, Any]:
        return {
            "recipe": recipe,
            "pending": self._pending,
            "events": events,
            "step": step,
            "points": self.points,
            "folders": [str(self._engine.folder(run)) for run in (self.id, self._origin) if run],
            "device": self._engine.device,
            "chosen": self._chosen,
        }

    def _ask(self, name: str, **args: Any) -> Future:
        return self._engine.request(self.lane, name, run=self.id, **args)

    # -- watching ----------------------------------------------------------------------------

    def watch(self, tell: Callable[[str], None], exact: bool = False) -> Callable[[], None]:
        """Be told of changes, of exact measures too if asked for; returns the function that ends it."""
        with self._lock:
            self._watchers.append(tell)
            self._gauged += exact
            away, self._away = self._away, False
        if away:
            self.play()
        elif not self.fresh:
            self._measure()

        def leave() -> None:
            with self._lock:
                self._watchers.remove(tell)
                self._gauged -= exact
                self.left_at = time.monotonic()

        return leave

    @property
    def watched(self) -> bool:
        return bool(self._watchers) or time.monotonic() - self.left_at < GRACE

    @property
    def resting(self) -> bool:
        """Whether all steps that were asked for are done, or cannot be."""
        return not (self._busy or self.playing or self._steps_due)

    def _tell(self, what: str) -> None:
        for tell in list(self._watchers):
            tell(what)

    def state(self) -> dict[str, Any]:
        """What the controls show; JSON-ready."""
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
            }

    # -- playing -----------------------------------------------------------------------------

    def play(self) -> None:
        """Train until paused."""
        with self._lock:
            if self.status == "diverged":
                return
            self.playing, self.status, self.left_at = True, "training", time.monotonic()
            self._go()
        self._tell("state")

    def pause(self) -> None:
        """Stop after the present slice."""
        with self._lock:
            self.playing, self._steps_due, self._away = False, 0, False
            if self.status == "training":
                self.status = "paused"
        self._tell("state")
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
        self._tell("state")

    def epoch(self) -> None:
        """Train as many steps as one pass over the training images takes, and pause."""
        self.step(self.info["steps_per_epoch"])

    def set_speed(self, steps_per_second: float) -> None:
        """0 is as fast as possible."""
        with self._lock:
            self.speed = max(0.0, min(float(steps_per_second), 1e4))
        self._tell("state")

    def _go(self) -> None:
        """Ask for the next slice, if one is wanted and none is under way."""
        with self._lock:
            if self._busy or self._ended or not (self.playing or self._steps_due):
                return
            if self.playing and not self.watched:
                self.playing, self.status, self._away = False, "paused", True
                return
            self._busy = True
            ask, wait = {}, 0.0
            if self._steps_due:
                ask = {"steps": min(self._steps_due, self.portion)}
            elif self.speed:
                ask = {"stride": max(1, round(self.speed / 25))}
                wait = ask["stride"] / self.speed
            began = time.monotonic()
            future = self._ask("advance", **ask)
        future.add_done_callback(lambda done: self._arrived(done, began + wait))

    def _arrived(self, future: Future, not_before: float) -> None:
        try:
            packed, seconds, events = future.result()
        except LaneError as error:
            self._failed(error)
            return
        with self._lock:
            before = self.header["step"]
            self.record.events = [Event.model_construct(**event) for event in events]
            self._take(packed)
            self.seconds += seconds
            self.gauge.passed(max(seconds, not_before - time.monotonic()))
            self._steps_due = max(0, self._steps_due - (packed.step - before))
            self._busy = False
            pause = not_before - time.monotonic()
        self._tell("frame")
        if not self.playing:
            self._tell("state")  # the last frame before a rest: the timeline ends with it
        self._measure()
        if pause > 0.001:
            threading.Timer(pause, self._go).start()
        else:
            self._go()

    def _take(self, packed: PackedFrame) -> None:
        self.newest = packed
        self.header = self.record.add(packed)
        self._calm_at = time.monotonic() + CALM

    # -- exact measures, between two slices ------------------------------------------------------

    def _measure(self) -> None:
        """Ask for exact measures, if they are due and somebody watches them."""
        with self._lock:
            if self._busy or self._ended or self._measuring or not self._gauged or self.status == "diverged":
                return
            early = self._calm_at - time.monotonic()
            if self.resting and early > 0:
                threading.Timer(early, self._measure).start()
                return
            header = self.header
            ask = self.gauge.due(header, self.resting)
            if ask is None:
                return
            self._measuring = True
            future = self._ask("examine", view="live_exact", **ask)
        future.add_done_callback(lambda done: self._measured(done, header))

    def _measured(self, future: Future, header: dict[str, Any]) -> None:
        with self._lock:
            self._measuring = False
            try:
                self.gauge.take(future.result())
            except (LaneError, ValueError) as error:  # what cannot be measured never stops a run
                if getattr(error, "kind", "") in ("lost", "unknown"):
                    return
                self.gauge.failed(header)
        self._tell("exact")
        self._measure()

    # -- steering ----------------------------------------------------------------------------

    def switch(self, rule: str | None = None, noise: float | None = None, knobs: dict | None = None) -> None:
        """Change rule, noise or knobs from the next step on.

        Raises:
            LaneError: kind "input" if that cannot be; the run goes on as it was.
        """
        self._steer("switch", rule=rule, noise=noise, knobs=knobs)

    def look(self, index: int) -> None:
        """Choose the input image, by its index among the points."""
        self._steer("look", index=index)
        self._chosen = index

    def examine(self, view: str, **args: Any) -> dict[str, Any]:
        """A view of the run as it is now, in plain numpy, see `vae_core.views`.

        Raises:
            LaneError: there is no such view, or it is not defined for the present rule.
        """
        return self._again("examine", view=view, **args)

    def _again(self, name: str, **args: Any) -> Any:
        """Ask the lane; if it was lost, bring the run back and ask once more: nothing is lost with it."""
        try:
            return self._ask(name, **args).result()
        except LaneError as error:
            if error.kind not in ("lost", "unknown"):
                raise
            self._recover()
            return self._ask(name, **args).result()

    def _steer(self, name: str, **args: Any) -> None:
        answer = self._again(name, **args)
        packed, events = answer if isinstance(answer, tuple) else (answer, None)
        with self._lock:
            if packed.step < self.header["step"]:
                return
            if events is not None:
                self.record.events = [Event.model_construct(**event) for event in events]
                self.message = None
            self._take(packed)
        self._tell("frame")
        self._tell("state")
        self._measure()

    # -- forking and recovering --------------------------------------------------------------

    def restarted(self) -> "LiveRun":
        """A new run from step 0 that starts with the present rule, noise and knobs."""
        settings = {key: self.header[key] for key in ("rule", "noise", "knobs")}
        recipe = {**self.record.recipe.model_dump(), **settings}
        return LiveRun(self._engine, self.lane, recipe, points=self.points)

    def forked(self, step: int) -> "LiveRun":
        """A new run that shares the past up to a recorded step."""
        with self._lock:
            record = self.record.fork(self.record.packed(step).step)
        recipe = record.recipe.model_dump()
        child = LiveRun(self._engine, self.lane, recipe, points=self.points, record=record, origin=self.id)
        child.gauge = self.gauge.fork(record.steps[-1])
        return child

    def _failed(self, error: LaneError) -> None:
        if error.kind in ("lost", "unknown") and not self._ended:
            threading.Thread(target=self._recover, daemon=True, name="recover").start()
            return
        with self._lock:
            self._busy, self.playing, self._steps_due = False, False, 0
            self.status = "diverged" if error.kind == "diverged" else "paused"
            ending = " The recording up to there is kept." if error.kind == "diverged" else ""
            self.message = {"level": "error", "text": str(error) + ending}
        self._tell("state")

    def _recover(self) -> None:
        """The worker died: bring the run back in a new one, at the last frame, with equal bits."""
        with self._recovering:
            step = self.header["step"]
            self._say("warning", f"The worker process stopped; bringing the run back at step {step:,}.", "starting")
            try:
                events = [event.model_dump() for event in self.record.events]
                self._ask("open", **self._opening(self.record.recipe.model_dump(), events, step)).result()
            except LaneError as error:
                self._failed(LaneError(f"The run could not be brought back. {error}"))
                return
            self._busy = False
            status = "training" if self.playing else "paused"
            self._say("info", f"The worker process stopped; the run went on from step {step:,}.", status)
        self._go()

    def complain(self, text: str) -> None:
        """Show a sentence about something that was asked and cannot be; the run goes on."""
        self._say("error", text, self.status)

    def _say(self, level: str, text: str, status: str) -> None:
        with self._lock:
            self.message, self.status = {"level": level, "text": text}, status
        self._tell("state")

    def end(self) -> None:
        """Leave the lane for good."""
        with self._lock:
            self._ended, self.playing = True, False
        self._ask("close")

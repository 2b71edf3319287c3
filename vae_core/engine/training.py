"""Training: one training in a lane with its recording, for all who opened the equal run."""

import secrets
import threading
import time
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from vae_core.engine.live_measures import LiveMeasures
from vae_core.run.frame import PackedFrame
from vae_core.run.recipe import Event, Recipe
from vae_core.run.recording import Run, changes
from vae_core.workers.errors import Elsewhere, GaveWay, LaneError, LaneLost, UnknownRun
from vae_core.workers.turns import Turn

if TYPE_CHECKING:
    from vae_core.engine.engine import Engine
    from vae_core.engine.player import LiveRun

PATIENCE, AGAIN = 30.0, 0.5  # seconds for a worker, or a cluster, to come back, and between two attempts
GOING_ON = 0.1  # seconds after a frame within which the next is asked for, if nobody pauses
CALM = 0.4  # seconds that a training has stood still before it is measured: who steps or plays on need not wait


class Training:
    """Trains when one of its players asks for a frame that nobody has asked for before.

    All methods may be called from any thread; those that wait for the lane say so.

    Attributes:
        id: of the lane's run.
        key: what it trains, see `vae_core.run.key`; equal keys give equal frames. None for one that cannot be
            shared.
        plan: the changes that it was opened with and those made since.
        record: its frames so far. They live here and not in the lane, so that they outlive it.
        header: of the newest frame.
        before: the step that it was at before that one.
        clock: seconds of training at each kept step.
        info, probe, images: what the lane said when it was opened.
        measures: the exact measures that go along.
        players: the runs that show it.
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
        chosen: int | None = None,
        turn: Turn = Turn(),
        clock: Mapping[int, float] | None = None,
        id: str = "",
    ) -> None:
        """Open it; waits for the lane.

        Args:
            record: the past to go on from, to its last frame.
            origin: the training that it comes from: its state is copied if it stands at that step.
            id: of one from the store, which has checkpoints.

        Raises:
            Refused: with one sentence, if recipe or changes cannot be.
        """
        self.id = id or secrets.token_hex(12)
        self.lane, self.points, self.key = lane, points, None
        self.players: set[LiveRun] = set()
        self.measures = LiveMeasures()
        self.measure_watchers = 0  # how many watch exact measures
        self.used_at = time.monotonic()
        self._engine, self._pending, self._origin, self._chosen = engine, list(pending), origin, chosen
        self._lock, self._recovering = threading.RLock(), threading.Lock()
        self._under_way: Future | None = None
        self._measuring = False
        self._calm_at = self._arrived_at = 0.0
        events = [event.model_dump() for event in record.events] if record else []
        step = record.steps[-1] if record else 0
        self.info = self._ask(turn, "open", **self._opening(recipe, events, step)).result()
        self.record = record or Run(Recipe.model_construct(**self.info["recipe"]))
        self.plan = [*changes(self.record.recipe, self.record.events), *(p for p in pending if p["step"] >= step)]
        self.clock = dict(clock or {})
        self.seconds = max(self.clock.values(), default=0.0)
        self.before = self._take(self.info.pop("frame"))["step"]
        self.default_chosen = self.info.pop("default_chosen")
        self.probe, self.images = self._ask(turn, "images").result()

    def _opening(self, recipe: dict[str, Any], events: list[dict], step: int) -> dict[str, Any]:
        return {
            "recipe": recipe,
            "pending": self._pending,
            "events": events,
            "step": step,
            "points": self.points,
            "folders": [str(self._engine.folder(training)) for training in (self.id, self._origin) if training],
            "device": self._engine.device,
            "chosen": self._chosen,
            "origin": self._origin,
        }

    def _ask(self, turn: Turn, name: str, urgent: bool = True, **args: Any) -> Future:
        return self._engine.ask(self.lane, turn, name, urgent=urgent, run=self.id, **args)

    @property
    def coming(self) -> list[dict[str, Any]]:
        """Changes that are still to come."""
        return [change for change in self._pending if change["step"] >= self.head]

    @property
    def head(self) -> int:
        """The step that it has reached."""
        return self.header["step"]

    @property
    def chosen(self) -> int | None:
        """The input image; None where nobody has chosen one."""
        return None if self.header["chosen"] == self.default_chosen else self.header["chosen"]

    # -- frames ------------------------------------------------------------------------------

    def next(self, after: int, turn: Turn, steps: int = 0, most: int = 0, stride: int = 0) -> Future:
        """The next frame after a step: a recorded one, the one under way, or one that is trained now.

        Args:
            steps: about how many steps further, and ``most`` at most.
            stride: the frame at its next multiple, or the first one behind.

        Returns:
            A future of a `PackedFrame`, done at once if it was recorded.

        Raises:
            Elsewhere: there is none, and it cannot be trained here any more.
        """
        with self._lock:
            self.used_at = time.monotonic()
            if (recorded := self._recorded(after, steps, most, stride)) is not None:
                done: Future = Future()
                done.set_result(self.record.packed(recorded))
                return done
            if self._under_way is not None:
                return self._under_way
            if self.head > after:
                raise Elsewhere
            answer = self._under_way = Future()
        self._train(answer, turn, {"steps": steps} if steps else {"stride": stride} if stride else {})
        return answer

    def _recorded(self, after: int, steps: int, most: int, stride: int) -> int | None:
        kept = self.record.steps
        first = bisect_right(kept, after)
        if first == len(kept):
            return None
        if most:
            last = bisect_right(kept, after + min(steps, most)) - 1
            step = kept[max(first, last)]
            return step if step <= after + most else None
        if stride:
            first = min(bisect_right(kept, (after // stride + 1) * stride - 1), len(kept) - 1)
        return kept[first]

    def _train(self, answer: Future, turn: Turn, ask: dict[str, Any]) -> None:
        resumed = time.monotonic() - self._arrived_at > GOING_ON
        if resumed:  # what the lane does at leisure can wait, and this cannot
            self._ask(Turn(), "hurry")
        if not ask:
            ask = {"resumed": resumed}
            if self._watched_closely():
                ask |= {"previews": True, "seen": self._previewed}
        asked = self._ask(turn, "advance", urgent=False, **ask)
        asked.add_done_callback(lambda done: self._arrived(done, answer, turn, ask))

    def hurry(self) -> None:
        """Nobody wants more than the frame under way: it comes at once."""
        if self._under_way is not None and not any(player.wants_frames for player in list(self.players)):
            self._ask(Turn(), "hurry")

    def _watched_closely(self) -> bool:
        """Whether somebody sees the lane's every move, and it has nobody else to serve."""
        others = (
            training for training in self._engine.trainings if training is not self and training.lane == self.lane
        )
        return any(player.close_watchers for player in list(self.players)) and all(
            training.resting for training in others
        )

    def _previewed(self, data: bytes) -> None:
        for player in list(self.players):
            if player.header["step"] == self.head:
                player.show_preview(data)

    def _arrived(self, done: Future, answer: Future, turn: Turn, ask: dict[str, Any]) -> None:
        try:
            packed, seconds, events = done.result()
        except LaneError as error:
            if isinstance(error, LaneLost | UnknownRun) and self.players:
                threading.Thread(target=self._resume, args=(answer, turn, ask), daemon=True, name="recover").start()
            else:
                self._refuse(answer, error)
            return
        with self._lock:
            self.record.events = [Event.model_construct(**event) for event in events]
            self.seconds += seconds
            self.before = self.head
            self._take(packed)
            self._arrived_at = time.monotonic()
            self.measures.passed(seconds)
            self._under_way = None
        self.measure()
        self._engine.trainings.keep(self, seconds)
        answer.set_result(packed)

    def _refuse(self, answer: Future, error: LaneError) -> None:
        with self._lock:
            self._under_way = None
        answer.set_exception(error)

    def _take(self, packed: PackedFrame) -> dict[str, Any]:
        self.header = self.record.add(packed)
        self.clock[packed.step] = self.seconds
        if len(self.clock) > 2 * len(self.record.steps) + 64:
            self.clock = {step: self.clock[step] for step in self.record.steps if step in self.clock}
        self._calm_at = time.monotonic() + CALM
        return self.header

    def seconds_at(self, step: int) -> float:
        """Seconds of training until a step."""
        with self._lock:
            return self.clock.get(step) or max((s for at, s in self.clock.items() if at <= step), default=0.0)

    # -- steering, by the only player ----------------------------------------------------------

    def steer(self, turn: Turn, name: str, **args: Any) -> PackedFrame:
        """Change settings or the input image; waits for the lane.

        Raises:
            Refused: that cannot be; the training goes on as it was.
        """
        answer = self.again(turn, name, **args)
        packed, events = answer if isinstance(answer, tuple) else (answer, None)
        with self._lock:
            if events is not None:
                self.record.events = [Event.model_construct(**event) for event in events]
                self._pending = []
                self.plan = changes(self.record.recipe, self.record.events)
            else:
                self._chosen = args["index"]
            if packed.step >= self.head:
                self._take(packed)
        self.measure()
        return packed

    def again(self, turn: Turn, name: str, **args: Any) -> Any:
        """Ask the lane and wait; if it was lost, bring the training back and ask once more."""
        try:
            return self._ask(turn, name, **args).result()
        except LaneError as error:
            if not isinstance(error, LaneLost | UnknownRun):
                raise
            self.recover()
            return self._ask(turn, name, **args).result()

    # -- a lost worker -------------------------------------------------------------------------

    def recover(self) -> None:
        """Bring the training back at its newest frame, with equal bits; waits for the lane.

        Raises:
            LaneError: it could not be.
        """
        with self._recovering:
            step = self.head
            self._say("warning", f"The worker process stopped; bringing the run back at step {step:,}.")
            events = [event.model_dump() for event in self.record.events]
            opening, end = self._opening(self.record.recipe.model_dump(), events, step), time.monotonic() + PATIENCE
            while True:
                self.lane = self._engine.place()
                try:
                    self._ask(Turn(), "open", **opening).result()
                    break
                except LaneError as error:
                    if not isinstance(error, LaneLost) or time.monotonic() > end or not self.players:
                        raise LaneError(f"The run could not be brought back. {error}") from None
                time.sleep(AGAIN)
            self._measuring = False
            self._say("info", f"The worker process stopped; the run went on from step {step:,}.")

    def _resume(self, answer: Future, turn: Turn, ask: dict[str, Any]) -> None:
        try:
            self.recover()
        except LaneError as error:
            self._refuse(answer, error)
        else:
            self._train(answer, turn, ask)

    def _say(self, level: str, text: str) -> None:
        for player in list(self.players):
            player.say(level, text)

    # -- exact measures, between two slices ------------------------------------------------------

    @property
    def resting(self) -> bool:
        """Whether nobody wants more frames than there are."""
        # Whoever asked for the newest frame may not have taken it yet.
        wanted = any(p.wants_frames and p.header["step"] >= self.before for p in list(self.players))
        return self._under_way is None and not wanted

    def measure(self) -> None:
        """Ask for exact measures, if they are due and somebody watches them."""
        with self._lock:
            if self._under_way is not None or self._measuring or not self.measure_watchers:
                return
            resting = self.resting
            if any(p.status == "diverged" for p in self.players):
                return
            early = self._calm_at - time.monotonic()
            if resting and early > 0:
                threading.Timer(early, self.measure).start()
                return
            header = self.header
            ask = self.measures.due(header, resting)
            if ask is None:
                return
            self._measuring = True
        asked = self._ask(Turn(), "measure_exactly", urgent=False, **ask)
        asked.add_done_callback(lambda done: self._measured(done, header))

    def _measured(self, done: Future, header: dict[str, Any]) -> None:
        with self._lock:
            self._measuring = False
            try:
                self.measures.take(done.result())
            except (LaneError, ValueError) as error:  # what cannot be measured never stops a run
                if isinstance(error, LaneLost | UnknownRun):
                    return
                if isinstance(error, GaveWay):
                    self._calm_at = time.monotonic() + CALM
                else:
                    self.measures.failed(header)
        for player in list(self.players):
            player.tell("exact")
        self.measure()

    def close(self) -> None:
        """Leave the lane for good."""
        self._ask(Turn(), "close")

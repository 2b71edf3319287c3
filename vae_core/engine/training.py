"""Training: one training in a lane with its recording, for all who opened the equal run."""

import secrets
import threading
import time
from bisect import bisect_right
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

from vae_core.engine.clock import Clock
from vae_core.engine.live_measures import LiveMeasures
from vae_core.engine.protocols import Home, Player
from vae_core.engine.recovery import is_lost, open_again
from vae_core.run.frame import PackedFrame
from vae_core.run.recipe import Event, Recipe
from vae_core.run.recording import Run, changes
from vae_core.workers import messages
from vae_core.workers.errors import Elsewhere, GaveWay, LaneError
from vae_core.workers.messages import Answer, Request
from vae_core.workers.pool import Pool
from vae_core.workers.turns import NOBODY, Turn

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
        pool: Pool,
        home: Home,
        lane: int,
        recipe: dict[str, Any],
        pending: Sequence[messages.Change] = (),
        points: int = 2000,
        record: Run | None = None,
        origin: str | None = None,
        chosen: int | None = None,
        turn: Turn = NOBODY,
        clock: Clock | None = None,
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
        self.lane, self.points = lane, points
        self.key: str | None = None
        self.players: set[Player] = set()
        self.measures = LiveMeasures()
        self.measure_watchers = 0  # how many watch exact measures
        self.used_at = time.monotonic()
        self._pool, self._home = pool, home
        self._pending, self._origin, self._chosen = list(pending), origin, chosen
        self._lock, self._recovering = threading.RLock(), threading.Lock()
        self._under_way: Future[PackedFrame] | None = None
        self._measuring = False
        self._calm_at = self._arrived_at = 0.0
        events = [event.model_dump() for event in record.events] if record else []
        step = record.steps[-1] if record else 0
        opened = self._ask(turn, self._opening(recipe, events, step)).result()
        self.info, self.default_chosen = opened.info, opened.default_chosen
        self.record = record or Run(Recipe.model_construct(**opened.info["recipe"]))
        self.plan = [*changes(self.record.recipe, self.record.events), *(p for p in pending if p["step"] >= step)]
        self.clock = clock or Clock()
        self.before: int = self._take(opened.frame)["step"]
        images = self._ask(turn, messages.GetImages(self.id)).result()
        self.probe, self.images = images.probe, images.images

    def _opening(self, recipe: dict[str, Any], events: list[dict[str, Any]], step: int) -> messages.OpenRun:
        folders = [str(self._home.folder(id)) for id in (self.id, self._origin) if id]
        return messages.OpenRun(
            self.id, recipe, self._pending, events, step, self.points, folders,
            self._pool.device, self._chosen, self._origin,
        )  # fmt: skip

    def _ask(self, turn: Turn, request: Request[Answer], urgent: bool = True) -> Future[Answer]:
        return self._pool.ask(self.lane, turn, request, urgent)

    @property
    def coming(self) -> list[messages.Change]:
        """Changes that are still to come."""
        return [change for change in self._pending if change["step"] >= self.head]

    @property
    def head(self) -> int:
        """The step that it has reached."""
        step: int = self.header["step"]
        return step

    @property
    def chosen(self) -> int | None:
        """The input image; None where nobody has chosen one."""
        return None if self.header["chosen"] == self.default_chosen else self.header["chosen"]

    # -- frames ------------------------------------------------------------------------------

    def next(self, after: int, turn: Turn, steps: int = 0, most: int = 0, stride: int = 0) -> Future[PackedFrame]:
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
                done: Future[PackedFrame] = Future()
                done.set_result(self.record.packed(recorded))
                return done
            if self._under_way is not None:
                return self._under_way
            if self.head > after:
                raise Elsewhere
            answer = self._under_way = Future()
        self._train(answer, turn, steps, 0 if steps else stride)
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

    def _train(self, answer: Future[PackedFrame], turn: Turn, steps: int, stride: int) -> None:
        resumed = time.monotonic() - self._arrived_at > GOING_ON
        if resumed:  # what the lane does at leisure can wait, and this cannot
            self._ask(NOBODY, messages.Hurry(self.id))
        if steps or stride:
            request = messages.Advance(self.id, steps, stride)
        else:
            request = messages.Advance(self.id, previews=self._seen_closely(), resumed=resumed)
        asked = self._pool.ask(self.lane, turn, request, False, self._previewed if request.previews else None)
        asked.add_done_callback(lambda done: self._arrived(done, answer, turn, steps, stride))

    def hurry(self) -> None:
        """Nobody wants more than the frame under way: it comes at once."""
        if self._under_way is not None and not any(player.wants_frames for player in list(self.players)):
            self._ask(NOBODY, messages.Hurry(self.id))

    def _seen_closely(self) -> bool:
        """Whether somebody sees the lane's every move, and it has nobody else to serve."""
        return any(player.seen_closely for player in list(self.players)) and self._home.alone_in_lane(self)

    def _previewed(self, data: bytes) -> None:
        for player in list(self.players):
            if player.header["step"] == self.head:
                player.show_preview(data)

    def _arrived(
        self, done: Future[messages.Advanced], answer: Future[PackedFrame], turn: Turn, steps: int, stride: int
    ) -> None:
        try:
            advanced = done.result()
        except LaneError as error:
            if is_lost(error) and self.players:
                again = (answer, turn, steps, stride)
                threading.Thread(target=self._recover_and_train, args=again, daemon=True, name="recover").start()
                return
            return self._refuse(answer, error)
        with self._lock:
            self.record.events = [Event.model_construct(**event) for event in advanced.events]
            self.clock.passed(advanced.seconds)
            self.before = self.head
            self._take(advanced.frame)
            self._arrived_at = time.monotonic()
            self.measures.passed(advanced.seconds)
            self._under_way = None
        self.measure()
        self._home.took_frame(self, advanced.seconds)
        answer.set_result(advanced.frame)

    def _refuse(self, answer: Future[PackedFrame], error: LaneError) -> None:
        with self._lock:
            self._under_way = None
        answer.set_exception(error)

    def _take(self, packed: PackedFrame) -> dict[str, Any]:
        self.header = self.record.add(packed)
        self.clock.mark(packed.step, self.record.steps)
        self._calm_at = time.monotonic() + CALM
        return self.header

    # -- steering, by the only player ----------------------------------------------------------

    def switch(self, turn: Turn, request: messages.Switch) -> PackedFrame:
        """Change settings; waits for the lane.

        Raises:
            Refused: that cannot be; the training goes on as it was.
        """
        switched = self.again(turn, request)
        with self._lock:
            self.record.events = [Event.model_construct(**event) for event in switched.events]
            self._pending = []
            self.plan = changes(self.record.recipe, self.record.events)
            self._take_steered(switched.frame)
        self.measure()
        return switched.frame

    def look(self, turn: Turn, index: int) -> PackedFrame:
        """Change the input image; waits for the lane, and raises likewise."""
        packed = self.again(turn, messages.Look(self.id, index))
        with self._lock:
            self._chosen = index
            self._take_steered(packed)
        self.measure()
        return packed

    def _take_steered(self, packed: PackedFrame) -> None:
        if packed.step >= self.head:
            self._take(packed)

    # -- a lost worker, see `vae_core.engine.recovery` ---------------------------------------------

    def again(self, turn: Turn, request: Request[Answer]) -> Answer:
        """Ask the lane and wait; if it was lost, bring the training back and ask once more."""
        try:
            return self._ask(turn, request).result()
        except LaneError as error:
            if not is_lost(error):
                raise
            self.recover()
            return self._ask(turn, request).result()

    def recover(self) -> None:
        """Bring the training back at its newest frame, with equal bits; waits for the lane.

        Raises:
            LaneError: it could not be.
        """
        with self._recovering:
            step = self.head
            self._say("warning", f"The worker process stopped; bringing the run back at step {step:,}.")
            events = [event.model_dump() for event in self.record.events]
            opening = self._opening(self.record.recipe.model_dump(), events, step)

            def ask() -> Future[Any]:
                self.lane = self._home.place()
                return self._ask(NOBODY, opening)

            open_again(ask, lambda: self.players)
            self._measuring = False
            self._say("info", f"The worker process stopped; the run went on from step {step:,}.")

    def _recover_and_train(self, answer: Future[PackedFrame], turn: Turn, steps: int, stride: int) -> None:
        try:
            self.recover()
        except LaneError as error:
            self._refuse(answer, error)
        else:
            self._train(answer, turn, steps, stride)

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
            if resting and not any(p.measured and p.header["step"] >= self.head for p in self.players):
                return  # who watches rests further back, and is about to leave, see `LiveRun`
            header = self.header
            due = self.measures.due(header, resting)
            if due is None:
                return
            self._measuring = True
        asked = self._ask(NOBODY, messages.MeasureExactly(self.id, due.part, due.parts, due.fine), urgent=False)
        asked.add_done_callback(lambda done: self._measured(done, header))

    def _measured(self, done: Future[dict[str, Any]], header: dict[str, Any]) -> None:
        with self._lock:
            self._measuring = False
            try:
                self.measures.take(done.result())
            except (LaneError, ValueError) as error:  # what cannot be measured never stops a run
                if is_lost(error):
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
        self._ask(NOBODY, messages.CloseRun(self.id))

    def kept(self) -> tuple[dict[str, Any], Run]:
        """What the store keeps of it, see `Store.keep`."""
        with self._lock:
            record = self.record.fork(self.head)
            return {
                "key": self.key,
                "points": self.points,
                "chosen": self.chosen,
                "pending": self.coming,
                "clock": self.clock.of(record.steps),
            }, record

"""Lockstep: several live runs that advance together; all reach a step before any goes on."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

from vae_core.engine.engine import Engine
from vae_core.engine.player import LiveRun
from vae_core.engine.watched import Tell, Watched
from vae_core.run.contrasts import FEWEST, MOST, RUN, Plan, titles
from vae_core.run.frame import PackedFrame
from vae_core.run.link import to_query
from vae_core.run.recipe import RecipeError
from vae_core.run.recording import changes
from vae_core.workers.errors import LaneError
from vae_core.workers.pacing import running_mean

POINTS = 800  # test images on all planes together: a frame of 500 costs as much as two steps of training
RECORDED = 0.1  # seconds that a picture is shown at least, where others have trained the runs before
SHORTEST, LONGEST = 0.2, 0.5  # seconds between two pictures of all runs
SHARE = 0.2  # of the time that goes into pictures, where LONGEST allows it
LOOKED_AT = 40  # rounds between two measurements of what a picture costs


class Lockstep(Watched):
    """Two to four runs of one engine, with the controls of one player.

    Seed, batch size and number of images being equal, the runs see equal batches and ε: each is
    trained as it would be alone, to the bit. All methods may be called from any thread. What
    concerns the members happens in one thread of their own, one thing after the other, so that a
    switch falls between two rounds and reaches all of them at the same step.

    Attributes:
        members: the runs, in the order of the columns.
        front: the step that all members have reached, but for those that had to stop.
        question: what the comparison answers, or "".
    """

    def __init__(
        self,
        engine: Engine,
        plans: Sequence[Plan],
        points: int | None = None,
        question: str = "",
        origin: str = "",
        owner: str = "",
    ) -> None:
        """Open the runs; they wait at step 0.

        Args:
            plans: for each run its recipe and changes, as `Engine.open` takes them.
            points: test images on each plane; `POINTS` shared out if left out.
            origin: query of the address that this comparison comes from; it stands for it until something is changed.
            owner: whose share of the lanes it uses.

        Raises:
            RecipeError: fewer than two or more than four runs, or of different data sets.
            Refused: one of the recipes cannot be; none of the runs is left then.
        """
        if not FEWEST <= len(plans) <= MOST:
            raise RecipeError(f"A comparison has {FEWEST} to {MOST} runs; these are {len(plans)}.")
        super().__init__()
        self.question, self._origin = question, origin
        self.front = 0
        self._engine = engine
        self._hands = ThreadPoolExecutor(1, thread_name_prefix="lockstep")
        self._held: list[Callable[[], None]] = []  # while somebody watches, the engine may close none of the members
        self._queued = False
        self._due = 0  # steps that were asked for one by one
        self._rounds = 0
        self._step_seconds = self._picture_seconds = 0.0  # of one step and of one picture of all runs
        self._stopped: set[int] = set()  # members that could not follow
        self.members: list[LiveRun] = []
        try:
            for place, (recipe, pending) in enumerate(plans):
                self.members.append(engine.open(recipe, pending, points or POINTS // len(plans), place, owner))
            if len({run.record.recipe.dataset for run in self.members}) > 1:
                raise RecipeError("The runs of a comparison need the same data set, so that dots are the same images.")
        except (LaneError, RecipeError):
            for run in self.members:
                engine.close(run)
            raise
        for run in self.members:
            run.autoplay, run.portion = False, 10**9

    # -- watching ----------------------------------------------------------------------------

    @property
    def alive(self) -> bool:
        """Whether all members are still in the engine."""
        return not self._ended and all(run.id in self._engine.runs for run in self.members)

    def watch(self, tell: Tell) -> Callable[[], None]:
        """Be told of "frame" or "state" after something changed; returns the function that ends it."""
        self._join(tell, self._hold)

        def leave() -> None:
            with self._lock:
                self._part(tell)
                if not self._watchers:
                    self._release()

        return leave

    def _hold(self) -> None:
        if not self._held:
            self._held = [run.watch(lambda what: None) for run in self.members]

    def _release(self) -> None:
        held, self._held = self._held, []
        for leave in held:
            leave()

    def frames(self, step: int | None = None) -> list[PackedFrame]:
        """Each member's frame at a kept step, or its newest; of a member that stopped before, its last."""
        with self._lock:
            return [run.newest if step is None else run.record.packed(step) for run in self.members]

    def kept(self) -> list[int]:
        """Steps that can be shown again."""
        leader = max(self.members, key=lambda run: run.header["step"])
        return [step for step in leader.record.steps if step <= self.front]

    def settings(self) -> list[dict[str, Any]]:
        """Each member's recipe with rule, noise and knobs as they are now."""
        return [
            {**run.record.recipe.model_dump(), **{name: run.header[name] for name in ("rule", "noise", "knobs")}}
            for run in self.members
        ]

    def plans(self) -> list[Plan]:
        """Each member's recipe and changes, to open it again."""
        return [(run.record.recipe.model_dump(), changes(run.record.recipe, run.record.events)) for run in self.members]

    def link(self) -> str:
        """The query of the address that gives this comparison again."""
        if self._origin:
            return "?" + self._origin
        runs = [to_query(run.record.recipe, run.record.events).removeprefix("?") for run in self.members]
        return "?" + urlencode([(RUN, run) for run in runs])

    def state(self) -> dict[str, Any]:
        """What the controls show; JSON-ready."""
        with self._lock:
            names = titles(self.settings(), self._engine.rules())
            return {
                "type": "state",
                "playing": self.playing,
                "speed": self.speed,
                "step": self.front,
                "seconds": round(sum(run.seconds for run in self.members), 2),
                "status": "training" if self.playing else "paused",
                "kept": self.kept(),
                "link": self.link(),
                "message": self.message,
                "columns": [
                    {
                        "title": title,
                        **{name: run.header[name] for name in ("rule", "noise", "knobs", "step")},
                        "status": "training" if self.playing and place not in self._stopped else run.status,
                        "message": run.message,
                        "events": run.record.marks(),
                    }
                    for place, (run, title) in enumerate(zip(self.members, names, strict=True))
                ],
            }

    # -- playing -----------------------------------------------------------------------------

    def play(self) -> None:
        """Train until paused."""
        with self._lock:
            self.playing, self.left_at = True, time.monotonic()
            self._try_again()
        self._go()
        self.tell("state")

    def pause(self) -> None:
        """Stop after the present round."""
        with self._lock:
            self.playing, self._due, self._plays_on = False, 0, False
        self.tell("state")

    def step(self, steps: int = 1) -> None:
        """Train some steps and pause."""
        with self._lock:
            self.playing = False
            self._due += steps
            self._try_again()
        self._go()
        self.tell("state")

    def _try_again(self) -> None:
        """A member whose worker could not be brought back may follow again; one that diverged may not."""
        self._stopped = {place for place in self._stopped if self.members[place].status == "diverged"}

    def _go(self) -> None:
        """Line up the next round, if one is wanted and none waits."""
        with self._lock:
            if self._queued or self._ended or not (self.playing or self._due):
                return
            if self._rest_unwatched():
                return
            self._queued = True
            self._hands.submit(self._play_round)

    def _play_round(self) -> None:
        """A round; what goes wrong in it is said, and the player rests."""
        try:
            self._round()
        except Exception as error:
            with self._lock:
                self.playing, self._due, self._queued = False, 0, False
            self.complain(f"The comparison stopped ({type(error).__name__}: {error}). Press play to go on.")

    def _round(self) -> None:
        """All members to the next common step. One that cannot follow is left where it is."""
        with self._lock:
            following = [run for place, run in enumerate(self.members) if place not in self._stopped]
            target = self._target()
            steps = target - self.front
            recorded = all(run.training.head >= target for run in following)
        began = time.monotonic()
        if following and steps:
            advance(following, target)
            self._learn(following, time.monotonic() - began, steps)
        with self._lock:
            arrived = [run for run in following if run.header["step"] >= target]
            self._stopped |= {
                place for place, run in enumerate(self.members) if run in following and run not in arrived
            }
            if arrived:
                self._due = max(0, self._due - steps)
                self.front = target
                common = set(arrived[0].record.steps).intersection(*(run.record.steps for run in arrived[1:]))
                for run in arrived:  # each thins its past by its size: what one drops, all drop
                    run.record.keep(common)
            else:
                self.playing, self._due = False, 0
            self._queued = False
            least = RECORDED if recorded else 0.0
            pause = (
                began + max(least, steps / self.speed if self.speed else 0.0) - time.monotonic()
                if self.playing
                else 0.0
            )
        self.tell("frame")
        if len(arrived) < len(following) or not self.playing:
            self.tell("state")
        if pause > 0.001:
            threading.Timer(pause, self._go).start()
        else:
            self._go()

    def _target(self) -> int:
        stride = self._stride()
        there = [set(run.training.record.steps) for run in self.members]  # others have trained equal runs up to there
        ready = sorted(step for step in set.intersection(*there) if step > self.front)
        if self._due:
            ready = [step for step in ready if step <= self.front + self._due]
            if ready:
                return max((step for step in ready if step <= self.front + stride), default=ready[0])
        elif ready:
            return next((step for step in ready if step >= self.front + stride), ready[-1])
        if self._due:
            return self.front + min(self._due, stride)
        grid = 1 << max(0, stride.bit_length() - 3)  # pictures lie at round numbers of steps
        return max(self.front + 1, (self.front + stride) // grid * grid) if self.playing else self.front

    def _stride(self) -> int:
        """Steps to the next picture: as many as leave pictures their share of the time, and at most an eighth of
        the steps done, so that the first moments are seen one by one."""
        pictures = self._picture_seconds
        wanted = min(max(SHORTEST, pictures / SHARE), LONGEST) - pictures
        stride = int(min(wanted / max(self._step_seconds, 1e-6), max(self.front, 8) / 8))
        return max(1, min(stride, round(self.speed / 5)) if self.speed else stride)

    def _learn(self, following: Sequence[LiveRun], took: float, steps: int) -> None:
        """How long pictures and steps take here and now."""
        if self._rounds % LOOKED_AT == 0:
            began = time.monotonic()
            with suppress(LaneError):  # of one that has just diverged
                for run in following:
                    run.look(run.header["chosen"])  # a frame, and nothing else
                self._picture_seconds = time.monotonic() - began
        self._rounds += 1
        self._step_seconds = running_mean(self._step_seconds, max(0.0, took - self._picture_seconds) / steps)

    # -- steering ----------------------------------------------------------------------------

    def switch(
        self,
        member: int | None = None,
        rule: str | None = None,
        noise: float | None = None,
        knobs: dict[str, Any] | None = None,
    ) -> None:
        """Change rule, noise or knobs of one member, or of all (those whose rule has the knob), from the next step on.

        Raises:
            Refused: that cannot be for one of them; the others have changed.
        """
        self._hands.submit(self._switch, member, rule, noise, knobs).result()

    def _switch(self, member: int | None, rule: str | None, noise: float | None, knobs: dict[str, Any] | None) -> None:
        refused = None
        for run in self.members if member is None else [self.members[member]]:
            own = knobs
            if member is None and knobs and rule is None:
                own = {name: value for name, value in knobs.items() if name in run.header["knobs"]}
                if not own and noise is None:
                    continue
            try:
                run.switch(rule=rule, noise=noise, knobs=own)
            except LaneError as error:
                refused = error
        with self._lock:
            self._origin, self.message = "", None
        self.tell("frame")
        self.tell("state")
        if refused:
            raise refused

    def look(self, index: int) -> None:
        """Choose the input image of all members, by its index among the points."""
        self._hands.submit(self._look, index).result()
        self.tell("frame")

    def _look(self, index: int) -> None:
        for run in self.members:
            run.look(index)

    def reset(self) -> None:
        """All members again from step 0, with their present rule, noise and knobs.

        Raises:
            LaneError: the worker is lost; the members stay as they are.
        """
        self._hands.submit(self._reset).result()

    def _reset(self) -> None:
        playing, chosen = self.playing, self.members[0].header["chosen"]
        fresh = [self._engine.restart(run) for run in self.members]
        with self._lock:
            old, self.members = self.members, fresh
            self.front, self._rounds, self._due, self._stopped, self.message = 0, 0, 0, set(), None
            self._release()
            if self._watchers:
                self._hold()
        for run in fresh:
            run.autoplay, run.portion = False, 10**9
            run.look(chosen)
        for run in old:
            self._engine.close(run)
        self.tell("reset")
        if playing:
            self.play()

    def end(self) -> None:
        """Leave the engine for good."""
        with self._lock:
            self._ended, self.playing, self._due = True, False, 0
            self._release()
        self._hands.shutdown(wait=False)
        for run in self.members:
            self._engine.close(run)


def advance(runs: Sequence[LiveRun], target: int) -> None:
    """All runs to one step, or as far as each can go; a lost worker is brought back on the way."""
    arrived = threading.Event()
    leave = [run.watch(lambda what: arrived.set()) for run in runs]
    for run in runs:
        run.step(target - run.header["step"])
    while not all(run.resting for run in runs):
        arrived.wait(1.0)
        arrived.clear()
    for end in leave:
        end()

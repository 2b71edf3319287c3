"""Trainings: the trainings of an engine, found by what they train, shared, and kept in the store."""

import math
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from vae_core.engine.clock import Clock
from vae_core.engine.training import Training
from vae_core.run.catalogue import default_knobs
from vae_core.run.frame import Frame
from vae_core.run.key import key_of
from vae_core.run.packing import unpack
from vae_core.run.recipe import Recipe
from vae_core.run.recording import Run
from vae_core.storage.store import Store
from vae_core.workers.checkpoints import Checkpoints
from vae_core.workers.errors import LaneError, Refused
from vae_core.workers.pool import Pool
from vae_core.workers.turns import Turn

IDLE = 8  # trainings that nobody shows and that stay in memory, for whoever opens the equal run
KEEP_EVERY = 5.0  # seconds of training between two visits to the store


class Trainings:
    """The trainings by id and, those that can be shared, by what they train.

    Args:
        pool: whose lanes they use.
        store: where they are kept.
        changed: called when there is one more.
    """

    def __init__(self, pool: Pool, store: Store, changed: Callable[[], None] = lambda: None) -> None:
        self._pool, self._store, self._changed = pool, store, changed
        self._lock = threading.RLock()
        self._trainings: dict[str, Training] = {}
        self._shared: dict[str, Future[Training]] = {}  # key -> the training, or one that is being opened
        self._keeper = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._unkept: dict[str, float] = {}  # seconds of training that are not in the store yet
        self._keeper.submit(store.tidy)
        self._stored = store.kept()  # key -> id, of those that are not in memory

    def __iter__(self) -> Iterator[Training]:
        with self._lock:
            return iter(list(self._trainings.values()))

    def __len__(self) -> int:
        return len(self._trainings)

    # -- what a training needs to know of the others -------------------------------------------

    def place(self) -> int:
        """The lane that is ready and has the fewest trainings that train."""
        load: dict[int, float] = {}
        for training in self:
            load[training.lane] = load.get(training.lane, 0.0) + 0.01 + (not training.resting)
        return self._pool.place(load)

    def folder(self, id: str) -> Path:
        """Where a training's checkpoints lie."""
        return self._store.of(id)

    def took_frame(self, training: Training, seconds: float) -> None:
        """A training has a new frame, after so long."""
        self.keep(training, seconds)

    def alone_in_lane(self, training: Training) -> bool:
        """Whether no other training wants frames of its lane."""
        return all(other.resting for other in self if other is not training and other.lane == training.lane)

    def crowd(self) -> dict[str, int] | None:
        """How many runs share how many workers, if they have to."""
        busy = sum(not training.resting for training in self)
        return {"runs": busy, "workers": len(self._pool)} if busy > len(self._pool) else None

    # -- finding and opening -------------------------------------------------------------------

    def find(
        self, recipe: dict[str, Any], pending: Sequence[dict[str, Any]], points: int, lane: int, turn: Turn
    ) -> Training:
        """The training of a recipe and its changes: one that runs, one from the store, or a new one in a lane.

        Raises:
            Refused: with one sentence, if recipe or changes cannot be.
        """
        key = self.key(recipe, pending, points)
        if key is None:  # the lane says what is wrong with it
            return self._add(Training(self._pool, self, lane, recipe, pending, points, turn=turn))
        with self._lock:
            known = self._shared.get(key)
            if known is None:
                opening = self._shared[key] = Future()
        if known is not None:
            training = known.result()
            training.used_at = time.monotonic()
            return training
        try:
            training = self._from_store(self._stored.pop(key, ""), turn, key) or self._add(
                Training(self._pool, self, lane, recipe, pending, points, turn=turn)
            )
            training.key = key
        except BaseException as error:
            with self._lock:
                del self._shared[key]
            opening.set_exception(error)
            raise
        opening.set_result(training)
        return training

    def by_id(self, id: str, turn: Turn) -> Training | None:
        """A training that is in memory or in the store."""
        training = self._trainings.get(id) or self._from_store(id, turn)
        if training is not None:
            self._name(training)
        return training

    def _add(self, training: Training) -> Training:
        with self._lock:
            self._trainings[training.id] = training
        self._changed()
        return training

    def _from_store(self, id: str, turn: Turn, key: str = "") -> Training | None:
        if not self._store.holds(id):
            return None
        ours = self._store.claim(id)  # before it is read: another server may be about to write it
        kept = self._store.open(id)
        # Another server of this store may have steered it since we looked.
        if kept is None or (key and kept[0]["key"] != key):
            self._let_go(id)
            return None
        about, record = kept
        clock = Clock({int(step): seconds for step, seconds in about["clock"].items()})
        recipe, frame = record.recipe.model_dump(), record.frame(record.steps[-1])
        own, origin = (id, None) if ours else (secrets.token_hex(12), id)  # one that another server has open is copied
        try:
            training = Training(
                self._pool, self, self.place(), recipe, about["pending"], about["points"], record, origin,
                about["chosen"], turn, clock, own,
            )  # fmt: skip
        except LaneError:
            self._let_go(own)
            return None
        if not same_data(training, frame):
            training.close()
            self._let_go(own)
            return None
        return self._add(training)

    def key(
        self, recipe: Mapping[str, Any], plan: Sequence[Mapping[str, Any]], points: int, chosen: int | None = None
    ) -> str | None:
        """What a recipe with these changes trains, see `vae_core.run.key`."""
        return key_of(recipe, plan, points, chosen, default_knobs(self._pool.rules()))

    def reopened(self, record: Run, state: bytes | None) -> Training:
        """A training that goes on from a recording; see `Engine.reopen`."""
        step, id = record.steps[-1], secrets.token_hex(12)
        recipe, frame = record.recipe.model_dump(), record.frame(step)
        if state:  # on a full disk it is not kept, and the run is trained again
            Checkpoints(self._store.of(id)).write(step, state)
        try:
            training = Training(
                self._pool, self, self.place(), recipe, (), len(frame.labels), record.fork(step), None,
                frame.strip[-1], id=id,
            )  # fmt: skip
            if not same_data(training, frame):
                training.close()
                raise Refused(
                    f"This run was trained on {recipe['dataset']}, which is not on this machine. "
                    "Add the data on the Playground, then open the run again.",
                )
        except LaneError:
            self._store.forget(id)
            raise
        record.recipe = training.record.recipe = Recipe.model_construct(**training.info["recipe"])
        return self._add(training)

    def branch(
        self, training: Training, record: Run, turn: Turn, pending: Sequence[dict[str, Any]] | None = None
    ) -> Training:
        """A training of its own that goes on from a recorded past of another; waits for the lane.

        Args:
            pending: changes still to come; those of the other if left out.
        """
        step = record.steps[-1]
        coming = training.coming if pending is None else pending
        own = Training(
            self._pool, self, training.lane, record.recipe.model_dump(), coming, training.points, record.fork(step),
            training.id, training.chosen, turn, training.clock.fork(step),
        )  # fmt: skip
        own.measures = training.measures.fork(step)
        return self._add(own)

    def renamed(self, training: Training, step: int) -> Training:
        """A training was steered at a step: what it trains now has another name, and may be what somebody else trains
        already. Returns the one to go on with."""
        other = self._name(training)
        return other if other.head >= step else training

    def _name(self, training: Training) -> Training:
        """Find a training by what it trains from now on; returns the one that has the name, itself or an equal one."""
        key = self.key(training.record.recipe.model_dump(), training.plan, training.points, training.chosen)
        with self._lock:
            self._forget_name(training, but=key)
            training.key = key
            if key and self._owner_of(key) is None and key not in self._shared:
                self._shared[key] = Future()
                self._shared[key].set_result(training)
            return self._owner_of(key) or training

    def data_added(self) -> None:
        """Data was added: who asks for it is not given a training any more for which other data stood in."""
        with self._lock:
            for training in self._trainings.values():
                if training.info["dataset"]["banner"]:
                    self._forget_name(training)

    def _owner_of(self, key: str | None) -> Training | None:
        named = self._shared.get(key or "")
        return named.result() if named and named.done() and not named.exception() else None

    def _forget_name(self, training: Training, but: str | None = None) -> None:
        """Nobody finds it by its key any more, unless that stays the same."""
        if training.key and training.key != but and self._owner_of(training.key) is training:
            del self._shared[training.key]

    def retire(self, training: Training) -> None:
        """Close a training that nobody shows; if it can be shared, the one that nobody has shown for the longest."""
        with self._lock:
            idle = [other for other in self._trainings.values() if not other.players]
            if training.players or training not in idle:
                return
            shareable = sorted((other for other in idle if other.key), key=lambda other: other.used_at)
            surplus = [other for other in idle if not other.key] + shareable[: max(0, len(shareable) - IDLE)]
            for old in surplus:
                del self._trainings[old.id]
                self._unkept.pop(old.id, None)
                self._forget_name(old)
        for old in surplus:
            old.close()
            if old.key:
                self._stored[old.key] = old.id
                with suppress(RuntimeError):
                    self._keeper.submit(self._let_go, old.id)
            else:
                with suppress(RuntimeError):  # behind what is being written of it; unless the engine stops
                    self._keeper.submit(self._store.forget, old.id)

    def keep(self, training: Training, seconds: float) -> None:
        """A training has trained for so long since it was last told: put it into the store now and then, at once if
        that is infinite."""
        with self._lock:
            before = self._unkept.get(training.id, KEEP_EVERY)
            self._unkept[training.id] = before + seconds
            if before + seconds < KEEP_EVERY or before == math.inf:  # not yet, or lined up already
                return
            self._unkept[training.id] = math.inf
        with suppress(RuntimeError):  # the engine stops
            self._keeper.submit(self._keep, training)

    def _keep(self, training: Training) -> None:
        with self._lock:
            if training.id not in self._trainings:
                return  # it was closed meanwhile
            self._unkept[training.id] = 0.0
        self._store.keep(training.id, *training.kept())
        for run in list(training.players):
            self._store.note(run.id, run.note())

    def _let_go(self, id: str) -> None:
        """Leave a training to other servers, unless it is open here (again)."""
        with self._lock:
            if id not in self._trainings:
                self._store.release(id)

    def stop(self) -> None:
        """Put everything that is open into the store."""
        for training in self:
            if training.players:
                self._keeper.submit(self._keep, training)
        self._keeper.shutdown()
        self._store.release()


def same_data(training: Training, frame: Frame) -> bool:
    """Whether a recorded frame shows the images that the training has: other data may stand in for what was not at
    hand."""
    return unpack(training.probe)[1]["labels"].tobytes() == frame.labels.tobytes()

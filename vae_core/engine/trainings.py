"""Trainings: the trainings of an engine, found by what they train, shared, and kept in the store."""

import math
import secrets
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from vae_core.engine.training import Training
from vae_core.run.frame import Frame, unpack
from vae_core.run.key import key_of
from vae_core.run.recipe import Recipe
from vae_core.run.recording import Run, changes
from vae_core.storage.store import Store
from vae_core.workers.errors import LaneError, Refused
from vae_core.workers.turns import Turn

if TYPE_CHECKING:
    from vae_core.engine.engine import Engine
    from vae_core.engine.player import LiveRun

IDLE = 8  # trainings that nobody shows and that stay in memory, for whoever opens the equal run
KEEP_EVERY = 5.0  # seconds of training between two visits to the store


class Trainings:
    """The trainings by id and, those that can be shared, by what they train.

    Args:
        engine: whose lanes they use.
        store: where they are kept.
    """

    def __init__(self, engine: "Engine", store: Store) -> None:
        self._engine, self._store = engine, store
        self._lock = threading.RLock()
        self._trainings: dict[str, Training] = {}
        self._shared: dict[str, Future] = {}  # key -> the training, or one that is being opened
        self._keeper = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._unkept: dict[str, float] = {}  # seconds of training that are not in the store yet
        self._keeper.submit(store.tidy)
        self._stored = store.kept()  # key -> id, of those that are not in memory

    def __iter__(self):
        with self._lock:
            return iter(list(self._trainings.values()))

    def __len__(self) -> int:
        return len(self._trainings)

    def trains(self, run: "LiveRun", recipe: dict[str, Any], plan: Sequence[dict[str, Any]], points: int) -> bool:
        """Whether a run shows this recipe with these changes."""
        own = run.record.recipe.model_dump(), changes(run.record.recipe, run.record.events), run.points
        key = self._key(recipe, plan, points, None)
        return key is not None and key in (self._key(*own, None), run.training.key)

    # -- finding and opening -------------------------------------------------------------------

    def find(
        self, recipe: dict[str, Any], pending: Sequence[dict[str, Any]], points: int, lane: int, turn: Turn
    ) -> Training:
        """The training of a recipe and its changes: one that runs, one from the store, or a new one in a lane.

        Raises:
            Refused: with one sentence, if recipe or changes cannot be.
        """
        key = self._key(recipe, pending, points, None)
        if key is None:  # the lane says what is wrong with it
            return self._add(Training(self._engine, lane, recipe, pending, points, turn=turn))
        with self._lock:
            known = self._shared.get(key)
            if known is None:
                opening = self._shared[key] = Future()
        if known is not None:
            training = known.result()
            training.used_at = time.monotonic()
            return training
        try:
            training = self._from_store(self._stored.pop(key, ""), turn, key)
            if training is None:
                training = self._add(Training(self._engine, lane, recipe, pending, points, turn=turn))
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
        self._engine.share_memory()
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
        clock = {int(step): seconds for step, seconds in about["clock"].items()}
        recipe, frame = record.recipe.model_dump(), record.frame(record.steps[-1])
        own, origin = (id, None) if ours else (secrets.token_hex(12), id)  # one that another server has open is copied
        try:
            training = Training(
                self._engine, self._engine.place(), recipe, about["pending"], about["points"], record, origin,
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

    def _key(
        self, recipe: Mapping[str, Any], plan: Sequence[Mapping[str, Any]], points: int, chosen: int | None
    ) -> str | None:
        defaults = {
            rule["name"]: {knob["name"]: knob["default"] for knob in rule["knobs"]} for rule in self._engine.rules()
        }
        return key_of(recipe, plan, points, chosen, defaults)

    def reopened(self, record: Run, state: bytes | None) -> Training:
        """A training that goes on from a recording; see `Engine.reopen`."""
        step, id = record.steps[-1], secrets.token_hex(12)
        recipe, frame = record.recipe.model_dump(), record.frame(step)
        folder = self._store.of(id)
        try:
            if state:
                folder.mkdir(parents=True)
                (folder / f"{step}.npz").write_bytes(state)
        except OSError:
            pass  # a full disk: the run is trained again
        try:
            training = Training(
                self._engine, self._engine.place(), recipe, (), len(frame.labels), record.fork(step), None,
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
            self._engine, training.lane, record.recipe.model_dump(), coming, training.points, record.fork(step), training.id, training.chosen, turn,
            {at: seconds for at, seconds in training.clock.items() if at <= step},
        )  # fmt: skip
        own.measures = training.measures.fork(step)
        return self._add(own)

    def renamed(self, run: "LiveRun") -> None:
        """A run was steered: what it trains now has another name, and may be what somebody else trains already."""
        training = run.training
        other = self._name(training)
        if other is not training and other.head >= run.header["step"]:
            run.move_to(other)
            self.retire(training)

    def _name(self, training: Training) -> Training:
        """Find a training by what it trains from now on; returns the one that has the name, itself or an equal one."""
        key = self._key(training.record.recipe.model_dump(), training.plan, training.points, training.chosen)
        with self._lock:
            if training.key != key and self._owner_of(training.key) is training:
                del self._shared[training.key]
            training.key = key
            if key and self._owner_of(key) is None and key not in self._shared:
                self._shared[key] = Future()
                self._shared[key].set_result(training)
            return self._owner_of(key) or training

    def _owner_of(self, key: str | None) -> Training | None:
        named = self._shared.get(key)
        return named.result() if named and named.done() and not named.exception() else None

    def retire(self, training: Training) -> None:
        """Close a training that nobody shows, or, if it can be shared, the one that nobody has shown for the longest."""
        with self._lock:
            idle = [f for f in self._trainings.values() if not f.players]
            if training.players or training not in idle:
                return
            shareable = sorted((f for f in idle if f.key), key=lambda f: f.used_at)
            surplus = [f for f in idle if not f.key] + shareable[: max(0, len(shareable) - IDLE)]
            for old in surplus:
                del self._trainings[old.id]
                self._unkept.pop(old.id, None)
                if self._owner_of(old.key) is old:
                    del self._shared[old.key]
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
        with training._lock:
            record = training.record.fork(training.head)
            about = {
                "key": training.key,
                "points": training.points,
                "chosen": training.chosen,
                "pending": training.coming,
                "clock": {step: round(training.clock.get(step, 0.0), 3) for step in record.steps},
            }
        self._store.keep(training.id, about, record)
        for run in list(training.players):
            self._store.note(
                run.id,
                {
                    "feed": training.id,
                    "owner": run.owner,
                    "step": run.header["step"],
                    "playing": run.playing or run._unwatched,
                    "speed": run.speed,
                },
            )

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
    """Whether a recorded frame shows the images that the training has: other data may stand in for what was not at hand."""
    return unpack(training.probe)[1]["labels"].tobytes() == frame.labels.tobytes()

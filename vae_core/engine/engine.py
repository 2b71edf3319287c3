"""Engine: the runs of a server, the trainings that they show, and the pool of lanes that trains these."""

import threading
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from vae_core.engine.limits import Limits
from vae_core.engine.player import LiveRun
from vae_core.engine.trainings import Trainings
from vae_core.run.catalogue import RuleEntry
from vae_core.run.recording import BUDGET, Run
from vae_core.storage.store import Store
from vae_core.workers.errors import ServerFull
from vae_core.workers.pool import Pool
from vae_core.workers.turns import Turn

LEAST_FRAMES = 1 << 20  # bytes of frames that each recording may keep at least

FIGURES = {  # of `Engine.figures`, in words
    "lanes": "Worker processes.",
    "runs": "Open runs.",
    "feeds": "Runs that are trained; equal recipes share one.",
    "training": "Open runs that play.",
    "waiting": "Requests that wait for a worker.",
    "frames": "Recorded frames in memory.",
    "frame_bytes": "Memory of the recorded frames.",
}
LOST = "Workers that died since the start."


class Engine:
    """Lanes, the trainings in them, and the runs that show these.

    Args:
        lanes: number of worker processes.
        device: for the trainers, see `Trainer`.
        limits: what a class may use; may be replaced at any time.
        folder: of the store, see `vae_core.storage.store`.
        address: of a cluster whose lanes are used instead of workers on this machine, see `Cluster`; ``lanes`` is
            then how many of them, 0 for all that there are and will be.

    Raises:
        LaneError: the cluster does not answer, or cannot train.
    """

    def __init__(
        self,
        lanes: int = 1,
        device: str = "auto",
        limits: Limits | None = None,
        folder: Path | None = None,
        address: str = "",
    ) -> None:
        self.limits = limits or Limits()
        self.runs: dict[str, LiveRun] = {}
        self._lock = threading.RLock()
        self._recalled: dict[str, Future[LiveRun | None]] = {}
        self._store = Store(folder)
        self.pool = Pool(lanes, device, address)
        self.trainings = Trainings(self.pool, self._store, changed=self.share_memory)

    def rules(self) -> list[RuleEntry]:
        """All rules as plain data, see `vae_core.run.catalogue`."""
        return self.pool.rules()

    # -- runs --------------------------------------------------------------------------------

    def open(
        self,
        recipe: dict[str, Any],
        pending: Sequence[dict[str, Any]] = (),
        points: int = 2000,
        lane: int | None = None,
        owner: str = "",
    ) -> LiveRun:
        """Start a run; it waits at step 0 until it is played. What equals a run that is, or was, trained here
        is not trained again: its frames are there at once.

        Args:
            recipe: fields of `Recipe`; the lane checks them.
            pending: changes to make on the way, see `vae_core.workers.messages.OpenRun`.
            lane: where, counted round and round; the least busy one if left out.
            owner: whose share it uses.

        Raises:
            Refused: with one sentence, if recipe or changes cannot be; ServerFull if there are as many
                runs as there may be, and all of them are watched.
        """
        if sum(run.watched for run in list(self.runs.values())) >= self.limits.runs:
            raise ServerFull(
                f"This server shows {self.limits.runs:,} runs already, which is the most that it may. "
                "Try again when somebody has left, or join a run that is shown to the class.",
            )
        place = self.trainings.place() if lane is None else lane % len(self.pool)
        training = self.trainings.find(recipe, pending, points, place, Turn(owner))
        return self._enter(LiveRun(self.trainings, training, owner))

    def fork(self, parent: LiveRun, step: int, owner: str | None = None, **settings: Any) -> LiveRun:
        """A run of its own from a recorded frame, with other settings from there on.

        Args:
            owner: another user's, whose fork lets the parent play on; the parent's if left out.
        """
        record = parent.record.fork(parent.record.packed(step).step)
        user = parent.owner if owner is None else owner
        training = self.trainings.branch(parent.training, record, Turn(user), pending=())
        child = self._enter(LiveRun(self.trainings, training, user, record))
        if owner is None:
            parent.pause()
        if settings:
            child.switch(**settings)
        return child

    def restart(self, run: LiveRun) -> LiveRun:
        """A run from step 0 that starts with the present rule, noise and knobs."""
        settings = {name: run.header[name] for name in ("rule", "noise", "knobs")}
        recipe = {**run.record.recipe.model_dump(), **settings}
        child = self._enter(
            LiveRun(self.trainings, self.trainings.find(recipe, (), run.points, run.training.lane, run.turn), run.owner)
        )
        child.autoplay = run.playing or run.status == "diverged"
        child.first = run.first
        child.set_speed(run.speed)
        run.pause()
        return child

    def reopen(self, record: Run, state: bytes | None = None, owner: str = "") -> LiveRun:
        """A recording as a run that can go on; it rests at its last frame.

        Args:
            state: of its last frame, see `Trainer.state`; without one, the run is trained again up to there.

        Raises:
            Refused: with one sentence, if its recipe cannot be, or its data is not at hand.
        """
        run = LiveRun(self.trainings, self.trainings.reopened(record, state), owner, record)
        run.autoplay = False
        return self._enter(run)

    def recall(self, id: str) -> LiveRun | None:
        """An open run by its id, also one that was open when the server stopped; None if there is none."""
        with self._lock:
            if id in self.runs:
                return self.runs[id]
            known = self._recalled.get(id)
            if known is None:
                opening = self._recalled[id] = Future()
        if known is not None:
            return known.result()
        try:
            opening.set_result(self._recall(id))
        except BaseException as error:
            opening.set_exception(error)
        finally:
            with self._lock:
                del self._recalled[id]
        return opening.result()

    def _recall(self, id: str) -> LiveRun | None:
        about = self._store.noted(id)
        if not about:
            return None
        self._store.take_over(id)
        run = LiveRun.from_note(id, about, self.trainings)
        if run is None:
            self._store.drop(id)
            return None
        return self._enter(run)

    def _enter(self, run: LiveRun) -> LiveRun:
        with self._lock:
            self.runs[run.id] = run
            idle = [other for other in self.runs.values() if not other.watched and other is not run]
            idle.sort(key=lambda other: other.left_at)
            own = [other for other in self.runs.values() if run.owner and other.owner == run.owner]
            surplus = [r for r in idle if r.owner == run.owner][: max(0, len(own) - self.limits.runs_per_user)]
            rest = [other for other in idle if other not in surplus]
            surplus += rest[: max(0, len(self.runs) - len(surplus) - self.limits.runs)]
        for old in surplus:
            self.close(old)
        self.share_memory()
        self.trainings.keep(run.training, 0.0)
        return run

    def share_memory(self) -> None:
        """What each recording may keep, so that all of them together stay below the limit. Equal frames of several
        recordings lie in memory once."""
        each = max(LEAST_FRAMES, min(BUDGET, self.limits.frame_bytes // max(1, len(self.trainings))))
        with self._lock:
            for record in (
                *(training.record for training in self.trainings),
                *(run.record for run in self.runs.values()),
            ):
                record.budget = each

    def close(self, run: LiveRun) -> None:
        """Forget a run. What it trained stays for a while, for whoever opens the equal run."""
        with self._lock:
            self.runs.pop(run.id, None)
        run.end()
        self._store.drop(run.id)
        self.trainings.retire(run.training)

    def figures(self) -> dict[str, int]:
        """How busy the engine is: the keys of `FIGURES`, and lost (workers since the start)."""
        with self._lock:
            runs, trainings = list(self.runs.values()), list(self.trainings)
        frames: dict[int, int] = {}
        for record in (*(training.record for training in trainings), *(run.record for run in runs)):
            frames |= record.sizes()
        return {
            "lanes": len(self.pool),
            "runs": len(runs),
            "feeds": len(trainings),
            "training": sum(run.playing for run in runs),
            "waiting": self.pool.waiting,
            "frames": len(frames),
            "frame_bytes": sum(frames.values()),
            "lost": self.pool.lost,
        }

    def stop(self) -> None:
        """Put everything into the store and end all lanes; no process is left behind."""
        self.trainings.stop()
        for run in list(self.runs.values()):
            run.end()
        self.pool.stop()

    def __enter__(self) -> "Engine":
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

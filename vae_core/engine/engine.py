"""Engine: where trainers live. Warm worker processes on this machine; the server never trains."""

import os
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any

from vae_core.engine.limits import Limits
from vae_core.engine.player import LiveRun
from vae_core.engine.trainings import Trainings
from vae_core.run.recipe import Event
from vae_core.run.recording import BUDGET, Run
from vae_core.storage.store import Store
from vae_core.workers.cluster.cluster import Cluster, RemoteLane
from vae_core.workers.errors import ServerFull
from vae_core.workers.process import LaneProcess
from vae_core.workers.turns import Turn, Turns

LANE_MEMORY = 0.8  # of the machine's memory, for all lanes together
LEAST_FRAMES = 1 << 20  # bytes of frames that each recording may keep at least


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
        self.device = device
        self.limits = limits or Limits()
        self.runs: dict[str, LiveRun] = {}
        self._lock, self._lanes_lock = threading.RLock(), threading.Lock()
        self._lost, self._stopped = 0, False
        self._cluster = Cluster(address, lanes, lost=self._count_lost) if address else None
        self._threads = max(1, min(4, (cores() - 1) // max(1, lanes)))
        self._memory = int(LANE_MEMORY * memory() / max(1, lanes))
        self._lanes: list[LaneProcess | RemoteLane] = []
        self._turns: list[Turns] = []
        self._add_lanes(self._cluster.size if self._cluster else lanes)
        self._catalogue: list[dict[str, Any]] | None = None
        self._recalled: dict[str, Future] = {}
        self._store = Store(folder)
        self.trainings = Trainings(self, self._store)

    def rules(self) -> list[dict[str, Any]]:
        """All rules as plain data, see `vae_core.run.catalogue`."""
        if self._catalogue is None:
            self._catalogue = self.request(0, "describe").result()
        return self._catalogue

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
            pending: changes to make on the way, see `Lane.open`.
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
        place = self.place() if lane is None else lane % len(self._lanes)
        training = self.trainings.find(recipe, pending, points, place, Turn(owner))
        return self._enter(LiveRun(self, training, owner))

    def fork(self, parent: LiveRun, step: int, owner: str | None = None, **settings: Any) -> LiveRun:
        """A run of its own from a recorded frame, with other settings from there on.

        Args:
            owner: another user's, whose fork lets the parent play on; the parent's if left out.
        """
        record = parent.record.fork(parent.record.packed(step).step)
        user = parent.owner if owner is None else owner
        training = self.trainings.branch(parent.training, record, Turn(user), pending=())
        child = self._enter(LiveRun(self, training, user, record))
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
            LiveRun(self, self.trainings.find(recipe, (), run.points, run.training.lane, run.turn), run.owner)
        )
        child.autoplay = run.playing or run.status == "diverged"
        child.first = run.first
        child.set_speed(run.speed)
        run.pause()
        return child

    def snapshot(self, run: LiveRun) -> tuple[Run, bytes | None]:
        """The recording up to now, and the state to go on from its last frame (None once it diverged).

        Raises:
            LaneError: the lane was lost and the run could not be brought back.
        """
        now = None if run.status == "diverged" else run.examine("run_state")
        with run._lock:  # frames arrive meanwhile
            record = run.record.fork(now["frame"].step if now else run.header["step"])
        if now is None:
            return record, None
        record.events = [Event.model_construct(**event) for event in now["events"]]
        record.add(now["frame"])
        return record, now["state"]

    def reopen(self, record: Run, state: bytes | None = None, owner: str = "") -> LiveRun:
        """A recording as a run that can go on; it rests at its last frame.

        Args:
            state: of its last frame, see `Trainer.state`; without one, the run is trained again up to there.

        Raises:
            Refused: with one sentence, if its recipe cannot be, or its data is not at hand.
        """
        run = LiveRun(self, self.trainings.reopened(record, state), owner, record)
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
        training = self.trainings.by_id(about["feed"], Turn(about["owner"]))
        if training is None:
            self._store.drop(id)
            return None
        step = training.record.packed(about["step"]).step
        run = LiveRun(self, training, about["owner"], training.record.fork(step), id)
        run.autoplay, run._unwatched = False, about["playing"]
        run.set_speed(about["speed"])
        run.say("info", f"The server was started again; the run went on from step {step:,}.")
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

    def folder(self, training: str) -> Path:
        """Where a training's checkpoints lie."""
        return self._store.of(training)

    # -- lanes -------------------------------------------------------------------------------

    def ask(self, lane: int, turn: Turn, name: str, urgent: bool = True, **args: Any) -> Future:
        """Line up a request to a lane, see `Turns.ask`."""
        return self._turns[lane].ask(turn, name, args, urgent)

    def request(self, lane: int, name: str, **args: Any) -> Future:
        """Ask a lane something that concerns no user."""
        return self.ask(lane, Turn(), name, **args)

    def _send(self, lane: int, name: str, **args: Any) -> Future:
        with self._lanes_lock:
            if self._lanes[lane].closed and not self._stopped:
                self._lanes[lane] = self._start()
            process = self._lanes[lane]
        return process.request(name, **args)

    def _add_lanes(self, count: int) -> None:
        with self._lanes_lock:
            for lane in range(len(self._lanes), count):
                self._lanes.append(self._cluster.lane(lane) if self._cluster else self._start())
                self._turns.append(Turns(partial(self._send, lane)))

    def _start(self) -> LaneProcess:
        return LaneProcess(self._threads, self._memory, self._count_lost)

    def _count_lost(self) -> None:
        self._lost += 1

    def place(self) -> int:
        """The lane that is ready and has the fewest trainings that train."""
        if self._cluster:  # it may have grown
            self._add_lanes(self._cluster.size)
        load = [0.0 if lane.ready else 100.0 for lane in self._lanes]
        for training in self.trainings:
            load[training.lane] += 0.01 + (not training.resting)
        return load.index(min(load))

    def crowd(self) -> dict[str, int] | None:
        """How many runs share how many workers, if they have to."""
        busy = sum(not training.resting for training in self.trainings)
        return {"runs": busy, "workers": len(self._lanes)} if busy > len(self._lanes) else None

    def figures(self) -> dict[str, int]:
        """How busy the engine is: lanes, runs, trainings (trainings), training (runs that play), waiting (requests),
        frames and frame_bytes (recorded), lost (workers since the start)."""
        with self._lock:
            runs, trainings = list(self.runs.values()), list(self.trainings)
        frames = {}
        for record in (*(training.record for training in trainings), *(run.record for run in runs)):
            frames |= record.sizes()
        return {
            "lanes": len(self._lanes),
            "runs": len(runs),
            "feeds": len(trainings),
            "training": sum(run.playing for run in runs),
            "waiting": sum(turns.waiting for turns in self._turns),
            "frames": len(frames),
            "frame_bytes": sum(frames.values()),
            "lost": self._lost,
        }

    def pids(self) -> list[int]:
        """Process ids of the lanes that train, 0 for one that is about to start."""
        return [lane.pid for lane in self._lanes]

    def stop(self) -> None:
        """Put everything into the store and end all lanes; no process is left behind."""
        self.trainings.stop()
        for run in list(self.runs.values()):
            run.end()
        with self._lanes_lock:
            self._stopped = True
        for lane in self._lanes:
            lane.stop()

    def __enter__(self) -> "Engine":
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()


def memory() -> int:
    """Bytes of memory that this machine, or this container, has."""
    try:
        most = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return 8 << 30
    try:
        return min(most, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    except (OSError, ValueError):
        return most


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

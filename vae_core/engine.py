"""Engine: where trainers live. Warm worker processes on this machine; the server never trains."""

import itertools
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from multiprocessing.connection import Connection, Listener
from pathlib import Path
from typing import Any

from vae_core.frame import unpack
from vae_core.lane import LaneError
from vae_core.live import LiveRun
from vae_core.recipe import Event, Recipe
from vae_core.run import Run
from vae_core.worker import ADDRESS, KEY, THREADS

# Logits of thousands of places come and go in exact measures: fresh pages for each cost a third of the time.
ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": str(256 << 20), "MALLOC_TRIM_THRESHOLD_": str(512 << 20)}
START_TIMEOUT = 60.0  # seconds for a lane to import torch on a slow disk
MAX_RUNS = 8  # more stay only while they are watched; the one left alone the longest goes first


class LaneLost(LaneError):
    """The worker process is gone."""

    def __init__(self) -> None:
        super().__init__("The worker process stopped.", "lost")


class LaneProcess:
    """The parent's end of one lane: requests go out, futures come back.

    The process is started by ``python -m vae_core.worker``, not by multiprocessing's start
    methods, which would run the server's main script again in the worker.

    Args:
        threads: to train with. One core stays free for the server and the browser: threads that
            wait for each other in every product are up to forty times slower than one as soon as
            something else runs on one of their cores, and that something is the browser that draws
            what is trained. The number of threads does not change a bit of the result.
    """

    def __init__(self, threads: int) -> None:
        self._tickets = itertools.count()
        self._waiting: dict[int, Future] = {}
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._closed = False
        key = secrets.token_bytes(32)
        self._listener = Listener(authkey=key)
        environment = {**os.environ, ADDRESS: str(self._listener.address), KEY: key.hex(), THREADS: str(threads)}
        root = str(Path(__file__).parent.parent)
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
        environment = {**ALLOCATOR, **environment}
        self.process = subprocess.Popen([sys.executable, "-m", "vae_core.worker"], env=environment)
        self._ready = threading.Event()
        threading.Thread(target=self._read, daemon=True, name="lane").start()

    @property
    def alive(self) -> bool:
        return not self._closed

    def request(self, name: str, **args: Any) -> Future:
        """Ask the lane; the future's result is the answer, or a `LaneError`."""
        future: Future = Future()
        if not self._ready.wait(START_TIMEOUT):
            self.stop()
        with self._lock:
            if self._closed or self._connection is None:
                future.set_exception(LaneLost())
                return future
            ticket = next(self._tickets)
            self._waiting[ticket] = future
            try:
                self._connection.send((ticket, name, args))
            except OSError:
                self._waiting.pop(ticket, None)
                future.set_exception(LaneLost())
        return future

    def _read(self) -> None:
        try:
            threading.Thread(target=self._unblock_if_it_dies, daemon=True).start()
            self._connection = self._listener.accept()
            self._ready.set()
            while True:
                ticket, answer = self._connection.recv()
                with self._lock:
                    future = self._waiting.pop(ticket)
                if isinstance(answer, LaneError):
                    future.set_exception(answer)
                else:
                    future.set_result(answer)
        except (EOFError, OSError):
            pass
        finally:
            with self._lock:
                self._closed = True
                lost, self._waiting = self._waiting, {}
            self._ready.set()
            self._listener.close()
            for future in lost.values():
                future.set_exception(LaneLost())

    def _unblock_if_it_dies(self) -> None:
        """A process that dies before it connects would leave `accept` waiting for ever."""
        self.process.wait()
        if not self._ready.is_set():
            self._listener.close()
            self._ready.set()
            self._closed = True

    def stop(self) -> None:
        """End the process: it leaves when the connection closes, at the latest after a slice."""
        with self._lock:
            self._closed = True
            if self._connection is not None and self.process.poll() is None:
                try:
                    self._connection.send(None)  # closing it under the reader would be a race
                except OSError:
                    pass
        try:
            self.process.wait(2)
        except subprocess.TimeoutExpired:
            self.process.kill()


class Engine:
    """Lanes and the live runs in them.

    Args:
        lanes: number of worker processes.
        device: for the trainers, see `Trainer`.
    """

    def __init__(self, lanes: int = 1, device: str = "auto") -> None:
        self.device = device
        self.runs: dict[str, LiveRun] = {}
        self._lock = threading.RLock()
        self._threads = max(1, min(4, (cores() - 1) // lanes))
        self._lanes = [LaneProcess(self._threads) for _ in range(lanes)]
        self._catalogue: list[dict[str, Any]] | None = None
        self._spool = Path(tempfile.mkdtemp(prefix="noise-lab-"))

    def rules(self) -> list[dict[str, Any]]:
        """All rules as plain data, see `vae_core.catalogue`."""
        if self._catalogue is None:
            self._catalogue = self.request(0, "describe").result()
        return self._catalogue

    def open(
        self,
        recipe: dict[str, Any],
        pending: Sequence[dict[str, Any]] = (),
        points: int = 2000,
        lane: int | None = None,
    ) -> LiveRun:
        """Start a run; it waits at step 0 until it is played.

        Args:
            recipe: fields of `Recipe`; the lane checks them.
            pending: changes to make on the way, see `Lane.open`.
            lane: where, counted round and round; the least busy one if left out.

        Raises:
            LaneError: kind "input" with one sentence, if recipe or changes cannot be.
        """
        place = self._place() if lane is None else lane % len(self._lanes)
        return self._enter(LiveRun(self, place, recipe, pending, points))

    def fork(self, parent: LiveRun, step: int, **settings: Any) -> LiveRun:
        """A run of its own from a recorded frame, with other settings from there on."""
        child = self._enter(parent.forked(step))
        parent.pause()
        child.switch(**settings)
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

    def reopen(self, record: Run, state: bytes | None = None) -> LiveRun:
        """A recording as a run that can go on; it rests at its last frame.

        Args:
            state: of its last frame, see `Trainer.state`; without one, the run is trained again up to there.

        Raises:
            LaneError: kind "input" with one sentence, if its recipe cannot be, or its data is not at hand.
        """
        step, origin = record.steps[-1], f"reopened-{secrets.token_hex(8)}"
        frame = record.frame(step)
        try:
            if state:
                self.folder(origin).mkdir(parents=True)
                (self.folder(origin) / f"{step}.npz").write_bytes(state)
        except OSError:
            pass  # a full disk: the run is trained again
        recipe = record.recipe.model_dump()
        try:
            run = LiveRun(self, self._place(), recipe, (), len(frame.labels), record, origin)
            if self.folder(origin).exists():
                self.folder(origin).rename(self.folder(run.id))  # should the lane be lost
        finally:
            shutil.rmtree(self.folder(origin), ignore_errors=True)
        run.fresh = False
        record.recipe = Recipe.model_construct(**run.info["recipe"])
        if unpack(run.probe)[1]["labels"].tobytes() != frame.labels.tobytes():
            run.end()
            shutil.rmtree(self.folder(run.id), ignore_errors=True)
            raise LaneError(
                f"This run was trained on {recipe['dataset']}, which is not on this machine. "
                "Add the data on the Playground, then open the run again.",
                "input",
            )
        run.look(frame.strip[-1])
        return self._enter(run)

    def restart(self, run: LiveRun) -> LiveRun:
        """A new run from step 0 that starts with the present rule, noise and knobs."""
        child = self._enter(run.restarted())
        child.fresh = run.playing or run.status == "diverged"
        child.set_speed(run.speed)
        run.pause()
        return child

    def _enter(self, run: LiveRun) -> LiveRun:
        with self._lock:
            self.runs[run.id] = run
            idle = sorted((r for r in self.runs.values() if not r.watched and r is not run), key=lambda r: r.left_at)
            surplus = idle[: max(0, len(self.runs) - MAX_RUNS)]
        for old in surplus:
            self.close(old)
        return run

    def close(self, run: LiveRun) -> None:
        """Forget a run."""
        with self._lock:
            self.runs.pop(run.id, None)
        run.end()
        shutil.rmtree(self.folder(run.id), ignore_errors=True)

    def folder(self, run_id: str) -> Path:
        """Where a run's checkpoints lie, until the engine stops."""
        return self._spool / run_id

    def request(self, lane: int, name: str, **args: Any) -> Future:
        """Ask a lane; a lost one is replaced first."""
        with self._lock:
            if not self._lanes[lane].alive:
                self._lanes[lane] = LaneProcess(self._threads)
            process = self._lanes[lane]
        return process.request(name, **args)

    def _place(self) -> int:
        """The lane with the fewest runs that play."""
        load = [0] * len(self._lanes)
        for run in self.runs.values():
            load[run.lane] += 1 if run.playing else 0
        return load.index(min(load))

    def pids(self) -> list[int]:
        """Process ids of the lanes."""
        return [lane.process.pid for lane in self._lanes]

    def stop(self) -> None:
        """End all lanes; nothing is left behind."""
        for run in list(self.runs.values()):
            run.end()
        for lane in self._lanes:
            lane.stop()
        shutil.rmtree(self._spool, ignore_errors=True)

    def __enter__(self) -> "Engine":
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

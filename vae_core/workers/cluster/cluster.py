"""Cluster: lanes on other machines. The server's end of them, as `LaneProcess` is of a lane on this one."""

import itertools
import logging
import os
import pickle
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

from vae_core.workers.checkpoints import Checkpoints, State, newest
from vae_core.workers.cluster.bridge_process import BridgeProcess
from vae_core.workers.cluster.messages import AskLane, Attach, GetNews, LaneStatus
from vae_core.workers.errors import LaneError, LaneLost, Refused
from vae_core.workers.messages import Answer, CloseRun, OpenRun, Request, RunRequest
from vae_core.workers.tickets import OnPreview

READY = 60.0  # seconds for the first lane
ATTEMPTS = 3  # to attach, at the start
AGAIN = 5.0  # seconds between two attempts to reach a cluster that does not answer
GPU = "NOISE_LAB_LANE_GPU"
LOCAL = ("auto", "local", "localhost", "127.0.0.1", "[::1]")

logger = logging.getLogger(__name__)


class RemoteLane:
    """One lane of a cluster, with what `vae_core.workers.pool` needs of a lane.

    Other servers may use the same lane; a run is known to one of them. The states of runs that the
    lane sends are kept on the server's disk, in the first folder that a run was opened with.
    """

    closed = False  # one that was lost may come back

    def __init__(self, cluster: "Cluster", index: int) -> None:
        self._cluster, self._index = cluster, index

    @property
    def ready(self) -> bool:
        """Whether it answers."""
        return self._cluster.is_ready(self._index)

    @property
    def pid(self) -> int:
        """Of the process on this machine through which it is asked."""
        return self._cluster.pid

    def request(self, request: Request[Answer], on_preview: OnPreview | None = None) -> Future[Answer]:
        """Ask the lane; the future's result is the answer, or a `LaneError`. Nothing is seen of it before."""
        sent: Request[Any] = request
        state, checkpoints = None, None
        if isinstance(request, OpenRun):
            folders = [Path(folder) for folder in request.folders]
            self._cluster.opened[request.run] = self._index, Checkpoints(folders[0] if folders else None)
            state = newest(folders, request.step)
            sent = replace(request, folders=())
        if isinstance(request, RunRequest):
            checkpoints = self._cluster.opened.get(request.run, (0, None))[1]
        if isinstance(request, CloseRun):
            self._cluster.opened.pop(request.run, None)
        future: Future[Answer] = Future()
        asked = self._cluster.ask(self._index, sent, state)
        asked.add_done_callback(lambda done: self._answered(done, future, checkpoints))
        return future

    def _answered(self, done: Future[bytes], future: Future[Any], checkpoints: Checkpoints | None) -> None:
        if error := done.exception():
            future.set_exception(self._cluster.failed(self._index, error))
            return
        answer, state = pickle.loads(done.result())
        if state and checkpoints:
            checkpoints.write(*state)
        if isinstance(answer, LaneError):
            future.set_exception(answer)
        else:
            future.set_result(answer)

    def stop(self) -> None:
        """Leave the cluster; the lane stays, for other servers."""
        self._cluster.stop()


class Cluster:
    """The lanes of one Ray cluster.

    Attributes:
        opened: run -> its lane, and where its states are kept.
        states: how the lanes are.
    """

    def __init__(self, address: str, lanes: int = 0, lost: Callable[[], None] = lambda: None) -> None:
        """Attach, and wait for the first lane.

        Args:
            address: "ray://head:10001"; or "host:6379" or "auto" where this machine is a node of the cluster.
            lanes: how many; 0 for one on each processor that the cluster's nodes have been started with, also
                those that join later. NOISE_LAB_LANE_GPU=0.25 gives each a quarter of a GPU as well.
            lost: called when a lane that was ready does not answer any more.

        Raises:
            LaneError: Ray is not installed, the cluster does not answer or is open to everybody, or none of its
                machines can train.
        """
        if problem := unprotected(address, os.environ):
            raise Refused(problem)
        self.address, self._lost = address, lost
        self.opened: dict[str, tuple[int, Checkpoints | None]] = {}
        self._attach_to = Attach(address, lanes, float(os.environ.get(GPU, "0")))
        self._lock, self._stopped = threading.Lock(), False
        self.states: Sequence[LaneStatus] = []
        self._changed = threading.Condition()
        self._start()
        try:
            self._attach()
            self._wait_for_a_lane()
        except LaneError as error:
            self.stop()
            raise self._explained(error) from None

    def _attach(self) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._attached.result()
                return
            except LaneError as error:  # if it was lost, it is tried again already
                if attempt == ATTEMPTS or not isinstance(error, LaneLost):
                    raise

    def _wait_for_a_lane(self) -> None:
        with self._changed:
            if self._changed.wait_for(lambda: any(map(self.is_ready, range(self.size))), READY):
                return
        why = next(filter(None, (status.why for status in self.states)), "Start a node with processors.")
        raise LaneError(f"The cluster at {self.address} has no machine that can train. {why}")

    def _start(self) -> None:
        """Start the process that speaks with Ray."""
        self._ended, self._started_at, self._why = False, time.monotonic(), ""
        self._bridge = BridgeProcess(self._end)
        self._attached = self._bridge.request(self._attach_to)
        self._attached.add_done_callback(self._say_why)
        self._follow(self._bridge, [])

    def _end(self) -> None:
        """The process is gone: start it again, but not again and again while nobody asks for it."""
        self._ended = True
        self._take([])
        self._revive()

    def _revive(self) -> None:
        with self._lock:
            if self._ended and not self._stopped and time.monotonic() - self._started_at > AGAIN:
                self._start()

    def _say_why(self, attached: Future[None]) -> None:
        error = attached.exception()
        silent = f"The cluster at {self.address} does not answer. Look at its head node, and whether the keys are its."
        self._why = "" if error is None else silent if isinstance(error, LaneLost) else str(error)

    def _follow(self, bridge: BridgeProcess, known: Sequence[LaneStatus]) -> None:
        """Be told how the lanes are, for as long as the process lives."""

        def told(done: Future[list[LaneStatus]]) -> None:
            if not done.exception():
                self._take(done.result())
                self._follow(bridge, done.result())

        bridge.request(GetNews(known)).add_done_callback(told)

    def _take(self, states: Sequence[LaneStatus]) -> None:
        gone = LaneStatus("lost")
        states = [*states, *[gone] * (self.size - len(states))]
        for index, (now, before) in enumerate(itertools.zip_longest(states, self.states, fillvalue=gone)):
            if now.state != before.state:
                logger.warning("Worker %d (%s): %s. %s", index, now.about.get("host", "?"), now.state, now.why)
                if before.state == "ready":
                    self._lost()
        with self._changed:
            self.states = states
            self._changed.notify_all()

    @property
    def size(self) -> int:
        """How many lanes there are, ready or not; never fewer than before."""
        return len(self.states)

    @property
    def pid(self) -> int:
        """Of the process that speaks with Ray."""
        return self._bridge.process.pid

    def is_ready(self, lane: int) -> bool:
        """Whether a lane answers."""
        return lane < len(self.states) and self.states[lane].state == "ready"

    def lane(self, index: int) -> RemoteLane:
        """One of the lanes, as the pool sees it."""
        return RemoteLane(self, index)

    def ask(self, lane: int, request: Request[Any], state: State | None = None) -> Future[bytes]:
        """Ask a lane, see `NodeLane.ask`. The process that speaks with Ray is started again if it ended."""
        self._revive()
        return self._bridge.request(AskLane(lane, request, state))

    def failed(self, lane: int, error: BaseException) -> BaseException:
        """A request could not be met: nothing is sent to this lane until it is ready again. Returns what is known."""
        if isinstance(error, LaneLost) and self.is_ready(lane):
            states = list(self.states)
            states[lane] = replace(states[lane], state="lost")
            self._take(states)
        return self._explained(error)

    def _explained(self, error: BaseException) -> BaseException:
        return LaneLost(self._why) if self._why and isinstance(error, LaneLost) else error

    def stop(self) -> None:
        """Leave the cluster. Its lanes stay, without the runs of this server."""
        with self._lock:
            stopped, self._stopped = self._stopped, True
        if not stopped:
            for run, (lane, _) in self.opened.items():
                self._bridge.request(AskLane(lane, CloseRun(run)))
            self._bridge.stop()


def unprotected(address: str, environment: Mapping[str, str]) -> str:
    """What is wrong with a cluster on other machines to which no token or no certificate is needed: whoever reaches
    its ports runs code on all of them."""
    host = address.removeprefix("ray://").rsplit(":", 1)[0]
    wanted = {"RAY_AUTH_MODE": "token", "RAY_USE_TLS": "1"}
    missing = [f"{name}={value}" for name, value in wanted.items() if environment.get(name) != value]
    if host in LOCAL or not missing:
        return ""
    return (
        f"The cluster at {address} would be open to everybody who reaches it. "
        f"Set {' and '.join(missing)} here and on all its machines; the README says how, under Hosting."
    )

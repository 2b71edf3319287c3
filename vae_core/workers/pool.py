"""Pool: the lanes of a server, here or in a cluster, and the line before each of them. It knows no training."""

import os
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any

from vae_core.run.catalogue import RuleEntry
from vae_core.workers.cluster.cluster import Cluster, RemoteLane
from vae_core.workers.messages import Answer, DescribeRules, Request
from vae_core.workers.process import LaneProcess
from vae_core.workers.tickets import OnPreview
from vae_core.workers.turns import NOBODY, Turn, Turns

LANE_MEMORY = 0.8  # of the machine's memory, for all lanes together
NOT_READY = 100.0  # trainings, as many as which a lane that does not answer counts


class Pool:
    """Warm worker processes, which are started again where they end; the server itself never trains.

    All methods may be called from any thread.

    Args:
        lanes: number of worker processes.
        device: for the trainers, see `Trainer`.
        address: of a cluster whose lanes are used instead of workers on this machine, see `Cluster`; ``lanes`` is
            then how many of them, 0 for all that there are and will be.

    Attributes:
        cluster: None where the lanes are on this machine.
        lost: how many lanes have died since the start.

    Raises:
        LaneError: the cluster does not answer, or cannot train.
    """

    def __init__(self, lanes: int = 1, device: str = "auto", address: str = "") -> None:
        self.device, self.lost = device, 0
        self._lock, self._stopped = threading.Lock(), False
        self.cluster = Cluster(address, lanes, lost=self._count_lost) if address else None
        self._threads = max(1, min(4, (cores() - 1) // max(1, lanes)))
        self._memory = int(LANE_MEMORY * memory() / max(1, lanes))
        self._lanes: list[LaneProcess | RemoteLane] = []
        self._turns: list[Turns] = []
        self._catalogue: list[RuleEntry] | None = None
        self._add_lanes(self.cluster.size if self.cluster else lanes)

    def __len__(self) -> int:
        return len(self._lanes)

    def rules(self) -> list[RuleEntry]:
        """All rules as plain data, see `vae_core.run.catalogue`."""
        if self._catalogue is None:
            self._catalogue = self.request(0, DescribeRules()).result()
        return self._catalogue

    def ask(
        self,
        lane: int,
        turn: Turn,
        request: Request[Answer],
        urgent: bool = True,
        on_preview: OnPreview | None = None,
    ) -> Future[Answer]:
        """Line up a request to a lane, see `Turns.ask`."""
        return self._turns[lane].ask(turn, request, urgent, on_preview)

    def request(self, lane: int, request: Request[Answer]) -> Future[Answer]:
        """Ask a lane something that concerns no user."""
        return self.ask(lane, NOBODY, request)

    def place(self, load: Mapping[int, float]) -> int:
        """The lane that is ready and has the least to do.

        Args:
            load: lane -> how many trainings it has; 0 for those that are left out.
        """
        if self.cluster:  # it may have grown
            self._add_lanes(self.cluster.size)
        loads = [load.get(lane, 0.0) + (0.0 if ready else NOT_READY) for lane, ready in enumerate(self.ready)]
        return loads.index(min(loads))

    @property
    def ready(self) -> list[bool]:
        """Of each lane, whether it answers."""
        return [lane.ready for lane in self._lanes]

    @property
    def waiting(self) -> int:
        """Requests that are not answered yet."""
        return sum(turns.waiting for turns in self._turns)

    def pids(self) -> list[int]:
        """Process ids of the lanes that train, 0 for one that is about to start."""
        return [lane.pid for lane in self._lanes]

    def stop(self) -> None:
        """End all lanes; no process is left behind."""
        with self._lock:
            self._stopped = True
        for lane in self._lanes:
            if isinstance(lane, LaneProcess):
                lane.leave()  # all at once
        for lane in self._lanes:
            lane.stop()

    def _add_lanes(self, count: int) -> None:
        with self._lock:
            for lane in range(len(self._lanes), count):
                self._lanes.append(self.cluster.lane(lane) if self.cluster else self._start())
                self._turns.append(Turns(partial(self._send, lane)))

    def _send(self, lane: int, request: Request[Any], on_preview: OnPreview | None) -> Future[Any]:
        with self._lock:
            if self._lanes[lane].closed and not self._stopped:
                self._lanes[lane] = self._start()
            process = self._lanes[lane]
        return process.request(request, on_preview)

    def _start(self) -> LaneProcess:
        return LaneProcess(self._threads, self._memory, self._count_lost)

    def _count_lost(self) -> None:
        self.lost += 1


def memory() -> int:
    """Bytes of memory that this machine, or this container, has."""
    try:
        most = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return 8 << 30
    try:
        return min(most, int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return most


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

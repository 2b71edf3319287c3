"""Node: a lane on another machine, as Ray keeps it there. All machines of a cluster run the same version."""

import hashlib
import os
import pickle
import platform
import shutil
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from vae_core.data import DataError, load_dataset
from vae_core.workers.checkpoints import Checkpoints, State, newest
from vae_core.workers.lane import Lane
from vae_core.workers.messages import CloseRun, OpenRun, Request, RunRequest
from vae_core.workers.worker import MEMORY, answer, bound_memory

LEASE = 3600.0  # seconds that a run stays in memory without being asked for: its server may be gone


class NodeLane:
    """A `Lane` whose disk is not the server's: states travel with requests and answers.

    A server keeps the states and sends one back when it opens the run again, there or on another
    machine. So a machine can be lost, and has nothing to be tidied up.
    """

    def __init__(self) -> None:
        bound_memory(int(os.environ.get(MEMORY, "0")))
        self._about = {"host": platform.node(), "pid": os.getpid(), "version": version()}
        self._about["mnist"] = has_mnist(download=None)
        self._lane = Lane()
        self._lane.warm_up()
        self._disk = tempfile.TemporaryDirectory(prefix="noise-lab-lane-")
        self._asked: dict[str, float] = {}  # run -> when

    def about(self) -> dict[str, Any]:
        """Where and what this is; plain data, as servers of other versions read it too."""
        return self._about

    def pulse(self) -> None:
        """Answered beside what the lane works on."""

    def ask(self, request: Request[Any], state: State | None = None) -> bytes:
        """A request to the lane.

        Args:
            request: the ``folders`` of an `OpenRun` are not looked at.
            state: to open a run from.

        Returns:
            Pickled: the answer, or a `LaneError`; and the run's newest state, if it was due.
        """
        self._forget()
        run = request.run if isinstance(request, RunRequest) else ""
        folder = Path(self._disk.name) / (run or "none")
        if run:
            self._asked[run] = time.monotonic()
        if isinstance(request, OpenRun):
            request = replace(request, folders=(str(folder),))
            if state:
                Checkpoints(folder).write(*state)
        answered = answer(self._lane, request)
        kept = None if isinstance(request, OpenRun) else newest([folder])
        shutil.rmtree(folder, ignore_errors=True)
        return pickle.dumps((answered, kept), protocol=pickle.HIGHEST_PROTOCOL)

    def _forget(self) -> None:
        now = time.monotonic()
        for run in [run for run, at in self._asked.items() if now - at > LEASE]:
            del self._asked[run]
            self._lane.close(CloseRun(run))


def has_mnist(download: bool | None = False) -> bool:
    """Whether MNIST is on this machine, once it was looked for as `load_dataset` does."""
    try:
        return load_dataset("mnist", download=download).banner is None
    except DataError:
        return False


def version() -> str:
    """Of the code that lies here: equal on two machines if they run the same."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parents[2].rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]

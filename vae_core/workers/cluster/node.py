"""Node: a lane on another machine, as Ray keeps it there. All machines of a cluster run the same version."""

import hashlib
import os
import pickle
import platform
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from vae_core.data.datasets import DataError, load_dataset
from vae_core.workers.lane import Lane
from vae_core.workers.worker import MEMORY, answer, bound_memory

LEASE = 3600.0  # seconds that a run stays in memory without being asked for: its server may be gone

State = tuple[int, bytes]  # of a trainer: at which step, and see `Trainer.state`


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
        """Where and what this is."""
        return self._about

    def pulse(self) -> None:
        """Answered beside what the lane works on."""

    def ask(self, name: str, args: dict[str, Any], state: State | None = None) -> bytes:
        """A request to the lane.

        Args:
            name, args: of a method of `Lane`; ``folders`` is not looked at.
            state: to open a run from.

        Returns:
            Pickled: the answer, or a `LaneError`; and the run's newest state, if it was due.
        """
        self._forget()
        folder = Path(self._disk.name) / str(args.get("run"))
        if name == "open":
            args = {**args, "folders": [str(folder)]}
            if state:
                folder.mkdir(exist_ok=True)
                (folder / f"{state[0]}.npz").write_bytes(state[1])
        if "run" in args:
            self._asked[args["run"]] = time.monotonic()
        answered = answer(self._lane, name, args)
        kept = None if name == "open" else newest(folder)
        shutil.rmtree(folder, ignore_errors=True)
        return pickle.dumps((answered, kept), protocol=pickle.HIGHEST_PROTOCOL)

    def _forget(self) -> None:
        now = time.monotonic()
        for run in [run for run, at in self._asked.items() if now - at > LEASE]:
            del self._asked[run]
            self._lane.close(run)


def newest(folder: Path, until: float = float("inf")) -> State | None:
    """The last state in a folder, at a step or before; None if there is none or it cannot be read."""
    steps = [int(path.stem) for path in folder.glob("*.npz") if path.stem.isdecimal()]
    step = max((step for step in steps if step <= until), default=0)
    try:
        return (step, (folder / f"{step}.npz").read_bytes()) if step else None
    except OSError:
        return None


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

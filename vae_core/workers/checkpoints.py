"""Checkpoints: states of a run on the disk, ``<step>.npz`` in a folder of its own. Only this file knows that."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from vae_core.data.folders import try_replace
from vae_core.run.thinning import thin

EVERY = 2.0  # seconds of training: that, and a slice, is what a dead worker costs at most, beside its start
KEPT = 12  # for each run, thinned with age

State = tuple[int, bytes]  # of a trainer: at which step, and see `Trainer.state`


class Checkpoints:
    """Those of one run, written as it trains.

    Args:
        folder: None for a run of which nothing is written.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self._seconds = 0.0

    def due(self, seconds: float) -> bool:
        """Whether a state should be written, now that the run has trained for so much longer."""
        self._seconds += seconds
        if self.folder is None or self._seconds < EVERY:
            return False
        self._seconds = 0.0
        return True

    def write(self, step: int, state: bytes) -> None:
        """Keep a state. On a full disk it is not: a run can always be trained again from its recipe and events."""
        if self.folder is None or not try_replace(_path(self.folder, step), state):
            return
        folder, steps = self.folder, steps_in(self.folder)
        thin(steps, lambda old: _path(folder, old).unlink(missing_ok=True), lambda: len(steps) > KEPT)


def steps_in(folder: Path) -> list[int]:
    """Steps of which there are states, ascending."""
    return sorted(int(path.stem) for path in folder.glob("*.npz") if path.stem.isdecimal())


def states(folders: Sequence[Path], until: float = float("inf")) -> Iterator[State]:
    """The states at a step or before, newest first; those that cannot be read are left out."""
    found = {step: folder for folder in folders for step in steps_in(folder) if 0 < step <= until}
    for step in sorted(found, reverse=True):
        try:
            yield step, _path(found[step], step).read_bytes()
        except OSError:
            continue


def newest(folders: Sequence[Path], until: float = float("inf")) -> State | None:
    """The last state at a step or before; None if there is none."""
    return next(states(folders, until), None)


def _path(folder: Path, step: int) -> Path:
    return folder / f"{step}.npz"

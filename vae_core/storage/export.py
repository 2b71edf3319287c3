"""A run for other programs: its metrics as CSV. Networks are in `vae_core.storage.networks`."""

import csv
import io
from pathlib import Path

from vae_core.data.folders import try_replace
from vae_core.run.recording import Run


class ExportError(ValueError):
    """A file that cannot be written: one sentence."""


def write(path: Path, data: bytes) -> None:
    """Write a file whole; what was there stays if that cannot be.

    Raises:
        ExportError: the disk is full or not writable, or something else is there.
    """
    if not try_replace(path, data):
        raise ExportError(f"{path} cannot be written. Free some space or choose another file by --out.")


def metrics_csv(run: Run) -> str:
    """One row for each frame ever recorded: step, epoch, all metrics (nats per image; empty where not defined)
    and the events since the row before."""
    epochs = {step: run.packed(step).header()["epoch"] for step in run.steps}
    last = run.steps[-1]
    per_step = epochs[last] / last if last else 0.0  # for frames that were thinned out
    steps = sorted(run.history)
    names = list(dict.fromkeys(name for step in steps for name in run.history[step]))
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["step", "epoch", *names, "events"])
    events = list(run.events)
    for step in steps:
        labels = []
        while events and events[0].step <= step:
            labels.append(events.pop(0).label)
        epoch = epochs.get(step, round(step * per_step, 4))
        writer.writerow([step, epoch, *(run.history[step].get(name) for name in names), "; ".join(labels)])
    return file.getvalue()

"""``export``: a recorded run as one file for other programs."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vae_core.run.recording import Run
from vae_core.storage import archive, export, report

HELP = "write a recorded run as one file for other programs"
MAKERS: dict[str, Callable[[Run, bytes | None, str], bytes]] = {
    "zip": lambda run, state, name: archive.packed(run, state),
    "safetensors": lambda run, state, name: weights(run, state),
    "onnx": lambda run, state, name: decoder(run, state),
    "csv": lambda run, state, name: export.metrics_csv(run).encode(),
    "html": lambda run, state, name: report.report(run, name).encode(),
    "svg": lambda run, state, name: report.image(run, "svg"),
    "png": lambda run, state, name: report.image(run, "png"),
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("run", type=Path, metavar="RUN_FOLDER", help="a folder that train --out has made")
    parser.add_argument("--to", required=True, choices=MAKERS)
    parser.add_argument("--out", type=Path, metavar="FILE", help="(RUN_FOLDER.zip and so on)")


def weights(run: Run, state: bytes | None) -> bytes:
    """A safetensors file of the run's networks."""
    from vae_core.storage import networks

    return networks.weights(brought_back(run, state))


def decoder(run: Run, state: bytes | None) -> bytes:
    """An ONNX file of the run's decoder."""
    from vae_core.storage import networks

    return networks.decoder(brought_back(run, state))


def execute(options: argparse.Namespace) -> int:
    """Write the file and say where it is.

    Raises:
        RecordingError: there is no sound run in the folder, or the file cannot be written.
        ExportError: something that this kind of file needs is not installed.
    """
    folder = options.run.resolve()
    run = Run.open(folder)
    try:
        state = (folder / "state.npz").read_bytes()
    except OSError:
        state = None  # what needs it is trained again
    target = options.out or folder.with_name(f"{folder.name}.{options.to}")
    data = MAKERS[options.to](run, state, folder.name)
    export.write(target, data)
    print(f"Wrote {target}, {len(data):,} bytes")
    return 0


def brought_back(run: Run, state: bytes | None) -> Any:
    """The trainer of a run's last frame: from its state, or trained again."""
    from vae_core.trainer.replay import replay
    from vae_core.trainer.trainer import Trainer

    last = run.steps[-1]
    try:
        trainer = Trainer.from_state(state) if state else None
    except ValueError as error:
        print(error, file=sys.stderr)
        trainer = None
    if trainer and trainer.recipe == run.recipe and trainer.step_count == last:
        return trainer
    print(f"There is no state of step {last:,}; training again up to there.", file=sys.stderr)
    return replay(run.recipe, run.events, last)

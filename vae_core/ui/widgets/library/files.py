"""Runs as files: what the tab's run and those in the library can be downloaded as."""

import re
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec

from vae_core.engine.player import LiveRun
from vae_core.storage import archive, export, report
from vae_core.storage.library import Entry, Library
from vae_core.ui.widgets.library.runs import name_of


def downloads(run: LiveRun) -> list[tuple[str, str, Callable[[], bytes]]]:
    """Label, file name and maker of each file that a run can be written as; nothing is made before it is asked for."""
    stem = file_name(f"noise-lab-{run.header['rule']}-{run.header['step']}")
    return [
        ("Whole run (zip)", f"{stem}.zip", lambda: archive.packed(*run.snapshot())),
        ("Charts (HTML)", f"{stem}.html", lambda: report.report(run.snapshot()[0], name_of(run)).encode()),
        ("Metrics (CSV)", f"{stem}.csv", lambda: export.metrics_csv(run.snapshot()[0]).encode()),
        ("Weights (safetensors)", f"{stem}.safetensors", lambda: run.examine("weights_file")["data"]),
        *([("Decoder (ONNX)", f"{stem}.onnx", lambda: run.examine("decoder_file")["data"])] if has_onnx() else []),
    ]


def has_onnx() -> bool:
    """Whether the decoder can be written as ONNX here."""
    return find_spec("onnx") is not None


def zipped(library: Library, entry: Entry) -> tuple[str, Callable[[], bytes]]:
    """File name and maker of a saved run's zip."""
    return file_name(entry.name) + ".zip", partial(library.zip, entry.id)


def file_name(text: str) -> str:
    """Text without what some system does not allow in the name of a file."""
    return re.sub(r"[^\w.-]+", "-", text).strip("-.")[:60] or "run"

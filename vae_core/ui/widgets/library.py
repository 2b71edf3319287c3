"""What the Library page does with the tab's run: keep it, bring one back, write it as a file."""

import re
from collections.abc import Callable
from datetime import datetime
from functools import partial
from importlib.util import find_spec

import streamlit as st

from vae_core.engine.player import LiveRun
from vae_core.run.catalogue import by_name
from vae_core.storage import archive, export, report
from vae_core.storage.library import About, Entry, Library
from vae_core.ui.server.state import engine
from vae_core.ui.widgets.session import RUN, fetch, owner
from vae_core.workers.errors import LaneError


def title_of(rule: str) -> str:
    """A rule's title, or its name where there is none of this name."""
    return titles().get(rule, rule)


def titles() -> dict[str, str]:
    return {name: rule["title"] for name, rule in by_name(engine().rules()).items()}


def name_of(run: LiveRun) -> str:
    """What a run is called until somebody calls it otherwise."""
    return f"{title_of(run.header['rule'])}, {run.header['step']:,} steps"


def keep(run: LiveRun, name: str = "", note: str = "") -> str:
    """Save the run as it is now; returns the name.

    Raises:
        ValueError, LaneError: it cannot be, in one sentence.
    """
    name = name.strip() or name_of(run)
    Library().save(*run.snapshot(), name, note, run.info["dataset"]["title"])
    return name


def save_button(run: LiveRun) -> None:
    """One click that keeps the run under its usual name."""
    if st.button("Save to the library", icon=":material/save:", width="stretch"):
        try:
            st.toast(f"Saved as {plain(keep(run))}.", icon=":material/save:")
        except (ValueError, LaneError) as error:
            st.error(plain(str(error)))


def bring_back(id: str, step: int | None = None) -> None:
    """Give the tab a saved run, at its last frame or at an earlier one.

    Raises:
        ValueError, LaneError: it cannot be, in one sentence; the tab keeps the run that it has.
    """
    record, state = Library().open(id)
    fetch(record.recipe.dataset)
    if step is not None and step < record.steps[-1]:
        record, state = record.fork(record.packed(step).step), None
    run = engine().reopen(record, state, owner())
    st.session_state[RUN], st.session_state["complaint"] = run.id, None


def take(run: LiveRun, data: bytes, name: str) -> None:
    """Import a zip; what is in it is looked at in a lane, where torch is.

    Raises:
        ValueError, LaneError: it is refused, in one sentence.
    """
    Library().take(data, name, lambda folder, name: run.examine("recording_check", folder=str(folder), file=name))


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
    return find_spec("onnx") is not None


def zipped(entry: Entry) -> tuple[str, Callable[[], bytes]]:
    """File name and maker of a saved run's zip."""
    return file_name(entry.name) + ".zip", partial(Library().zip, entry.id)


def file_name(text: str) -> str:
    """Text without what some system does not allow in the name of a file."""
    return re.sub(r"[^\w.-]+", "-", text).strip("-.")[:60] or "run"


def facts(about: About) -> list[str]:
    """What a card says below the name, in lines."""
    return [
        f"{plain(about.dataset)} · {title_of(about.rule)}",
        f"step {about.step:,} · {about.size / 2**20:,.1f} MB",
        when(about.saved),
    ]


def when(moment: datetime) -> str:
    """A moment in the server's time zone: "20 Nov 2026, 14:03"."""
    return f"{moment.astimezone():%d %b %Y, %H:%M}"


def plain(text: str) -> str:
    """Text that is shown as it is, where Markdown is read."""
    return re.sub(r"([\\`*_{}\[\]()<>#+.!|~:$&-])", r"\\\1", text)

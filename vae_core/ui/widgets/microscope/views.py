"""What the Microscope sees of a run, and how its pictures fill the window."""

from contextlib import nullcontext
from typing import Any

import streamlit as st
from plotly.graph_objects import Figure

from vae_core.engine.player import LiveRun
from vae_core.ui.widgets.charts import chart
from vae_core.ui.widgets.rules import rules

KEPT, MOST_KEPT = "microscope_kept", 40  # in the session state: views of this session, by run, step and arguments
NATS = {
    ("bernoulli", "grey"): "Grey pixels are not binary: these nats are a pseudo-likelihood, as in most tutorials; "
    "start a run with binarized pixels for a true one.",
    ("bernoulli", "binarized"): "Binarized pixels: a true log-probability.",
    ("gaussian", "grey"): "Gaussian pixels: a log-density, which may be above zero.",
    ("gaussian", "binarized"): "Gaussian pixels: a log-density, which may be above zero.",
}
# Thumbnails are buttons whose label is an image; the plane is as high as the window allows.
LOOKS = """<style>
.st-key-microscope_fill_image { --high: max(28rem, 100vh - 12rem); }
.st-key-microscope_fill_plane { --high: max(26rem, 100vh - 15rem); }
.st-key-microscope_fill_rest { --high: max(12rem, 100vh - 36rem); }
[class*="st-key-microscope_fill"] :is(.stElementContainer, .stFullScreenFrame, .stPlotlyChart) {
  flex: none; height: var(--high);
}
.st-key-microscope_thumbnails button { padding: 0.1rem; min-height: 0; }
.st-key-microscope_thumbnails button img { max-height: none; height: 2.2rem; width: 2.2rem; border-radius: 4px; }
</style>"""


def seen(run: LiveRun, view: str, **args: Any) -> dict[str, Any]:
    """A view of the run as it is now. What this session has seen before is not computed again."""
    kept: dict[tuple[Any, ...], dict[str, Any]] = st.session_state.setdefault(KEPT, {})
    settings = *(str(run.header[name]) for name in ("rule", "noise", "knobs")), run.id, view, str(sorted(args.items()))
    if (run.header["step"], *settings) in kept:
        return kept[(run.header["step"], *settings)]
    with nullcontext() if kept else st.spinner("Summing over the plane"):
        found = run.examine(view, **args)
    step = found["step"] if found and "step" in found else run.header["step"]  # it may have trained on since
    kept[(step, *settings)] = found
    while len(kept) > MOST_KEPT:
        kept.pop(next(iter(kept)))
    return found


def show(figure: Figure, name: str, alt: str, fill: str | None = None, still: bool = True) -> None:
    """Show a figure; with fill as high as LOOKS says of that place, so that a larger window shows a larger one."""
    key = f"microscope_{name}"
    if fill is None:
        chart(figure, key, alt=alt, still=still)
    else:
        with st.container(key=f"microscope_fill_{fill}"):
            chart(figure, key, alt=alt, still=still, height="stretch")


def undefined(run: LiveRun) -> str:
    """Why the run's rule has no posterior."""
    rule = rules()[run.header["rule"]]
    return rule["undefined"] or rule["why"]

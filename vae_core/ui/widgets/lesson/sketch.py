"""A curve that is drawn by hand, and beside it what a run did."""

from collections.abc import Callable, Sequence

import streamlit as st

from vae_core.teaching.lessons import Sketch
from vae_core.ui.server.files import FILES, loader

Curve = list[float | None]  # heights 0 to 1 from left to right, None where nothing was drawn

_sketch = st.components.v2.component(
    "noise_lab_sketch",
    html="<div class='sketch'></div>\n<!-- filled by lesson/sketch.js -->",
    css=(FILES / "lesson" / "sketch.css").read_text(encoding="utf-8"),
    js=loader("lesson/sketch.js"),
)


def sketch(axes: Sketch, curve: Curve | None, *, key: str, on_drawn: Callable[[Curve | None], None]) -> None:
    """A curve to be drawn by hand."""
    data = axes.model_dump(include={"x", "y", "span", "top"}) | {"curve": curve}
    _sketch(key=key, data=data, on_curve_change=lambda: on_drawn(st.session_state[key]["curve"]))


def sketch_and_truth(axes: Sketch, curve: Curve | None, truth: Sequence[tuple[int, float]], *, key: str) -> None:
    """A curve that was drawn, if any, beside what a run did, see `vae_core.teaching.lessons.trace`."""
    data = axes.model_dump(include={"x", "y", "span", "top"}) | {"curve": curve}
    _sketch(key=key, data=data | {"truth": truth, "still": True}, on_curve_change=lambda: None)

"""A curve that is drawn by hand, and beside it what a run did."""

from collections.abc import Callable, Sequence

import streamlit as st

from vae_core.teaching.lessons import Sketch
from vae_core.ui.server.files import assets
from vae_core.ui.widgets.stage import BOOT

Curve = list[float | None]  # heights 0 to 1 from left to right, None where nothing was drawn

_sketch = st.components.v2.component(
    "noise_lab_sketch",
    html="<div class='sketch'></div>\n<!-- filled by sketch.js -->",
    css="""
.sketch { position: relative; color: var(--st-text-color); font: 400 15px/1.3 var(--st-font, system-ui), sans-serif;
  touch-action: none; }
.sketch svg { width: 100%; display: block; background: var(--st-secondary-background-color); border-radius: 8px; }
.sketch:not(.still) svg { cursor: crosshair; }
.sketch svg:focus-visible { outline: 3px solid var(--st-primary-color); }
.sketch text { fill: currentColor; font-size: 16px; }
.sketch.still text { font-size: 20px; }
.sketch .hint { opacity: .6; }
.sketch path { fill: none; stroke-width: 4; stroke-linecap: round; stroke-linejoin: round; pointer-events: none; }
.sketch .grid { stroke: currentColor; opacity: .16; stroke-width: 1; }
.sketch .hand { stroke: var(--st-primary-color); stroke-dasharray: 2 9; stroke-width: 5; }
.sketch .truth { stroke: #c05a00; }
.sketch button { position: absolute; top: 10px; right: 14px; padding: .3em .9em; font: inherit; color: inherit;
  cursor: pointer; background: var(--st-background-color); border-radius: 7px;
  border: 1px solid color-mix(in srgb, currentColor 30%, transparent); }
@media print { .sketch button { display: none; } }
""",
    js=BOOT.replace("/main.js", "/sketch.js"),
)


def sketch(axes: Sketch, curve: Curve | None, *, key: str, on_drawn: Callable[[Curve | None], None]) -> None:
    """A curve to be drawn by hand."""
    data = {"assets": assets(), **axes.model_dump(include={"x", "y", "span", "top"}), "curve": curve}
    _sketch(key=key, data=data, on_curve_change=lambda: on_drawn(st.session_state[key]["curve"]))


def sketch_and_truth(axes: Sketch, curve: Curve | None, truth: Sequence[tuple[int, float]], *, key: str) -> None:
    """A curve that was drawn, if any, beside what a run did, see `vae_core.teaching.lessons.trace`."""
    data = {"assets": assets(), **axes.model_dump(include={"x", "y", "span", "top"}), "curve": curve}
    _sketch(key=key, data=data | {"truth": truth, "still": True}, on_curve_change=lambda: None)

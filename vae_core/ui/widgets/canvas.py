"""The drawing canvas, with the plane, the images and the walk beside it: one component, never torn down."""

from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from vae_core.engine.player import LiveRun
from vae_core.run.packing import unpack
from vae_core.ui.server.files import assets

FILES = Path(__file__).parents[1] / "web" / "drawing"
# Streamlit takes one script: these are joined in this order, and load what they share with the stage.
SCRIPTS = ("pen.js", "plane.js", "pictures.js", "main.js")

_component = st.components.v2.component(
    "noise_lab_canvas",
    html=f"<div class='lab draw' data-assets='{assets()}'></div>\n<!-- filled by main.js -->",
    css=(FILES / "style.css").read_text(encoding="utf-8"),
    js="\n".join((FILES / name).read_text(encoding="utf-8") for name in SCRIPTS),
)


def canvas(scene: bytes, *, key: str) -> None:
    """Show a scene of `vae_core.figures.drawing`; what is drawn is in `drawn`."""
    _component(key=key, data=scene, on_drawing_change=lambda: None)


def drawn(key: str) -> dict[str, Any] | None:
    """What the browser sent last, or None: strokes (see `vae_core.data.drawing`), seq, its number, and down,
    whether the pen is still on the canvas."""
    return (st.session_state.get(key) or {}).get("drawing")


def classes_shown(run: LiveRun) -> list[str]:
    """The classes of which the stage's strip has a test image; with few points these are not all."""
    labels = unpack(run.probe)[1]["labels"]
    return [run.info["classes"][label] for label in sorted({int(labels[index]) for index in run.header["strip"]})]


def test_image(run: LiveRun, label: int) -> np.ndarray:
    """(28, 28) uint8 the test image that stands for a class: that of the stage's strip."""
    labels = unpack(run.probe)[1]["labels"]
    index = next(index for index in run.header["strip"] if labels[index] == label)
    return unpack(run.images)[1]["images"][index]

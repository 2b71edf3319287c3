"""The drawing canvas, with the plane, the images and the walk beside it: one component, never torn down."""

from typing import Any

import streamlit as st

from vae_core.ui.server.files import loader

_component = st.components.v2.component(
    "noise_lab_canvas",
    html="<div class='lab draw'></div>\n<!-- filled by drawing/main.js -->",
    js=loader("drawing/main.js"),
)


def canvas(scene: bytes, *, key: str) -> None:
    """Show a scene of `vae_core.figures.drawing`; what is drawn is in `drawn`."""
    _component(key=key, data=scene, on_drawing_change=lambda: None)


def drawn(key: str) -> dict[str, Any] | None:
    """What the browser sent last, or None: strokes (see `vae_core.data.drawing`), seq, its number, and down,
    whether the pen is still on the canvas."""
    return (st.session_state.get(key) or {}).get("drawing")

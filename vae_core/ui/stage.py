"""The live component: the pipeline, the plane, the strips, the curves and the timeline of a run."""

from collections.abc import Callable

import streamlit as st

from vae_core.live import LiveRun
from vae_core.ui.stream import assets, images_of, socket_of

# The component's own files are loaded once and kept; what Streamlit sends is these few lines.
BOOT = """
const stops = new WeakMap();
export default function (component) {
  const { data, parentElement } = component;
  import(new URL(data.assets + "/main.js", window.location.origin).href)
    .then((main) => stops.set(parentElement, main.mount(component)));
  return () => stops.get(parentElement)?.();
}
"""

_component = st.components.v2.component(
    "noise_lab_live", html="<div class='lab'></div>\n<!-- filled by main.js -->", js=BOOT
)


def stage(run: LiveRun, *, key: str, on_move: Callable[[str], None]) -> None:
    """Show a run; ``on_move`` gets the socket address that the browser moves to at a reset or a fork."""
    data = {"assets": assets(), "socket": socket_of(run), "images": images_of(run)}
    _component(key=key, data=data, on_socket_change=lambda: on_move(st.session_state[key]["socket"]))

"""The canvas that one draws on, and what the running model makes of the drawing."""

from typing import Any

import numpy as np
import streamlit as st

from vae_core.data.drawing import EXAMPLE, DrawingError, as_mnist, rasterise
from vae_core.engine.player import LiveRun
from vae_core.figures.drawing import scene
from vae_core.ui.widgets.canvas import canvas, drawn
from vae_core.ui.widgets.draw.walk import End, keep_as, walk_asked
from vae_core.ui.widgets.notice import Notice
from vae_core.ui.widgets.rules import title_of
from vae_core.workers.errors import LaneError

CANVAS = "draw_canvas"
STROKES, LAST = "draw_strokes", "draw_last"  # in the session state: the drawing; the views shown last
notice = Notice("draw")


def image_drawn() -> np.ndarray:
    """(28, 28) what is drawn, as MNIST would have it.

    Raises:
        DrawingError: nothing is drawn, or what the browser sent is no drawing.
    """
    return as_mnist(rasterise(st.session_state.get(STROKES, EXAMPLE)))


def keep(end: End) -> None:
    """Let what is drawn be an end of the walk."""
    notice.attempt(lambda: keep_as(end, image_drawn()))


def tool(run: LiveRun) -> None:
    """The canvas, the plane, the images and the walk; the component stays whatever happens."""
    sent = drawn(CANVAS) or {"seq": 0, "down": False}
    if "strokes" in sent:
        st.session_state[STROKES] = sent["strokes"]
    image: np.ndarray | None = None
    header = {
        "seq": sent["seq"],
        "strokes": st.session_state.get(STROKES, EXAMPLE),
        "example": STROKES not in st.session_state,
        "rule": title_of(run.header["rule"]),
        "say": notice.take(),
    }
    try:
        image = image_drawn()
    except DrawingError as error:
        header["say"] = str(error)
    last = st.session_state.setdefault(LAST, {})
    key = None if image is None else (run.id, image.tobytes())
    ask: dict[str, Any] = {"image": image}
    if not sent["down"]:  # while a pen is down, only what follows it
        # The nearest training images do not change while the run trains: they are sought once for a drawing.
        ask |= {"nearest": key is not None and last.get("of") != key, **walk_asked(run)}
    views: dict[str, Any] = {}
    try:
        views = run.examine("draw_page", **ask)
    except LaneError as error:
        header["say"] = str(error)
    if views and not sent["down"]:
        nearest = views["nearest"] if ask["nearest"] else last.get("nearest")
        last |= {"of": key, "nearest": nearest, "walk": views["walk"], "ends": ask["ends"]}
    parts = {"walk": last.get("walk"), "ends": last.get("ends")}
    if views and image is not None:
        parts |= {"drawing": views["drawing"], "image": image}
        parts |= {} if sent["down"] else {"nearest": last["nearest"]}
    canvas(scene(run.newest.unpacked(), run.info["classes"], **parts, **header), key=CANVAS)

"""The walk between two images on the Draw page: its ends, and the way from one to the other."""

from functools import partial
from typing import Any, Literal, TypedDict

import numpy as np
import streamlit as st

from vae_core.engine.player import LiveRun
from vae_core.figures.drawing import animation
from vae_core.ui.widgets.class_images import classes_shown, test_image

# In the session state: images kept for the walk, and how often one was; the way.
KEPT, TIMES, WAY = "draw_kept", "draw_times", "draw_way"
WAYS = {"straight": "Straight line", "dense": "Where codes are dense"}
DRAWING = "Kept drawing"

End = Literal["A", "B"]
ENDS: dict[End, str] = {"A": "Walk from A", "B": "Walk to B"}


class Box(TypedDict):
    """Arguments of a selection: what it offers, with what it starts, and its key."""

    options: list[str]
    index: int
    key: str


def keep_as(end: End, image: np.ndarray) -> None:
    """Let an image, (28, 28), be an end of the walk."""
    st.session_state[KEPT + end] = image
    st.session_state[TIMES + end] = st.session_state.get(TIMES + end, 0) + 1


def box_of(run: LiveRun, end: End) -> Box:
    """What an end of the walk is chosen from. The key is a new one for each drawing that is kept: were it the old
    one, a rerun under way would bring its old value back."""
    offered, times = classes_shown(run), st.session_state.get(TIMES + end, 0)
    return {
        "options": [DRAWING, *offered] if times else offered,
        "index": 0 if times or end == "A" else len(offered) - 1,
        "key": f"draw_{end} {run.info['dataset']['title']} {run.points} {times}",
    }


def image_at(run: LiveRun, end: End) -> np.ndarray:
    """(28, 28) the image at an end of the walk."""
    box = box_of(run, end)
    chosen = st.session_state.get(box["key"], box["options"][box["index"]])
    image: np.ndarray = st.session_state[KEPT + end] if chosen == DRAWING else test_image(run, chosen)
    return image


def walk_asked(run: LiveRun) -> dict[str, Any]:
    """The walk as arguments of the view ``draw_page``."""
    return {"ends": (image_at(run, "A"), image_at(run, "B")), "way": st.session_state.setdefault(WAY, "straight")}


def title_of(option: str) -> str:
    """What an option of an end is called."""
    return option if option == DRAWING else f"Test image: {option}"


def end_of_walk(run: LiveRun, end: End) -> None:
    """The selection of an end."""
    st.selectbox(ENDS[end], **box_of(run, end), format_func=title_of, width=170, persist_state="session")


def way_and_animation(run: LiveRun) -> None:
    """The way, and the walk as a file. That is made when it is asked for, outside of the page's script."""
    asked = walk_asked(run)
    st.segmented_control("Way", WAYS, format_func=WAYS.__getitem__, key=WAY, required=True, persist_state="session")
    st.download_button(
        "GIF", partial(walk_gif, run, asked), "walk.gif", "image/gif", icon=":material/download:",
        help="The walk as an animation.", on_click="ignore",  # to run the page anew would take the file away again
    )  # fmt: skip


def walk_gif(run: LiveRun, asked: dict[str, Any]) -> bytes:
    """The walk that was asked for, as an animation."""
    return animation(run.examine("draw_page", **asked)["walk"]["images"])

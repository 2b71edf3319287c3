"""The arrows of the offset: from each image's code before it to its code after."""

import streamlit as st

from vae_core.engine.player import LiveRun
from vae_core.figures.offset import EDGES, arrows_figure, edge_for
from vae_core.ui.widgets.charts import chart

SIDES = {"seen": "Seen in training", "unseen": "Unseen"}
PROPERTIES = ("ink", "slant", "height", "width")
FOLLOW, ARROWS = 0, 250  # the choice of axes that follow the codes; how many arrows
EDGE = "offset_edge"  # in the session state


def follow_anew() -> None:
    """Let the axes be chosen anew where they follow the codes."""
    st.session_state.pop(EDGE, None)


def axes_title(axes: int) -> str:
    """What a choice of axes is called."""
    return "Axes follow the codes" if axes == FOLLOW else f"Axes ±{axes}"


def plane(run: LiveRun) -> None:
    """The arrows, below what they can be looked at as."""
    view = run.examine("offset_codes", count=ARROWS)
    with st.container(horizontal=True):
        side = st.segmented_control(
            "Images", SIDES, format_func=SIDES.__getitem__, default="seen", required=True, label_visibility="collapsed"
        )
        colour = st.selectbox(
            "Colour", ("class", *PROPERTIES), format_func="Colour: {}".format, width=165, label_visibility="collapsed"
        )
        axes = st.selectbox("Axes", [FOLLOW, *EDGES], format_func=axes_title, width=190, label_visibility="collapsed")
    if axes == FOLLOW:
        axes = st.session_state[EDGE] = edge_for(view, st.session_state.get(EDGE, 0))
    alt = "An arrow for each image, from its code before the offset to its code after"
    chart(arrows_figure(view[side], colour, axes), "offset_arrows", alt=alt)
    st.caption(
        f"From μ(x) to z of {len(view[side]['labels'])} images at step {view['step']:,}; "
        f"mean length {view[side]['moved']:.2f}. Circles: 1σ and 2σ of N(0, I)."
    )

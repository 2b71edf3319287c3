"""Draw: your own handwriting as the input of the running model, and walks between two drawings."""

import streamlit as st

from vae_core.ui.widgets.clock import follow_run, play_button, run_beside_stage
from vae_core.ui.widgets.draw.tool import keep, tool
from vae_core.ui.widgets.draw.walk import ENDS, end_of_walk, way_and_animation

EVERY = 0.4  # seconds between two pictures while the run trains


def page() -> None:
    """The tool, and the bar below it: the run, and the ends of the walk."""
    tool(run)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if play_button(run, width=100):
            st.rerun()  # with the clock, or without
        for end in ENDS:
            st.button(f"Keep as {end}", icon=":material/keep:", on_click=keep, args=(end,))
            end_of_walk(run, end)
        way_and_animation(run)


run = run_beside_stage(EVERY)
# Streamlit fades what waits for the server; a canvas that one draws on must not fade under the hand.
st.html("<style>.stElementContainer[data-stale] { opacity: 1; }</style>")
follow_run(run, EVERY, page, once_more=False)

"""Compare: runs side by side from the same seed, batches and ε, that differ in named settings only; sweeps."""

import streamlit as st

from vae_core.run.contrasts import CONTRASTS, MOST
from vae_core.ui.widgets.comparison import (
    CHOSEN,
    add_playground_run,
    comparison,
    current_comparison,
    open_comparison,
    open_contrast,
    playground_run,
)
from vae_core.ui.widgets.notice import Notice
from vae_core.ui.widgets.sweep import sweep_page
from vae_core.ui.widgets.vary_form import vary_form

PICKED = "compare_contrast"  # in the session state
TITLES = {preset.name: preset.title for preset in CONTRASTS}
VIEWS = {"runs": "Side by side", "sweep": "Sweep"}
notice = Notice("compare")


def pick() -> None:
    """A click opens the contrast; a second click on the same one starts it again."""
    notice.attempt(open_contrast, st.session_state[PICKED] or st.session_state[CHOSEN])


def add() -> None:
    notice.attempt(add_playground_run, shown)


def own_comparison() -> None:
    """One setting varied, or the Playground's run as a further column."""
    if recipes := vary_form(shown.settings()[0]):
        notice.attempt(open_comparison, [(recipe, ()) for recipe in recipes])
        st.rerun()
    st.button(
        "Add the Playground's run",
        icon=":material/add:",
        on_click=add,
        disabled=playground_run() is None or len(shown.members) >= MOST,
        help="As a further column; all runs start again from step 0.",
        width="stretch",
    )


shown, complaint = current_comparison()
if complaint:
    st.warning(complaint, title="This link could not be opened as it is", icon=":material/link_off:")
notice.show()

st.session_state[PICKED] = st.session_state[CHOSEN]
with st.container(horizontal=True, vertical_alignment="center"):
    view = st.segmented_control(
        "View", VIEWS, format_func=VIEWS.__getitem__, default="runs", required=True, key="compare_view",
        label_visibility="collapsed",
    )  # fmt: skip
    st.pills(
        "Contrast", TITLES, format_func=TITLES.__getitem__, key=PICKED, on_change=pick, label_visibility="collapsed"
    )
    with st.popover("Your own", icon=":material/tune:"):
        own_comparison()
    if shown.question:
        st.caption(shown.question, width=235)  # two lines beside the buttons
if view == "sweep":
    sweep_page(shown.settings()[0])
else:
    comparison(shown, key="comparison")

"""Compare: runs side by side from the same seed, batches and ε, that differ in named settings only; sweeps."""

import streamlit as st

from vae_core.data.datasets import DataError
from vae_core.engine.sweep import Sweep
from vae_core.figures.sweep import sweep_figure
from vae_core.run.catalogue import by_name
from vae_core.run.contrasts import CONTRASTS, MOST
from vae_core.ui.server.state import engine
from vae_core.ui.widgets.comparison import (
    CHOSEN,
    add_playground_run,
    comparison,
    current_comparison,
    open_comparison,
    open_contrast,
    playground_run,
)
from vae_core.ui.widgets.session import owner
from vae_core.ui.widgets.sweep_form import sweep_form
from vae_core.ui.widgets.vary_form import vary_form
from vae_core.workers.errors import LaneError

PICKED, ERROR, SWEEP = "compare_contrast", "compare_error", "compare_sweep"  # in the session state
TITLES = {preset.name: preset.title for preset in CONTRASTS}
VIEWS = {"runs": "Side by side", "sweep": "Sweep"}
EVERY = 0.7  # seconds between two pictures of a sweep


def attempt(do, *args) -> None:
    """Do something that may be refused; what was there then stays, and the page says why."""
    try:
        do(*args)
    except (LaneError, DataError, ValueError) as error:
        st.session_state[ERROR] = str(error)


def pick() -> None:
    """A click opens the contrast; a second click on the same one starts it again."""
    attempt(open_contrast, st.session_state[PICKED] or st.session_state[CHOSEN])


def own_comparison() -> None:
    """One setting varied, or the Playground's run as a further column."""
    if recipes := vary_form(shown.settings()[0]):
        attempt(open_comparison, [(recipe, ()) for recipe in recipes])
        st.rerun()
    st.button(
        "Add the Playground's run",
        icon=":material/add:",
        on_click=attempt,
        args=(add_playground_run, shown),
        disabled=playground_run() is None or len(shown.members) >= MOST,
        help="As a further column; all runs start again from step 0.",
        width="stretch",
    )


def start_sweep(base: dict) -> None:
    asked = sweep_form(base)
    if asked:
        stop_sweep()
        plan = {name: asked[name] for name in ("setting", "values", "steps")}
        st.session_state[SWEEP] = Sweep(engine(), base, **plan, owner=owner()), asked["title"], asked["log"]


def stop_sweep() -> None:
    if SWEEP in st.session_state:
        st.session_state[SWEEP][0].cancel()


def sweep_pictures() -> None:
    sweep, title, log = st.session_state[SWEEP]
    sweep.looked()
    running = sweep.status == "running"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(sweep.progress, f"{len(sweep.rows)} of {len(sweep.values)} runs, {sweep.status}")
        st.button("Cancel", icon=":material/stop:", on_click=stop_sweep, disabled=not running)
    st.plotly_chart(sweep_figure(sweep.rows, sweep.values, title, log), key="sweep", config={"displayModeBar": False})
    for row in sweep.rows:
        if row["note"]:
            st.warning(f"{title} = {row['value']:g}: {row['note']}")
    if sweep.message:
        st.error(sweep.message)
    if st.session_state.get("sweep_was_running") and not running:
        st.session_state["sweep_was_running"] = False
        st.rerun()  # without the clock


def sweep_page() -> None:
    base = shown.settings()[0]
    rule = by_name(engine().rules())[base["rule"]]["title"]
    st.caption(f"One small run for each value; all else is as in the first column, whose rule is {rule}.")
    try:
        start_sweep(base)
    except (LaneError, ValueError) as error:
        st.error(str(error))
    if SWEEP in st.session_state:
        running = st.session_state["sweep_was_running"] = st.session_state[SWEEP][0].status == "running"
        st.fragment(sweep_pictures, run_every=EVERY if running else None)()


shown, complaint = current_comparison()
if complaint:
    st.warning(complaint, title="This link could not be opened as it is", icon=":material/link_off:")
if message := st.session_state.pop(ERROR, None):
    st.error(message)

st.session_state[PICKED] = st.session_state[CHOSEN]
with st.container(horizontal=True, vertical_alignment="center"):
    hidden = {"label_visibility": "collapsed"}
    view = st.segmented_control(
        "View", VIEWS, format_func=VIEWS.get, default="runs", required=True, key="compare_view", **hidden
    )
    st.pills("Contrast", TITLES, format_func=TITLES.get, key=PICKED, on_change=pick, **hidden)
    with st.popover("Your own", icon=":material/tune:"):
        own_comparison()
    if shown.question:
        st.caption(shown.question, width=235)  # two lines beside the buttons
if view == "sweep":
    sweep_page()
else:
    comparison(shown, key="comparison")

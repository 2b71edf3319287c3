"""A sweep on a page: its form, how far it is, and its curve so far."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from vae_core.engine.sweep import Sweep
from vae_core.figures.sweep import sweep_figure
from vae_core.ui.server.state import engine
from vae_core.ui.widgets.charts import chart
from vae_core.ui.widgets.clock import follow
from vae_core.ui.widgets.rules import title_of
from vae_core.ui.widgets.session import owner
from vae_core.ui.widgets.sweep_form import sweep_form
from vae_core.workers.errors import LaneError

# In the session state: the tab's sweep, the title of its setting, whether its axis is logarithmic.
SWEEP = "compare_sweep"
EVERY = 0.7  # seconds between two pictures


def sweep_page(base: Mapping[str, Any]) -> None:
    """A sweep around a recipe, given by its fields."""
    rule = title_of(base["rule"])
    st.caption(f"One small run for each value; all else is as in the first column, whose rule is {rule}.")
    try:
        if asked := sweep_form(base):
            start(base, asked)
    except (LaneError, ValueError) as error:
        st.error(str(error))
    if SWEEP in st.session_state:
        follow(lambda: st.session_state[SWEEP][0].status == "running", EVERY, so_far)


def start(base: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    """Give the tab a sweep, as the form asks; the one that it had stops. Raises as `Sweep`."""
    stop()
    plan = {name: asked[name] for name in ("setting", "values", "steps")}
    st.session_state[SWEEP] = Sweep(engine(), base, **plan, owner=owner()), asked["title"], asked["log"]


def stop() -> None:
    """Stop the tab's sweep, if it has one; what was found stays."""
    if SWEEP in st.session_state:
        st.session_state[SWEEP][0].cancel()


def so_far() -> None:
    """What the tab's sweep has found."""
    sweep, title, log = st.session_state[SWEEP]
    sweep.looked()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(sweep.progress, f"{len(sweep.rows)} of {len(sweep.values)} runs, {sweep.status}")
        st.button("Cancel", icon=":material/stop:", on_click=stop, disabled=sweep.status != "running")
    chart(sweep_figure(sweep.rows, sweep.values, title, log), "sweep")
    for row in sweep.rows:
        if row["note"]:
            st.warning(f"{title} = {row['value']:g}: {row['note']}")
    if sweep.message:
        st.error(sweep.message)

"""The offset's knobs, as the run has them now; each click switches the run."""

from functools import partial
from typing import Any

import streamlit as st

from vae_core.data import tables
from vae_core.engine.player import LiveRun
from vae_core.ui.widgets.clock import play_button
from vae_core.ui.widgets.framed import can_upload
from vae_core.ui.widgets.notice import Notice
from vae_core.ui.widgets.offset_lab.plane import PROPERTIES, follow_anew

KNOB, FILE = "offset_knob_", "offset_file"  # in the session state
F = {
    "second_encoder": "Second encoder",
    "random_network": "Random network",
    "table": "Seeded table",
    "own_table": "Own table",
    "property": "Visible property",
}
UNSEEN = {"zero": "Zero", "drawn": "A drawn row", "nearest": "The nearest image's row"}
notice = Notice("offset")


def switch(run: LiveRun, rule: str | None = None, **knobs: Any) -> None:
    """Switch the run, or say why it cannot be."""
    notice.attempt(partial(run.switch, rule=rule, knobs=knobs or None))


def use(run: LiveRun, knob: str) -> None:
    """Take a knob's widget at its word."""
    switch(run, **{knob: st.session_state[KNOB + knob]})
    if knob in ("f", "normalise"):
        follow_anew()


def add_table(run: LiveRun) -> None:
    """Use the table that was dropped."""
    file = st.session_state[FILE]
    if file is not None:
        notice.attempt(lambda: switch(run, f="own_table", table=tables.store(file.getvalue(), file.name)))


def controls(run: LiveRun) -> None:
    """The bar above the pictures."""
    knobs = run.header["knobs"]
    for knob, value in knobs.items():
        st.session_state[KNOB + knob] = value

    def wired(knob: str) -> dict[str, Any]:
        return {"key": KNOB + knob, "on_change": use, "args": (run, knob)}

    with st.container(horizontal=True, vertical_alignment="bottom"):
        play_button(run)
        st.selectbox("f", F, format_func=F.__getitem__, width=190, **wired("f"))
        if knobs["f"] == "property":
            st.selectbox("Property", PROPERTIES, format_func=str.capitalize, width=130, **wired("property"))
        elif knobs["f"] in ("table", "own_table"):
            st.selectbox("An unseen image gets", UNSEEN, format_func=UNSEEN.__getitem__, width=210, **wired("unseen"))
        st.slider("Offset scale a", 0.0, 3.0, step=0.05, width=190, **wired("a"))
        st.toggle("Normalise μ first", **wired("normalise"))
        with st.popover("Add a table", icon=":material/upload:"):
            st.caption("Two columns, one row for each training image: .npy, .npz or .csv.")
            if can_upload():
                st.file_uploader(
                    "Table", ["npy", "npz", "csv"], key=FILE, on_change=add_table, args=(run,),
                    max_upload_size=tables.LIMIT >> 20, label_visibility="collapsed",
                )  # fmt: skip

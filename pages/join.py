"""Join: watch a lecturer's run in one's own browser, look back, answer polls, and fork it to try for oneself."""

from pathlib import Path

import streamlit as st

from vae_core.engine.rooms import RoomError
from vae_core.ui.server.state import classroom
from vae_core.ui.widgets.session import fork_for_tab
from vae_core.ui.widgets.stage import stage_of_room
from vae_core.workers.errors import LaneError

PLAYGROUND = Path(__file__).parent / "playground.py"
CODE = "code"  # in the address


def ask(code: str) -> None:
    """Ask for the code that the presenter shows."""
    with st.form("join", width=420):
        st.subheader("Join a class")
        typed = st.text_input("Code", code, max_chars=12, placeholder="ABC 234", help="The presenter shows it.")
        if st.form_submit_button("Join", type="primary", width="stretch"):
            st.query_params[CODE] = typed
            st.rerun()


def leave() -> None:
    st.query_params.pop(CODE, None)


code = st.query_params.get(CODE, "")
try:
    room = classroom().find(code, st.context.ip_address or "") if code else None
except RoomError as error:
    st.warning(str(error), icon=":material/meeting_room:")
    room = None
if room is None:
    ask(code)
else:
    step = stage_of_room(room, key=f"room_{room.code}")
    if step is not None:
        try:
            fork_for_tab(room, step)
        except LaneError as error:
            st.error(str(error))
        else:
            st.switch_page(PLAYGROUND)
    with st.sidebar:
        st.button("Leave this room", icon=":material/logout:", on_click=leave)

"""Class settings: what a class may use of this server, changed while it runs. For whoever has the admin token."""

import streamlit as st

from vae_core.engine.engine import FIGURES, LOST
from vae_core.engine.limits import LimitError, Limits
from vae_core.ui.server.admin import TOKEN, has_token
from vae_core.ui.server.state import engine
from vae_core.ui.widgets.admin_form import ask_for_token, is_admin

MIB = 1 << 20
ROOMS = {"anyone": "Anyone", "admin": "Only who has the admin token"}
EVERY = 2.0  # seconds between two readings of the figures


def settings() -> None:
    now = engine().limits
    with st.form("class_settings", width=420):
        asked = {
            "runs_per_user": st.number_input("Runs for each user", 1, 1000, now.runs_per_user),
            "runs": st.number_input("Runs in all", 1, 100_000, now.runs),
            "frame_bytes": MIB * st.number_input("Memory for frames in all, MiB", 1, None, now.frame_bytes // MIB),
            "open_rooms": st.radio("Who may open a room", ROOMS, list(ROOMS).index(now.open_rooms), ROOMS.__getitem__),
        }
        if st.form_submit_button("Apply", type="primary"):
            try:
                engine().limits = Limits(**asked)
            except LimitError as error:
                st.error(str(error))
            else:
                st.success("The new settings hold from now on, until the server stops.")


@st.fragment(run_every=EVERY)
def figures() -> None:
    """What is used now."""
    now = engine().figures()
    shown = {words: f"{now[name]:,}" for name, words in FIGURES.items() if name != "frame_bytes"}
    shown |= {"Memory of frames.": f"{now['frame_bytes'] / MIB:,.0f} MiB", LOST: f"{now['lost']:,}"}
    st.table({"": [words.rstrip(".") for words in shown], "Now": list(shown.values())})


st.subheader("Class settings")
if not has_token():
    st.info(f"This server has no admin token. Set {TOKEN} where it is started to change its settings here.")
elif is_admin():
    left, right = st.columns(2, gap="medium", width=960)
    with left:
        settings()
        st.caption(
            "Beyond a lower number of runs, those that nobody watches close when new ones open. "
            "At the next start the values of the environment hold again."
        )
    with right:
        figures()
else:
    ask_for_token()

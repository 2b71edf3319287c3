"""What all pages share: page settings and navigation."""

from pathlib import Path

import streamlit as st

from vae_core.ui import ICON, LOGO
from vae_core.ui.server.admin import has_token

HERE = Path(__file__).parent

st.set_page_config(page_title="Noise Lab", page_icon=str(ICON), layout="wide", initial_sidebar_state="collapsed")
st.logo(str(LOGO), icon_image=str(LOGO))
# The stage fills the window: Streamlit's page margins (5rem) would cost a sixth of a projector's width.
st.html("<style>.stMainBlockContainer { padding-inline: 1rem; } .stMain { scrollbar-gutter: auto; }</style>")
st.navigation(
    [
        st.Page(HERE / "playground.py", title="Playground", icon=":material/play_circle:", default=True),
        st.Page(HERE / "join.py", title="Join", icon=":material/group:"),
        st.Page(HERE / "lessons.py", title="Lessons", icon=":material/school:"),
        st.Page(HERE / "compare.py", title="Compare", icon=":material/compare:"),
        st.Page(HERE / "microscope.py", title="Microscope", icon=":material/biotech:"),
        st.Page(HERE / "draw.py", title="Draw", icon=":material/draw:"),
        st.Page(HERE / "offset_lab.py", title="Offset lab", icon=":material/arrow_outward:"),
        st.Page(HERE / "flows.py", title="Flows", icon=":material/waves:"),
        st.Page(HERE / "code.py", title="Code", icon=":material/code:"),
        st.Page(HERE / "claims.py", title="Claims", icon=":material/fact_check:"),
        st.Page(HERE / "library.py", title="Library", icon=":material/folder_open:"),
        *([st.Page(HERE / "class_settings.py", title="Class settings", icon=":material/tune:")] if has_token() else []),
    ],
    position="top",
).run()

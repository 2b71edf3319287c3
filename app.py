"""Launcher: ``streamlit run app.py``."""

import runpy
from pathlib import Path

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

ROUTER = Path(__file__).parent / "pages" / "_router.py"

if get_script_run_ctx(suppress_warning=True):  # a host, or a test, that runs this file as the script
    runpy.run_path(str(ROUTER))
else:
    from vae_core.ui import comparison_stream, stream
    from vae_core.ui.keeper import lifespan

    app = st.App(ROUTER, routes=[*stream.routes(), *comparison_stream.routes()], lifespan=lifespan)

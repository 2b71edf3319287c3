"""Launcher: ``streamlit run app.py``."""

import runpy
from pathlib import Path

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

ROUTER = Path(__file__).parent / "pages" / "_router.py"

if get_script_run_ctx(suppress_warning=True):  # a host, or a test, that runs this file as the script
    runpy.run_path(str(ROUTER))
else:
    from vae_core.ui.server.state import engine, lifespan

    engine()  # its workers import torch while this process imports the rest
    from vae_core.ui.server import comparison_socket, early, health, room_socket, run_socket, streamlit_files

    parts = (run_socket, comparison_socket, room_socket, health)
    routes = [route for part in parts for route in part.routes()]
    routes += early.routes(path.stem for path in ROUTER.parent.glob("[!_]*.py") if path.stem != "playground")
    app = st.App(ROUTER, routes=routes, middleware=streamlit_files.middleware(), lifespan=lifespan)

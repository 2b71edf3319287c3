"""The one engine of this server, started before the first visitor and stopped with the server."""

import gc
import os
from contextlib import asynccontextmanager

import streamlit as st

from vae_core.engine import Engine


@st.cache_resource(show_spinner=False)
def engine() -> Engine:
    """The engine; ``NOISE_LAB_LANES`` sets the number of worker processes (1 by default)."""
    return Engine(lanes=int(os.environ.get("NOISE_LAB_LANES", "1")))


@asynccontextmanager
async def lifespan(app):
    """For `st.App`: the lanes import torch while the server starts."""
    running = engine()
    gc.freeze()  # what is imported stays: the collector need not look at it again and again
    try:
        yield
    finally:
        running.stop()

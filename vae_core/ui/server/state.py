"""The one engine of this server, started before the first visitor and stopped with the server."""

import gc
import os
from contextlib import asynccontextmanager

import streamlit as st

from vae_core.engine.engine import Engine
from vae_core.engine.limits import Limits


@st.cache_resource(show_spinner=False)
def engine() -> Engine:
    """The engine. ``NOISE_LAB_LANES`` sets the number of worker processes (1 by default) and ``NOISE_LAB_CLUSTER``
    the address of a cluster that has them instead (all of its own by default); see also `Limits.of`."""
    address = os.environ.get("NOISE_LAB_CLUSTER", "")
    lanes = int(os.environ.get("NOISE_LAB_LANES", "0" if address else "1"))
    return Engine(lanes, limits=Limits.of(), address=address)


@asynccontextmanager
async def lifespan(app):
    """For `st.App`: the lanes import torch while the server starts."""
    running = engine()
    gc.freeze()  # what is imported stays: the collector need not look at it again and again
    try:
        yield
    finally:
        running.stop()

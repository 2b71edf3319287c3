"""What this server has one of: the engine, the comparisons, the rooms."""

import gc
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import streamlit as st

from vae_core.engine.engine import Engine
from vae_core.engine.limits import Limits
from vae_core.engine.lockstep import Lockstep
from vae_core.engine.room_notes import RoomNotes
from vae_core.engine.rooms import Classroom
from vae_core.ui.server.broadcast import Broadcast


@st.cache_resource(show_spinner=False)
def engine() -> Engine:
    """The engine. ``NOISE_LAB_LANES`` sets the number of worker processes (1 by default) and ``NOISE_LAB_CLUSTER``
    the address of a cluster that has them instead (all of its own by default); see also `Limits.of`."""
    address = os.environ.get("NOISE_LAB_CLUSTER", "")
    return Engine(lanes(address), limits=Limits.of(), address=address)


def lanes(address: str) -> int:
    """The number of worker processes that the environment asks for.

    Raises:
        SystemExit: with a sentence: it is none.
    """
    text = os.environ.get("NOISE_LAB_LANES", "0" if address else "1")
    if not text.isdecimal() or not (int(text) or address):
        sys.exit(f"NOISE_LAB_LANES should be a whole number of worker processes, 1 or more; it is {text!r}.")
    return int(text)


@st.cache_resource(show_spinner=False)
def comparisons() -> dict[str, Lockstep]:
    """All comparisons by their ids."""
    return {}


@st.cache_resource(show_spinner=False)
def classroom() -> Classroom:
    """All rooms."""
    return Classroom(RoomNotes(), engine().recall)


@st.cache_resource(show_spinner=False)
def broadcasts() -> dict[str, Broadcast]:
    """Code -> the messages of a room that somebody watches."""
    return {}


@asynccontextmanager
async def lifespan(app: object) -> AsyncIterator[None]:
    """For `st.App`: the lanes import torch while the server starts."""
    running = engine()
    gc.freeze()  # what is imported stays: the collector need not look at it again and again
    try:
        yield
    finally:
        classroom().stop()
        running.stop()

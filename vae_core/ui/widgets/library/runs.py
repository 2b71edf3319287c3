"""The tab's run and the library: keep it, bring one back, take one from a file."""

import streamlit as st

from vae_core.engine.player import LiveRun
from vae_core.ui.server.state import engine
from vae_core.ui.widgets.library.shelves import Shelf, meet_the_browser, shelves
from vae_core.ui.widgets.plain import plain
from vae_core.ui.widgets.rules import title_of
from vae_core.ui.widgets.session import RUN, fetch, owner
from vae_core.workers.errors import LaneError


def name_of(run: LiveRun) -> str:
    """What a run is called until somebody calls it otherwise."""
    return f"{title_of(run.header['rule'])}, {run.header['step']:,} steps"


def keep(run: LiveRun, name: str = "", note: str = "") -> str:
    """Save the run as it is now, on the shelf of who asks; returns the name.

    Raises:
        ValueError, LaneError: it cannot be, in one sentence.
    """
    name = name.strip() or name_of(run)
    shelves()[0].for_changes().save(*run.snapshot(), name, note, run.info["dataset"]["title"])
    return name


def save_button(run: LiveRun) -> None:
    """One click that keeps the run under its usual name."""
    meet_the_browser()
    if st.button("Save to the library", icon=":material/save:", width="stretch"):
        try:
            st.toast(f"Saved as {plain(keep(run))}.", icon=":material/save:")
        except (ValueError, LaneError) as error:
            st.error(plain(str(error)))


def bring_back(shelf: Shelf, id: str, step: int | None = None) -> None:
    """Give the tab a saved run, at its last frame or at an earlier one.

    Raises:
        ValueError, LaneError: it cannot be, in one sentence; the tab keeps the run that it has.
    """
    record, state = shelf.library.open(id)
    fetch(record.recipe.dataset)
    if step is not None and step < record.steps[-1]:
        record, state = record.fork(record.packed(step).step), None
    run = engine().reopen(record, state, owner())
    st.session_state[RUN], st.session_state["complaint"] = run.id, None


def take(run: LiveRun, data: bytes, name: str) -> None:
    """Import a zip; what is in it is looked at in a lane, where torch is.

    Raises:
        ValueError, LaneError: it is refused, in one sentence.
    """
    library = shelves()[0].for_changes()
    library.take(data, name, lambda folder, name: run.examine("recording_check", folder=str(folder), file=name))

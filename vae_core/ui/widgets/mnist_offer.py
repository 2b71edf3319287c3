"""Where MNIST is not at hand: says what stands in for it, and takes its files."""

import os

import streamlit as st

from vae_core.data import ADDED, DataError, add_files, load_dataset
from vae_core.engine.player import LiveRun
from vae_core.ui.server.state import engine
from vae_core.ui.widgets.framed import can_upload
from vae_core.ui.widgets.session import start

FORGET = 60.0  # seconds after which a wrong folder is looked into again


def wrong_folder() -> str | None:
    """What is wrong with the folder of NOISE_LAB_DATA, or None."""
    own = os.environ.get("NOISE_LAB_DATA", "")
    return _wrong(own) if own else None


@st.cache_data(ttl=FORGET, show_spinner=False)
def _wrong(own: str) -> str | None:
    try:
        load_dataset("mnist", download=False)
    except DataError as error:
        return str(error)
    return None


def offer_mnist(run: LiveRun, wrong: str | None = None) -> None:
    """Say what the run's data set says of itself, or what is `wrong` with the folder that was named, and take MNIST's
    files if they are dropped here."""
    data = run.info["dataset"]
    say, take = st.columns([5, 1], vertical_alignment="center")
    if wrong:
        say.warning(f"{wrong}. Until then this run trains on: {data['title']}.", icon=":material/folder_off:")
    else:
        say.info(data["banner"], icon=":material/database:")
    with take.popover("Add MNIST", icon=":material/upload:", width="stretch"):
        st.caption(data["source"])
        files = st.file_uploader(ADDED, accept_multiple_files=True) if can_upload() else None
    if files:
        try:
            add_files({file.name: file.getvalue() for file in files})
        except DataError as error:
            st.error(str(error))
        else:
            _wrong.clear()
            engine().trainings.data_added()
            recipe = run.record.recipe.model_dump()
            start({**recipe, "dataset": "mnist"} if wrong else recipe, run.points)

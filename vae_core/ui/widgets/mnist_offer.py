"""Where MNIST is not at hand: says what stands in for it, and takes its files."""

import streamlit as st

from vae_core.data import ADDED, DataError, add_files
from vae_core.engine.player import LiveRun
from vae_core.ui.server.state import engine
from vae_core.ui.widgets.framed import can_upload
from vae_core.ui.widgets.session import start


def offer_mnist(run: LiveRun) -> None:
    """Say what the run's data set says of itself, and take MNIST's files if they are dropped here."""
    say, take = st.columns([5, 1], vertical_alignment="center")
    say.info(run.info["dataset"]["banner"], icon=":material/database:")
    with take.popover("Add MNIST", icon=":material/upload:", width="stretch"):
        st.caption(run.info["dataset"]["source"])
        files = st.file_uploader(ADDED, accept_multiple_files=True) if can_upload() else None
    if files:
        try:
            add_files({file.name: file.getvalue() for file in files})
        except DataError as error:
            st.error(str(error))
        else:
            engine().trainings.data_added()
            start(run.record.recipe.model_dump(), run.points)

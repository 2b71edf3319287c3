"""The first screen: a VAE that trains live, with noise that can be switched."""

import streamlit as st

from vae_core.ui.widgets.library.runs import save_button
from vae_core.ui.widgets.mnist_offer import offer_mnist, wrong_folder
from vae_core.ui.widgets.recipe_form import recipe_form
from vae_core.ui.widgets.session import current_run, moved_to, start
from vae_core.ui.widgets.stage import stage

run, complaint = current_run()
wrong = wrong_folder()
if complaint and complaint != wrong:
    st.warning(complaint, title="This link could not be opened as it is", icon=":material/link_off:")
if wrong or run.info["dataset"]["banner"]:
    offer_mnist(run, wrong)

stage(run, key="stage", on_move=moved_to)

with st.sidebar:
    if submitted := recipe_form(run.record.recipe, run.points):
        start(*submitted)
    save_button(run)

"""Microscope: sums over the plane. The true posterior of one image, all codes together, the decoder as a field."""

from functools import partial

import streamlit as st

from vae_core.ui.widgets.clock import follow_run, play_button, run_beside_stage
from vae_core.ui.widgets.microscope.codes import all_codes
from vae_core.ui.widgets.microscope.decoder import decoder
from vae_core.ui.widgets.microscope.image import one_image
from vae_core.ui.widgets.microscope.image_choice import image_controls, notice
from vae_core.ui.widgets.microscope.views import LOOKS

EVERY = 2.0  # seconds between two pictures while the run trains
PARTS = {"image": "One image", "codes": "All codes", "decoder": "Decoder"}
SHOWN = {"image": one_image, "codes": all_codes, "decoder": decoder}

run = run_beside_stage(EVERY)
st.html(LOOKS)
notice.show()
with st.container(horizontal=True, vertical_alignment="center"):
    part = st.segmented_control(
        "Part", PARTS, format_func=PARTS.__getitem__, default="image", key="microscope_part", required=True,
        label_visibility="collapsed",
    )  # fmt: skip
    play_button(run)
    if part == "image":
        image_controls(run)
follow_run(run, EVERY, partial(SHOWN[part], run))

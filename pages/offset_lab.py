"""Offset lab: x → encoder(x) + f(x) → z, without a draw; arrows, the same x twice, encoders merged into one."""

from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from vae_core.ui.widgets.clock import follow_run, run_beside_stage
from vae_core.ui.widgets.offset_lab.controls import controls, notice, switch
from vae_core.ui.widgets.offset_lab.plane import plane
from vae_core.ui.widgets.offset_lab.questions import gap, questions
from vae_core.ui.widgets.rule_offer import offer_rules
from vae_core.ui.widgets.session import open_run

EVERY = 2.0  # seconds between two pictures while the run trains
PLAYGROUND = Path(__file__).parent / "playground.py"


def train(recipe: dict[str, Any]) -> None:
    open_run(recipe, run.points)
    st.switch_page(PLAYGROUND)


def lab() -> None:
    left, right = st.columns([11, 9], gap="medium")
    with left:
        plane(run)
    with right:
        gap(run)
        questions(run, train)


run = run_beside_stage(EVERY)
notice.show()
if run.header["rule"] == "offset":
    controls(run)
    follow_run(run, EVERY, lab, once_more=False)
else:
    note = "f(x) is one vector for each image, the same at every step. It is the Playground's run that switches."
    offer_rules(run, "offset", ["offset"], partial(switch, run), note)

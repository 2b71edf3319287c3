"""The form for a sweep: a setting that is a number, its range, and how long each run trains."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from vae_core.engine.sweep import MOST_STEPS, MOST_VALUES, spaced
from vae_core.run.link import KNOB
from vae_core.ui.widgets.rules import rules

# Field of a recipe -> (words, range at first, evenly on a logarithmic scale, whole numbers).
FIELDS = {
    "noise": ("Noise switch", 0.0, 1.0, False, False),
    "train_size": ("Training images", 20.0, 20_000.0, True, True),
    "batch_size": ("Batch size", 16.0, 1024.0, True, True),
    "learning_rate": ("Learning rate", 0.0005, 0.02, True, False),
    "encoders": ("Encoders", 1.0, 4.0, False, True),
    "seed": ("Seed", 0.0, 6.0, False, True),
}


def settings(rule: str) -> dict[str, tuple[str, float, float, bool, bool]]:
    """What a run of a rule can be swept over, knobs first; as `FIELDS`."""
    knobs = rules()[rule]["knobs"]
    found = {}
    for knob in knobs:
        low, high = knob["min"], knob["max"]
        if knob["kind"] in ("float", "int") and low is not None and high is not None:
            log = knob["scale"] == "log"
            first = max(float(low), high / 1000) if log else float(low)
            words = f"{knob['symbol']}, {knob['title']}"
            found[KNOB + knob["name"]] = (words, first, float(high), log, knob["kind"] == "int")
    return found | FIELDS


def sweep_form(base: Mapping[str, Any]) -> dict[str, Any] | None:
    """The widgets; once submitted, setting, values, steps, title and log.

    Raises:
        RecipeError: the range cannot be.
    """
    known = settings(base["rule"])
    with st.container(horizontal=True, vertical_alignment="bottom"):
        setting = st.selectbox(
            "Setting", list(known), format_func=lambda name: known[name][0], width=240, key="sweep_setting"
        )
        title, low, high, log, whole = known[setting]
        low = st.number_input("From", value=low, format="%g", width=120, key=f"sweep_low_{setting}")
        high = st.number_input("To", value=high, format="%g", width=120, key=f"sweep_high_{setting}")
        count = st.number_input("Values", 2, MOST_VALUES, 7, width=120, key="sweep_count")
        steps = st.number_input("Steps of each", 1, MOST_STEPS, 400, width=140, key="sweep_steps")
        log = st.toggle("Logarithmic", log, key=f"sweep_log_{setting}")
        if not st.button("Start", type="primary", icon=":material/play_arrow:", key="sweep_start"):
            return None
    values = spaced(low, high, int(count), log, whole)
    return {"setting": setting, "values": values, "steps": int(steps), "title": title, "log": log}

"""The parts of a lesson and of its stage that a lecture may hide, and the address that says so."""

from collections.abc import Collection
from urllib.parse import urlencode

import streamlit as st

from vae_core.run.recipe import unknown
from vae_core.teaching.lessons import Lesson

LARGE = "lesson_large"  # in the session state: whether large type is wanted
STEPS = {"predict": "Predict", "observe": "Observe", "explain": "Explain", "go_on": "Go on"}
PARTS = {
    "text": "The whole text",
    "predict": "Predict",
    "explain": "Explain",
    "go_on": "Go on",
    "sidebar": "Menu and sidebar",
}
CONTROLS = {  # data-testid, data-name or data-part on the stage
    "noise": "Noise switch",
    "scale": "Noise slider",
    "rule": "Rule picker",
    "formula": "Formula",
    "charged": "What is charged",
    "knobs": "Knobs",
    "play": "Play",
    "step": "Step",
    "epoch": "Epoch",
    "reset": "Reset",
    "speed": "Speed",
    "repeats": "Encode 50 times",
    "coordinate": "z or μ",
    "marks": "Dots or digits",
    "ellipses": "Ellipses",
    "posterior": "True posterior",
    "strips": "Test digits and samples",
    "curves": "All curves",
    "curve-reconstruction": "Reconstruction",
    "curve-kl": "KL",
    "curve-elbo": "ELBO",
    "exact": "Exact measures",
    "timeline": "Timeline",
    "fork": "Fork",
}


def large() -> bool:
    """Whether large type is wanted."""
    return bool(st.session_state.get(LARGE))


def hidden_parts() -> tuple[list[str], str | None]:
    """What the address hides, and a sentence if it names what there is not."""
    names = [name for name in st.query_params.get("hide", "").split(",") if name]
    valid = {**PARTS, **CONTROLS}
    wrong = [name for name in names if name not in valid and not name.startswith("knob-")]
    complaint = str(unknown("part to hide", wrong[0], valid)) if wrong else None
    return [name for name in names if name not in wrong], complaint


def lecture_link(lesson: Lesson, hide: Collection[str], step: str) -> str:
    """The address of a lesson at a step, with parts of it hidden."""
    page = (st.context.url or "").partition("?")[0]
    fields = {"lesson": lesson.name, "step": step, **({"hide": ",".join(hide)} if hide else {})}
    return f"{page}?{urlencode(fields, safe=',')}"

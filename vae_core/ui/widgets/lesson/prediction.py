"""What was predicted of a lesson: asked for before its run, and shown again beside what the run did."""

from functools import partial

import streamlit as st

from vae_core.teaching.lessons import Lesson
from vae_core.teaching.lessons.trace import trace
from vae_core.ui.widgets.lesson.sitting import Sitting, run_of
from vae_core.ui.widgets.lesson.sketch import sketch, sketch_and_truth

CHOICE, SKETCH, KEPT = "lesson_choice_", "lesson_sketch_", "lesson_kept_"  # in the session state, before the name


def predict(lesson: Lesson) -> None:
    """Ask for a prediction: a sketch, or a choice."""
    st.markdown(lesson.predict)
    if lesson.sketch:
        kept = KEPT + lesson.name
        keep = partial(st.session_state.__setitem__, kept)
        sketch(lesson.sketch, st.session_state.get(kept), key=SKETCH + lesson.name, on_drawn=keep)
    else:
        st.radio(
            "Your prediction", lesson.choices, index=None, key=CHOICE + lesson.name, persist_state="session",
            label_visibility="collapsed",
        )  # fmt: skip


def predicted(lesson: Lesson, kept: Sitting) -> None:
    """The prediction again, beside what the run did."""
    if lesson.sketch:
        did = trace(run_of(kept).record, lesson.sketch)
        curve = st.session_state.get(KEPT + lesson.name)
        if curve or did:
            st.markdown("Your sketch (dotted) and what this run did:" if curve else "What this run did:")
            sketch_and_truth(lesson.sketch, curve, did, key=f"{SKETCH}{lesson.name}_truth")
    elif choice := st.session_state.get(CHOICE + lesson.name):
        st.markdown(f"> You predicted: {choice}")

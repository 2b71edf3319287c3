"""The way about a lesson: which one and which step its address names, and the bars above and below the words."""

import streamlit as st

from vae_core.teaching.lessons import Lesson
from vae_core.ui.widgets.lesson.lecture import CONTROLS, LARGE, PARTS, STEPS, lecture_link

STEP = "lesson_step"  # in the session state


def open_lesson(name: str | None) -> None:
    """Let the address name a lesson, or none."""
    st.query_params.pop("step", None)
    st.query_params.pop("hide", None)
    if name is None:
        st.query_params.pop("lesson", None)
    else:
        st.query_params["lesson"] = name


def go(step: str) -> None:
    """Let the address name a step."""
    st.query_params["step"] = step


def head(lesson: Lesson, steps: list[str], step: str, hidden: list[str]) -> None:
    """Where one is, and the way about."""
    with st.container(key="lesson_head", horizontal=True, vertical_alignment="center", gap="small"):
        st.button("", icon=":material/arrow_back:", help="All lessons", on_click=open_lesson, args=[None])
        st.markdown(f"**{lesson.number}. {lesson.title}**", width="stretch")
        with st.popover("", icon=":material/more_vert:", help="Large type, link for a lecture"):
            st.toggle("Large type", key=LARGE, persist_state="session")
            names = {**PARTS, **CONTROLS}
            chosen = [part for part in hidden if part in names]
            hide = st.multiselect("Hide in the lecture", names, default=chosen, format_func=names.__getitem__)
            st.code(lecture_link(lesson, hide, step), language=None, wrap_lines=True)
    st.session_state[STEP] = step
    st.segmented_control(
        "Step", steps, format_func=STEPS.__getitem__, key=STEP, on_change=lambda: go(st.session_state[STEP] or step),
        label_visibility="collapsed", width="stretch", required=True,
    )  # fmt: skip


def foot(steps: list[str], step: str) -> None:
    """Back, and to the next step."""
    place = steps.index(step)
    with st.container(key="lesson_foot", horizontal=True, horizontal_alignment="distribute"):
        if place:
            st.button("Back", icon=":material/chevron_left:", on_click=go, args=[steps[place - 1]])
        if place + 1 < len(steps):
            following = steps[place + 1]
            st.button(STEPS[following], key="lesson_next", icon=":material/chevron_right:", type="primary",
                      icon_position="right", on_click=go, args=[following])  # fmt: skip

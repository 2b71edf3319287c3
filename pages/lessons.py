"""Lessons: seven questions, each with a prediction, a prepared run, what was measured, and ways on."""

import streamlit as st

from vae_core.data import DataError
from vae_core.run.recipe import RecipeError, unknown
from vae_core.teaching.lessons import Lesson, lessons
from vae_core.ui.widgets.lesson.lecture import STEPS, hidden_parts, large
from vae_core.ui.widgets.lesson.looks import LARGE_TYPE, LOOKS, NO_MENU
from vae_core.ui.widgets.lesson.navigation import foot, head, open_lesson
from vae_core.ui.widgets.lesson.prediction import predict, predicted
from vae_core.ui.widgets.lesson.sitting import Sitting, lesson_stage, sitting, start_again
from vae_core.ui.widgets.lesson.text import tasks, write
from vae_core.workers.errors import LaneError


def overview() -> None:
    st.subheader("Seven questions")
    st.caption("Each lesson asks for a prediction first, then shows a run. Nothing is graded or sent anywhere.")
    for lesson in lessons().values():
        title, question, minutes, opener = st.columns([4, 7, 0.8, 1], vertical_alignment="center")
        title.markdown(f"**{lesson.number}. {lesson.title}**")
        question.caption(lesson.question)
        minutes.caption(f"{lesson.minutes} min")
        opener.button("Open", key=f"open_{lesson.name}", on_click=open_lesson, args=[lesson.name], width="stretch")


def words(lesson: Lesson, step: str, kept: Sitting) -> None:
    if step == "observe":
        before, _, after = lesson.observe.partition("\n---\n")
        write(before)
        st.markdown(tasks(lesson, kept.done))
        st.button("Start the run again", icon=":material/replay:", on_click=start_again, args=[lesson])
        write(after)
    elif step == "explain":
        predicted(lesson, kept)
        write(lesson.explain)
        st.markdown("**When this is not so**")
        write(lesson.limits)
    else:
        st.markdown("What to try next; each opens in a tab of its own.")
        write(lesson.go_on)


def show(lesson: Lesson) -> None:
    hidden, complaint = hidden_parts()
    if complaint:
        st.warning(complaint, icon=":material/visibility_off:")
    if "sidebar" in hidden:
        st.html(NO_MENU)
    if large():
        st.html(LARGE_TYPE)
    steps = [step for step in STEPS if step not in hidden]
    step = st.query_params.get("step", steps[0])
    step = step if step in steps else steps[0]
    with st.container(key="lesson_paper"):
        st.markdown(f"### {lesson.number}. {lesson.title}")
        write(lesson.text)
    # Of the run: a progress bar that comes and goes must not move the stage.
    opening = st.container(key="lesson_opening")
    if "text" in hidden:
        with opening:
            kept = sitting(lesson)
        lesson_stage(lesson, kept, hidden, step == "observe", large())
    elif step == "predict":
        _, middle, _ = st.columns([1, 3, 1])
        with middle, st.container(key="lesson_predict"):
            head(lesson, steps, step, hidden)
            with st.container(key="lesson_question"):
                st.markdown(lesson.question)
            predict(lesson)
            foot(steps, step)
    else:
        with opening:
            kept = sitting(lesson)
        left, right = st.columns([1, 2], gap="small")
        with left, st.container(key="lesson_left"):
            head(lesson, steps, step, hidden)
            with st.container(key="lesson_words"):
                words(lesson, step, kept)
            foot(steps, step)
        with right:
            lesson_stage(lesson, kept, hidden, step == "observe", large())


st.html(LOOKS)
name = st.query_params.get("lesson")
if name is not None and name not in lessons():
    st.warning(str(unknown("lesson", name, lessons())), icon=":material/link_off:")
if name not in lessons():
    overview()
else:
    try:
        show(lessons()[name])
    except (RecipeError, LaneError, DataError) as error:
        st.error(str(error), title="The lesson's run could not be opened")

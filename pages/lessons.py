"""Lessons: seven questions, each with a prediction, a prepared run, what was measured, and ways on."""

from functools import partial

import streamlit as st

from vae_core.data.datasets import DataError
from vae_core.run.recipe import RecipeError, unknown
from vae_core.teaching.lessons import Lesson, lessons
from vae_core.teaching.lessons.trace import trace
from vae_core.ui.widgets import lesson as ui
from vae_core.workers.errors import LaneError

CHOICE, SKETCH, KEPT, LARGE, STEP = "lesson_choice_", "lesson_sketch_", "lesson_kept_", "lesson_large", "lesson_step"
LOOKS = """<style>
.claim { display: inline-block; font-size: .78em; line-height: 1.3; padding: .1em .5em; border-radius: .5em;
  background: color-mix(in srgb, currentColor 7%, transparent); border-left: 3px solid #8a8f98; }
.claim.holds { border-color: #2e8b57; }
.claim.mixed { border-color: #c98a00; }
.claim.fails { border-color: #d0342c; }
.stVerticalBlock.st-key-lesson_words { height: calc(100vh - 17rem); overflow-y: auto; scrollbar-width: thin; padding-right: .4rem;
  flex: none; }
:is(.st-key-lesson_words, .st-key-lesson_paper) code { white-space: pre-wrap !important; word-break: normal; }
.st-key-lesson_head { flex-wrap: nowrap; }
.st-key-lesson_question p { font-size: 1.2rem; }
.st-key-lesson_words pre code { font-size: .72rem; }
.st-key-lesson_words p, .st-key-lesson_words li { line-height: 1.45; }
.stMain :has(> .st-key-lesson_paper) { display: none; }
.stMain :has(> .st-key-lesson_opening:not(:has(.stProgress))) { display: none; }
@media print {
  :is(.stAppHeader, .stSidebar, .st-key-lesson_left, .st-key-lesson_predict) { display: none !important; }
  .stMain :has(> .st-key-lesson_paper) { display: flex; }
  .stHorizontalBlock:has(.st-key-lesson_left) { display: block; }
  .stHorizontalBlock:has(.st-key-lesson_left) > .stColumn { width: 100%; }
}
</style>"""
LARGE_TYPE = """<style>
:is(.st-key-lesson_words, .st-key-lesson_predict) :is(p, li, label p) { font-size: 1.3rem; }
</style>"""
NO_MENU = "<style>.stAppHeader, .stSidebar { display: none; } .stMainBlockContainer { padding-top: .5rem; }</style>"


def open_lesson(name: str | None) -> None:
    st.query_params.pop("step", None)
    st.query_params.pop("hide", None)
    if name is None:
        st.query_params.pop("lesson", None)
    else:
        st.query_params["lesson"] = name


def go(step: str) -> None:
    st.query_params["step"] = step


def overview() -> None:
    st.subheader("Seven questions")
    st.caption("Each lesson asks for a prediction first, then shows a run. Nothing is graded or sent anywhere.")
    for lesson in lessons().values():
        title, question, minutes, opener = st.columns([4, 7, 0.8, 1], vertical_alignment="center")
        title.markdown(f"**{lesson.number}. {lesson.title}**")
        question.caption(lesson.question)
        minutes.caption(f"{lesson.minutes} min")
        opener.button("Open", key=f"open_{lesson.name}", on_click=open_lesson, args=[lesson.name], width="stretch")


def predict(lesson: Lesson) -> None:
    st.markdown(lesson.predict)
    if lesson.sketch:
        kept = KEPT + lesson.name
        keep = partial(st.session_state.__setitem__, kept)
        ui.sketch(lesson.sketch, st.session_state.get(kept), key=SKETCH + lesson.name, on_drawn=keep)
    else:
        st.radio(
            "Your prediction", lesson.choices, index=None, key=CHOICE + lesson.name, persist_state="session",
            label_visibility="collapsed",
        )  # fmt: skip


def predicted(lesson: Lesson, kept: ui.Sitting) -> None:
    """The prediction again, beside what the run did."""
    if lesson.sketch:
        did = trace(ui.run_of(kept).record, lesson.sketch)
        curve = st.session_state.get(KEPT + lesson.name)
        if curve or did:
            st.markdown("Your sketch (dotted) and what this run did:" if curve else "What this run did:")
            ui.sketch_and_truth(lesson.sketch, curve, did, key=f"{SKETCH}{lesson.name}_truth")
    elif choice := st.session_state.get(CHOICE + lesson.name):
        st.markdown(f"> You predicted: {choice}")


def words(lesson: Lesson, step: str, kept: ui.Sitting) -> None:
    if step == "observe":
        before, _, after = lesson.observe.partition("\n---\n")
        ui.write(before)
        st.markdown(ui.tasks(lesson, kept.done))
        st.button("Start the run again", icon=":material/replay:", on_click=ui.start_again, args=[lesson])
        ui.write(after)
    elif step == "explain":
        predicted(lesson, kept)
        ui.write(lesson.explain)
        st.markdown("**When this is not so**")
        ui.write(lesson.limits)
    else:
        st.markdown("What to try next; each opens in a tab of its own.")
        ui.write(lesson.go_on)


def head(lesson: Lesson, steps: list[str], step: str, hidden: list[str]) -> None:
    """Where one is, and the way about."""
    with st.container(key="lesson_head", horizontal=True, vertical_alignment="center", gap="small"):
        st.button("", icon=":material/arrow_back:", help="All lessons", on_click=open_lesson, args=[None])
        st.markdown(f"**{lesson.number}. {lesson.title}**", width="stretch")
        with st.popover("", icon=":material/more_vert:", help="Large type, link for a lecture"):
            st.toggle("Large type", key=LARGE, persist_state="session")
            names = {**ui.PARTS, **ui.CONTROLS}
            chosen = [part for part in hidden if part in names]
            hide = st.multiselect("Hide in the lecture", names, default=chosen, format_func=names.get)
            st.code(ui.lecture_link(lesson, hide, step), language=None, wrap_lines=True)
    st.session_state[STEP] = step
    st.segmented_control(
        "Step", steps, format_func=ui.STEPS.get, key=STEP, on_change=lambda: go(st.session_state[STEP] or step),
        label_visibility="collapsed", width="stretch", required=True,
    )  # fmt: skip


def foot(steps: list[str], step: str) -> None:
    place = steps.index(step)
    with st.container(key="lesson_foot", horizontal=True, horizontal_alignment="distribute"):
        if place:
            st.button("Back", icon=":material/chevron_left:", on_click=go, args=[steps[place - 1]])
        if place + 1 < len(steps):
            following = steps[place + 1]
            st.button(ui.STEPS[following], key="lesson_next", icon=":material/chevron_right:", type="primary",
                      icon_position="right", on_click=go, args=[following])  # fmt: skip


def show(lesson: Lesson) -> None:
    hidden, complaint = ui.hidden_parts()
    if complaint:
        st.warning(complaint, icon=":material/visibility_off:")
    if "sidebar" in hidden:
        st.html(NO_MENU)
    if st.session_state.get(LARGE):
        st.html(LARGE_TYPE)
    steps = [step for step in ui.STEPS if step not in hidden]
    step = st.query_params.get("step", steps[0])
    step = step if step in steps else steps[0]
    with st.container(key="lesson_paper"):
        st.markdown(f"### {lesson.number}. {lesson.title}")
        ui.write(lesson.text)
    opening = st.container(
        key="lesson_opening"
    )  # of the run: a progress bar that comes and goes must not move the stage
    if "text" in hidden:
        with opening:
            kept = ui.sitting(lesson)
        ui.lesson_stage(lesson, kept, hidden, step == "observe", bool(st.session_state.get(LARGE)))
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
            kept = ui.sitting(lesson)
        left, right = st.columns([1, 2], gap="small")
        with left, st.container(key="lesson_left"):
            head(lesson, steps, step, hidden)
            with st.container(key="lesson_words"):
                words(lesson, step, kept)
            foot(steps, step)
        with right:
            ui.lesson_stage(lesson, kept, hidden, step == "observe", bool(st.session_state.get(LARGE)))


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

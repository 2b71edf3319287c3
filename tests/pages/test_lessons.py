"""The Lessons page's script: overview, steps, predictions that last, lecture links."""

import pytest

from tests.pages.test_playground import open_page as open_app
from vae_core.teaching.lessons import lessons
from vae_core.ui.server.state import engine


def open_lessons(**query: str):
    page = open_app()
    own_run = page.session_state["run"]
    page.switch_page("pages/lessons.py")
    page.query_params.update({"hidden": "32", "dataset": "digits", "batch_size": "64", **query})
    return page.run(), own_run


def button(page, label: str):
    return next(button for button in page.button if button.label == label)


def words(page) -> str:
    return "\n".join(element.value for element in page.markdown)


def test_the_overview_has_the_seven_questions():
    page, _ = open_lessons()
    assert not page.exception
    assert [b.key for b in page.button if b.key] == [f"open_{name}" for name in lessons()]
    for lesson in lessons().values():
        assert lesson.title in words(page)
    page.button(key="open_scale").click().run()
    assert page.query_params["lesson"] == "scale" and lessons()["scale"].question[:40] in words(page)


@pytest.mark.parametrize("name", lessons())
def test_each_lesson_from_end_to_end(name):
    lesson = lessons()[name]
    page, own_run = open_lessons(lesson=name)
    runs = set(engine().runs)
    if lesson.choices:
        page.radio[0].set_value(lesson.choices[1]).run()
    for step in ("Observe", "Explain", "Go on"):
        button(page, step).click().run()
        assert not page.exception and not page.error and not page.warning, step
        if step == "Explain" and lesson.choices:
            assert lesson.choices[1] in words(page)
    opened = set(engine().runs) - runs
    assert len(opened) == 1, "one prepared run for all steps"
    run = engine().runs[opened.pop()]
    assert run.record.recipe.rule == lesson.opening()[0]["rule"] and run.speed == lesson.speed
    assert page.session_state["run"] == own_run, "the tab's own run is left alone"
    assert "[claim:" not in words(page) and "[code:" not in words(page)
    for _ in range(3):
        button(page, "Back").click().run()
    if lesson.choices:
        assert page.radio[0].value == lesson.choices[1], "the prediction lasts"


def test_start_again_opens_the_run_anew():
    page, _ = open_lessons(lesson="scale", step="observe")
    first = page.session_state["lesson_sittings"]["scale"].run
    button(page, "Start the run again").click().run()
    assert page.session_state["lesson_sittings"]["scale"].run != first


def test_a_lecture_link_hides_what_it_names():
    page, _ = open_lessons(lesson="scale", hide="predict,explain,noise,curves")
    assert not page.exception and not page.warning
    assert page.segmented_control[0].options == ["Observe", "Go on"]
    assert page.session_state["lesson_sittings"]["scale"].done == 0
    page, _ = open_lessons(lesson="scale", hide="text")
    assert not page.segmented_control and "scale" in page.session_state["lesson_sittings"]


def test_a_lecture_link_in_the_making():
    page, _ = open_lessons(lesson="scale")
    page.multiselect[0].set_value(["text", "noise"]).run()
    assert page.code[0].value.endswith("?lesson=scale&step=predict&hide=text,noise")


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"lesson": "nose"}, "Unknown lesson 'nose'. Did you mean 'noise'?"),
        ({"lesson": "scale", "hide": "sidebat"}, "Unknown part to hide 'sidebat'. Did you mean 'sidebar'?"),
    ],
)
def test_a_bad_link_is_told(query, words):
    page, _ = open_lessons(**query)
    assert not page.exception and words in page.warning[0].value


def test_a_run_that_cannot_be_is_told():
    page, _ = open_lessons(lesson="scale", step="observe", seed="-1")
    assert not page.exception and "'seed' should be greater than or equal to 0" in page.error[0].value

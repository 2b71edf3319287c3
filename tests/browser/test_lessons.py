"""Lessons in Chromium: a sketch, the lit control, the explanation with the prediction; lecture links; paper."""

import pytest

from tests.browser.conftest import SMALL
from tests.browser.read_lessons import follow, predict, use
from tests.browser.test_playground import wait
from vae_core.teaching.lessons import CLAIM, lessons

pytestmark = pytest.mark.browser


@pytest.fixture
def open_lesson(browser, address):
    """Open a lesson by its address, with a small run; fails at the end if the page complained.

    Streamlit looks for itself below a page's own address first: these two answers of 404 are no complaints.
    """
    complaints = []
    context = browser.new_context(viewport={"width": 1366, "height": 768})

    def note(message) -> None:
        if message.type == "error" and "/lessons/_stcore/" not in message.location["url"]:
            complaints.append(message.text)

    def open_lesson(query: str):
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", note)
        page.goto(f"{address}/lessons?{query}&{SMALL}")
        return page

    yield open_lesson
    context.close()
    assert not complaints


def test_a_lesson_from_end_to_end(open_lesson):
    page = open_lesson("lesson=noise")
    lesson = lessons()["noise"]
    page.get_by_test_id("sketch").wait_for()
    predict(page, lesson)
    page.locator(".hand[d^=M]").wait_for()
    drawn = page.locator(".hand").get_attribute("d")
    follow(page, "Observe")
    page.get_by_test_id("speed-100").click()
    stage = page.locator(".sheet").element_handle()
    for place, press in enumerate(lesson.press):
        page.locator(".lit").wait_for()
        assert page.evaluate("window.noiseLab.step") >= press.after
        control = page.get_by_test_id(press.control)
        assert control.get_attribute("class").endswith("lit")
        assert page.locator(".aside").count() > 5
        use(page, press.control, press.value)
        page.locator(".st-key-lesson_words").get_by_text("check_circle").nth(place).wait_for()
        assert page.locator(".lit, .aside").count() == 0 or place + 1 < len(lesson.press)
    assert stage.evaluate("sheet => sheet.isConnected"), "the stage is never torn down"
    assert "lesson=noise" in page.evaluate("location.search"), "the address stays the lesson's"
    follow(page, "Explain")
    page.locator(".st-key-lesson_words").get_by_text("When this is not so").wait_for()
    page.locator(".sketch .truth").wait_for()
    assert page.locator(".sketch .hand").get_attribute("d") == drawn
    cited = len(CLAIM.findall(lesson.explain + lesson.limits))
    assert page.locator(".st-key-lesson_words .claim").count() == cited > 5
    assert stage.evaluate("sheet => sheet.isConnected")
    follow(page, "Go on")
    link = page.locator(".st-key-lesson_words").get_by_role("link", name="side by side")
    assert link.get_attribute("href") == "compare?contrast=noise" and link.get_attribute("target") == "_blank"


def test_a_lesson_is_kept_when_one_leaves_it(open_lesson):
    page = open_lesson("lesson=offset&step=observe")
    page.locator(".lit").wait_for()
    page.get_by_test_id("repeats").click()
    page.locator(".st-key-lesson_words").get_by_text("check_circle").first.wait_for()
    step = page.evaluate("window.noiseLab.step")
    follow(page, "Back")
    page.get_by_role("radiogroup").wait_for()
    follow(page, "Observe")
    page.locator(".st-key-lesson_words").get_by_text("check_circle").first.wait_for()
    wait(page, f"window.noiseLab?.step >= {step}")


def test_a_lecture_link_hides_text_and_controls(open_lesson):
    page = open_lesson("lesson=scale&hide=text,sidebar,noise,knobs")
    wait(page, "window.noiseLab?.frames > 3")
    for name in ("noise", "knob-beta", "copy-link"):
        assert not page.get_by_test_id(name).is_visible()
    assert page.get_by_test_id("rule").is_visible() and not page.get_by_test_id("stHeader").is_visible()
    assert page.get_by_text("How large is the typical").first.is_hidden()
    assert page.locator(".sheet").bounding_box()["width"] > 1250


def test_on_paper_all_of_the_text_and_no_controls(open_lesson):
    page = open_lesson("lesson=scale&step=observe")
    wait(page, "window.noiseLab?.frames > 3")
    page.emulate_media(media="print")
    for words in ("Predict", "When this is not so", "How large is the typical", "It chooses it small"):
        assert page.locator(".st-key-lesson_paper").get_by_text(words).is_visible(), words
    for name in ("play", "noise", "timeline", "lesson_next"):
        assert not page.get_by_test_id(name).is_visible(), name
    assert not page.get_by_role("button", name="Explain").is_visible()
    assert page.locator(".field").is_visible()


def test_a_sketch_by_keyboard(open_lesson):
    page = open_lesson("lesson=data")
    page.get_by_test_id("sketch").focus()
    for key in ("ArrowUp", "ArrowUp", "ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
    assert page.locator(".hand").get_attribute("d").count("L") == 2
    page.get_by_test_id("sketch-clear").click()
    assert page.locator(".hand").get_attribute("d") == ""

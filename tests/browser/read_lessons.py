"""Each lesson read from end to end: ``python -m tests.browser.read_lessons FOLDER`` keeps a picture of every step."""

import argparse
from pathlib import Path

from playwright.sync_api import Browser, Page

from tests.browser.server import app_server, chromium
from vae_core.teaching.lessons import Lesson, lessons

SIZES = {"1366": (1366, 768), "1920": (1920, 1080)}
PATIENCE = 180_000  # ms


def use(page: Page, control: str, value: str) -> None:
    """What a student does with a lit control."""
    target = page.get_by_test_id(control)
    if value:
        target.select_option(value)
    elif control.startswith("knob-"):
        target.focus()
        page.keyboard.press("End" if control == "knob-beta" else "Home")
    else:
        target.click()


def predict(page: Page, lesson: Lesson) -> None:
    if lesson.choices:
        page.get_by_role("radiogroup").get_by_text(lesson.choices[0][:20]).click()
        return
    box = page.get_by_test_id("sketch").bounding_box()
    points = [(0.15, 0.7), (0.3, 0.6), (0.5, 0.35), (0.9, 0.3)]
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=8)
    page.mouse.up()


def follow(page: Page, step: str) -> None:
    """Press the button that leads to a step."""
    page.locator(".st-key-lesson_foot").get_by_role("button", name=step).click()


def read(page: Page, address: str, lesson: Lesson, keep) -> None:
    page.goto(f"{address}/lessons?lesson={lesson.name}")
    page.get_by_role("button", name="Observe").last.wait_for(timeout=PATIENCE)
    predict(page, lesson)
    page.wait_for_timeout(500)
    keep("1-predict")
    follow(page, "Observe")
    for place, press in enumerate(lesson.press):
        page.locator(".lit").wait_for(timeout=PATIENCE)
        keep(f"2-observe-{place + 1}")
        use(page, press.control, press.value)
        page.locator(".st-key-lesson_words").get_by_text("check_circle").nth(place).wait_for(timeout=PATIENCE)
    page.wait_for_function(f"window.noiseLab.step >= {sum(p.after for p in lesson.press) + 100}", timeout=PATIENCE)
    keep("2-observe-done")
    follow(page, "Explain")
    page.locator(".st-key-lesson_words").get_by_text("When this is not so").wait_for()
    page.wait_for_timeout(700)
    keep("3-explain")
    follow(page, "Go on")
    page.locator(".st-key-lesson_words").get_by_text("What to try next").wait_for()
    keep("4-go-on")


def read_all(browser: Browser, address: str, folder: Path, names: list[str], size: str, dark: bool) -> None:
    width, height = SIZES[size]
    scheme = "dark" if dark else "light"
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page = context.new_page()
    for name in names:
        read(
            page,
            address,
            lessons()[name],
            lambda step, name=name: page.screenshot(path=folder / f"{name}-{size}-{scheme}-{step}.png"),
        )
    context.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--lesson", choices=lessons(), action="append")
    parser.add_argument("--size", choices=SIZES, default="1366")
    parser.add_argument("--dark", action="store_true")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    with app_server() as address, chromium() as browser:
        read_all(browser, address, options.folder, options.lesson or list(lessons()), options.size, options.dark)


if __name__ == "__main__":
    main()

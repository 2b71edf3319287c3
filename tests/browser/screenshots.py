"""Screenshots of the running app: ``python -m tests.browser.screenshots`` renews the README's picture.

``--all FOLDER`` takes every size, theme and mode, to look at after a change.
"""

import argparse
from pathlib import Path

from playwright.sync_api import Browser, Page

from tests.browser.server import ROOT, app_server, chromium

README = ROOT / ".github" / "playground.png"
QUERY = "rule=vae&seed=3"


def play_until(page: Page, step: int) -> None:
    page.wait_for_function(f"window.noiseLab?.step >= {step}", timeout=120_000)


def noise_off(page: Page) -> None:
    """At step 300 and on again at 500, as a lecturer would."""
    play_until(page, 300)
    page.get_by_test_id("noise").click()
    play_until(page, 500)


def noise_off_and_on(page: Page) -> None:
    noise_off(page)
    page.get_by_test_id("noise").click()
    play_until(page, 900)
    page.wait_for_function("window.noiseLab.exact?.step > 600", timeout=120_000)  # measured with the noise on again
    page.get_by_test_id("repeats").click()


def pin_and_hover(page: Page) -> None:
    noise_off_and_on(page)
    box = page.get_by_test_id("plane").bounding_box()
    page.mouse.click(box["x"] + 0.6 * box["width"], box["y"] + 0.4 * box["height"])
    page.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + 0.6 * box["height"])


def projector(page: Page) -> None:
    page.get_by_test_id("projector").click()
    noise_off_and_on(page)


def offset(page: Page) -> None:
    play_until(page, 300)
    page.get_by_test_id("rule").select_option("offset")
    play_until(page, 600)


def looking_back(page: Page) -> None:
    noise_off(page)
    page.get_by_test_id("timeline").focus()
    for _ in range(6):
        page.keyboard.press("ArrowLeft")
        page.wait_for_timeout(100)


SCENES = {
    "light-1366": (noise_off_and_on, {"viewport": {"width": 1366, "height": 768}}),
    "dark-1366": (pin_and_hover, {"viewport": {"width": 1366, "height": 768}, "color_scheme": "dark"}),
    "light-1920": (noise_off, {"viewport": {"width": 1920, "height": 1080}}),
    "dark-1920": (noise_off_and_on, {"viewport": {"width": 1920, "height": 1080}, "color_scheme": "dark"}),
    "projector-1366": (projector, {"viewport": {"width": 1366, "height": 768}}),
    "projector-1920": (projector, {"viewport": {"width": 1920, "height": 1080}, "color_scheme": "dark"}),
    "offset-1366": (offset, {"viewport": {"width": 1366, "height": 768}}),
    "looking-back-1366": (looking_back, {"viewport": {"width": 1366, "height": 768}}),
    "phone": (noise_off, {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2}),
}


def take(browser: Browser, address: str, scene: str, path: Path) -> None:
    prepare, options = SCENES[scene]
    context = browser.new_context(**options)
    page = context.new_page()
    page.goto(f"{address}/?{QUERY}")
    prepare(page)
    page.wait_for_timeout(400)
    path.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=path, full_page=scene == "phone")
    context.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", type=Path, metavar="FOLDER", help="all scenes, not only the README's picture")
    parser.add_argument("--scene", choices=SCENES, action="append", help="only these of all")
    options = parser.parse_args()
    with app_server() as address, chromium() as browser:
        if options.all:
            for scene in options.scene or SCENES:
                take(browser, address, scene, options.all / f"{scene}.png")
        else:
            take(browser, address, "light-1366", README)


if __name__ == "__main__":
    main()

"""What a home has to allow, done in a browser: a stage that trains and is steered, a class, Draw, files in and out."""

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import BrowserContext, Frame, Page, expect

from tests.browser.conftest import SMALL, TAKEN_OVER

PATIENCE = 40_000  # ms
View = Page | Frame


def wait(view: View, condition: str) -> None:
    view.wait_for_function(condition, timeout=PATIENCE)


def ready(view: View) -> None:
    wait(view, f"window.noiseLab?.frames > 1 && {TAKEN_OVER}")


def at(address: str, page: str = "", query: str = "") -> str:
    return f"{address.rstrip('/')}/{page}?{query}"


def page_of(view: View) -> Page:
    return view if isinstance(view, Page) else view.page


class Walk:
    """Through one home, with one browser.

    Args:
        open: shows an address, and gives what shows it: a page, or a frame in one.
    """

    def __init__(self, address: str, open: Callable[[str], View]) -> None:
        self.address, self.open = address, open

    def stage_trains(self) -> None:
        self.view = self.open(at(self.address, query=SMALL))
        ready(self.view)
        wait(self.view, "window.noiseLab.step > 20")
        wait(self.view, "location.search.includes('rule=vae')")  # the address is the run

    def stage_is_steered(self) -> None:
        self.view.get_by_test_id("noise").click()
        wait(self.view, "window.noiseLab.noise === 0")
        self.view.get_by_test_id("play").click()
        wait(self.view, "!window.noiseLab.playing")
        box = self.view.get_by_test_id("timeline").bounding_box()
        self.page.mouse.click(box["x"] + 0.4 * box["width"], box["y"] + box["height"] / 2)
        wait(self.view, "!window.noiseLab.live")
        self.view.get_by_test_id("live").click()
        wait(self.view, "window.noiseLab.live")

    @property
    def page(self) -> Page:
        return page_of(self.view)

    def reload_finds_the_run(self) -> None:
        step = self.view.evaluate("window.noiseLab.step")
        self.view.evaluate("location.reload()")
        self.page.wait_for_timeout(1000)
        wait(self.view, f"window.noiseLab?.step >= {step} && {TAKEN_OVER}")

    def reset_begins_again(self) -> None:
        self.view.get_by_test_id("reset").click()
        wait(self.view, "window.noiseLab.step === 0")
        self.view.get_by_test_id("play").click()
        wait(self.view, "window.noiseLab.step > 3")

    def a_class_joins(self) -> None:
        self.view.get_by_test_id("share").click()
        code = self.view.get_by_test_id("room-code")
        expect(code).to_have_text(re.compile(r"\w{3} \w{3}"), timeout=PATIENCE)
        link = self.view.get_by_test_id("room-link").get_attribute("title").split(" ")[0]
        joined = at(self.address, "join").removesuffix("?")
        assert link.split("?")[0].endswith(re.sub(r"^http://[^/]+", "", joined)), link
        student = self.open(at(self.address, "join", f"code={code.text_content().replace(' ', '')}"))
        wait(student, "window.noiseLab?.frames > 0")
        self.student = student

    def draw_decodes(self) -> None:
        view = self.open(at(self.address, "draw"))
        wait(view, "window.noiseLabDraw?.scenes > 0")

    def files_come_and_go(self, folder: Path) -> None:
        view = self.open(at(self.address, "library"))
        page = page_of(view)
        view.get_by_role("button", name="Export").click(timeout=PATIENCE)
        with page.expect_download(timeout=PATIENCE) as download:
            view.locator("[data-testid=stDownloadButton] button").first.click()
        zipped = folder / "run.zip"
        download.value.save_as(zipped)
        page.keyboard.press("Escape")
        view.get_by_role("button", name="Import").click(timeout=PATIENCE)
        view.locator("input[type=file]").set_input_files(str(zipped))
        expect(view.get_by_text("Imported: 1.")).to_be_visible(timeout=PATIENCE)


WALK = (
    "stage_trains",
    "stage_is_steered",
    "reload_finds_the_run",
    "reset_begins_again",
    "a_class_joins",
    "draw_decodes",
    "files_come_and_go",
)
NEEDED = ("stage_trains", "stage_is_steered")  # without which the rest need not be tried


def walked(context: BrowserContext, address: str, folder: Path, course: str = "") -> dict[str, str]:
    """Each step of the walk through a home: "" or what went wrong.

    Args:
        course: address of another site's page, which shows an address of the app in a frame.
    """
    found: dict[str, str] = {}

    def show(of: str) -> View:
        page = context.new_page()
        page.goto(f"{course}?{quote(of, safe='')}" if course else of)
        if not course:
            return page
        inside = page.locator("iframe").element_handle().content_frame()
        assert inside is not None
        return inside

    walk = Walk(address, show)
    for name in WALK:
        step = getattr(walk, name)
        try:
            step(folder) if name == "files_come_and_go" else step()
        except Exception as error:
            found[name] = f"{type(error).__name__}: {error}"
            if name in NEEDED:
                break
        else:
            found[name] = ""
    return found

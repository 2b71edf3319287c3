"""The Library in Chromium: whose shelf a browser has, from its first visit on, with cookies and without."""

from contextlib import contextmanager

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import SMALL
from tests.browser.server import app_server

pytestmark = pytest.mark.browser

NO_COOKIES = "Object.defineProperty(Document.prototype, 'cookie', { get: () => '', set() {} });"


@pytest.fixture(scope="module")
def hosted(tmp_path_factory):
    """A server that is nobody's who visits it here: it has a token."""
    folder = str(tmp_path_factory.mktemp("library"))
    with app_server(NOISE_LAB_ADMIN_TOKEN="the token of a class", NOISE_LAB_LIBRARY=folder) as address:
        yield address


@pytest.fixture
def visitor(browser, hosted):
    """A browser that nobody has used before."""

    @contextmanager
    def visitor(script: str = ""):
        context = browser.new_context()
        if script:
            context.add_init_script(script)
        yield context
        context.close()

    return visitor


def library(context, hosted, path: str = "library"):
    page = context.new_page()
    page.goto(f"{hosted}/{path}?{SMALL}")
    if not path:
        page.get_by_role("link", name="Library").click()
    expect(page.get_by_role("button", name="Save the present run")).to_be_visible()
    return page


def save(page, name: str) -> None:
    page.get_by_role("button", name="Save the present run").click()
    page.get_by_label("Name").fill(name)
    page.get_by_label("Name").press("Tab")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("The run is saved.")).to_be_visible()


@pytest.mark.parametrize("first", ["library", ""], ids=["by its address", "from the Playground"])
def test_a_browser_finds_its_shelf_again_and_no_other_one_does(visitor, hosted, first):
    name = f"Mine, {first or 'playground'}"
    with visitor() as mine, visitor() as another:
        page = library(mine, hosted, first)
        page.wait_for_function("document.cookie.includes('noise_lab_shelf')")
        page.wait_for_timeout(500)  # at its first visit the page has to be told, and runs again
        save(page, name)
        for again in (page, library(mine, hosted)):
            again.reload()
            expect(again.get_by_text(name, exact=True)).to_be_visible()
        (kept,) = [cookie for cookie in mine.cookies() if cookie["name"] == "noise_lab_shelf"]
        assert kept["sameSite"] == "Strict" and len(kept["value"]) == 32
        other = library(another, hosted)
        expect(other.get_by_text("Nothing is saved yet")).to_be_visible()
        expect(other.get_by_text(name, exact=True)).to_have_count(0)


def test_a_browser_that_keeps_no_cookies_is_told(visitor, hosted):
    with visitor(NO_COOKIES) as context:
        page = library(context, hosted)
        expect(page.get_by_text("lasts as long as this tab")).to_be_visible()
        save(page, "Of this tab")
        expect(page.get_by_text("Of this tab", exact=True)).to_be_visible()

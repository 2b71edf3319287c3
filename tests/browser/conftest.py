"""Fixtures of the browser tests: one server and one browser for all, a fresh page for each."""

import os

import pytest
from playwright.sync_api import expect

from tests.browser.server import app_server, chromium, find_chromium

SMALL = "dataset=digits&hidden=64-32&batch_size=64"
expect.set_options(timeout=30_000)  # a busy machine may be slow: a limit is reached only when something is wrong
# The lab that was there before Streamlit hangs from the root element until the page has taken it over.
TAKEN_OVER = "![...document.documentElement.children].some((e) => e.shadowRoot)"


@pytest.fixture(scope="session")
def browser():
    if find_chromium() is None:
        if os.environ.get("CI"):
            pytest.fail("Chromium is not installed; .ci/run should have done that")
        pytest.skip("no Chromium found: install it (Debian: apt-get install chromium) or set CHROMIUM")
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def address():
    with app_server() as address:
        yield address


@pytest.fixture
def open_page(browser, address):
    """Open the app; fails at the end if the page complained, or asked another machine for anything."""
    contexts, complaints, elsewhere = [], [], []

    def open_page(query: str = SMALL, wait: bool = True, **options):
        context = browser.new_context(**{"viewport": {"width": 1366, "height": 768}, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
        page.on("request", lambda r: None if r.url.startswith((address, "data:", "blob:")) else elsewhere.append(r.url))
        page.goto(f"{address}/?{query}")
        if wait:
            page.wait_for_function(f"window.noiseLab?.frames > 0 && {TAKEN_OVER}", timeout=30_000)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not elsewhere and not complaints, (elsewhere, complaints)

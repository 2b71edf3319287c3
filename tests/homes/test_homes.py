"""The app in each home where courses live: it trains, is steered, is shared, and its files come and go."""

import json
import os
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from urllib.parse import unquote

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import SMALL
from tests.browser.server import FLAGS, app_server, chromium, find_chromium, playwright
from tests.homes.homes import HOMES, KEEP_HOST, UPGRADE, found, nginx
from tests.homes.walk import at, walked

pytestmark = pytest.mark.browser
# Each home takes a quarter of a minute: a run of all tests visits these, one with ALL_HOMES=1 each.
ALWAYS = (
    "nginx, prefix kept", "nginx, prefix stripped", "notebook server, prefix stripped",
    "a system whose texts are not UTF-8",
)  # fmt: skip
VISITED = HOMES if os.environ.get("ALL_HOMES") else ALWAYS
ELSEWHERE = "lab.example"  # which the browser takes for this machine


@pytest.fixture(scope="module")
def browser():
    if find_chromium() is None:
        pytest.skip("no Chromium found: install it (Debian: apt-get install chromium) or set CHROMIUM")
    with chromium(f"--host-resolver-rules=MAP {ELSEWHERE} 127.0.0.1") as browser:
        yield browser


def need(program: str) -> None:
    """Skip where a program is not installed."""
    if program == "jupyter":
        if find_spec("jupyter_server_proxy") is None:
            pytest.skip("no notebook server's proxy here: pip install jupyter-server-proxy")
    elif program:
        try:
            found(program)
        except FileNotFoundError:
            pytest.skip(f"no {program} here (Debian: apt-get install {program})")


@pytest.fixture
def context(browser):
    context = browser.new_context(viewport={"width": 1366, "height": 768})
    yield context
    context.close()


@pytest.mark.parametrize("name", VISITED)
def test_it_lives_there(context, tmp_path, monkeypatch, name):
    program, home = HOMES[name]
    need(program)
    monkeypatch.setenv("NOISE_LAB_LIBRARY", str(tmp_path / "library"))
    with home() as address:
        wrong = {step: what for step, what in walked(context, address, tmp_path).items() if what}
    assert not wrong


class Course(BaseHTTPRequestHandler):
    """Another site's page, with the address that its query names in a frame."""

    def do_GET(self) -> None:
        _, _, shown = self.path.partition("?")
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(f"<!doctype html><iframe src='{unquote(shown)}' width=1366 height=720></iframe>".encode())

    def log_message(self, *args) -> None:
        pass


@pytest.fixture
def course():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Course)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://localhost:{server.server_port}/course.html"
    server.shutdown()
    server.server_close()


def test_it_lives_in_another_sites_frame_whose_cookies_and_storage_are_refused(tmp_path, monkeypatch, course):
    monkeypatch.setenv("NOISE_LAB_LIBRARY", str(tmp_path / "library"))
    if find_chromium() is None:
        pytest.skip("no Chromium found")
    profile = tmp_path / "profile"
    (profile / "Default").mkdir(parents=True)
    refused = {"profile": {"block_third_party_cookies": True, "cookie_controls_mode": 1}}
    (profile / "Default" / "Preferences").write_text(json.dumps(refused), encoding="utf-8")
    with app_server() as address:
        context = playwright().chromium.launch_persistent_context(
            str(profile), executable_path=find_chromium(), args=FLAGS, viewport={"width": 1400, "height": 850}
        )
        told = walked(context, address, tmp_path, course)
        page = context.pages[-1]
        frame = page.frames[-1]
        storage = frame.evaluate("(() => { try { return String(sessionStorage) } catch (e) { return e.name } })()")
        assert storage == "SecurityError"  # the browser does refuse
        assert 'waiting for locator("input[type=file]")' in told.pop("files_come_and_go")
        expect(frame.get_by_role("link", name="Open it in a tab of its own")).to_be_visible()
        context.close()
    assert not {step: what for step, what in told.items() if what}


SILENT = {
    "no WebSocket": (lambda: nginx(lines=KEEP_HOST), "lets no WebSocket through", False),
    "a host that is hidden": (lambda: nginx(lines=UPGRADE), "--server.corsAllowedOrigins http://lab.example", True),
}


@pytest.mark.parametrize(("name", "page_name"), [("no WebSocket", "lessons"), ("a host that is hidden", "")])
def test_where_no_picture_comes_a_sentence_says_what_to_set(context, name, page_name):
    need("nginx")
    home, sentence, elsewhere = SILENT[name]
    with home() as address:
        page = context.new_page()
        page.goto(at(address.replace("127.0.0.1", ELSEWHERE) if elsewhere else address, page_name, SMALL))
        expect(page.get_by_role("alert").filter(has_text=sentence)).to_be_visible(timeout=30_000)


def test_below_a_prefix_the_lab_answers_for_its_health():
    with (
        app_server(STREAMLIT_SERVER_BASE_URL_PATH="lab") as address,
        urllib.request.urlopen(f"{address}/noise-lab/health", timeout=20) as answer,
    ):
        assert answer.read() == b"The server answers.\n"

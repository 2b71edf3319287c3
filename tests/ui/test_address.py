"""Where the app lives, and whose pages may open its sockets."""

import pytest
import streamlit as st
from starlette.datastructures import Headers

from vae_core.ui.server import address, comparison_socket, early, guard, health, room_socket, run_socket
from vae_core.ui.server.files import loader
from vae_core.ui.server.presenter import join_link

HOST = {"host": "127.0.0.1:8501"}


@pytest.fixture
def options(monkeypatch):
    """Streamlit's options, to be set for one test."""
    given = {}
    get = st.get_option
    monkeypatch.setattr(st, "get_option", lambda name: given[name] if name in given else get(name))
    return given


@pytest.mark.parametrize(
    ("base", "path"), [("", "/noise-lab/x"), ("lab", "/lab/noise-lab/x"), ("/a/b/", "/a/b/noise-lab/x")]
)
def test_routes_lie_below_the_path_that_the_server_is_given(options, base, path):
    options["server.baseUrlPath"] = base
    assert address.served("noise-lab/x") == path
    parts = (run_socket, comparison_socket, room_socket, health, early)
    routes = [route.path for part in parts for route in part.routes()]
    assert all(route.startswith(address.served("")) for route in routes) and len(routes) > 10


def test_what_a_browser_is_sent_begins_at_no_root():
    assert '"noise-lab/static/' in loader("playground/main.js") and '"/noise-lab' not in loader("playground/main.js")
    page = early.front_page(early.INDEX.read_text(encoding="utf-8"))
    assert "noise-lab/static" in page and "/noise-lab" not in page.replace('"noise-lab', "").replace("`noise-lab", "")


def test_other_pages_are_streamlits_with_the_sentence_for_silence():
    index = early.INDEX.read_text(encoding="utf-8")
    assert early.watched_page(index).replace(early.front.watch(), "") == index
    assert early.watched_page("<p>") is None
    assert next(route.path for route in early.routes(["join"])) == "/join"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "http://127.0.0.1:8501"},
        {"origin": "http://localhost:8710"},  # a proxy on this machine that changes the host; so does Streamlit
        {"origin": "https://lab.example", "x-forwarded-host": "lab.example"},
        {"origin": "https://lab.example", "x-forwarded-host": "lab.example, inner.example"},
    ],
)
def test_own_pages_may_open_sockets(headers):
    assert guard.objection(Headers(HOST | headers)) is None


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://elsewhere.example"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "https://elsewhere.example", "x-forwarded-host": "lab.example"},
        {"origin": "https://elsewhere.example", "x-forwarded-host": ""},
        {"origin": "http://127.0.0.1.elsewhere.example"},
    ],
)
def test_other_pages_may_not_and_are_told_what_to_set(headers):
    sentence = guard.objection(Headers(HOST | headers))
    assert f"--server.corsAllowedOrigins {headers['origin']}" in sentence and "proxy_set_header Host" in sentence


def test_streamlits_settings_hold_for_the_lab_too(options):
    page = Headers(HOST | {"origin": "https://course.example"})
    assert guard.objection(page)
    options["server.corsAllowedOrigins"] = ["https://course.example"]
    assert guard.objection(page) is None
    assert guard.objection(Headers(HOST | {"origin": "https://other.example"}))
    assert guard.objection(Headers(HOST | {"origin": "null"}))
    options["server.enableCORS"] = False
    assert guard.objection(Headers(HOST | {"origin": "https://other.example"})) is None


def test_streamlits_own_socket_does_not_take_a_proxys_word():
    headers = Headers(HOST | {"origin": "https://lab.example", "x-forwarded-host": "lab.example"})
    assert guard.objection(headers) is None and guard.objection(headers, by_proxy=False)


def test_a_refusal_is_logged_once(caplog):
    guard.told.cache_clear()
    for _ in range(3):
        guard.objection(Headers(HOST | {"origin": "https://once.example"}))
    assert len([record for record in caplog.records if "once.example" in record.message]) <= 1
    assert guard.told.cache_info().currsize == 1 and guard.told.cache_info().hits == 2


@pytest.mark.parametrize("root", ["/", "/lab/", "/user/anna/proxy/8501/", "/~/+/", "/hub%20a/"])
def test_students_go_where_the_browser_has_the_app(root):
    headers = {"host": "127.0.0.1:8501", "origin": "https://lab.example"}
    assert join_link(headers, "ABC234", root) == (f"https://lab.example{root}join?code=ABC234", "")


@pytest.mark.parametrize(
    "root", ["", "lab/", "/lab", "//elsewhere/", "/a b/", "/?x/", "/#/", "/é/", "/" + "x" * 300 + "/", "/\\x/"]
)
def test_a_root_that_can_be_none_is_not_taken(root):
    assert join_link({"origin": "https://lab.example"}, "ABC234", root)[0] == "https://lab.example/join?code=ABC234"

"""The page before its Streamlit session has begun: its run, and what it loads."""

import gzip
import json
import re
import threading
import urllib.error
import urllib.request
from email.message import Message
from types import SimpleNamespace

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.browser.server import app_server
from tests.conftest import wait_until
from vae_core.ui.server import early as early_page
from vae_core.ui.server import streamlit_files
from vae_core.ui.server.early import front, runs
from vae_core.ui.server.files import assets, script
from vae_core.workers.errors import Refused

LINK = {"dataset": ["digits"], "seed": ["5"]}
ASKED = ({"knobs": {}, "dataset": "digits", "seed": "5"}, [], 2000)


@pytest.fixture
def early(monkeypatch):
    """Early runs, and the recipes that an engine was asked for; it waits until it is let go."""
    asked, go = [], threading.Event()
    go.set()

    def open(recipe, pending, points, owner):
        go.wait(5)
        asked.append(recipe)
        if recipe.get("seed") == "no":
            raise Refused("The seed should be a number.")
        return SimpleNamespace(recipe=recipe, owner=owner)

    engine = SimpleNamespace(open=open, recall=lambda id: None)
    monkeypatch.setattr(runs, "engine", lambda: engine)
    return SimpleNamespace(runs=runs.EarlyRuns(), asked=asked, go=go)


def test_the_session_takes_the_run_of_its_page_once(early):
    run = early.runs.open("token", LINK, {})
    assert run.recipe == ASKED[0] and run.owner
    assert early.runs.take("another", ASKED) is None
    assert early.runs.take("token", ASKED) is run
    assert early.runs.take("token", ASKED) is None
    assert len(early.asked) == 1


def test_another_tabs_token_does_not_give_its_run(early):
    early.runs.open("token", LINK, {})
    assert early.runs.take("token", ({"knobs": {}}, [], 2000)) is None
    assert early.runs.take("token", ASKED) is not None  # it is left for its own


def test_a_session_waits_for_a_run_that_is_being_opened(early):
    early.go.clear()
    found = []
    opening = threading.Thread(target=early.runs.open, args=("token", LINK, {}))
    opening.start()
    assert wait_until(lambda: early.runs._runs, 5)
    taking = threading.Thread(target=lambda: found.append(early.runs.take("token", ASKED)))
    taking.start()
    early.go.set()
    for thread in (opening, taking):
        thread.join(5)
    assert found[0].recipe == ASKED[0] and len(early.asked) == 1


@pytest.mark.parametrize(
    ("token", "link"),
    [
        ("token", {"sed": ["5"]}),  # the page says what is wrong
        ("token", {"dataset": ["digits"], "seed": ["no"]}),
        ("token", {"dataset": ["no_such_data"]}),
        ("", LINK),
    ],
)
def test_what_needs_words_is_left_to_the_session(early, token, link):
    assert early.runs.open(token, link, {}) is None
    assert early.runs.take(token, ASKED) is None


def test_a_page_that_is_gone_is_forgotten(early):
    early.runs.open("token", LINK, {})
    early.runs.forget("token")
    assert early.runs.take("token", ASKED) is None


def test_the_first_page_is_streamlits_with_the_lab_ahead():
    index = front.INDEX.read_text(encoding="utf-8")
    page = front.front_page(index)
    script = front.STREAMLIT.search(index)[1]
    assert (
        page.index("new WebSocket")
        < page.index("main.js")
        < page.index("<meta charset")
        < page.index(f'import("{script}")')
    )
    assert f'src="{script}"' not in page and "modulepreload" not in page
    later = json.loads(re.search(r"const hrefs = (.*);", page)[1])
    before, after = (re.findall(r'href="([^"]+)"', text[text.index("<meta charset") :]) for text in (index, page))
    assert [href for href in before if href not in later] == after and len(
        later
    ) > 50  # all that it fetches is fetched still
    assert set(later) < set(before)
    assert page[page.index("<body>") :] == index[index.index("<body>") :]


STRANGE = {
    "no head": lambda index: index.replace("<head>", "<HEAD>"),
    "another way to start": lambda index: index.replace('type="module" crossorigin src', 'type="module" src'),
    "two scripts": lambda index: index.replace("</head>", '<script type="module">1</script></head>'),
    "empty": lambda index: "",
}


@pytest.mark.parametrize("change", STRANGE.values(), ids=STRANGE)
def test_it_steps_aside_where_streamlits_page_is_another(change, tmp_path, monkeypatch):
    index = front.INDEX.read_text(encoding="utf-8")
    assert change(index) != index and front.front_page(change(index)) is None
    (tmp_path / "index.html").write_text(change(index), encoding="utf-8")
    monkeypatch.setattr(early_page, "INDEX", tmp_path / "index.html")
    assert early_page.routes() == []


def test_it_steps_aside_where_streamlits_page_cannot_be_read(tmp_path, monkeypatch):
    monkeypatch.setattr(early_page, "INDEX", tmp_path / "index.html")
    assert early_page.routes() == []
    (tmp_path / "index.html").write_bytes(b"<head>\xff")
    assert early_page.routes() == []


def test_one_switch_turns_it_off(monkeypatch):
    assert len(early_page.routes()) == 2
    monkeypatch.setenv("NOISE_LAB_EARLY", "0")
    assert early_page.routes() == []


def test_without_it_the_page_is_streamlits_own():
    with app_server(NOISE_LAB_EARLY="0") as address:
        page, _ = fetch(address)
        assert page.decode() == front.INDEX.read_text(encoding="utf-8")
        with pytest.raises(InvalidStatus):
            connect(f"{address.replace('http', 'ws')}/noise-lab/early/token").__enter__()


@pytest.fixture(scope="module")
def address():
    with app_server() as address:
        yield address


def fetch(url: str, **headers: str) -> tuple[bytes, Message]:
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=20) as answer:
        return answer.read(), answer.headers


def test_the_page_has_the_lab_ahead(address):
    page, headers = fetch(address)
    assert (
        page.decode() == front.front_page(front.INDEX.read_text(encoding="utf-8"))
        and headers["Cache-Control"] == "no-cache"
    )
    with connect(f"{address.replace('http', 'ws')}/noise-lab/early/token?dataset=digits") as socket:
        assert json.loads(socket.recv(20))["type"] == "opened" and json.loads(socket.recv(20))["type"] == "hello"


def test_streamlits_scripts_are_compressed_and_kept(address):
    name = front.STREAMLIT.search(front.INDEX.read_text(encoding="utf-8"))[1].removeprefix("./")
    whole, _ = fetch(f"{address}/{name}")
    for _ in range(2):
        packed, headers = fetch(f"{address}/{name}", **{"Accept-Encoding": "gzip, br"})
        assert headers["Content-Encoding"] == "gzip" and "immutable" in headers["Cache-Control"]
        assert headers["Content-Type"].startswith("text/javascript") and "Accept-Encoding" in headers["Vary"]
        assert gzip.decompress(packed) == whole == (streamlit_files.FOLDER.parent / name).read_bytes()
        assert len(packed) < 0.4 * len(whole)


@pytest.mark.parametrize("path", ["/static/js/no_such.js", "/static/js/..%2f..%2fapp.py", "/static/js/../../../app.py"])
def test_what_is_not_streamlits_is_not_kept(address, path):
    try:
        body, _ = fetch(address + path, **{"Accept-Encoding": "identity"})
        refused = None
    except urllib.error.HTTPError as error:
        body, refused = b"", error.code
    assert refused in (400, 404) or b"<title>Streamlit</title>" in body  # its own answer to a page that is not there


def test_the_lab_is_one_script(address):
    packed, headers = fetch(f"{address}/{assets()}/playground/main.js", **{"Accept-Encoding": "gzip"})
    assert gzip.decompress(packed) == script("playground/main.js") and "immutable" in headers["Cache-Control"]
    plain, headers = fetch(f"{address}/{assets()}/playground/main.js", **{"Accept-Encoding": "identity"})
    assert plain == script("playground/main.js") and "Content-Encoding" not in headers

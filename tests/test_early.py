"""Runs that pages open before their Streamlit session has begun."""

import threading
from types import SimpleNamespace

import pytest

from tests.conftest import wait_until
from vae_core.lane import LaneError
from vae_core.ui import front, session

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
            raise LaneError("The seed should be a number.", "input")
        return SimpleNamespace(recipe=recipe, owner=owner)

    monkeypatch.setattr(session, "engine", lambda: SimpleNamespace(open=open, recall=lambda id: None))
    return SimpleNamespace(runs=session.EarlyRuns(), asked=asked, go=go)


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
        ("token", {"sede": ["5"]}),  # the page says what is wrong
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
    page, index = front.page().decode(), front.INDEX.read_text()
    start, end = page.index("<head>") + 6, page.index('<meta charset="UTF-8"')
    assert page[:start] + index[index.index("<head>") + 6 :] == index
    assert page[start:end].strip().startswith('<script type="module" async data-early src="/noise-lab/static/')
    assert page[end:] == index[index.index('<meta charset="UTF-8"') :]

"""The Join page's script: the code is asked for, checked, and opens the stage of a room."""

import pytest

from tests.pages.test_playground import open_page as open_app
from tests.pages.test_playground import run_of
from vae_core.ui.server.state import classroom, engine
from vae_core.ui.widgets.session import fork_for_tab


def open_join(**query: str):
    page = open_app()
    page.switch_page("pages/join.py")
    page.query_params.update(query)
    return page.run()


@pytest.fixture
def room():
    room = classroom().open(engine().open({"dataset": "digits", "hidden": (32,), "batch_size": 64}))
    yield room
    classroom().close(room)


def test_the_code_is_asked_for_and_opens_the_room(room):
    page = open_join()
    assert not page.exception and not page.warning
    page.text_input[0].input(f"{room.code[:3]} {room.code[3:]}".lower())
    page.button[0].click().run()
    assert not page.exception and not page.warning and not page.text_input
    assert [b.label for b in page.button] == ["Leave this room"]
    page.button[0].click().run()
    assert page.text_input[0].label == "Code" and not page.warning


def test_a_wrong_code_is_told_and_stays_to_be_mended():
    page = open_join(code="ABC-2345")
    assert not page.exception and "There is no open room ABC2345." in page.warning[0].value
    assert page.text_input[0].value == "ABC-2345"


def test_a_fork_is_the_tabs_own_and_the_run_on_show_plays_on(room, monkeypatch):
    page = open_join(code=room.code)
    first = run_of(page)
    room.run.watch(lambda what: None)
    room.run.play()
    monkeypatch.setattr("vae_core.ui.widgets.session.st.session_state", tab := {})
    monkeypatch.setattr("vae_core.ui.widgets.session.owner", lambda: "somebody")
    fork_for_tab(room, 0)
    forked = engine().runs[tab["run"]]
    assert forked is not room.run and forked is not first and forked.owner == "somebody" and not forked.first
    assert room.run.playing and forked.header["step"] == 0
    engine().close(forked)

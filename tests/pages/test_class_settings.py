"""The page for whoever runs a class: only with the token, and its settings hold at once."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from vae_core.engine.limits import Limits
from vae_core.ui.server.admin import TOKEN
from vae_core.ui.server.state import engine

APP = str(Path(__file__).parents[2] / "app.py")
SECRET = "the token of this class"


@pytest.fixture(autouse=True)
def as_before(monkeypatch):
    monkeypatch.setenv(TOKEN, SECRET)
    limits = engine().limits
    yield
    engine().limits = limits


def open_page(token: str = SECRET) -> AppTest:
    page = AppTest.from_file(APP, default_timeout=60)
    page.switch_page("pages/class_settings.py").run()
    page.text_input[0].input(token)
    return page.button[0].click().run()


def test_a_wrong_token_is_told_and_shows_nothing():
    for token in ("", SECRET[:-1], SECRET + "x"):
        page = open_page(token)
        assert not page.exception and "This is not the token" in page.error[0].value
        assert not page.number_input and not page.table and len(page.text_input) == 1


def test_settings_hold_at_once():
    page = open_page()
    assert not page.exception and not page.error
    runs_per_user, runs, frames = page.number_input
    now = engine().limits
    assert (runs_per_user.value, runs.value, frames.value) == (now.runs_per_user, now.runs, now.frame_bytes >> 20)
    runs_per_user.set_value(3)
    frames.set_value(512)
    page.radio[0].set_value("admin")
    page.button[0].click().run()
    assert not page.exception and "hold from now on" in page.success[0].value
    assert engine().limits == Limits(runs_per_user=3, runs=now.runs, frame_bytes=512 << 20, open_rooms="admin")


def test_what_is_used_now():
    page = open_page()
    shown = dict(zip(*(page.table[0].value[column] for column in ("", "Now")), strict=True))
    assert shown["Worker processes"] == str(engine().figures()["lanes"]) and "Memory of frames" in shown


def test_without_a_token_there_is_nothing_to_ask_for(monkeypatch):
    monkeypatch.delenv(TOKEN)
    page = AppTest.from_file(APP, default_timeout=60)
    page.switch_page("pages/class_settings.py").run()
    assert not page.exception and "has no admin token" in page.info[0].value and not page.text_input

"""Shelves of the library: what a visitor saves is that visitor's, the shared shelf is of who runs the server."""

import os
import time

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from tests.pages.test_library import APP, words
from tests.storage.test_archive import RUN
from vae_core.storage import library
from vae_core.storage.library import DAYS, Library, LibraryError, shelf_folder, sweep_passing
from vae_core.ui.server import admin
from vae_core.ui.server.admin import at_the_machine
from vae_core.ui.widgets import admin_form
from vae_core.ui.widgets.library import shelves

A, B = "a" * 32, "b" * 32
TOKEN = "the token of a class"


@pytest.fixture(autouse=True)
def shared(tmp_path, monkeypatch) -> Library:
    monkeypatch.setenv("NOISE_LAB_LIBRARY", str(tmp_path / "library"))
    monkeypatch.delenv(admin.TOKEN, raising=False)
    return Library()


@pytest.fixture
def elsewhere(monkeypatch):
    """Visitors of a server that is somebody else's; each is known by the cookie that its session is given here."""
    monkeypatch.setattr(admin_form, "at_the_machine", lambda address, headers: False)
    monkeypatch.setattr(shelves, "kept_name", lambda: st.session_state.get("visitor") or "")


def open_page(visitor: str = "", **state) -> AppTest:
    page = AppTest.from_file(APP, default_timeout=60)
    page.query_params.update({"dataset": "digits", "hidden": "32", "batch_size": "64"})
    page.session_state["visitor"] = visitor
    for name, value in state.items():
        page.session_state[name] = value
    page.run()
    return page.switch_page("pages/library.py").run()


def save(page: AppTest, name: str) -> AppTest:
    page.text_input(key="library_name").input(name)
    page.button(key="library_save").click().run()
    assert not page.exception and page.success[0].value == "The run is saved."
    return page


def keys(page: AppTest) -> set[str]:
    return {button.key.partition("_")[0] for button in page.button if button.key}


def test_what_one_saves_no_other_sees_or_deletes(elsewhere, shared):
    page = save(open_page(A), "Of A")
    assert "**Of A**" in words(page) and {"open", "edit", "delete"} <= keys(page)
    other = open_page(B)
    assert "Of A" not in words(other) and not {"open", "delete", "restore"} & keys(other)
    assert shared.entries() == []
    (entry,) = Library(shelf_folder(A)).entries()
    again = open_page(A)  # another tab of the same browser
    again.button(key=f"delete_{entry.id}").click().run()
    assert Library(shelf_folder(A)).entries() == []
    assert "restore" in keys(again) and "restore" not in keys(open_page(B))
    again.button(key="library_undo").click().run()
    assert [e.name for e in Library(shelf_folder(A)).entries()] == ["Of A"]


def test_what_lay_there_before_is_on_the_shared_shelf_for_all_to_open(elsewhere, shared):
    id = shared.save(RUN, None, "Old")
    page = save(open_page(A), "Mine")
    assert [h.value for h in page.subheader] == ["Your shelf", "Shared shelf"] and "**Old**" in words(page)
    assert not [b for b in page.button if b.key in (f"delete_{id}", f"edit_{id}")]
    page.button(key=f"open_{id}").click().run()
    assert not page.exception and not page.error
    assert [e.name for e in shared.entries()] == ["Old"]


def test_the_shared_shelf_is_changed_by_who_runs_the_server(elsewhere, shared, monkeypatch):
    id = shared.save(RUN, None, "Lecture")
    monkeypatch.setenv(admin.TOKEN, TOKEN)
    page = open_page(A)
    assert f"delete_{id}" not in {b.key for b in page.button}
    with pytest.raises(LibraryError, match="who runs this server alone"):
        shelves.Shelf(shared, shared=True).for_changes()  # a button that was drawn before
    page = save(open_page(A, admin=True), "For all")  # the tab has given the token
    assert {e.name for e in shared.entries()} == {"Lecture", "For all"}
    page.button(key=f"delete_{id}").click().run()
    assert [e.name for e in shared.entries()] == ["For all"] and [e.name for e in shared.trashed()] == ["Lecture"]


def test_a_token_is_asked_of_who_sits_at_the_machine_too(shared, monkeypatch):
    id = shared.save(RUN, None, "Lecture")
    assert f"delete_{id}" in {b.key for b in open_page().button}
    monkeypatch.setenv(admin.TOKEN, TOKEN)
    assert f"delete_{id}" not in {b.key for b in open_page().button}


def test_without_cookies_a_shelf_is_of_the_tab_and_the_page_says_so(elsewhere, monkeypatch):
    monkeypatch.setattr(shelves, "refused", lambda: True)
    page, other = save(open_page(), "Of this tab"), open_page()
    assert "**Of this tab**" in words(page) and "lasts as long as this tab" in page.warning[0].value
    assert "Of this tab" not in words(other)
    page.run()
    assert "**Of this tab**" in words(page)


@pytest.mark.parametrize(
    ("told", "name", "refused"),
    [
        (None, "", False),
        (A, A, False),
        ("refused", "", True),
        ("../..", "", False),
        (3, "", False),
        ("A" * 32, "", False),
    ],
)
def test_what_the_browser_tells(monkeypatch, told, name, refused):
    state = {shelves.TOLD: {"shelf": told}} if told else {}
    monkeypatch.setattr(shelves.st, "session_state", state)
    for _ in range(2):
        assert (shelves.kept_name(), shelves.refused()) == (name, refused)
        state.pop(shelves.TOLD, None)  # on another page


@pytest.mark.parametrize(
    "secret", ["", "..", "a" * 31, "a" * 33, "A" * 32, "../" + "a" * 29, "a" * 31 + "/", "a" * 32 + "\n"]
)
def test_names_of_shelves_from_elsewhere(secret):
    with pytest.raises(LibraryError):
        shelf_folder(secret)


def test_a_folders_name_does_not_tell_the_secret(shared):
    Library(shelf_folder(A)).save(RUN, None, "Mine")
    assert not [path for path in shared.folder.rglob("*") if A in str(path)]
    assert shared.entries() == [] and shared.trashed() == []


@pytest.mark.parametrize("id", ["..", "../trash", ".shelves", "/etc", "", "a/b"])
def test_ids_that_are_no_runs(shared, id):
    Library(shelf_folder(A)).save(RUN, None, "Mine")
    for do in (shared.delete, shared.open, shared.zip, shared.restore):
        with pytest.raises(LibraryError, match="no longer there"):
            do(id)


def test_shelves_of_tabs_go_after_a_while():
    old, new = (Library(shelf_folder(secret, passing=True)) for secret in (A, B))
    for shelf in (old, new, Library(shelf_folder(A))):
        shelf.save(RUN, None, "Mine")
    long_ago = time.time() - (DAYS + 1) * 86400
    for folder in (old.folder, shelf_folder(A)):
        os.utime(folder, (long_ago, long_ago))
    sweep_passing()
    assert not old.folder.exists() and new.entries() and Library(shelf_folder(A)).entries()
    assert library.SHELVES.startswith(".")  # an older version takes no shelf for a run


@pytest.mark.parametrize(
    ("address", "headers", "there"),
    [
        (None, {}, True),
        (None, {"Host": "localhost:8501", "Origin": "http://localhost:8501"}, True),
        ("127.0.0.1", {"Host": "127.0.0.1:8501"}, True),
        (None, {"Host": "[::1]:8501", "Origin": "http://[::1]:8501"}, True),
        ("10.0.0.7", {"Host": "localhost:8501"}, False),
        (None, {"Host": "lab.example.org"}, False),
        (None, {"Host": "127.0.0.1:8501", "Origin": "https://lab.example.org"}, False),
        (None, {"Host": "localhost:8501", "X-Forwarded-For": "10.0.0.7"}, False),
        (None, {"Host": "localhost:8501", "Forwarded": "for=10.0.0.7"}, False),
        (None, {"Host": "localhost:8501", "Origin": "null"}, False),
        (None, {"Host": "[localhost:8501"}, False),
    ],
)
def test_who_is_at_the_machine(address, headers, there):
    assert at_the_machine(address, headers) is there

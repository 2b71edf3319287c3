"""The Library page's script: save, open, fork, rename, delete and undo, import, export."""

import io
import re
import zipfile
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.conftest import wait_until
from tests.storage.test_archive import RUN, ZIP, same, with_json
from vae_core.run.recording import Run
from vae_core.storage import archive, inspection
from vae_core.storage.library import Library
from vae_core.ui.server.state import engine
from vae_core.ui.widgets.library import files

APP = str(Path(__file__).parents[2] / "app.py")


@pytest.fixture(autouse=True)
def shelf(tmp_path, monkeypatch) -> Library:
    monkeypatch.setenv("NOISE_LAB_LIBRARY", str(tmp_path / "library"))
    return Library()


def open_page(**query: str) -> AppTest:
    page = AppTest.from_file(APP, default_timeout=60)
    page.query_params.update({"dataset": "digits", "hidden": "32", "batch_size": "64", **query})
    page.run()
    return page.switch_page("pages/library.py").run()


def run_of(page: AppTest):
    return engine().runs[page.session_state["run"]]


def train(page: AppTest, steps: int) -> None:
    run = run_of(page)
    run.watch(lambda what: None)
    run.step(steps)
    assert wait_until(lambda: run.resting and run.header["step"] == steps, 30)


def words(page: AppTest) -> str:
    return "\n".join(element.value for element in [*page.markdown, *page.caption, *page.info])


def test_an_empty_library_says_what_to_do():
    page = open_page()
    assert not page.exception and "Nothing is saved yet" in page.info[0].value


def test_save_and_open_again(shelf):
    page = open_page()
    train(page, 40)
    before = run_of(page)
    page.text_input(key="library_name").input("*My* run <b>")
    page.text_area(key="library_note").input("for ![x](http://elsewhere)")
    page.button(key="library_save").click().run()
    assert not page.exception and page.success[0].value == "The run is saved."
    (entry,) = shelf.entries()
    assert entry.name == "*My* run <b>" and page.text_input(key="library_name").value == ""
    assert r"\*My\* run \<b\>" in words(page) and "](http" not in words(page)
    assert "Digits" in words(page) and "step 40" in words(page)
    train_on = before.newest
    page.button(key=f"open_{entry.id}").click().run()
    assert not page.exception and not page.error
    run = run_of(page)
    assert run.id != before.id and run.newest == train_on and not run.playing
    assert page.get("bidi_component")  # on the Playground


def test_the_usual_name_and_the_button_of_the_playground(shelf):
    page = open_page(rule="autoencoder")
    page.switch_page("pages/playground.py").run()
    next(b for b in page.button if b.label == "Save to the library").click().run()
    assert not page.exception and re.fullmatch(r"Autoencoder, [\d,]+ steps", shelf.entries()[0].name), shelf.entries()


def test_rename_delete_and_undo(shelf):
    id = shelf.save(RUN, None, "Old", "note")
    page = open_page()
    page.button(key=f"edit_{id}").click().run()
    page.text_input(key=f"library_name_{id}").input("New")
    page.button(key="library_change").click().run()
    assert not page.exception and shelf.entries()[0].name == "New" and shelf.entries()[0].about.note == "note"
    page.button(key=f"delete_{id}").click().run()
    assert not page.exception and shelf.entries() == [] and "Deleted New" in words(page)
    page.button(key="library_undo").click().run()
    assert not page.exception and [e.id for e in shelf.entries()] == [id] and "Deleted" not in words(page)
    page.button(key=f"delete_{id}").click().run()
    page = open_page()  # another tab, another day
    page.button(key=f"restore_{id}").click().run()
    assert not page.exception and [e.id for e in shelf.entries()] == [id]


def test_what_another_tab_deleted_is_told(shelf):
    id = shelf.save(RUN, None, "Mine")
    page = open_page()
    shelf.delete(id)
    page.button(key=f"delete_{id}").click().run()
    assert not page.exception and "no longer there" in page.error[0].value


def test_fork_at_a_step(shelf):
    id = shelf.save(RUN, None, "Long")
    page = open_page()
    page.button(key=f"fork_{id}").click().run()
    page.number_input(key=f"library_step_{id}").set_value(10)
    page.button(key="library_fork").click().run()
    assert not page.exception and not page.error
    run = run_of(page)
    assert run.header["step"] == 8 and [event.label for event in run.record.events] == ["noise off"]
    assert same(Run.open(shelf.folder / id), RUN)


def test_search(shelf):
    for name in ("First", "Second"):
        shelf.save(RUN, None, name)
    page = open_page()
    page.text_input(key="library_search").input("second deterministic").run()
    assert "**Second**" in words(page) and "**First**" not in words(page)
    page.text_input(key="library_search").input("third").run()
    assert "No saved run has these words" in words(page)


def test_import_several_good_and_bad(shelf):
    page = open_page()
    key = "library_files_0"
    page.file_uploader(key=key).upload("good.zip", ZIP).upload("bad.zip", with_json(format=9)).run()
    assert not page.exception and [e.name for e in shelf.entries()] == ["good"]
    assert "format 9" in page.error[0].value and "Imported: 1." in page.error[0].value
    page.file_uploader(key="library_files_1").upload("again.zip", ZIP).run()
    assert page.success[0].value == "Imported: 1." and len(shelf.entries()) == 2
    page.button(key=f"open_{shelf.entries()[0].id}").click().run()
    assert not page.exception and not page.error and run_of(page).header["step"] == 24


def test_a_damaged_run_is_told_and_the_tab_keeps_its_own(shelf):
    id = shelf.save(RUN, None, "Mine")
    (shelf.folder / id / "run.json").write_text("{")
    page = open_page()
    mine = run_of(page)
    page.button(key=f"open_{id}").click().run()
    assert not page.exception and "damaged" in page.error[0].value and run_of(page) is mine
    (shelf.folder / id / "about.json").write_text("{")
    page.run()
    assert not page.exception and "can only be deleted" in words(page)
    page.button(key=f"delete_{id}").click().run()
    assert not page.exception and shelf.entries() == []


def test_many_cards_come_in_parts(shelf, monkeypatch):
    for i in range(26):
        shelf.save(RUN, None, f"Run {i}")
    page = open_page()
    assert sum(b.label == "Open" for b in page.button) == 24
    next(b for b in page.button if b.label == "Show 2 more").click().run()
    assert sum(b.label == "Open" for b in page.button) == 26


def test_downloads():
    page = open_page()
    train(page, 30)
    made = {name.rsplit(".", 1)[1]: make() for _, name, make in files.downloads(run_of(page))}
    assert set(made) == {"zip", "html", "csv", "safetensors", "onnx"}
    with zipfile.ZipFile(io.BytesIO(made["zip"])) as zipped:
        assert {"run.json", "state.npz"} <= set(zipped.namelist())
    assert made["html"].startswith(b"<!doctype html>") and b"30," in made["csv"]
    assert b'"step":"30"' in made["safetensors"] and b"noise-lab" in made["onnx"]


def test_without_onnx_the_page_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(files, "find_spec", lambda name: None)
    page = open_page()
    assert not page.exception and "install the package onnx" in words(page)
    assert "onnx" not in {name.rsplit(".", 1)[1] for _, name, _ in files.downloads(run_of(page))}


def test_the_zip_of_a_card(shelf, tmp_path):
    shelf.save(RUN, None, "A name: with / signs?")
    name, make = files.zipped(shelf, shelf.entries()[0])
    assert name == "A-name-with-signs.zip"
    archive.unpack(make(), tmp_path / "out", name)
    assert same(inspection.checked(tmp_path / "out", name), RUN)

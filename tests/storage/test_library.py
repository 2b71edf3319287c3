"""The library: runs that are found again, renamed, deleted, restored and reopened, also when things go wrong."""

import errno
import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from tests.conftest import wait_until
from tests.storage.test_archive import RUN, STATE, ZIP, changed, record, same, with_json
from vae_core.engine.engine import Engine
from vae_core.figures.thumbnail import SIDE, thumbnail
from vae_core.run.recording import RecordingError, Run
from vae_core.storage.library import DAYS, Library, LibraryError, library_folder
from vae_core.trainer.replay import replay
from vae_core.ui.widgets import library as tab
from vae_core.workers.errors import LaneError, Refused

RECIPE = {"dataset": "digits", "hidden": (32,), "batch_size": 64}


@pytest.fixture
def library(tmp_path):
    return Library(tmp_path / "library")


@pytest.fixture(scope="module")
def engine():
    with Engine() as engine:
        yield engine


class TestFolder:
    def test_where_it_is(self, monkeypatch, tmp_path):
        monkeypatch.setenv("NOISE_LAB_LIBRARY", str(tmp_path / "own"))
        assert library_folder() == tmp_path / "own"
        monkeypatch.delenv("NOISE_LAB_LIBRARY")
        monkeypatch.setattr(sys, "platform", "linux")
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
        assert library_folder() == tmp_path / "noise-lab/library"
        monkeypatch.delenv("XDG_DATA_HOME")
        monkeypatch.setenv("HOME", str(tmp_path))
        assert library_folder() == tmp_path / ".local/share/noise-lab/library"

    def test_an_empty_one_is_not_made_by_looking(self, library):
        assert library.entries() == library.trashed() == [] and not library.folder.exists()


class TestKeeping:
    def test_saved_and_found_by_another_process(self, library):
        id = library.save(RUN, STATE, "My run", "two\nlines", "Digits")
        code = (
            "import sys; from pathlib import Path; from vae_core.storage.library import Library\n"
            "from vae_core.storage import export\n"
            "from vae_core.storage.report import report\n"
            f"library = Library(Path({str(library.folder)!r})); (e,) = library.entries()\n"
            "run, _ = library.open(e.id); library.zip(e.id); export.metrics_csv(run); report(run)\n"
            "print(e.id, e.name, e.about.note, e.about.dataset, e.about.rule, e.about.step, sep='|', end='')\n"
            "assert 'torch' not in sys.modules"
        )
        told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
        assert told.stdout == f"{id}|My run|two\nlines|Digits|offset|24"
        record, state = library.open(id)
        assert same(record, RUN) and same(Run.open(library.folder / id), RUN) and state == STATE
        assert abs(library.entries()[0].about.saved.timestamp() - time.time()) < 60

    def test_search_and_order(self, library):
        for name, note in (("First", "for the lecture"), ("Second", ""), ("Third", "Lecture 2")):
            library.save(RUN, None, name, note, "Digits")
            time.sleep(0.002)
        assert [e.name for e in library.entries()] == ["Third", "Second", "First"]
        assert [e.name for e in library.entries("lecture")] == ["Third", "First"]
        assert [e.name for e in library.entries(" LECTURE first ")] == ["First"]
        assert len(library.entries("offset")) == len(library.entries("digits")) == 3
        assert library.entries("arrows") == [] and len(library.entries("arrows", {"offset": "Arrows"})) == 3

    def test_rename(self, library):
        id = library.save(RUN, None, "Old", "note")
        saved = library.entries()[0].about.saved
        library.edit(id, "  New\nname ", "other")
        about = library.entries()[0].about
        assert (about.name, about.note, about.saved, about.step) == ("New name", "other", saved, 24)
        library.edit(id, " ", "")
        assert library.entries()[0].name == "New name" and library.entries()[0].about.note == ""
        library.edit(id, "x" * 1000, "y" * 10_000)
        assert len(library.entries()[0].name) == 80 and len(library.entries()[0].about.note) == 2000

    def test_delete_and_undo(self, library):
        id = library.save(RUN, STATE, "Gone")
        library.delete(id)
        assert library.entries() == [] and [e.name for e in library.trashed()] == ["Gone"]
        with pytest.raises(LibraryError, match="no longer there"):
            library.delete(id)
        library.restore(id)
        assert [e.id for e in library.entries()] == [id] and library.trashed() == []
        assert same(Run.open(library.folder / id), RUN)

    def test_the_trash_is_emptied_after_thirty_days(self, library):
        old, new = library.save(RUN, None, "Old"), library.save(RUN, None, "New")
        for id, days in ((old, DAYS + 1), (new, DAYS - 1)):
            library.delete(id)
            then = time.time() - days * 86400
            os.utime(library.folder / "trash" / id, (then, then))
        assert [e.name for e in library.trashed()] == ["New"] and not (library.folder / "trash" / old).exists()

    def test_zip_and_back_keeps_name_and_note(self, library, tmp_path):
        id = library.save(RUN, STATE, "Name", "note", "Digits")
        other = Library(tmp_path / "other")
        again = other.take(other_zip := library.zip(id), "x.zip")
        entry = other.entries()[0]
        assert (entry.name, entry.about.note, entry.about.dataset) == ("Name", "note", "Digits")
        assert same(Run.open(other.folder / again), RUN) and other.open(again)[1] == STATE
        library.take(other_zip, "x.zip")
        assert len(library.entries()) == 2

    def test_a_zip_without_a_name_has_that_of_its_file(self, library):
        library.take(ZIP, "from the lecture.zip")
        entry = library.entries()[0]
        assert (entry.name, entry.about.dataset, entry.about.rule, entry.about.step) == (
            "from the lecture", "Digits", "offset", 24,
        )  # fmt: skip


class TestTrouble:
    @pytest.mark.parametrize("where", ["os.replace", "pathlib.Path.write_bytes", "pathlib.Path.write_text"])
    def test_a_full_disk_is_a_sentence_and_changes_nothing(self, library, monkeypatch, where):
        library.save(RUN, STATE, "Before")
        before = sorted(library.folder.rglob("*"))

        def full(*arguments, **options):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(where, full)
        for action in (lambda: library.save(RUN, STATE, "After"), lambda: library.take(ZIP, "run.zip")):
            with pytest.raises((LibraryError, RecordingError), match="No space left"):
                action()
        monkeypatch.undo()
        assert sorted(library.folder.rglob("*")) == before
        assert same(Run.open(library.folder / library.entries()[0].id), RUN)

    def test_a_folder_that_cannot_be(self, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises(LibraryError, match="NOISE_LAB_LIBRARY"):
            Library(tmp_path / "file" / "library").save(RUN)

    def test_renaming_on_a_full_disk_keeps_the_old_name(self, library, monkeypatch):
        id = library.save(RUN, None, "Old")
        monkeypatch.setattr("vae_core.storage.library.try_replace", lambda *a: False)
        with pytest.raises(LibraryError, match="nothing was changed"):
            library.edit(id, "New", "")
        assert library.entries()[0].name == "Old"

    def test_what_a_crash_left_is_not_shown_and_goes_in_a_day(self, library):
        library.save(RUN)
        part = library.folder / ".0123.part"
        part.mkdir()
        assert len(library.entries()) == 1 and part.exists()
        os.utime(part, (0, 0))
        assert len(library.entries()) == 1 and not part.exists()

    @pytest.mark.parametrize("text", ["", "{", "[]", '{"name": 3}'])
    def test_a_damaged_name_is_shown_as_such(self, library, text):
        id = library.save(RUN, None, "Name")
        (library.folder / id / "about.json").write_text(text)
        (entry,) = library.entries()
        assert entry.about is None and id in entry.name
        with pytest.raises(LibraryError, match="delete it"):
            library.edit(id, "x", "")
        library.delete(id)
        assert library.entries() == []

    def test_damaged_files_are_told_at_opening(self, library):
        id = library.save(RUN, STATE)
        path = next((library.folder / id / "frames").iterdir())
        path.write_bytes(path.read_bytes()[:-300])
        with pytest.raises(RecordingError, match="damaged"):
            library.open(id)

    @pytest.mark.parametrize("id", ["..", "../x", "", "trash/x", ".", "nothing"])
    def test_no_id_leads_elsewhere(self, library, id):
        library.save(RUN)
        for action in (library.open, library.zip, library.delete, library.restore, lambda id: library.edit(id, "", "")):
            with pytest.raises(LibraryError, match="no longer there"):
                action(id)

    def test_many_at_once(self, library):
        """Saves, renames, deletes, restores and looks of eight threads on two libraries of one folder."""
        other, stop = Library(library.folder), threading.Event()

        def look() -> int:
            seen = 0
            while not stop.is_set():
                seen = max(seen, len(other.entries()))
                assert all(entry.about for entry in other.entries())
            return seen

        def work(i: int) -> None:
            mine = (library, other)[i % 2]
            id = mine.save(RUN, None, f"Run {i}")
            mine.edit(id, f"Renamed {i}", "")
            mine.delete(id)
            mine.restore(id)

        with ThreadPoolExecutor(8) as pool:
            watching = pool.submit(look)
            list(pool.map(work, range(12)))
            stop.set()
            watching.result()
        assert sorted(e.name for e in library.entries()) == sorted(f"Renamed {i}" for i in range(12))

    def test_one_deletes_what_another_deletes(self, library):
        id = library.save(RUN)

        def delete(_: int) -> bool:
            try:
                library.delete(id)
            except LibraryError:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(delete, range(8))) == 1


class TestThumbnail:
    def test_shows_the_codes_where_they_are(self):
        frame = RUN.frame(24)
        picture = ElementTree.fromstring(thumbnail(frame))
        dots = [
            tuple(map(float, dot.removesuffix("h0").split()))
            for path in picture.iter("{http://www.w3.org/2000/svg}path")
            for dot in path.get("d").split("M")[1:]
        ]
        order = np.argsort(frame.labels, kind="stable")
        edge = max(3.5, float(np.quantile(np.abs(frame.z).max(1), 0.95)))
        expected = SIDE / 2 * (1 + frame.z[order] / edge * (1, -1))
        inside = ((expected >= 0) & (expected <= SIDE)).all(1)
        np.testing.assert_allclose(dots, expected[inside], atol=0.06)
        assert len(dots) >= 0.95 * len(frame.z)

    def test_codes_that_are_no_numbers(self):
        import dataclasses

        frame = RUN.frame(24)
        for value in (np.nan, np.inf, 1e30):
            ElementTree.fromstring(thumbnail(dataclasses.replace(frame, z=np.full_like(frame.z, value))))


class TestReopening:
    def live(self, engine, steps: int = 60):
        run = engine.open(RECIPE, points=50)
        run.watch(lambda what: None)
        run.step(steps // 2)
        assert wait_until(lambda: run.resting, 30)
        run.switch(noise=0.5)
        run.look(7)
        run.step(steps - steps // 2)
        assert wait_until(lambda: run.resting, 30)
        return run

    @pytest.mark.parametrize("with_state", [True, False])
    def test_goes_on_where_it_ended_with_equal_bits(self, engine, library, with_state):
        run = self.live(engine)
        record, state = run.snapshot()
        id = library.save(record, state if with_state else None, "Run")
        again = engine.reopen(*library.open(id))
        assert again.id != run.id and not again.playing and not again.autoplay
        assert again.newest == run.newest and again.header["step"] == 60 and again.header["strip"][-1] == 7
        assert again.record.recipe == run.record.recipe and again.record.events == run.record.events
        assert again.record.steps == run.record.steps
        assert again.state()["link"] == run.state()["link"]
        for each in (run, again):
            each.watch(lambda what: None)
            each.step(20)
        assert wait_until(lambda: run.resting and again.resting, 30)
        assert again.newest == run.newest and again.header["step"] == 80

    def test_the_state_is_used(self, engine, library):
        """A state that was tampered with after it was checked shows: so it was not trained again."""
        run = self.live(engine)
        record, state = run.snapshot()
        import io

        arrays = dict(np.load(io.BytesIO(state)))
        arrays["network/decoder.layers.1.bias"] = arrays["network/decoder.layers.1.bias"] + 1
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)
        assert engine.reopen(record, buffer.getvalue()).newest.decoder != run.newest.decoder

    def test_saved_while_it_plays(self, engine, library):
        run = engine.open(RECIPE, points=50)
        run.watch(lambda what: None)
        run.play()
        for settings in ({"noise": 0.0}, {"knobs": {"beta": 2}}, {"rule": "offset"}):
            at = run.header["step"]
            assert wait_until(lambda: run.header["step"] > at + 30, 30)  # noqa: B023  # called at once
            run.switch(**settings)
            record, state = run.snapshot()
            step = record.steps[-1]
            assert replay(run.record.recipe, record.events, step, points=50).state() == state
            assert replay(run.record.recipe, record.events, step, points=50).frame().packed() == record.packed(step)
            library.take(library.zip(library.save(record, state, "x")), "x.zip")
        assert run.playing
        run.pause()

    def test_a_diverged_run_is_saved_up_to_its_last_frame(self, engine, library):
        run = engine.open({**RECIPE, "learning_rate": 10.0})
        run.watch(lambda what: None)
        run.play()
        assert wait_until(lambda: run.status == "diverged", 30)
        record, state = run.snapshot()
        assert state is None and record.steps[-1] == run.header["step"]
        assert engine.reopen(*library.open(library.save(record))).header["step"] == record.steps[-1]

    def test_a_lane_that_dies_brings_it_back(self, engine, library):
        run = self.live(engine)
        again = engine.reopen(*run.snapshot())
        os.kill(engine.pool.pids()[again.training.lane], 9)
        again.switch(noise=0.25)
        assert again.header["step"] == 60 and again.header["noise"] == 0.25

    def test_nothing_is_left_in_the_spool(self, engine):
        run = self.live(engine)
        again = engine.reopen(*run.snapshot())
        assert (engine.trainings.folder(again.training.id) / "60.npz").exists()
        engine.close(again), engine.close(run)
        assert wait_until(lambda: not engine.trainings.folder(again.training.id).exists(), 10)

    def test_other_data_is_told(self, engine):
        record, state = self.live(engine).snapshot()
        frame = record.frame(60)
        import dataclasses

        record.add(dataclasses.replace(frame, labels=(frame.labels + 1).astype(np.uint8)).packed())
        before = set(engine.runs)
        with pytest.raises(LaneError, match="was trained on digits, which is not on this machine"):
            engine.reopen(record, state)
        assert set(engine.runs) == before

    def test_a_recipe_that_cannot_be_is_told(self, engine):
        run, _ = record()
        run.recipe = run.recipe.model_copy(update={"rule": "nothing"})
        with pytest.raises(LaneError, match="Unknown rule"):
            engine.reopen(run)

    @pytest.mark.parametrize("saved", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-11-20T12:00:00", "x"])
    def test_a_time_that_not_all_time_zones_have_is_left_aside(self, library, saved):
        """One such card would break the list for all."""
        about = {"name": "Theirs", "saved": saved, "dataset": "![x](http://elsewhere)\n" + "y" * 500}
        data = changed(lambda files: files.update({"about.json": json.dumps(about).encode()}))
        library.take(data, "run.zip")
        (entry,) = library.entries()
        assert entry.about.name == "run" and abs(entry.about.saved.timestamp() - time.time()) < 60
        about["saved"] = "2026-11-20T12:00:00Z"
        library.take(changed(lambda files: files.update({"about.json": json.dumps(about).encode()})), "run.zip")
        (theirs,) = (entry for entry in library.entries() if entry.name == "Theirs")
        assert len(theirs.about.dataset) <= 80 and "![" not in tab.facts(theirs.about)[0]

    def test_the_lane_looks_at_what_comes_from_elsewhere(self, engine, library, tmp_path):
        run = engine.open(RECIPE, points=50)

        def check(folder: Path, name: str) -> None:
            run.examine("recording_check", folder=str(folder), file=name)

        library.take(ZIP, "good.zip", check)
        bad = with_json(recipe={"rule": "nothing"})
        with pytest.raises(LaneError, match=r"bad.zip is damaged") as error:
            library.take(bad, "bad.zip", check)
        assert isinstance(error.value, Refused) and len(library.entries()) == 1

"""The zip of a whole run: there and back to the bit, and everything that must be refused in one sentence."""

import io
import json
import pickle
import re
import shutil
import stat
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import small
from vae_core.data import tables
from vae_core.data.folders import cache_folder
from vae_core.run.recording import RecordingError, Run
from vae_core.storage import archive, inspection
from vae_core.storage.library import Library
from vae_core.trainer.trainer import Trainer


def record(points: int = 20, hidden=(16,), **fields) -> tuple[Run, Trainer]:
    """A short run with two events and its trainer, at step 24."""
    trainer = Trainer(small(hidden=hidden, **fields), points=points)
    run = Run(trainer.recipe)
    run.add(trainer.frame().packed())
    for settings in ({"noise": 0.0}, {"rule": "offset"}, {}):
        run.add(trainer.advance(8).packed())
        trainer.switch(**settings)
        run.add(trainer.frame().packed())
    run.events = list(trainer.events)
    return run, trainer


RUN, TRAINER = record()
STATE = TRAINER.state()
ZIP = archive.packed(RUN, STATE)


def same(one: Run, other: Run) -> bool:
    frames = [[run.packed(step) for step in run.steps] for run in (one, other)]
    facts = [(run.recipe, run.events, run.steps, run.history) for run in (one, other)]
    return frames[0] == frames[1] and facts[0] == facts[1]


def opened(data: bytes, folder: Path, name: str = "run.zip") -> Run:
    archive.unpack(data, folder, name)
    return inspection.checked(folder, name)


def changed(change=None, data: bytes = ZIP, **options) -> bytes:
    """The zip with its files (name -> bytes, or a ZipInfo and bytes) changed."""
    with zipfile.ZipFile(io.BytesIO(data)) as zipped:
        files = {name: zipped.read(name) for name in zipped.namelist()}
    if change:
        change(files)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, **options) as zipped:
        for name, content in files.items():
            zipped.writestr(name, content)
    return buffer.getvalue()


def with_json(**fields) -> bytes:
    def change(files):
        files["run.json"] = json.dumps({**json.loads(files["run.json"]), **fields}).encode()

    return changed(change)


def refused(data: bytes, tmp_path: Path) -> str:
    """The sentence with which a library refuses a zip, after which it is as it was."""
    library = Library(tmp_path / "library")
    library.save(RUN, STATE, "before")
    before = {path: path.read_bytes() for path in library.folder.rglob("*") if path.is_file()}
    with pytest.raises(RecordingError) as error:
        library.take(data, "run.zip")
    after = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert after == before and len(list(library.folder.iterdir())) == 1
    assert "\n" not in str(error.value) and "run.zip" in str(error.value)
    return str(error.value)


class TestRoundTrip:
    def test_equal_and_goes_on_with_equal_bits(self, tmp_path):
        assert same(opened(ZIP, tmp_path), RUN)
        again = Trainer.from_state((tmp_path / "state.npz").read_bytes())
        there = Trainer.from_state(STATE)
        assert again.advance(20).packed() == there.advance(20).packed()

    def test_the_same_run_gives_the_same_bytes(self, tmp_path):
        opened(ZIP, tmp_path)
        assert archive.pack(tmp_path) == ZIP == archive.packed(RUN, STATE)

    def test_without_a_state(self, tmp_path):
        assert same(opened(archive.packed(RUN), tmp_path), RUN) and not (tmp_path / "state.npz").exists()

    @pytest.mark.parametrize("rule", ["full_covariance", "flow", "normalised_noise", "noise_only"])
    def test_rules(self, tmp_path, rule):
        run, trainer = record(rule=rule)
        assert same(opened(archive.packed(run, trainer.state()), tmp_path), run)

    def test_a_run_of_the_command_line_zipped_as_a_folder(self, tmp_path):
        RUN.save(tmp_path / "run")
        (tmp_path / "run" / "state.npz").write_bytes(STATE)
        (tmp_path / "run" / ".DS_Store").write_bytes(b"litter")
        (tmp_path / "__MACOSX" / "run").mkdir(parents=True)
        (tmp_path / "__MACOSX" / "run" / "._run.json").write_bytes(b"litter")
        path = shutil.make_archive(str(tmp_path / "own"), "zip", tmp_path, ".")
        data = changed(lambda files: files.pop("own.zip", None), Path(path).read_bytes())
        data = changed(lambda files: [files.pop(n) for n in list(files) if n.endswith("/")], data)
        assert same(opened(data, tmp_path / "out"), RUN)
        assert {p.name for p in (tmp_path / "out").iterdir()} == {"run.json", "frames", "state.npz"}

    def test_brings_the_users_own_table(self, tmp_path, monkeypatch):
        monkeypatch.setenv("NOISE_LAB_CACHE", str(tmp_path / "here"))
        key = tables.store(_npy(np.random.default_rng(0).normal(size=(50, 2))), "own.npy")
        trainer = Trainer(small(train_size=50, rule="offset", knobs={"f": "own_table", "table": key}), points=20)
        run = Run(trainer.recipe)
        run.add(trainer.advance(3).packed())
        data = archive.packed(run, trainer.state())
        monkeypatch.setenv("NOISE_LAB_CACHE", str(tmp_path / "there"))
        library = Library(tmp_path / "library")
        id = library.take(data, "run.zip")
        assert not (cache_folder() / "tables").exists()
        again, state = library.open(id)
        assert again.packed(3) == run.packed(3) and tables.path_of(key).is_file()
        assert Trainer.from_state(state).advance(5).packed() == trainer.advance(5).packed()

    def test_a_name_that_is_no_table_is_not_looked_up(self, tmp_path):
        run = Run(RUN.recipe)
        run.events = [RUN.events[0].model_copy(update={"knobs": {"f": "own_table", "table": "../../secret"}})]
        assert archive.own_tables(run) == set()


def _npy(array) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


class TestRefused:
    @pytest.mark.parametrize("data", [b"", b"PK", b"no zip at all", ZIP[:-1000], ZIP[: len(ZIP) // 2]])
    def test_not_a_whole_zip(self, tmp_path, data):
        assert "not a whole zip" in refused(data, tmp_path)

    def test_another_version(self, tmp_path):
        assert "format 99; this version reads 1" in refused(with_json(format=99), tmp_path)

    @pytest.mark.parametrize(
        "name",
        ["../evil", "frames/../../evil", "/etc/evil", "C:evil", "..\\evil", "frames\\..\\..\\evil", "run/../../x"],
    )
    def test_a_path_that_climbs_out(self, tmp_path, name):
        assert "leads out of its folder" in refused(changed(lambda files: files.update({name: b"x"})), tmp_path)

    def test_a_link(self, tmp_path):
        buffer = io.BytesIO(ZIP)
        with zipfile.ZipFile(buffer, "a") as zipped:
            link = zipfile.ZipInfo("frames/000000099.frame")
            link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
            zipped.writestr(link, "/etc/passwd")
        assert "holds a link" in refused(buffer.getvalue(), tmp_path)

    @pytest.mark.parametrize("name", ["payload.pkl", "frames/x.py", "frames/9.frame", "tables/x.npy", "state.npz.txt"])
    def test_a_file_that_is_no_part_of_a_run(self, tmp_path, name):
        assert "no part of a run" in refused(changed(lambda files: files.update({name: b"x"})), tmp_path)

    def test_two_files_of_one_name(self, tmp_path):
        buffer = io.BytesIO(ZIP)
        with zipfile.ZipFile(buffer, "a") as zipped, pytest.warns(UserWarning, match="Duplicate"):
            zipped.writestr("run.json", "{}")
        assert "2 runs" in refused(buffer.getvalue(), tmp_path)

    def test_no_run_and_two_runs(self, tmp_path):
        assert "no run.json" in refused(changed(lambda files: files.pop("run.json")), tmp_path)
        assert "2 runs" in refused(changed(lambda files: files.update({"b/run.json": b"{}"})), tmp_path / "b")

    @pytest.mark.parametrize("where", ["run.json", "state.npz", "frames/000000008.frame"])
    def test_a_pickle_in_the_place_of_a_file(self, tmp_path, where):
        assert "damaged" in refused(changed(lambda files: files.update({where: pickle.dumps(Bomb())})), tmp_path)
        assert not Bomb.went_off

    def test_pickled_objects_inside_the_state(self, tmp_path):
        def change(files):
            arrays = dict(np.load(io.BytesIO(files["state.npz"])))
            buffer = io.BytesIO()
            np.savez(buffer, **arrays, **{"network/evil": np.array([Bomb()], dtype=object)})
            files["state.npz"] = buffer.getvalue()

        assert "state.npz" in refused(changed(change), tmp_path) and not Bomb.went_off

    def test_too_many_files(self, tmp_path, monkeypatch):
        monkeypatch.setattr(archive, "MOST_FILES", 3)
        assert "files; the zip of a run has at most 3" in refused(ZIP, tmp_path)

    def test_a_bomb_by_what_it_declares(self, tmp_path):
        data = changed(lambda files: files.update({"frames/000000099.frame": bytes(archive.LIMIT)}))
        assert len(data) < 2**20 and "unpacks to" in refused(data, tmp_path)

    def test_a_bomb_that_declares_less_than_it_unpacks_to(self, tmp_path):
        data = changed(lambda files: files.update({"frames/000000099.frame": bytes(10**7)}))
        declared, less = (10**7).to_bytes(4, "little"), (1000).to_bytes(4, "little")
        assert data.count(declared) == 2  # in the file's own header and in the directory
        assert "not a whole zip" in refused(data.replace(declared, less), tmp_path)

    def test_too_large_as_it_is(self, tmp_path, monkeypatch):
        monkeypatch.setattr(archive, "LIMIT", 1000)
        assert "the zip of a run may have" in refused(ZIP, tmp_path)

    @pytest.mark.parametrize(
        "text",
        [
            b"",
            b"[]",
            b"{",
            b"null",
            b'{"format": 1}',
            b"\xff\xfe",
            b"[" * 100_000,
            b'{"format": 1, "recipe": 3}',
            b"1e999",
        ],
    )
    def test_wrong_json(self, tmp_path, text):
        assert re.search("damaged|version", refused(changed(lambda files: files.update({"run.json": text})), tmp_path))

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("recipe", {"rule": "nothing"}),
            ("recipe", {"hidden": [10**9]}),
            ("recipe", {"hidden": [8]}),  # sound, but not that of the frames
            ("recipe", {"knobs": {"beta": "much"}}),
            ("events", [{"step": -1}]),
            ("events", [{"step": 10**9, "rule": "vae", "noise": 1.0, "knobs": {}, "label": "late"}]),
            ("events", [{"step": 8, "rule": "vae", "noise": 1.0, "knobs": {"x": 1}, "label": "no such knob"}]),
            (
                "events",
                [{"step": 8, "rule": "vae", "noise": 1.0, "knobs": {}, "label": "<img src=x onerror=alert(1)>"}],
            ),
            ("events", [{"step": 8, "rule": "vae", "noise": 1.0, "knobs": {}, "label": "=HYPERLINK(1)"}]),
            ("events", []),  # sound, but not those of the state
            ("history", {"steps": [0], "metrics": {"kl": [1.0]}}),
            ("history", {"steps": [0, 8, 16, 24], "metrics": {"kl": ["x", "x", "x", "x"]}}),
            ("history", {"steps": [0, 8, 16, 24], "metrics": {"kl": [1.0]}}),
            ("history", {"steps": "abc", "metrics": {}}),
            ("history", {"steps": [0, 8, 16, 24], "metrics": {"<b>": [1, 1, 1, 1]}}),
        ],
    )
    def test_json_of_another_meaning(self, tmp_path, field, value):
        if field == "recipe":
            value = {**RUN.recipe.model_dump(), **value}
        assert "damaged" in refused(with_json(**{field: value}), tmp_path)

    @pytest.mark.parametrize(
        ("name", "array"),
        [
            ("z", np.zeros((20, 3), np.float32)),
            ("z", np.zeros((19, 2), np.float32)),
            ("z", np.zeros((20, 2))),
            ("mean", None),
            ("prior", np.zeros((20, 28, 27), np.uint8)),
            ("repeats", np.zeros((1, 50, 2), np.float32)),
            ("extra", np.zeros(3)),
        ],
    )
    def test_arrays_of_wrong_shapes(self, tmp_path, name, array):
        assert "the frame of step 8" in refused(changed(lambda files: reframe(files, {name: array})), tmp_path)

    @pytest.mark.parametrize(
        "header",
        [
            {"step": 9}, {"strip": [99]}, {"noise": 7}, {"rule": "x"}, {"metrics": {"kl": "x"}}, {"activation": "relu"},
            {"facts": {"m": ["x"]}}, {"epoch": "1"}, {"surplus": 1}, {"knobs": {"beta": -1}},
        ],
    )  # fmt: skip
    def test_frames_that_say_something_wrong(self, tmp_path, header):
        assert "the frame of step 8" in refused(changed(lambda files: reframe(files, {}, header)), tmp_path)

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("network/decoder.layers.0.weight", np.zeros((16, 2), np.float32)),
            ("network/decoder.layers.0.weight", np.zeros((7, 2), np.float32)),
            ("adam/m/decoder.layers.0.weight", np.zeros(3, np.float32)),
            ("adam/m/nothing", np.zeros(3, np.float32)),
            ("surplus", np.zeros(3)),
            ("about", np.array("{}")),
        ],
    )
    def test_a_state_of_something_else(self, tmp_path, name, value):
        def change(files):
            arrays = {**dict(np.load(io.BytesIO(files["state.npz"]))), name: value}
            buffer = io.BytesIO()
            np.savez(buffer, **arrays)
            files["state.npz"] = buffer.getvalue()

        assert "state.npz" in refused(changed(change), tmp_path)

    def test_the_state_of_another_run_with_equal_shapes(self, tmp_path):
        _, other = record(seed=1)
        assert "state.npz" in refused(changed(lambda files: files.update({"state.npz": other.state()})), tmp_path)

    def test_a_table_that_is_not_the_one_of_its_name(self, tmp_path):
        file = {"tables/0123456789ab.npy": _npy(np.zeros((5, 2), np.float32))}
        assert "table 0123456789ab" in refused(changed(lambda files: files.update(file)), tmp_path)

    def test_a_directory_that_has_lost_its_last_entry(self, tmp_path):
        with zipfile.ZipFile(io.BytesIO(ZIP)) as zipped:
            last, before = zipped.infolist()[-1], zipped.infolist()[-2]
        data, entry = bytearray(ZIP), ZIP.rfind(before.filename.encode()) - 46
        swallowed = 46 + len(last.filename)  # taken for a comment on the file before
        data[entry + 32 : entry + 34] = swallowed.to_bytes(2, "little")
        assert len(zipfile.ZipFile(io.BytesIO(data)).infolist()) == len(zipfile.ZipFile(io.BytesIO(ZIP)).infolist()) - 1
        assert "not a whole zip" in refused(bytes(data), tmp_path)

    def test_a_password(self, tmp_path):
        data = bytearray(ZIP)
        with zipfile.ZipFile(io.BytesIO(ZIP)) as zipped:
            data[zipped.start_dir + 8] |= 1  # the directory says that the first file is encrypted
            data[6] |= 1
        assert "not a whole zip" in refused(bytes(data), tmp_path)


class Bomb:
    """Tells when it was unpickled."""

    went_off = False

    def __reduce__(self):
        return Bomb.go_off, ()

    @staticmethod
    def go_off():
        Bomb.went_off = True


def reframe(files: dict[str, bytes], arrays: dict, header: dict | None = None, name: str = "frames/000000008.frame"):
    """Change arrays (None takes one away) and header of a frame."""
    from vae_core.run.packing import pack, unpack

    data = files[name]
    cut = 8 + int.from_bytes(data[:8], "little")
    about, kept = unpack(data[8:cut])
    kept = {key: value for key, value in {**kept, **arrays}.items() if value is not None}
    view = pack({**about, **(header or {})}, kept)
    files[name] = len(view).to_bytes(8, "little") + view + data[cut:]

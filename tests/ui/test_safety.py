"""What a shared server must not do: run what users send, fill up, let others in, be guessed, or remember persons."""

import ast
import importlib
import io
import json
import math
import pkgutil
import re
import struct
import tomllib
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

import numpy as np
import pytest
from starlette.routing import WebSocketRoute
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

import vae_core.ui.server
from tests.browser.server import app_server
from tests.conftest import wait_until
from tests.storage.test_archive import RUN, STATE, with_json
from vae_core.data import tables
from vae_core.data.datasets import DataError, add_files
from vae_core.engine import room_codes
from vae_core.engine import rooms as classroom
from vae_core.engine.engine import Engine
from vae_core.run.recipe import MOST_WEIGHTS, Recipe, RecipeError
from vae_core.run.recording import BUDGET, RecordingError
from vae_core.storage import archive, inspection
from vae_core.storage.library import Library
from vae_core.trainer.trainer import Trainer

ROOT = Path(__file__).parents[2]
FILES = [ROOT / "app.py", *(ROOT / "pages").glob("*.py"), *(ROOT / "vae_core").rglob("*.py")]


# -- nothing that comes from users is run ------------------------------------------------------


def calls(tree: ast.Module) -> list[tuple[str, ast.Call]]:
    return [(ast.unparse(node.func), node) for node in ast.walk(tree) if isinstance(node, ast.Call)]


def imported(tree: ast.Module) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module.split(".")[0])
    return names


# Pickles travel between the server and the processes that it has started, over connections with a random key, and
# between the machines of a cluster, which run each other's code anyway and let nobody in without token and certificate.
OWN_PROCESSES = {"process.py", "worker.py", "cluster.py", "bridge_process.py", "bridge.py", "node.py"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_is_unpickled(path):
    tree = ast.parse(path.read_text())
    own = {"pickle"} if path.name in OWN_PROCESSES else set()
    assert not imported(tree) & ({"pickle", "dill", "cloudpickle", "shelve", "marshal", "joblib", "yaml"} - own)
    for name, call in calls(tree):
        given = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        assert given.get("allow_pickle", "False") == "False", f"line {call.lineno}"
        assert name != "torch.load" or given.get("weights_only") == "True", f"line {call.lineno}"
        assert not name.endswith(("read_pickle", "loads_pickle", "extractall")), f"line {call.lineno}"
        # Conditions of templates that ship with the code, with knobs as names; never a text from outside.
        assert name not in ("eval", "exec", "__import__") or path.name == "template.py", f"line {call.lineno}"
        assert not name.endswith(".recv") or path.name in OWN_PROCESSES, f"line {call.lineno}"


# -- nothing that comes from users fills the memory ---------------------------------------------


def directory_bomb(entries: int) -> bytes:
    """A zip of which all is directory: zipfile takes eight times its size, and seconds, to read it."""
    entry = struct.pack("<4s4B4HL2L5H2L", b"PK\x01\x02", 20, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"a"
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, entries & 0xFFFF, entries & 0xFFFF, len(entry) * entries, 0, 0)
    return entry * entries + end


def test_a_directory_bomb_is_never_read(tmp_path, monkeypatch):
    small = directory_bomb(30)
    assert len(zipfile.ZipFile(io.BytesIO(small)).infolist()) == 30  # it is what it says
    bomb = directory_bomb(100_000)
    monkeypatch.setattr(zipfile, "ZipFile", lambda *args: pytest.fail("it was read"))
    with pytest.raises(RecordingError, match=r"run\.zip holds 100,000 files; the zip of a run has at most 20,000\."):
        archive.unpack(bomb, tmp_path / "out", "run.zip")
    local = b"PK\x03\x04"
    with pytest.raises(DataError, match="holds more than 1,000 files"):
        add_files({"mnist.npz": local + bomb})
    with pytest.raises(tables.TableError, match="holds 100,000 arrays, not one"):
        tables.store(local + bomb, "t.npz")
    (tmp_path / "state.npz").write_bytes(bomb)
    with pytest.raises(ValueError, match="too many arrays"):
        inspection.check_state(tmp_path / "state.npz", RUN)


def test_zips_in_zips_are_not_opened():
    """Each level of eight would cost eight times the time."""
    inner = b"PK\x03\x04"
    for depth in range(3):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as zipped:
            zipped.writestr(f"train-images-{depth}.zip", inner)
        inner = buffer.getvalue()
    with pytest.raises(DataError, match="is not an IDX file"):
        add_files({"data.zip": inner})


def test_an_upload_has_room_for_what_is_taken_and_no_more():
    """Streamlit's server refuses larger ones before they are read."""
    config = tomllib.loads((ROOT / ".streamlit/config.toml").read_text())
    largest = config["server"]["maxUploadSize"] << 20
    assert max(archive.LIMIT, tables.LIMIT, 60000 * 28 * 28 + 16) <= largest <= archive.LIMIT
    assert config["server"]["maxMessageSize"] <= 25
    assert "enableXsrfProtection" not in config["server"] and "enableCORS" not in config["server"]
    for page in (ROOT / "pages").glob("*.py"):
        assert not re.search(r"max_upload_size=\d", page.read_text()), (
            f"{page.name}: take the limit of what is uploaded"
        )


def test_what_a_run_may_hold_fits_the_zip_of_a_run():
    tables_of_events = 60_000 * 2 * 4 * 8
    assert BUDGET + archive.MOST_STATE + tables_of_events < 0.85 * archive.LIMIT  # the rest is for the history


@pytest.mark.parametrize(
    "fields",
    [{"hidden": (4096,) * 6}, {"hidden": (4096, 2048)}, {"hidden": (2048,), "encoders": 8, "wider": True}],
)
def test_networks_have_a_largest_size(tmp_path, fields):
    with pytest.raises(RecipeError, match=r"weights; 20,000,000 is the most. Use narrower layers or fewer encoders\."):
        Recipe(**fields)
    archive.unpack(with_json(recipe={**RUN.recipe.model_dump(), **fields}), tmp_path, "run.zip")
    with pytest.raises(RecordingError, match="20,000,000 is the most"):
        inspection.checked(tmp_path, "run.zip")


def test_the_largest_networks_have_as_many_weights_as_allowed():
    recipe = Recipe(dataset="digits", hidden=(512, 256), encoders=2, wider=True, rule="autoencoder")
    weights = sum(p.numel() for p in Trainer(recipe, points=10).networks.parameters())
    claimed = 5 * 536_834  # two encoders twice as large, and a decoder; 784·512 + 512 + 512·256 + 256 + 256·2 + 2
    assert claimed == pytest.approx(weights, rel=0.01) and claimed < MOST_WEIGHTS


# -- other pages are kept out ------------------------------------------------------------------


@pytest.fixture(scope="module")
def server():
    with app_server() as address:
        yield address


def sockets() -> list[str]:
    """The addresses of all websockets that the app adds to Streamlit's, and Streamlit's."""
    found = ["/_stcore/stream"]
    for module in pkgutil.walk_packages(vae_core.ui.server.__path__, "vae_core.ui.server."):
        make = getattr(importlib.import_module(module.name), "routes", None)
        found += [route.path for route in make() if isinstance(route, WebSocketRoute)] if make else []
    return [re.sub(r"{\w+}", "x", path) for path in found]


def test_all_websockets_are_known():
    assert {"/noise-lab/live/x", "/noise-lab/compare/x", "/noise-lab/room/x"} <= set(sockets())


@pytest.mark.parametrize("path", sockets())
def test_websockets_refuse_pages_of_others(server, path):
    where = server.replace("http", "ws") + path
    for origin in ("https://elsewhere.example", "null", "http://127.0.0.1.elsewhere.example", "http://192.0.2.1:80"):
        with pytest.raises(InvalidStatus) as refused:
            connect(where, origin=origin, open_timeout=20)
        assert refused.value.response.status_code == 403
    with connect(where, origin=server, open_timeout=20):
        pass


def test_uploads_need_the_token_of_the_page(server):
    """Streamlit's protection against forged requests is on."""
    for headers in ({}, {"X-Xsrftoken": "2|a|b|c", "Cookie": "_streamlit_xsrf=2|d|e|f"}):
        request = urllib.request.Request(f"{server}/_stcore/upload_file/a/b", b"x", headers, method="PUT")
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=20)
        assert refused.value.code == 403


def test_pages_of_others_cannot_read(server):
    for path in ("/_stcore/health", "/noise-lab/health", "/noise-lab/metrics", "/"):
        request = urllib.request.Request(server + path, headers={"Origin": "https://elsewhere.example"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            assert "Access-Control-Allow-Origin" not in answer.headers, path


# -- nothing can be guessed --------------------------------------------------------------------


def test_ids_are_drawn_by_the_systems_generator():
    for path in FILES:
        assert not imported(ast.parse(path.read_text())) & {"random", "uuid"}, path


def test_ids_of_runs_have_128_bits_and_more():
    with Engine() as engine:
        runs = [engine.open({"dataset": "digits", "hidden": [8]}, points=10) for _ in range(3)]
        ids = [run.id for run in runs]
    assert len(set(ids)) == 3
    assert all(re.fullmatch("[A-Za-z0-9_-]{22,}", id) for id in ids) and 22 * math.log2(64) >= 128


def test_codes_of_rooms_are_drawn_evenly_and_guessing_them_is_hopeless():
    codes = [room_codes.draw() for _ in range(3000)]
    alphabet, size = room_codes.ALPHABET, room_codes.LENGTH
    letters = len(alphabet)
    assert len(set(codes)) >= 2999 and all(len(code) == size and set(code) <= set(alphabet) for code in codes)
    expected = len(codes) / letters
    for place in range(size):
        counts = np.array([sum(code[place] == letter for code in codes) for letter in alphabet])
        chi_square = ((counts - expected) ** 2 / expected).sum()  # 30 degrees of freedom
        assert chi_square < 85  # exceeded once in a million
    tries = classroom.WRONG_ALL * 3 * 3600 / classroom.WINDOW  # by all together, in a lecture of three hours
    assert tries / letters**size < 2e-4  # that a given room is found
    with Engine() as engine:
        run = engine.open({"dataset": "digits", "hidden": [8]}, points=10)
        room = classroom.Classroom().open(run)
    assert re.fullmatch("[A-Za-z0-9_-]{22,}", room.token)


# -- nobody is remembered ----------------------------------------------------------------------


def test_the_library_stores_what_was_typed_and_nothing_about_who(tmp_path):
    library = Library(tmp_path)
    id = library.save(RUN, STATE, "A name", "A note")
    about = json.loads((tmp_path / id / "about.json").read_text())
    assert set(about) == {"name", "note", "saved", "dataset", "rule", "step", "size"}
    assert set(json.loads((tmp_path / id / "run.json").read_text())) == {"format", "recipe", "events", "history"}
    with zipfile.ZipFile(io.BytesIO(library.zip(id))) as zipped:
        assert {member.date_time for member in zipped.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert not any(member.extra or member.comment for member in zipped.infolist())


def test_the_engine_stores_runs_and_nothing_about_who(tmp_path):
    with Engine(folder=tmp_path) as engine:
        run = engine.open({"dataset": "digits", "hidden": [8]}, points=10, owner="0123456789abcdef")
        run.watch(lambda what: None)
        run.step(20)
        assert wait_until(lambda: run.resting and run.header["step"] == 20, 30)
    keys: set[str] = set()
    for path in tmp_path.rglob("*.json"):
        keys |= set(json.loads(path.read_text()))
    of_recordings = {"format", "recipe", "events", "history"}
    of_trainings = {"key", "lane", "points", "pending", "chosen", "clock", "info", "probe", "images", "plan", "gauge"}
    of_runs = {"feed", "owner", "step", "speed", "playing", "server"}
    assert keys and keys <= of_recordings | of_trainings | of_runs, keys

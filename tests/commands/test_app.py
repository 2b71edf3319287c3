"""`noise-lab` starts what `streamlit run app.py` starts, from any folder, also where only the wheel is installed."""

import os
import shutil
import socket
import subprocess
import sys
import threading
import tomllib
import zipfile
from pathlib import Path

import pytest

from vae_core.__main__ import start
from vae_core.commands import app

ROOT = Path(__file__).parents[2]


@pytest.fixture
def started(monkeypatch) -> list[list[str]]:
    """The command lines for Streamlit, which is not started; and no browser is opened."""
    lines: list[list[str]] = []
    monkeypatch.setattr(app.runpy, "run_module", lambda *_, **__: lines.append(sys.argv))
    monkeypatch.setattr(app, "has_screen", lambda: False)
    monkeypatch.setattr(sys, "argv", sys.argv)
    monkeypatch.setenv("NOISE_LAB_DATA", os.environ.get("NOISE_LAB_DATA", ""))  # it is put back
    return lines


@pytest.fixture
def taken():
    """A port on which something listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_the_launcher_lies_beside_its_pages_and_settings():
    folder = app.launcher().parent
    assert folder == ROOT and (folder / "pages/_router.py").exists() and (folder / ".streamlit/config.toml").exists()


def test_the_command_line(started):
    assert start(["--port", "8777", "--host", "0.0.0.0", "--no-browser"]) == 0
    options = ["--server.address=0.0.0.0", "--server.port=8777", "--server.headless=true"]
    assert started == [["streamlit", "run", str(ROOT / "app.py"), *options]]


def test_it_looks_for_a_free_port_where_none_is_given(started, taken, monkeypatch):
    monkeypatch.setattr(app, "PORTS", [taken, 8777])
    assert start(["--no-browser"]) == 0
    assert "--server.port=8777" in started[0] and "--server.address=127.0.0.1" in started[0]


def test_a_port_that_is_taken_is_one_sentence(started, taken, capsys):
    assert start(["--port", str(taken)]) == 2 and not started
    told = capsys.readouterr().err
    assert f"Nothing can listen on port {taken} of 127.0.0.1" in told and told.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--port", "0"], "from 1 to 65535; it was '0'"),
        (["--port", "many"], "from 1 to 65535; it was 'many'"),
        (["--port", "70000"], "from 1 to 65535; it was '70000'"),
        (["--data", "no/such/folder"], "there is no folder no/such/folder"),
        (["--theme", "dark"], "unrecognized arguments: --theme"),
    ],
)
def test_bad_options_are_one_sentence(started, options, words, capsys):
    with pytest.raises(SystemExit) as ended:
        start(options)
    assert ended.value.code == 2 and words in capsys.readouterr().err and not started


def test_a_folder_without_mnist_is_told_before_the_start(started, tmp_path, capsys):
    assert start(["--data", str(tmp_path)]) == 2 and not started
    assert "holds none of MNIST's files" in capsys.readouterr().err


def test_a_folder_of_data_is_that_of_the_server(mnist, started, monkeypatch):
    own = Path(os.environ["NOISE_LAB_DATA"]).resolve()
    monkeypatch.chdir(own.parent)
    monkeypatch.setenv("NOISE_LAB_DATA", "elsewhere")
    assert start(["--data", own.name, "--port", "8777"]) == 0
    assert os.environ["NOISE_LAB_DATA"] == str(own)


def test_the_browser_opens_once_the_app_listens(monkeypatch, taken):
    opened: list[str] = []
    monkeypatch.setattr(app.webbrowser, "open", opened.append)
    with socket.create_server(("127.0.0.1", 0)) as server:
        free = server.getsockname()[1]
    waiting = threading.Thread(target=app.show, args=("127.0.0.1", free), daemon=True)
    waiting.start()
    waiting.join(0.2)
    assert waiting.is_alive() and not opened
    with socket.create_server(("127.0.0.1", free)):
        waiting.join(60)
    assert opened == [f"http://127.0.0.1:{free}"]
    assert (app.reached_at("0.0.0.0"), app.reached_at("192.0.2.1")) == ("localhost", "192.0.2.1")


def test_the_wheel_holds_all_that_the_app_needs(tmp_path):
    """Built as `pip install .` does, away from the network."""
    pytest.importorskip("setuptools", minversion="77")
    (source := tmp_path / "source").mkdir()
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("pyproject.toml", "README.md", "LICENSE", "app.py"):
        shutil.copy(ROOT / name, source)
    for name in ("pages", ".streamlit", "vae_core"):
        shutil.copytree(ROOT / name, source / name, ignore=ignored)
    build = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"
    subprocess.run([sys.executable, "-c", build, str(tmp_path)], cwd=source, check=True, capture_output=True)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        wheel.extractall(installed := tmp_path / "installed")
    inner = installed / "vae_core" / "app"
    for path in ("app.py", ".streamlit/config.toml", *(f"pages/{page.name}" for page in (ROOT / "pages").glob("*.py"))):
        assert (inner / path).read_bytes() == (ROOT / path).read_bytes(), path
    for path in (source / "vae_core").rglob("*"):
        assert (installed / path.relative_to(source)).exists(), path
    script = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]["noise-lab"]
    assert f"noise-lab = {script}" in next(installed.glob("*.dist-info/entry_points.txt")).read_text(encoding="utf-8")
    asked = (
        "from streamlit import config; from vae_core.commands.app import launcher; "
        "config._main_script_path = str(launcher()); print(launcher(), config.get_option('server.maxUploadSize'))"
    )
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    answer = subprocess.run(
        [sys.executable, "-c", asked], cwd=tmp_path, env=environment, check=True, capture_output=True, text=True
    )
    assert answer.stdout.split() == [str(inner / "app.py"), "160"]

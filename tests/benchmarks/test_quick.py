"""Each benchmark still runs: its quick form, which measures next to nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.browser.server import ROOT, find_chromium

FOLDER = Path(__file__).parent
NAMES = sorted(path.stem for path in FOLDER.glob("*.py") if not path.stem.startswith(("__", "test_")))
NEEDS = {  # words of a benchmark's source -> whether what they need is here
    "chromium()": find_chromium() is not None,
    "/proc/": Path("/proc/self/stat").exists(),
}


@pytest.mark.parametrize("name", NAMES)
def test_its_quick_form_runs(name, tmp_path):
    source = (FOLDER / f"{name}.py").read_text()
    if missing := [words for words, here in NEEDS.items() if words in source and not here]:
        pytest.skip(f"this machine has no {missing[0]}")
    assert "--quick" in source
    environment = {**os.environ, "NOISE_LAB_STORE": str(tmp_path)}
    command = [sys.executable, "-m", f"tests.benchmarks.{name}", "--quick"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert any(character.isdigit() for character in done.stdout), done.stdout  # a figure, at least

"""The README's table of settings names every environment variable that the code reads, and no other."""

import re
from pathlib import Path

import pytest

from vae_core.engine.limits import PREFIX, Limits
from vae_core.ui.server.state import lanes

ROOT = Path(__file__).parents[1]
NAME = re.compile(r"NOISE_LAB_[A-Z_]*[A-Z]")
PASSED_ON = {"NOISE_LAB_LANE_ADDRESS", "NOISE_LAB_LANE_KEY"}  # by the server, to its own workers


def test_the_table_of_settings_is_complete():
    table = re.search(r"^## Settings\n(.*?)^## ", (ROOT / "README.md").read_text(encoding="utf-8"), re.M | re.S)
    named = re.findall(r"^\| `(\w+)` \|", table[1], re.M)
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "vae_core").rglob("*.py"))
    read = set(NAME.findall(code)) | {PREFIX + limit.upper() for limit in Limits.model_fields}
    assert len(named) == len(set(named))
    assert set(named) == read - PASSED_ON - {PREFIX.rstrip("_")}


@pytest.mark.parametrize("text", ["0", "abc", "-1", "1.5", ""])
def test_a_number_of_workers_that_cannot_be_is_told(text, monkeypatch):
    monkeypatch.setenv("NOISE_LAB_LANES", text)
    with pytest.raises(SystemExit, match=f"whole number of worker processes, 1 or more; it is '{text}'"):
        lanes("")


def test_a_cluster_brings_as_many_workers_as_it_has(monkeypatch):
    monkeypatch.setenv("NOISE_LAB_LANES", "0")
    assert lanes("somewhere:1") == 0
    monkeypatch.delenv("NOISE_LAB_LANES")
    assert (lanes(""), lanes("somewhere:1")) == (1, 0)

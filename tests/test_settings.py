"""The README's table of settings names every environment variable that the code reads, and no other."""

import re
from pathlib import Path

from vae_core.engine.limits import PREFIX, Limits

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

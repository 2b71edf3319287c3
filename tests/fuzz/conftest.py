"""Folders of their own for what is kept, and the number of inputs at the end."""

import tempfile

import pytest
from hypothesis.configuration import set_hypothesis_home_dir

from tests.fuzz.verdict import INPUTS

set_hypothesis_home_dir(tempfile.mkdtemp(prefix="noise-lab-fuzz-"))  # not in the working tree


@pytest.fixture(autouse=True)
def kept(tmp_path, monkeypatch):
    """Where cache and library are, empty."""
    monkeypatch.setenv("NOISE_LAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NOISE_LAB_LIBRARY", str(tmp_path / "library"))
    return tmp_path


def pytest_terminal_summary(terminalreporter):
    for kind, (taken, refused) in sorted(INPUTS.items()):
        terminalreporter.write_line(f"{kind}: {taken + refused:,} inputs, {taken:,} taken, {refused:,} refused")
    if INPUTS:  # not where other processes ran the tests
        terminalreporter.write_line(f"{sum(map(sum, INPUTS.values())):,} inputs in all")

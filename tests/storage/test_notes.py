"""Notes of what is open: whole or not at all, of one server at a time, private where they are to be."""

import os
import re
import stat
import sys

import pytest

from vae_core.storage import notes
from vae_core.storage.notes import Notes

NAMES = re.compile("[a-z]{3,9}")


@pytest.fixture
def ours(tmp_path):
    return Notes(tmp_path / "notes", "one", NAMES, private=True)


def test_what_was_written_is_read_until_it_is_dropped(ours):
    assert ours.read("abc") == {}
    assert ours.write("abc", {"step": 3}) and ours.read("abc")["step"] == 3
    assert ours.write("abc", {"step": 4}) and ours.read("abc")["step"] == 4
    ours.drop("abc")
    ours.drop("abc")
    assert ours.read("abc") == {} and list(ours.folder.iterdir()) == []


@pytest.mark.parametrize("name", ["../abc", "ab", "abc/def", "ABC", "abc\n", "", "/etc/passwd", "a" * 300])
def test_other_names_are_nothing(ours, name):
    ours.write("abc", {})
    assert ours.read(name) == {}


@pytest.mark.skipif(sys.platform == "win32", reason="modes are of other systems")
def test_a_private_note_is_for_nobody_else(ours):
    before = os.umask(0)
    try:
        ours.write("abc", {"token": "secret"})
    finally:
        os.umask(before)
    assert stat.S_IMODE((ours.folder / "abc.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(ours.folder.stat().st_mode) == 0o700


def test_what_another_server_took_over_is_its_own(ours):
    ours.write("abc", {"step": 3})
    other = Notes(ours.folder, "two", NAMES)
    assert not other.write("abc", {"step": 9}) and ours.read("abc")["step"] == 3
    other.take_over("abc")
    assert other.write("abc", {"step": 5}) and not ours.write("abc", {"step": 4})
    ours.drop("abc")
    assert ours.read("abc")["step"] == 5


def test_a_note_is_bounded(ours, monkeypatch):
    monkeypatch.setattr(notes, "LARGEST", 100)
    assert ours.write("abc", {"step": 3}) and not ours.write("abc", {"text": "x" * 200})
    assert ours.read("abc")["step"] == 3
    (ours.folder / "abc.json").write_bytes(b"[" * 10_000_000)
    assert ours.read("abc") == {}


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"3", b"\xff", b"[" * 5000])
def test_a_damaged_note_is_none(ours, content):
    ours.write("abc", {})
    (ours.folder / "abc.json").write_bytes(content)
    assert ours.read("abc") == {} and ours.write("abc", {"step": 1})


def test_old_ones_and_the_oldest_of_many_go(ours):
    for k, name in enumerate(["aaa", "bbb", "ccc", "ddd"]):
        ours.write(name, {})
        os.utime(ours.folder / f"{name}.json", (10 + k, 10 + k) if name == "aaa" else None)
        if name != "aaa":
            os.utime(ours.folder / f"{name}.json", (2e9 + k, 2e9 + k))
    ours.tidy(2, 1e6)
    assert {path.stem for path in ours.folder.iterdir()} == {"ccc", "ddd"}

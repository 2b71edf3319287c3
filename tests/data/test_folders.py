"""Where our folders lie on each system, and files that are replaced whole or not at all."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from tests import small_sets
from vae_core.data import cache_folder, named_folder, system_folder, try_replace

place = small_sets.place


@pytest.mark.parametrize(
    ("platform", "env", "expected"),
    [
        ("linux", {"XDG_CACHE_HOME": "/x"}, "/x/noise-lab"),
        ("linux", {}, "home/.cache/noise-lab"),
        ("darwin", {}, "home/Library/Caches/noise-lab"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/noise-lab"),
        ("linux", {"NOISE_LAB_CACHE": "~/mine"}, "home/mine"),
    ],
)
def test_cache_folder(place, monkeypatch, platform, env, expected):
    for name in ("NOISE_LAB_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    assert cache_folder() == place / expected


@pytest.mark.parametrize(
    ("platform", "env", "expected"),
    [
        ("linux", {"XDG_DATA_HOME": "/x"}, "/x/noise-lab"),
        ("linux", {}, "home/.local/share/noise-lab"),
        ("darwin", {"XDG_DATA_HOME": "/x"}, "home/Library/Application Support/noise-lab"),
        ("win32", {}, "home/AppData/Local/noise-lab"),
    ],
)
def test_system_folder(place, monkeypatch, platform, env, expected):
    for name in ("XDG_DATA_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    assert system_folder("Application Support", "XDG_DATA_HOME", ".local/share") == place / expected


def test_named_folder(place, monkeypatch):
    monkeypatch.delenv("NOISE_LAB_ANYTHING", raising=False)
    assert named_folder("NOISE_LAB_ANYTHING") is None
    monkeypatch.setenv("NOISE_LAB_ANYTHING", "")
    assert named_folder("NOISE_LAB_ANYTHING") is None
    monkeypatch.setenv("NOISE_LAB_ANYTHING", "~/mine")
    assert named_folder("NOISE_LAB_ANYTHING") == place / "home" / "mine"


def test_bytes_and_arrays_are_replaced(tmp_path):
    path = tmp_path / "new" / "folder" / "file"
    assert try_replace(path, b"one") and path.read_bytes() == b"one"
    assert try_replace(path, b"two") and path.read_bytes() == b"two"
    assert try_replace(path, np.arange(3))
    np.testing.assert_array_equal(np.load(path), np.arange(3))
    assert [p.name for p in path.parent.iterdir()] == ["file"]


def test_what_cannot_be_replaced_stays_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def refuse(source: Path, target: Path) -> None:
        raise PermissionError(13, "mapped by another process")

    monkeypatch.setattr(os, "replace", refuse)
    assert not try_replace(path, b"new") and path.read_bytes() == b"old"
    assert not try_replace(path / "below a file", b"new")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]

"""Zips of runs: whatever is in them, a library keeps a run that opens, or says no in one sentence and keeps nothing."""

import io
import json
import shutil
import stat
import zipfile
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.verdict import fuzz, verdict
from tests.storage.test_archive import STATE, ZIP, changed, reframe
from vae_core.run.recording import RecordingError
from vae_core.storage import export, report
from vae_core.storage.library import Library, LibraryError
from vae_core.ui.widgets.library.cards import facts

ERRORS = (RecordingError, LibraryError)
ODD = [
    None, True, -1, 0, 1, 7, 2**31, 2**63, 10**30, 0.5, -0.0, 1e308, 1e-320, float("nan"), float("inf"), "", "x", "vae",
    "<img src=x onerror=alert(1)>", "a\nb", "![x](http://elsewhere)", "\x00", "é" * 500, [], {}, [[]], {"": None},
    [0] * 300, [1e308] * 3, {"__class__": "x"},
]  # fmt: skip
NAMES = [
    "../out", "/etc/x", "C:\\x", "a/../../b", "frames/../../x", "run.json", "b/run.json", "frames/000000008.frame",
    "./x",
    "frames/000000099.frame", "frames/999999999999.frame", "state.npz", "about.json", "tables/0123456789ab.npy", "\x00",
    "thumbnail.svg", ".DS_Store", "__MACOSX/x", "x" * 2000, "", "run.json/", "frames", "frames/000000008.frame/x",
    "é\u202e",
]  # fmt: skip
MODES = [0, stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK | 0o777, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK]


def spoilt(value: Any, draw) -> Any:
    """A JSON value with one thing in it, at any depth, replaced, left out or doubled."""
    if not isinstance(value, dict | list) or not value or draw(st.integers(0, 5)) == 0:
        return draw(st.sampled_from(ODD))
    if isinstance(value, list):
        at = draw(st.integers(0, len(value) - 1))
        middle = draw(st.sampled_from(["in", "in", "out", "twice"]))
        return [
            *value[:at],
            *{"in": [spoilt(value[at], draw)], "out": [], "twice": [value[at]] * 2}[middle],
            *value[at + 1 :],
        ]
    name = draw(st.sampled_from(sorted(value)))
    kept = {other: value[other] for other in value if other != name}
    kind = draw(st.sampled_from(["in", "in", "in", "out", "renamed"]))
    return (
        kept
        if kind == "out"
        else {**kept, name if kind == "in" else draw(st.text(max_size=9)): spoilt(value[name], draw)}
    )


@st.composite
def with_other_json(draw) -> bytes:
    """A sound zip of sound parts, one of which says something else."""

    def change(files):
        part = draw(st.sampled_from(["run.json", "run.json", "about.json", "frame", "state.npz"]))
        if part == "frame":
            header = {
                name: draw(st.sampled_from(ODD))
                for name in draw(st.sets(st.sampled_from(HEADER), min_size=1, max_size=2))
            }
            if draw(st.booleans()):
                header = {"metrics": spoilt({"kl": 1.0, "elbo": None}, draw), "facts": spoilt({"m": [1.0]}, draw)}
            reframe(files, {}, {name: value for name, value in header.items() if in_json(value)})
        elif part == "state.npz":
            arrays = dict(np.load(io.BytesIO(files[part])))
            name = draw(st.sampled_from(sorted(arrays)))
            arrays[draw(st.sampled_from([name, "network/x", "../x", "adam/m/x"]))] = draw(st.sampled_from(ARRAYS))
            files[part] = npz(arrays)
        else:
            about = json.loads(files.get(part, json.dumps(ABOUT)))
            files[part] = json.dumps(spoilt(about, draw)).encode()

    return changed(change)


HEADER = ["step", "epoch", "rule", "noise", "knobs", "metrics", "strip", "activation", "facts", "chosen", "kind", "x"]
ABOUT = {
    "name": "Mine",
    "note": "for me",
    "saved": "2026-11-20T12:00:00Z",
    "dataset": "Digits",
    "rule": "vae",
    "step": 24,
    "size": 9,
}
ARRAYS = [
    np.zeros(0), np.zeros((16, 2), np.float32), np.full((2, 2), np.nan), np.array("text"), np.array([{}], object),
    np.zeros(3, "f4,f4"), np.array(7), np.zeros((1, 1, 1, 1)), np.zeros(5, "M8[s]"),
]  # fmt: skip


def npz(arrays: dict[str, np.ndarray]) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def in_json(value: Any) -> bool:
    """Whether the frame's own writer takes it."""
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        return False
    return True


@st.composite
def with_other_files(draw) -> bytes:
    """A sound zip with a file or two more, of any name and kind, or fewer."""
    with zipfile.ZipFile(io.BytesIO(ZIP)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    for name in draw(st.sets(st.sampled_from(sorted(files)), max_size=2)):
        if draw(st.booleans()):
            del files[name]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", draw(st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))) as archive:
        prefix = draw(st.sampled_from(["", "", "a run/", "a/b/", "../"]))
        for name, content in files.items():
            archive.writestr(prefix + name, content)
        for name in draw(st.sets(st.sampled_from(NAMES) | st.text(max_size=9).filter(encodable), max_size=2)):
            info = zipfile.ZipInfo(name)
            info.create_system, info.external_attr = 3, draw(st.sampled_from(MODES)) << 16
            archive.writestr(info, draw(st.binary(max_size=30) | st.just(STATE)))
    return buffer.getvalue()


def encodable(text: str) -> bool:
    return text.isprintable() or "\x00" in text


@st.composite
def damaged(draw) -> bytes:
    """Bytes that were lost, changed or put in; often in the directory, which has most to say."""
    data = bytearray(ZIP)
    with zipfile.ZipFile(io.BytesIO(ZIP)) as archive:
        start = draw(st.sampled_from([0, archive.start_dir, len(ZIP) - 22]))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(min(start, len(data)), len(data)))
        data[at : at + draw(st.integers(0, 9))] = draw(st.binary(max_size=9))
    return bytes(data[: draw(st.sampled_from([len(data), len(data), at]))])


def kept_or_refused(kind: str, data: bytes, name: str, library: Library) -> None:
    shutil.rmtree(library.folder, ignore_errors=True)
    library.folder.mkdir()
    id = verdict(kind, lambda: library.take(data, name), ERRORS, library.folder.parent)
    if id is None:
        assert list(library.folder.iterdir()) == []
        return
    run, _ = library.open(id)  # what was kept can be shown, and leave again
    (entry,) = library.entries()
    assert entry.about.name.isprintable() and entry.about.dataset.isprintable()
    assert report.report(run, entry.name) and facts(entry.about) and export.metrics_csv(run) and library.zip(id)


@fuzz(60, 800)
@given(with_other_json())
def test_zips_that_say_something_else(kept, data):
    kept_or_refused("zips of other words", data, "run.zip", Library(kept / "library"))


@fuzz(60, 800)
@given(with_other_files(), st.text(max_size=20) | st.just("a\nb.zip"))
def test_zips_that_hold_something_else(kept, data, name):
    kept_or_refused("zips of other files", data, name, Library(kept / "library"))


@fuzz(80, 1200)
@given(damaged() | st.binary(max_size=300))
def test_zips_that_were_damaged(kept, data):
    kept_or_refused("damaged zips", data, "run.zip", Library(kept / "library"))

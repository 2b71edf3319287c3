"""Inspection: a look at every part of a run from elsewhere, before it is kept.

No part is ever unpickled. Recipes and knobs are checked by their rules, so this needs torch: the server asks a lane.
"""

import hashlib
import itertools
import json
import math
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from vae_core.data import tables
from vae_core.data.untrusted import entries, reason, shown
from vae_core.run.frame import Frame
from vae_core.run.recipe import parse_knobs
from vae_core.run.recording import RecordingError, Run
from vae_core.storage.archive import LIMIT

LABEL = re.compile(r"([^\W\d_][^<>\n]{0,199})?")
MOST_ARRAYS = 10_000  # of a state
PAINTED = ("strip_at_mean", "strip_at_draw", "prior", "uncertainty")


def checked(folder: Path, name: str) -> Run:
    """The run in a folder from elsewhere, after a look at every part of it.

    Raises:
        RecordingError: in one sentence, what is wrong with it.
    """
    name, part = shown(name), "run.json"
    try:
        run = Run.open(folder)
        check_course(run)
        for step in run.steps:
            part = f"the frame of step {step:,}"
            check_frame(run.frame(step), run, step)
        for path in (folder / "tables").glob("*.npy"):
            part = f"table {path.stem}"
            table = tables.checked(tables.read(path.read_bytes(), path.name), path.name)
            expect(hashlib.sha256(table.tobytes()).hexdigest()[:12] == path.stem, "it is not the table of its name")
        part = "state.npz"
        if (folder / part).exists():
            check_state(folder / part, run)
    except RecordingError as error:  # of another version, or damaged
        raise RecordingError(reason(error, 400).replace(str(folder), name)) from None
    except Exception as error:  # numpy's and json's readers let those of their tokenizers and of arithmetic through
        raise RecordingError(f"{name} is damaged: in {part}, {reason(error)}. Copy or export it again.") from None
    return run


def expect(true: bool, complaint: str) -> None:
    """Complain, as `checked` reports it, unless something is true."""
    if not true:
        raise ValueError(complaint)


def number(value: Any) -> bool:
    """Whether it is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def is_row(row: Any) -> bool:
    """Whether it is a frame's metrics."""
    return isinstance(row, dict) and all(n.isidentifier() and (v is None or number(v)) for n, v in row.items())


def check_course(run: Run) -> None:
    """Events and history."""
    steps = [event.step for event in run.events]
    expect(steps == sorted(steps) and max(steps, default=0) <= run.steps[-1], "events are out of order")
    for event in run.events:
        parse_knobs(event.rule, event.knobs)
        expect(LABEL.fullmatch(event.label) is not None, f"an event is called {event.label[:40]!r}")
    expect(all(type(step) is int and step >= 0 for step in run.history), "the history has wrong steps")
    expect(all(map(is_row, run.history.values())), "the history has values that are no numbers")
    expect(run.history.keys() >= set(run.steps), "the history has not all frames")


def check_frame(frame: Frame, run: Run, step: int) -> None:
    """Shapes and types are those of `Frame`, and the decoder's those of the recipe."""
    n, k, m = len(frame.labels), len(frame.strip), len(frame.prior_z)
    shapes = {
        "labels": (n,), "mean": (n, 2), "z": (n, 2), "scale": (n, 2), "correlation": (n,), "prior_z": (m, 2),
        "prior": (m, 28, 28), "strip_at_mean": (k, 28, 28), "strip_at_draw": (k, 28, 28), "uncertainty": (28, 28),
        "repeats": (k, 50, 2),
    }  # fmt: skip
    for name, shape in shapes.items():
        array = getattr(frame, name)
        if array is None and name in ("scale", "correlation"):
            continue
        dtype = np.dtype(np.uint8 if name in (*PAINTED, "labels") else np.float32)
        expect(
            isinstance(array, np.ndarray) and array.shape == shape and array.dtype == dtype, f"{name} has a wrong shape"
        )
    sizes = (2, *reversed(run.recipe.hidden), 28 * 28)
    layers = [shape for i, o in itertools.pairwise(sizes) for shape in ((o, i), (o,))]
    expect([w.shape for w in frame.decoder] == layers, "the decoder is not that of the recipe")
    expect({w.dtype for w in frame.decoder} == {np.dtype(np.float16)}, "the decoder has another type")
    expect(type(frame.step) is int and frame.step == step and number(frame.epoch), "the step is wrong")
    expect(frame.activation == run.recipe.activation, "the activation is not that of the recipe")
    expect(number(frame.noise) and 0 <= frame.noise <= 1, "the noise switch is wrong")
    expect(all(type(i) is int and 0 <= i < n for i in frame.strip), "there are not so many points")
    expect(is_row(frame.metrics), "there are metrics that are no numbers")
    facts = isinstance(frame.facts, dict) and all(all(map(number, values)) for values in frame.facts.values())
    expect(facts, "there are facts that are no numbers")
    parse_knobs(frame.rule, frame.knobs)


def check_state(path: Path, run: Run) -> None:
    """The state is that of the run's last frame, and holds arrays of fitting shapes alone.

    Whether they fit the networks is seen when they are loaded; a state that does not is left aside.
    """
    expect(entries(path.read_bytes()) <= MOST_ARRAYS, "it has too many arrays")
    with zipfile.ZipFile(path) as inner:
        expect(sum(member.file_size for member in inner.infolist()) <= LIMIT, "it is too large")
        expect(all(member.filename.endswith(".npy") for member in inner.infolist()), "there is more than arrays")
    with np.load(path, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    about = json.loads(str(arrays.pop("about")))
    events = [event.model_dump() for event in run.events]
    recipe = json.loads(run.recipe.model_dump_json())
    frame = run.frame(run.steps[-1])
    same = (about["recipe"], about["events"], about["step"], about["points"])
    expect(same == (recipe, events, frame.step, len(frame.labels)), "it is not the state of this run's last frame")
    for name, array in arrays.items():
        kind, _, rest = name.partition("/")
        part, _, of = rest.partition("/")
        expect(kind in ("network", "adam") and array.dtype.kind in "fiub", f"{name} is no part of a trainer")
        if kind == "adam":
            shape = () if part == "t" else arrays[f"network/{of}"].shape
            expect(array.shape == shape, f"{name} has the shape {array.shape}")
    weights = [
        arrays[f"network/decoder.layers.{i // 2}.{('weight', 'bias')[i % 2]}"] for i in range(len(frame.decoder))
    ]
    equal = all(np.array_equal(w.astype(np.float16), f) for w, f in zip(weights, frame.decoder, strict=True))
    expect(equal, "its decoder is not that of the last frame")

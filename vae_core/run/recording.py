"""Run: recipe, events and frames, as they are recorded, saved, opened and forked."""

import bisect
import json
import os
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any

from vae_core.run.frame import Frame, PackedFrame
from vae_core.run.packing import unpack
from vae_core.run.recipe import Event, Recipe
from vae_core.run.thinning import thin

FORMAT = 1
BUDGET = 96 * 2**20  # bytes of frames kept of a run; older ones are thinned
BURST = 64  # steps: changes of the same thing closer than this are one mark


class RecordingError(ValueError):
    """A recording that cannot be read or written: which file, what is wrong, what to do."""


class Run:
    """A recording: every frame of the recent past, fewer of the distant one.

    Attributes:
        recipe: how it started.
        events: what was changed since.
        steps: steps of the frames that are kept, ascending.
        history: metrics of all frames ever added, by step; never thinned (a row is small).
        budget: bytes of frames that are kept.
    """

    def __repr__(self) -> str:
        """One line, as a notebook shows it."""
        last = f"{self.steps[-1]:,}" if self.steps else "none"
        return (
            f"<Run of {self.recipe.rule} on {self.recipe.dataset}, {len(self.steps)} frames, the last at step {last}>"
        )

    def __init__(self, recipe: Recipe, budget: int = BUDGET) -> None:
        self.recipe = recipe
        self.events: list[Event] = []
        self.steps: list[int] = []
        self.history: dict[int, dict[str, float | None]] = {}
        self._frames: dict[int, PackedFrame] = {}
        self.budget = budget

    @property
    def size(self) -> int:
        """Bytes of frames kept."""
        return sum(frame.size for frame in self._frames.values())

    def sizes(self) -> dict[int, int]:
        """Size of each kept frame by what it is in memory: recordings may share frames."""
        return {id(frame): frame.size for frame in list(self._frames.values())}

    def add(self, packed: PackedFrame) -> dict[str, Any]:
        """Record a frame (a later one of the same step replaces it) and return its header."""
        header = packed.header()
        self.history[packed.step] = header["metrics"]
        if packed.step not in self._frames:
            bisect.insort(self.steps, packed.step)
        self._frames[packed.step] = packed
        self.thin()
        return header

    def thin(self) -> None:
        """Drop frames, least missed first, while they are over the budget."""
        keep = {event.step for event in self.events[-20:]}
        thin(self.steps, self._frames.pop, lambda: self.size > self.budget, keep)

    def keep(self, steps: Collection[int]) -> None:
        """Drop the frames of all other steps."""
        self.steps = [step for step in self.steps if step in steps]
        self._frames = {step: self._frames[step] for step in self.steps}

    def packed(self, step: int) -> PackedFrame:
        """The kept frame at a step, or the last one before it."""
        return self._frames[self.steps[max(0, bisect.bisect_right(self.steps, step) - 1)]]

    def frame(self, step: int) -> Frame:
        """The same, unpacked."""
        return self.packed(step).unpacked()

    def marks(self) -> list[dict[str, Any]]:
        """The events as marks for curves and timeline: a slider's journey is one mark."""
        marks: list[dict[str, Any]] = []
        for event in self.events:
            kind = event.label.split(" = ")[0]
            last = marks[-1] if marks else None
            if last and " = " in event.label and last["kind"] == kind and event.step - last["last"] < BURST:
                last.update(label=event.label, last=event.step)
            else:
                marks.append({"step": event.step, "label": event.label, "kind": kind, "last": event.step})
        return marks

    def columns(self) -> dict[str, Any]:
        """The history as columns, for the curves."""
        steps = sorted(self.history)
        names = self.history[steps[-1]] if steps else {}
        return {"steps": steps, "metrics": {n: [self.history[s].get(n) for s in steps] for n in names}}

    def fork(self, step: int) -> "Run":
        """A run of its own that shares the past up to a step."""
        child = Run(self.recipe, self.budget)
        child.events = [event for event in self.events if event.step <= step]
        child.steps = [s for s in self.steps if s <= step]
        child.history = {s: row for s, row in self.history.items() if s <= step}
        child._frames = {s: self._frames[s] for s in child.steps}
        return child

    # -- on disk: a folder with run.json and one file for each frame ------------------------------

    def save(self, folder: str | Path) -> None:
        """Write the recording; frames that are there already are left alone.

        Raises:
            RecordingError: the disk is full or not writable. What was written before stays whole.
        """
        folder = Path(folder)
        about = {
            "format": FORMAT,
            "recipe": self.recipe.model_dump(),
            "events": [event.model_dump() for event in self.events],
            "history": self.columns(),
        }
        try:
            (folder / "frames").mkdir(parents=True, exist_ok=True)
            for step in self.steps:
                path = folder / "frames" / f"{step:09}.frame"
                if not path.exists():
                    frame = self._frames[step]
                    _write(path, len(frame.view).to_bytes(8, "little") + frame.view + frame.decoder)
            for path in (folder / "frames").glob("*.frame"):
                if int(path.stem) not in self._frames:
                    path.unlink()
            _write(folder / "run.json", json.dumps(about, allow_nan=False).encode())
        except OSError as error:
            raise RecordingError(
                f"The recording could not be written to {folder} ({error.strerror or error}). "
                "Free some space or choose another folder; what was recorded before is kept."
            ) from None

    @classmethod
    def open(cls, folder: str | Path, recipe: Callable[..., Recipe] = Recipe) -> "Run":
        """A recording from disk.

        Args:
            recipe: makes the recipe of its fields; or, where torch is not, of a recording that was checked before.

        Raises:
            RecordingError: it is missing, damaged or of another version.
        """
        folder = Path(folder)
        try:
            about = json.loads((folder / "run.json").read_bytes())
            if about.get("format") != FORMAT:
                raise RecordingError(
                    f"{folder} was recorded in format {about.get('format')!r}; this version reads {FORMAT}. "
                    "Open it with the version that wrote it, or train it again from its recipe."
                )
            run = cls(recipe(**about["recipe"]))
            run.events = [Event(**event) for event in about["events"]]
            metrics = about["history"]["metrics"]
            for i, step in enumerate(about["history"]["steps"]):
                run.history[step] = {name: column[i] for name, column in metrics.items()}
            for path in sorted((folder / "frames").glob("*.frame")):
                data = path.read_bytes()
                cut = 8 + int.from_bytes(data[:8], "little")
                for part in (data[8:cut], data[cut:]):
                    unpack(part)
                step = int(path.stem)
                run._frames[step] = PackedFrame(step, data[8:cut], data[cut:])
                run.steps.append(step)
        except RecordingError:
            raise
        except FileNotFoundError:
            raise RecordingError(
                f"There is no recording in {folder}: it has no run.json. Give the folder of a run."
            ) from None
        except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            raise RecordingError(
                f"The recording in {folder} is damaged ({error}). Delete the damaged file or train the run again."
            ) from None
        if not run.steps:
            raise RecordingError(f"The recording in {folder} has no frames. Train the run again.")
        return run


def as_checked(**fields: Any) -> Recipe:
    """The recipe of a recording that was checked when it was kept: without torch, which the server never loads."""
    return Recipe.model_construct(**{**fields, "hidden": tuple(fields["hidden"])})


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all, also when the disk fills up half-way."""
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(data)
        os.replace(part, path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def changes(recipe: Recipe, events: Iterable[Event]) -> list[dict[str, Any]]:
    """The events as what each of them changed, as `vae_core.workers.messages.OpenRun` takes them."""
    rule, noise, knobs = recipe.rule, recipe.noise, dict(recipe.knobs)
    result: list[dict[str, Any]] = []
    for event in events:
        change: dict[str, Any] = {"step": event.step}
        if event.rule != rule:
            change["rule"], knobs = event.rule, {}
        if event.noise != noise:
            change["noise"] = event.noise
        if new := {name: value for name, value in event.knobs.items() if knobs.get(name, object()) != value}:
            change["knobs"] = new
        rule, noise, knobs = event.rule, event.noise, dict(event.knobs)
        result.append(change)
    return result

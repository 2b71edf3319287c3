"""Lane: many runs side by side in one worker process, trained a short slice at a time."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vae_core.run.frame import PackedFrame, pack
from vae_core.run.thinning import thin
from vae_core.workers.errors import Elsewhere, GaveWay, Refused, TrainingDiverged, UnknownRun

CHECKPOINT_EVERY = 2.0  # seconds of training: that, and a slice, is what a dead worker costs at most, beside its start
FIRST = 0.03  # seconds of the first slice after a rest, as its frame is waited for
# Seconds of a slice, and how many times as long as its frame it lasts where that is longer; with previews in between it
# may be long. These are bounds: the steps that fit may take two thirds of it.
SHORTEST, LONGEST, FRAMES = 0.075, 0.4, 4
SHORTEST_SEEN, LONGEST_SEEN, FRAMES_SEEN = 0.3, 1.4, 35
STRIDES = sorted(first * 2**k for first in (2, 3) for k in range(20))  # steps from frame to frame
CHECKPOINTS = 12  # kept for each run, thinned with age


@dataclass(frozen=True)
class Seen:
    """What is seen of a request while it is worked on; its answer is still to come."""

    data: bytes


@dataclass
class RunInLane:
    """One run in the lane.

    Attributes:
        pending: changes still to come, of a link that is being replayed, by step.
        step_seconds, frame_seconds, point_seconds: how long a step, a frame and a point of a preview take here, running
            means.
        checkpoints: steps whose state lies on the disk.
    """

    trainer: Any
    folder: Path | None
    pending: list[dict[str, Any]] = field(default_factory=list)
    step_seconds: float = 0.0
    frame_seconds: float = 0.0
    point_seconds: float = 2e-6
    since_checkpoint: float = 0.0
    checkpoints: list[int] = field(default_factory=list)
    previews: int = 0  # shown so far


class Lane:
    """What a lane can be asked; each public method is a request. All values are plain data.

    Attributes:
        show: takes what is seen of the request that is worked on. None where nothing can be shown before the answer.
        waits: says whether another request waits.
    """

    def __init__(self) -> None:
        self._runs: dict[str, RunInLane] = {}
        self.show: Callable[[bytes], None] | None = None
        self.waits: Callable[[], bool] = lambda: False

    def warm_up(self) -> None:
        """The slow imports, the data and the first products, before the first visitor."""
        from vae_core.data.datasets import DataError, load_dataset
        from vae_core.run.recipe import Recipe
        from vae_core.trainer.trainer import Trainer

        try:
            at_hand = load_dataset("mnist", download=False).banner is None
            Trainer(Recipe(dataset="mnist" if at_hand else "digits")).advance(10)
        except DataError:
            pass  # whoever opens a run is told
        from vae_core.analysis import views  # noqa: F401

    def describe(self) -> list[dict[str, Any]]:
        """All rules, as the page shows them."""
        from vae_core.run.catalogue import catalogue

        return catalogue()

    def open(
        self,
        run: str,
        recipe: dict[str, Any],
        pending: Sequence[dict[str, Any]] = (),
        events: Sequence[dict[str, Any]] = (),
        step: int = 0,
        points: int = 2000,
        folders: Sequence[str] = (),
        device: str = "auto",
        chosen: int | None = None,
        origin: str | None = None,
    ) -> dict[str, Any]:
        """Start a run, or bring one back to a step: from its last checkpoint before, else anew.

        Args:
            pending: changes to make on the way, ``{"step", "rule"?, "noise"?, "knobs"?}``.
            events: those that the run has been through up to ``step``.
            chosen: the input image, see `look`.
            folders: where its checkpoints lie, and those of the run that it was forked from.
            origin: a run of this lane whose state is copied if it stands at that step.
        """
        from vae_core.run.recipe import Event, Recipe, RecipeError
        from vae_core.trainer.trainer import Trainer, replay

        checked = Recipe(**recipe)
        self._check(pending, checked, RecipeError)
        past = [Event(**event) for event in events]
        other = self._runs.get(origin or "")
        if other is not None and other.trainer.step_count == step:
            start = Trainer.from_state(other.trainer.state(), device)
        else:
            start = self._checkpoint_before(step, folders, device) or Trainer(checked, device, points)
        clock = time.perf_counter()
        trainer = replay(checked, past, step, start)
        held = self._runs[run] = RunInLane(
            trainer, Path(folders[0]) if folders else None, [p for p in pending if p["step"] >= step]
        )
        if step:  # what had to be trained again need not be once more
            self._checkpoint(held, 2 * (time.perf_counter() - clock))
        default_chosen = trainer.points.strip[len(trainer.points.strip) // 2]
        trainer.chosen = default_chosen if chosen is None else chosen
        data = trainer.dataset
        return {
            "recipe": checked.model_dump(),
            "dataset": {"title": data.title, "source": data.source, "banner": data.banner},
            "classes": list(data.classes),
            "points": len(trainer.points.labels),
            "encoder": trainer.encoder.widths,
            "steps_per_epoch": trainer.training_set.steps_per_epoch,
            "activation": checked.activation,
            "frame": trainer.frame().packed(),
            "device": str(trainer.device),
            "default_chosen": default_chosen,
        }

    @staticmethod
    def _check(pending: Sequence[dict[str, Any]], recipe: Any, error: type[Exception]) -> None:
        """A link's events, all of them, before the run starts: none may fail on the way."""
        from vae_core.run.recipe import parse_knobs

        rule = recipe.rule
        for change in pending:
            rule = change.get("rule") or rule
            parse_knobs(rule, change.get("knobs"))
            noise = change.get("noise")
            if noise is not None and not 0 <= noise <= 1:
                raise error(f"The noise switch at step {change['step']} should be from 0 to 1; it was {noise!r}.")

    @staticmethod
    def _checkpoint_before(step: int, folders: Sequence[str], device: str) -> Any:
        from vae_core.trainer.trainer import Trainer

        saved = {
            int(path.stem): path for folder in folders for path in Path(folder).glob("*.npz") if path.stem.isdecimal()
        }
        for at in sorted((s for s in saved if 0 < s <= step), reverse=True):
            try:
                return Trainer.from_state(saved[at].read_bytes(), device)
            except (OSError, ValueError):
                continue  # half written when the lane was killed
        return None

    def images(self, run: str) -> tuple[bytes, bytes]:
        """Labels and images of the points, packed."""
        trainer = self.in_lane(run).trainer
        pixels = trainer.points.raw.view(-1, 28, 28).numpy()
        return pack({"kind": "probe"}, {"labels": trainer.points.labels}), pack({"kind": "images"}, {"images": pixels})

    def advance(
        self, run: str, steps: int = 0, stride: int = 0, previews: bool = False, resumed: bool = False
    ) -> tuple[PackedFrame, float, list[dict]]:
        """Train one slice: a number of steps, or to the next multiple of a stride, or as many as fit
        a time together with their frame, to one of the steps at which frames may lie, see `next_stop`.

        Args:
            previews: show the points on the way, see `vae_core.workers.preview`; the slice is then longer, and ends
                at a preview if a request waits.
            resumed: the run has rested, and somebody waits to see it move: after one step if there are previews.

        Returns:
            The frame, the seconds that the training took, and the run's events.
        """
        from vae_core.trainer.trainer import Diverged

        held = self.in_lane(run)
        trainer = held.trainer
        self._apply_pending(held)
        began = trainer.step_count
        previews = previews and self.show is not None
        seconds = min(max(SHORTEST, FRAMES * held.frame_seconds), LONGEST)
        if resumed:
            seconds = FIRST
        elif previews:
            seconds = min(max(SHORTEST_SEEN, FRAMES_SEEN * held.frame_seconds), LONGEST_SEEN)
        room = max(0.4 * seconds, seconds - held.frame_seconds)  # for training; the rest for the frame
        target = next_stop(began, held.step_seconds, room)
        if steps or stride:
            target = began + steps if steps else (began // stride + 1) * stride
        if held.pending:
            target = min(target, held.pending[0]["step"])
        clock = time.perf_counter()
        if previews:
            target = self._train_seen(held, target, resumed)
        trainer.train(target - trainer.step_count)
        trained = time.perf_counter() - clock
        self._apply_pending(held)
        try:
            frame = trainer.frame().packed()
        except Diverged as error:
            raise TrainingDiverged(str(error)) from None
        used = time.perf_counter() - clock
        held.step_seconds = running_mean(held.step_seconds, trained / max(1, target - began))
        held.frame_seconds = running_mean(held.frame_seconds, used - trained)
        self._checkpoint(held, used)
        return frame, used, [event.model_dump() for event in trainer.events]

    def _train_seen(self, held: RunInLane, target: int, resumed: bool) -> int:
        """Train to the last preview before a step, or to an earlier one if a request waits; returns where to stop."""
        from vae_core.workers.preview import FIXED, parts, preview, stops

        trainer, points = held.trainer, len(held.trainer.points.labels)
        began = trainer.step_count
        for stop in [began + 1] if resumed else stops(began, target, held.step_seconds):
            trainer.train(stop - trainer.step_count)
            held.previews += 1
            by = parts(points, held.point_seconds)
            clock = time.perf_counter()
            seen = preview(trainer, held.previews, by)
            of_points = max(0.0, time.perf_counter() - clock - FIXED)
            held.point_seconds = running_mean(held.point_seconds, of_points * by / points)
            self.show(seen)
            if self.waits():
                return stop
        return target

    @staticmethod
    def _apply_pending(held: RunInLane) -> None:
        while held.pending and held.pending[0]["step"] <= held.trainer.step_count:
            change = held.pending.pop(0)
            held.trainer.switch(change.get("rule"), change.get("noise"), change.get("knobs"))

    def _checkpoint(self, held: RunInLane, used: float) -> None:
        held.since_checkpoint += used
        if held.folder is None or held.since_checkpoint < CHECKPOINT_EVERY:
            return
        held.since_checkpoint = 0.0
        path = held.folder / f"{held.trainer.step_count}.npz"
        part = path.with_suffix(".part")
        try:
            held.folder.mkdir(parents=True, exist_ok=True)
            part.write_bytes(held.trainer.state())
            part.replace(path)
        except OSError:  # a full disk: a run can always be trained again from its recipe and events
            part.unlink(missing_ok=True)
            return
        held.checkpoints.append(held.trainer.step_count)
        thin(
            held.checkpoints,
            lambda step: (held.folder / f"{step}.npz").unlink(missing_ok=True),
            lambda: len(held.checkpoints) > CHECKPOINTS,
        )

    def switch(
        self, run: str, rule: str | None = None, noise: float | None = None, knobs: dict | None = None
    ) -> tuple[PackedFrame, list[dict]]:
        """Change rule, noise or knobs, and show at once what that does to the present codes.

        What a replayed link still had to come is dropped: the user has taken over.
        """
        held = self.in_lane(run)
        held.trainer.switch(rule, noise, knobs)
        held.pending.clear()
        return held.trainer.frame().packed(), [event.model_dump() for event in held.trainer.events]

    def hurry(self, run: str) -> None:
        """Nothing: that it waits ends a slice with previews, see `advance`, and exact measures, see `measure_exactly`."""

    def look(self, run: str, index: int) -> PackedFrame:
        """Choose the image that is painted last and encoded 50 times."""
        trainer = self.in_lane(run).trainer
        if not isinstance(index, int) or not 0 <= index < len(trainer.points.labels):
            raise Refused(
                f"There is no point {index!r}; the points are 0 to {len(trainer.points.labels) - 1}.",
            )
        trainer.chosen = index
        return trainer.frame().packed()

    def examine(self, run: str, view: str, at: int | None = None, **args: Any) -> dict[str, Any]:
        """What a page other than the stage shows of a run: a function of `vae_core.analysis.views`, by name.

        Args:
            at: the step at which the run should stand; Elsewhere if it does not.
        """
        from vae_core.analysis import views

        if view not in views.__all__:
            raise Refused(f"There is no view {view!r}; there are {', '.join(views.__all__)}.")
        trainer = self.in_lane(run).trainer
        if at is not None and trainer.step_count != at:
            raise Elsewhere
        return getattr(views, view)(trainer, **args)

    def measure_exactly(self, run: str, fine: bool = False, **args: Any) -> dict[str, Any]:
        """Exact measures that go along, see `vae_core.analysis.views.live_exact`.

        Raises:
            GaveWay: if another request came during a fine one: that can be measured later.
        """
        from vae_core.analysis.views import live_exact

        def give_way() -> None:
            if fine and self.waits():
                raise GaveWay("Exact measures wait for other requests.")

        return live_exact(self.in_lane(run).trainer, fine=fine, **args, pause=give_way)

    def close(self, run: str) -> None:
        """Forget a run."""
        self._runs.pop(run, None)

    def in_lane(self, run: str) -> RunInLane:
        if run not in self._runs:
            raise UnknownRun("This run is no longer in memory. Press reset to start it again.")
        return self._runs[run]


def running_mean(mean: float, value: float) -> float:
    """A mean that forgets: the first value counts whole, later ones a third."""
    return value if not mean else mean + (value - mean) / 3


def next_stop(step: int, step_seconds: float, seconds: float) -> int:
    """The next step at which to show a frame: a multiple of 1, 2, 3, 4, 6, 8, 12, …

    The stride is the largest of these that fits the time, and at most an eighth of the steps
    done, so that the first moments, where most happens, are seen one by one.
    """
    fitting = [stride for stride in STRIDES if stride * step_seconds <= seconds and 8 * stride <= step]
    stride = max(fitting, default=1)
    return (step // stride + 1) * stride

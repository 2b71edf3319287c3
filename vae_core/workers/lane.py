"""Lane: many runs side by side in one worker process, trained a short slice at a time."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vae_core.run.catalogue import RuleEntry, catalogue
from vae_core.run.frame import PackedFrame
from vae_core.run.packing import pack
from vae_core.workers.checkpoints import Checkpoints, states
from vae_core.workers.errors import Elsewhere, GaveWay, Refused, TrainingDiverged, UnknownRun
from vae_core.workers.messages import (
    Advance,
    Advanced,
    Change,
    CloseRun,
    DescribeRules,
    Examine,
    GetImages,
    Hurry,
    Images,
    Look,
    MeasureExactly,
    Opened,
    OpenRun,
    Request,
    Switch,
    Switched,
)
from vae_core.workers.pacing import Pace


@dataclass
class RunInLane:
    """One run in the lane.

    Attributes:
        pending: changes still to come, of a link that is being replayed, by step.
        previews: shown so far.
    """

    trainer: Any  # a Trainer, whose module loads torch
    checkpoints: Checkpoints
    pending: list[Change] = field(default_factory=list)
    pace: Pace = field(default_factory=Pace)
    previews: int = 0


class Lane:
    """What a lane can be asked: one public method for each class of `vae_core.workers.messages` that is a request.

    Attributes:
        show: takes what is seen of the request that is worked on. None where nothing can be shown before the answer.
        waits: says whether another request waits.
    """

    def __init__(self) -> None:
        self._runs: dict[str, RunInLane] = {}
        self.show: Callable[[bytes], None] | None = None
        self.waits: Callable[[], bool] = lambda: False
        self._methods: dict[type, Callable[[Any], object]] = {
            DescribeRules: self.describe,
            OpenRun: self.open,
            GetImages: self.images,
            Advance: self.advance,
            Hurry: self.hurry,
            Switch: self.switch,
            Look: self.look,
            Examine: self.examine,
            MeasureExactly: self.measure_exactly,
            CloseRun: self.close,
        }

    def answer(self, request: Request[Any]) -> object:
        """Do what a request asks.

        Raises:
            Refused: there is no such request.
        """
        method = self._methods.get(type(request))
        if method is None:
            raise Refused(f"A worker cannot be asked for {type(request).__name__}.")
        return method(request)

    def warm_up(self) -> None:
        """The slow imports, the data and the first products, before the first visitor."""
        from vae_core.data import DataError, load_dataset
        from vae_core.run.recipe import Recipe
        from vae_core.trainer.trainer import Trainer

        try:
            at_hand = load_dataset("mnist", download=False).banner is None
            Trainer(Recipe(dataset="mnist" if at_hand else "digits")).advance(10)
        except DataError:
            pass  # whoever opens a run is told
        from vae_core.analysis import views  # noqa: F401

    def describe(self, request: DescribeRules) -> list[RuleEntry]:
        """All rules, as the page shows them."""
        return catalogue()

    def open(self, request: OpenRun) -> Opened:
        """Start a run, or bring one back to a step."""
        from vae_core.run.recipe import Event, Recipe, RecipeError
        from vae_core.trainer.replay import replay
        from vae_core.trainer.trainer import Trainer

        step, folders = request.step, [Path(folder) for folder in request.folders]
        recipe = Recipe(**request.recipe)
        self._check(request.pending, recipe, RecipeError)
        past = [Event(**event) for event in request.events]
        other = self._runs.get(request.origin or "")
        if other is not None and other.trainer.step_count == step:
            start = Trainer.from_state(other.trainer.state(), request.device)
        else:
            start = self._start_from(step, folders, request.device)
            start = start or Trainer(recipe, request.device, request.points)
        clock = time.perf_counter()
        trainer = replay(recipe, past, step, start)
        pending = [change for change in request.pending if change["step"] >= step]
        held = self._runs[request.run] = RunInLane(trainer, Checkpoints(folders[0] if folders else None), pending)
        if step:  # what had to be trained again need not be once more
            self._checkpoint(held, 2 * (time.perf_counter() - clock))
        default_chosen = trainer.points.strip[len(trainer.points.strip) // 2]
        trainer.chosen = default_chosen if request.chosen is None else request.chosen
        data = trainer.dataset
        return Opened(
            {
                "recipe": recipe.model_dump(),
                "dataset": {"title": data.title, "source": data.source, "banner": data.banner},
                "classes": list(data.classes),
                "points": len(trainer.points.labels),
                "encoder": trainer.encoder.widths,
                "steps_per_epoch": trainer.training_set.steps_per_epoch,
                "activation": recipe.activation,
                "device": str(trainer.device),
            },
            trainer.frame().packed(),
            default_chosen,
        )

    @staticmethod
    def _check(pending: Sequence[Change], recipe: Any, error: type[Exception]) -> None:
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
    def _start_from(step: int, folders: Sequence[Path], device: str) -> Any:
        """A trainer at the last checkpoint until a step that can be read, or None."""
        from vae_core.trainer.trainer import Trainer

        for _, state in states(folders, step):
            try:
                return Trainer.from_state(state, device)
            except ValueError:
                continue  # half written when the lane was killed
        return None

    def images(self, request: GetImages) -> Images:
        """Labels and images of the points, packed."""
        points = self.in_lane(request.run).trainer.points
        pixels = points.raw.view(-1, 28, 28).numpy()
        return Images(pack({"kind": "probe"}, {"labels": points.labels}), pack({"kind": "images"}, {"images": pixels}))

    def advance(self, request: Advance) -> Advanced:
        """Train one slice, to one of the steps at which frames may lie."""
        from vae_core.trainer.picture import Diverged

        held = self.in_lane(request.run)
        trainer = held.trainer
        self._apply_pending(held)
        began = trainer.step_count
        previews = request.previews and self.show is not None
        if request.steps:
            target = began + request.steps
        elif request.stride:
            target = (began // request.stride + 1) * request.stride
        else:
            target = held.pace.target(began, previews, request.resumed)
        if held.pending:
            target = min(target, held.pending[0]["step"])
        clock = time.perf_counter()
        if previews:
            target = self._train_seen(held, target, request.resumed)
        trainer.train(target - trainer.step_count)
        trained = time.perf_counter() - clock
        self._apply_pending(held)
        try:
            frame = trainer.frame().packed()
        except Diverged as error:
            raise TrainingDiverged(str(error)) from None
        used = time.perf_counter() - clock
        held.pace.trained(target - began, trained)
        held.pace.framed(used - trained)
        self._checkpoint(held, used)
        return Advanced(frame, used, [event.model_dump() for event in trainer.events])

    def _train_seen(self, held: RunInLane, target: int, resumed: bool) -> int:
        """Train to the last preview before a step, or to an earlier one if a request waits; returns where to stop."""
        from vae_core.workers.preview import FIXED, parts, preview, stops

        assert self.show is not None
        trainer, points, pace = held.trainer, len(held.trainer.points.labels), held.pace
        began = trainer.step_count
        for stop in [began + 1] if resumed else stops(began, target, pace.step_seconds):
            trainer.train(stop - trainer.step_count)
            held.previews += 1
            by = parts(points, pace.point_seconds)
            clock = time.perf_counter()
            seen = preview(trainer, held.previews, by)
            pace.previewed(points / by, max(0.0, time.perf_counter() - clock - FIXED))
            self.show(seen)
            if self.waits():
                return stop
        return target

    @staticmethod
    def _apply_pending(held: RunInLane) -> None:
        while held.pending and held.pending[0]["step"] <= held.trainer.step_count:
            change = held.pending.pop(0)
            held.trainer.switch(change.get("rule"), change.get("noise"), change.get("knobs"))

    @staticmethod
    def _checkpoint(held: RunInLane, seconds: float) -> None:
        if held.checkpoints.due(seconds):
            held.checkpoints.write(held.trainer.step_count, held.trainer.state())

    def switch(self, request: Switch) -> Switched:
        """Change rule, noise or knobs, and show at once what that does to the present codes."""
        held = self.in_lane(request.run)
        held.trainer.switch(request.rule, request.noise, request.knobs)
        held.pending.clear()
        return Switched(held.trainer.frame().packed(), [event.model_dump() for event in held.trainer.events])

    def hurry(self, request: Hurry) -> None:
        """Nothing, see `Hurry`."""

    def look(self, request: Look) -> PackedFrame:
        """Choose the image that is painted last and encoded 50 times."""
        trainer, index = self.in_lane(request.run).trainer, request.index
        if not isinstance(index, int) or not 0 <= index < len(trainer.points.labels):
            raise Refused(
                f"There is no point {index!r}; the points are 0 to {len(trainer.points.labels) - 1}.",
            )
        trainer.chosen = index
        packed: PackedFrame = trainer.frame().packed()
        return packed

    def examine(self, request: Examine) -> Any:
        """What a page other than the stage shows of a run."""
        from vae_core.analysis.views import VIEWS

        view = VIEWS.get(request.view)
        if view is None:
            raise Refused(f"There is no view {request.view!r}; there are {', '.join(VIEWS)}.")
        trainer = self.in_lane(request.run).trainer
        if request.at is not None and trainer.step_count != request.at:
            raise Elsewhere
        return view(trainer, **request.args)

    def measure_exactly(self, request: MeasureExactly) -> dict[str, Any]:
        """Exact measures that go along.

        Raises:
            GaveWay: if another request came during a fine one.
        """
        from vae_core.analysis.views import live_exact

        def give_way() -> None:
            if request.fine and self.waits():
                raise GaveWay("Exact measures wait for other requests.")

        trainer = self.in_lane(request.run).trainer
        return live_exact(trainer, fine=request.fine, part=request.part, parts=request.parts, pause=give_way)

    def close(self, request: CloseRun) -> None:
        """Forget a run."""
        self._runs.pop(request.run, None)

    def in_lane(self, run: str) -> RunInLane:
        """A run by its id.

        Raises:
            UnknownRun: it is not here.
        """
        if run not in self._runs:
            raise UnknownRun
        return self._runs[run]

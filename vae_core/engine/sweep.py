"""Sweep: one setting over a range, a small run for each value, and what was measured at its end."""

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from vae_core.engine.engine import Engine
from vae_core.engine.lockstep import advance
from vae_core.run.contrasts import vary
from vae_core.run.recipe import RecipeError
from vae_core.workers.errors import LaneError

MOST_VALUES, MOST_STEPS = 25, 20_000
POINTS = 200  # test images that are measured
SLICE = 32  # steps between two looks at whether to go on
LEASE = 30.0  # seconds that a sweep goes on while nobody looks at it
MEASURES = ("reconstruction", "reconstruction_at_mean", "kl", "elbo")  # of `Frame.metrics`


class Sweep:
    """Trains one run after the other in the background.

    Attributes:
        setting: field of the recipe, or "knob." and a knob's name.
        values: ascending.
        rows: for each value that is done {"value", `MEASURES`, "log_marginal", "error", "note"}: nats, means over
            `POINTS` test images, None where not defined; the note says why a run has no figures, or is "".
        step: of the run under way.
        status: "running", "done", "cancelled" or "failed".
        message: what went wrong, or "".
    """

    def __init__(
        self,
        engine: Engine,
        base: Mapping[str, Any],
        setting: str,
        values: Sequence[float],
        steps: int,
        owner: str = "",
    ) -> None:
        """Start.

        Args:
            base: fields of the recipe that all runs share.
            values: see `spaced`.
            steps: of training for each.
            owner: whose share of the lanes it uses.

        Raises:
            RecipeError, LaneError: the number of steps, or one of the values, cannot be; nothing was started.
        """
        if not 1 <= steps <= MOST_STEPS:
            raise RecipeError(f"A run of a sweep has 1 to {MOST_STEPS:,} steps; it was {steps:,}.")
        self.setting, self.values, self.steps = setting, list(values), steps
        self.rows: list[dict[str, Any]] = []
        self.step, self.status, self.message = 0, "running", ""
        self._engine, self._recipes = engine, vary(base, setting, values)
        self._owner, self._cancelled = owner, False
        for recipe in (self._recipes[0], self._recipes[-1]):  # the ends of the range, before anything is trained
            engine.close(engine.open(recipe, points=POINTS, owner=owner))
        self.looked()
        self._thread = threading.Thread(target=self._train, daemon=True, name="sweep")
        self._thread.start()

    @property
    def progress(self) -> float:
        """From 0 to 1."""
        return min(1.0, (len(self.rows) + self.step / self.steps) / len(self.values))

    def looked(self) -> None:
        """Somebody is there: go on for a while."""
        self._seen = time.monotonic()

    def cancel(self) -> None:
        """Stop after the present slice; the rows stay."""
        self._cancelled = True

    def join(self, timeout: float | None = None) -> None:
        """Wait for the end."""
        self._thread.join(timeout)

    def _train(self) -> None:
        try:
            for value, recipe in zip(self.values, self._recipes, strict=True):
                row = self._measured(value, recipe)
                if row is None:
                    self.status = "cancelled"
                    return
                self.rows.append(row)
                self.step = 0
            self.status = "done"
        except LaneError as error:
            self.status, self.message = "failed", str(error)

    def _measured(self, value: float, recipe: dict[str, Any]) -> dict[str, Any] | None:
        """Train one run and measure it; None if the sweep was cancelled."""
        run = self._engine.open(recipe, points=POINTS, owner=self._owner)
        run.autoplay, run.portion = False, SLICE
        leave = run.watch(lambda what: None)  # the engine does not close it meanwhile
        try:
            while run.header["step"] < self.steps:
                if self._cancelled or time.monotonic() - self._seen > LEASE:
                    return None
                at = run.header["step"]
                advance([run], min(at + SLICE, self.steps))
                self.step = run.header["step"]
                if self.step == at:
                    nothing = dict.fromkeys([*MEASURES, "log_marginal", "error"])
                    return {"value": value, **nothing, "note": (run.message or {}).get("text", "It stopped.")}
            exact = run.examine("probe_marginal")
            metrics = {name: run.header["metrics"][name] for name in MEASURES}
            return {
                "value": value,
                **metrics,
                "log_marginal": exact["log_marginal"],
                "error": exact["error"],
                "note": "",
            }
        finally:
            leave()
            self._engine.close(run)


def spaced(low: float, high: float, count: int, log: bool = False, whole: bool = False) -> list[float]:
    """Values from low to high, ascending.

    Args:
        log: evenly spaced on a logarithmic scale.
        whole: rounded to whole numbers, each once.

    Raises:
        RecipeError: there are none.
    """
    if not 2 <= count <= MOST_VALUES:
        raise RecipeError(f"A sweep has 2 to {MOST_VALUES} values; it was {count}.")
    if not low < high:
        raise RecipeError(f"The range should end above its start; it was from {low:g} to {high:g}.")
    if log and low <= 0:
        raise RecipeError(
            f"A logarithmic range should start above 0; it was {low:g}. Start higher, or space the values evenly."
        )
    shares = [k / (count - 1) for k in range(count)]
    values = [low * (high / low) ** share if log else low + (high - low) * share for share in shares]
    values = [*(float(f"{value:.4g}") for value in values[:-1]), high]  # round numbers, but within the range
    return sorted({round(value) for value in values}) if whole else values

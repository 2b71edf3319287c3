"""LiveMeasures: the exact measures that go along with a run that plays, at a fortieth of its time."""

import bisect
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vae_core.run.packing import pack
from vae_core.run.thinning import thin

# Times as long as it took, a run trains before it is measured again: in the end; at first; and where its noise, rule or
# knobs have changed since, as somebody waits to see what that did.
SHARE, FIRST, CHANGED = 40.0, 10.0, 4.0
SOONEST = 0.5  # seconds between two measurements
PARTS, MANY_PARTS = 16, 64  # of the images, one of which is measured at a time; many at rest: a click may wait for one
LONG = 0.6  # seconds: where a part takes that twice in a row, parts are made smaller
KEPT = 400
SETTINGS = "rule", "noise", "knobs"  # what changes measures from one step to the next


@dataclass(frozen=True)
class Due:
    """A measurement to make, as `vae_core.analysis.views.live_exact` takes it."""

    part: int
    parts: int
    fine: bool


class LiveMeasures:
    """What is to be measured next, and what was.

    While a run trains, one part of the probe set is measured now and then, always the same; when it
    rests, part after part, so that a click waits for one part at most (in a cluster; else the part gives way).
    Each result is a message for the screen, kept by its step and thinned with age.

    Attributes:
        newest: the latest message, or None.
        steps: at which messages are kept, ascending.
    """

    def __init__(self) -> None:
        self.newest: bytes | None = None
        self.steps: list[int] = []
        self._messages: dict[int, bytes] = {}
        self._log_marginal: dict[int, float] = {}
        self._parts: dict[int, dict[str, Any]] = {}  # of the run as it is, measured at rest
        self._of = ""  # what they are parts of
        self._under = ""  # which settings were measured last
        self._rule, self._count, self._long = "", PARTS, 0
        self._took = self._passed = self._before = 0.0  # seconds: of the last one, since then, and until then
        self._failed = ""

    def passed(self, seconds: float) -> None:
        """The run has trained, or waited as its speed asks, for so long."""
        self._passed += seconds

    def due(self, header: dict[str, Any], resting: bool) -> Due | None:
        """What should be measured now, if anything.

        Args:
            header: of the newest frame, see `Frame`.
        """
        if header["rule"] != self._rule:
            self._rule, self._count, self._long = header["rule"], PARTS, 0
        if not resting:
            wait = CHANGED * self._took
            if settings(header) == self._under:  # twice as late each time
                wait = min(max(FIRST * self._took, self._before), SHARE * self._took)
            if self._passed < max(wait, SOONEST):
                return None
            self._before, self._passed = self._before + self._passed, 0.0
            return Due(0, self._count, fine=False)
        now = identity(header)
        if now == self._failed:
            return None
        done = self._parts if now == self._of else {}
        if not done or done[0]["index"] != header["chosen"]:
            parts = done[0]["parts"] if done else MANY_PARTS
            return Due(0, parts, fine=True)
        part = next((part for part in range(done[0]["parts"]) if part not in done), None)
        return None if part is None else Due(part, done[0]["parts"], fine=True)

    def take(self, result: dict[str, Any]) -> None:
        """Record what was measured.

        Raises:
            ValueError: it is not a number.
        """
        self._under = settings(result)
        if result["part"] == 0:  # the others take less
            self._took = result["seconds"]
            self._long = self._long + 1 if self._took > LONG else 0
            if self._long == 2:
                self._count = MANY_PARTS
        if result["fine"]:
            now = identity(result)
            if now != self._of:
                if result["part"]:
                    return  # of a run that has gone on since
                self._of, self._parts = now, {}
            self._parts[result["part"]] = result
        header, arrays = combined(list(self._parts.values()) if result["fine"] else [result])
        step = header["step"]
        self.newest = self._messages[step] = pack({"kind": "exact", **header}, arrays)
        self._log_marginal[step] = header["log_marginal"]
        if step not in self.steps:
            bisect.insort(self.steps, step)
        thin(self.steps, self._drop, lambda: len(self.steps) > KEPT)

    def _drop(self, step: int) -> None:
        del self._messages[step], self._log_marginal[step]

    def failed(self, header: dict[str, Any]) -> None:
        """It could not be measured: the screen says so, and the run is let alone until it has changed."""
        self._failed, self._took = identity(header), max(self._took, LONG)
        self._under, self._of, self._parts = settings(header), "", {}
        about = {name: header[name] for name in ("step", *SETTINGS)}
        self.newest = pack({"kind": "exact", **about, "failed": True}, {})

    def at(self, step: int) -> bytes | None:
        """The message of a step, or the last one before it."""
        place = bisect.bisect_right(self.steps, step)
        return self._messages[self.steps[place - 1]] if place else None

    def columns(self) -> dict[str, list[float]]:
        """log p(x) at the steps at which it is kept, for the curves."""
        return {"steps": list(self.steps), "log_marginal": [self._log_marginal[step] for step in self.steps]}

    def fork(self, step: int) -> "LiveMeasures":
        """Measures of their own that share the past up to a step."""
        child = LiveMeasures()
        child.steps = [s for s in self.steps if s <= step]
        child._messages = {s: self._messages[s] for s in child.steps}
        child._log_marginal = {s: self._log_marginal[s] for s in child.steps}
        child.newest, child._before = child.at(step), self._before
        return child


def identity(header: dict[str, Any]) -> str:
    """What a run is at a step, so that two measurements can be told to be of the same."""
    return f"{header['step']} {settings(header)}"


def settings(header: dict[str, Any]) -> str:
    """Rule, noise and knobs, to be compared."""
    return json.dumps([header[name] for name in SETTINGS], sort_keys=True)


def combined(parts: Sequence[dict[str, Any]]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Parts of one measurement, the first of them part 0, as a header and arrays to pack.

    Returns:
        step, rule, noise, knobs, prior, together, index, mutual_information, aggregate_kl, kl, fine as in
        `vae_core.analysis.views.live_exact`; images, of: how many were measured, of how many; log_marginal, elbo,
        gap: means over all, nats, see `estimate`; error: of the integrals, mean; unresolved: how many images have
        but a lower bound, with which log_marginal and gap are lower bounds, too; log_marginal_error, gap_error: the
        integrals' error and the standard error of the estimate, together.

    Raises:
        ValueError: a number is not finite.
    """
    first = parts[0]
    rows = np.concatenate([np.arange(p["part"], first["of"], p["parts"]) for p in parts])
    log_marginal, errors = (np.concatenate([p[name] for p in parts]) for name in ("log_marginal", "error"))
    is_resolved = np.isfinite(errors)
    error = float(errors[is_resolved].mean()) if is_resolved.any() else 0.0
    mean, deviation = estimate(log_marginal, first["guess"], rows)
    header = {name: first[name] for name in ("step", *SETTINGS, "prior", "together", "index", "fine", "of")}
    header |= {name: first[name] for name in ("mutual_information", "aggregate_kl", "kl", "together_error")}
    header |= {"images": len(rows), "log_marginal": mean, "error": error, "unresolved": int((~is_resolved).sum())}
    header |= {"log_marginal_error": math.hypot(deviation, error), **dict.fromkeys(["elbo", "gap", "gap_error"])}
    if first["elbo"] is not None:
        gaps = log_marginal - np.concatenate([p["elbo"] for p in parts])
        header["gap"], deviation = estimate(gaps, first["guess"] - first["at_code"], rows)
        its_error = float(np.concatenate([p["elbo_error"] for p in parts]).mean())
        header |= {"gap_error": math.hypot(deviation, error + its_error), "elbo": mean - header["gap"]}
    if not all(math.isfinite(value) for value in header.values() if isinstance(value, float)):
        raise ValueError(f"An exact measure at step {first['step']:,} is not a number.")
    return header, {name: first[name] for name in ("low", "high", "posterior")}


def estimate(values: np.ndarray, known: np.ndarray, rows: np.ndarray) -> tuple[float, float]:
    """The mean over all images of what was measured of some, and its standard error: what is known of all, and by how
    much the measured ones lie off on average (Cochran 1977, "Sampling techniques", sec. 7.2, with b₀ = 1). Over random
    samples it has no bias; ours is every k-th image, for which the error is about right. A slope fitted to the
    sample has one where a few images make most of the mean, as the gap's do: it was up to 3 of 4.5 nats too low, with
    an error of 0.2. Of all images it is their mean.

    Args:
        values: (n,) measured; known: (N,), nearly the same; rows: (n,) which of the N images were measured.
    """
    left_out = 1 - len(values) / len(known)
    if not left_out:
        return float(values.mean()), 0.0
    off = values - known[rows]
    return float(known.mean() + off.mean()), float(off.std(ddof=1)) * math.sqrt(left_out / len(off))

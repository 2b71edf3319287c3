"""Training key: a name for what is trained; equal keys give equal frames, so that it need not be trained twice."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from vae_core.run.recipe import Recipe

BITS = 2  # to be raised when equal recipes train to other bits than before: what lies in a store is then not theirs


def key_of(
    recipe: Mapping[str, Any],
    plan: Sequence[Mapping[str, Any]],
    points: int,
    chosen: int | None,
    defaults: Mapping[str, Mapping[str, Any]],
) -> str | None:
    """A name for what is trained: runs with equal keys give equal frames. None if it cannot be told.

    Args:
        recipe: fields of `Recipe`; those left out have their defaults, numbers may be written as text.
        plan: changes by step, see `vae_core.run.recording.changes`.
        defaults: rule -> knob -> default.
    """
    try:
        fields = Recipe.model_construct(**recipe).model_dump(warnings=False)
        rule, noise = fields.pop("rule"), fields.pop("noise")
        state = {"rule": rule, "noise": noise, "knobs": {**defaults[rule], **fields.pop("knobs")}}
        states = [[0, state]]
        for change in sorted(plan, key=lambda change: change["step"]):
            rule = change.get("rule") or state["rule"]
            knobs = state["knobs"] if rule == state["rule"] else defaults[rule]
            noise = change.get("noise")
            state = {
                "rule": rule,
                "noise": state["noise"] if noise is None else noise,
                "knobs": {**knobs, **(change.get("knobs") or {})},
            }
            if len(states) > 1 and states[-1][0] == change["step"]:
                states.pop()  # nothing was trained under it; how a run started stays
            if plain(state) != plain(states[-1][1]):
                states.append([change["step"], state])
        text = json.dumps(plain([BITS, fields, states, points, chosen]), sort_keys=True, allow_nan=False)
    except (KeyError, TypeError, ValueError):
        return None
    return hashlib.sha256(text.encode()).hexdigest()


def plain(value: Any) -> Any:
    """The same value for 4, 4.0 and "4", for a tuple and a list."""
    if isinstance(value, Mapping):
        return {str(name): plain(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if isinstance(value, str):
        text = value.lower()
        if text in ("true", "false"):
            return text == "true"
        try:
            return float(text)
        except ValueError:
            return value
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value

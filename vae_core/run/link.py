"""Links: a run's recipe and events as the query of a URL, and back.

``?rule=vae&knob.beta=4&seed=3&event=500,noise=0&event=800,rule=offset,f=table``
"""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from vae_core.run.recipe import LONGEST, Event, Recipe, RecipeError, quoted, unknown
from vae_core.run.recording import changes

KNOB, EVENT, POINTS = "knob.", "event", "points"
DEFAULT_POINTS, MOST_POINTS = 2000, 10_000  # test images on the plane
OURS = [POINTS, *(name for name in Recipe.model_fields if name != "knobs"), EVENT]  # and those that begin with `KNOB`
NEARLY = 0.8  # how like one of ours a name is that is taken for a typing error: "sed", but not "embed"
MOST_EVENTS, LAST_STEP = 10_000, 10**9


def is_ours(name: str) -> bool:
    """Whether a parameter is a run's setting; others' are left alone."""
    return name in OURS or name.startswith(KNOB)


def to_query(
    recipe: Recipe,
    events: Iterable[Event] = (),
    points: int = DEFAULT_POINTS,
    coming: Sequence[Mapping[str, Any]] = (),
) -> str:
    """The query of a run, beginning with "?"; fields that have their default are left out.

    Args:
        coming: changes that lie ahead, as `vae_core.run.recording.changes` has those that were.
    """
    pairs = [("rule", recipe.rule)]
    for name, field in Recipe.model_fields.items():
        value = getattr(recipe, name)
        if name not in ("rule", "knobs") and value != field.default:
            pairs.append((name, write(value)))
    pairs += [(KNOB + name, write(value)) for name, value in recipe.knobs.items()]
    if points != DEFAULT_POINTS:
        pairs.append((POINTS, str(points)))
    for change in [*changes(recipe, events), *coming]:
        parts = [str(change["step"])]
        parts += [f"{name}={write(change[name])}" for name in ("rule", "noise") if name in change]
        parts += [f"{name}={write(value)}" for name, value in change.get("knobs", {}).items()]
        pairs.append((EVENT, ",".join(parts)))
    return "?" + urlencode(pairs, safe=",=")


def from_query(query: Mapping[str, Sequence[str]]) -> tuple[dict[str, Any], list[dict[str, Any]], int]:
    """Recipe, changes and number of points, as a lane takes them to open a run; it checks the recipe.

    Args:
        query: name -> all its values. Names that are nothing like ours are others' (`utm_source`) and left alone; one
            that is nearly ours is an error: a typing error in a link should not silently give another run.

    Raises:
        RecipeError: a name that is nearly ours, or an event that cannot be read.
    """
    recipe: dict[str, Any] = {"knobs": {}}
    events: list[dict[str, Any]] = []
    points = DEFAULT_POINTS
    for name, values in query.items():
        if name == EVENT:
            if len(values) > MOST_EVENTS:
                raise RecipeError(f"The link has {len(values):,} events; {MOST_EVENTS:,} is the most.")
            events = [read_event(text) for text in values]
        elif name == POINTS:
            if not re.fullmatch("[0-9]{1,6}", values[-1]) or not 10 <= int(values[-1]) <= MOST_POINTS:
                asked = quoted(values[-1])
                raise RecipeError(f"The number of points should be from 10 to {MOST_POINTS:,}; it was {asked}.")
            points = int(values[-1])
        elif name.startswith(KNOB):
            recipe["knobs"][name.removeprefix(KNOB)] = values[-1]
        elif name == "hidden":
            recipe["hidden"] = values[-1].split("-")
        elif name in OURS:
            recipe[name] = values[-1]
        elif difflib.get_close_matches(name[:LONGEST], [*OURS, KNOB], n=1, cutoff=NEARLY):
            raise unknown("setting in the link", name, OURS)
    return recipe, sorted(events, key=lambda event: event["step"]), points


def read_event(text: str) -> dict[str, Any]:
    """ "500,noise=0,beta=4" -> {"step": 500, "noise": 0.0, "knobs": {"beta": "4"}}."""
    step, *parts = text.split(",")
    try:
        event: dict[str, Any] = {"step": int(step)}
        for part in parts:
            name, value = part.split("=", 1)
            if name == "rule":
                event["rule"] = value
            elif name == "noise":
                event["noise"] = float(value)
            else:
                event.setdefault("knobs", {})[name] = value
        if not 0 <= event["step"] <= LAST_STEP or event.get("rule") == "":
            raise ValueError
    except ValueError:
        raise RecipeError(
            f"The event {quoted(text)} of the link cannot be read. It should look like 500,noise=0 or 800,rule=offset."
        ) from None
    return event


def write(value: Any) -> str:
    """A value so that reading it gives the same bits."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        return "-".join(map(str, value))
    return repr(value) if isinstance(value, float) else str(value)

"""What a run is: recipe, events and frames, and how each of them is written down.

A `Recipe` says what is trained, an `Event` what was changed on the way, a `Frame` how it looked at a step, and a
recording, the class `Run`, holds all three. Links, keys and contrasts are other ways to write recipes; the catalogue
tells a page about the rules.

This room imports `rules`, `rule` and `data`. It never loads torch at import: the rules are looked up when a recipe is
checked. Open `recipe.py` first, then `frame.py` and `recording.py`.
"""

from vae_core.run.catalogue import KnobEntry, RuleEntry, by_name, default_knobs
from vae_core.run.frame import Frame, PackedFrame
from vae_core.run.link import from_query, to_query
from vae_core.run.packing import pack, unpack
from vae_core.run.recipe import Event, Recipe, RecipeError
from vae_core.run.recording import RecordingError, Run

__all__ = [
    "Event",
    "Frame",
    "KnobEntry",
    "PackedFrame",
    "Recipe",
    "RecipeError",
    "RecordingError",
    "RuleEntry",
    "Run",
    "by_name",
    "default_knobs",
    "from_query",
    "pack",
    "to_query",
    "unpack",
]

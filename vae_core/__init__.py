"""The core of Noise Lab: small autoencoders with a 2-D latent plane, trained live.

Names are loaded when they are first used, so that a process that never trains never imports torch. Each folder is a
room whose docstring says what lives there; `run` is the one to begin with, `rules` the one to add to.
"""

import importlib
from typing import Any

_HOMES = {
    "Rule": "rule",
    "Latent": "rule",
    "Knobs": "rule",
    "knob": "rule",
    "load_dataset": "data.datasets",
    "Dataset": "data.datasets",
    "Recipe": "run.recipe",
    "RecipeError": "run.recipe",
    "Event": "run.recipe",
    "Frame": "run.frame",
    "Trainer": "trainer.trainer",
    "Run": "run.recording",
    "Engine": "engine.engine",
}
_ROOMS = ("rules", "exact")  # handed on whole; `rules` can be called
__all__ = [*_ROOMS, *_HOMES]


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return importlib.import_module(f"vae_core.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'vae_core' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(importlib.import_module(f"vae_core.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__

"""The core of Noise Lab: small autoencoders with a 2-D latent plane, trained live.

Names are loaded when they are first used, so that a process that never trains never imports torch.
"""

import importlib

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
__all__ = ["rules", "exact", *_HOMES]


def __getattr__(name: str):
    if name == "rules":  # the folder itself: it can be called
        return importlib.import_module("vae_core.rules")
    if name == "exact":
        return importlib.import_module("vae_core.exact")
    if name not in _HOMES:
        raise AttributeError(f"module 'vae_core' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(importlib.import_module(f"vae_core.{_HOMES[name]}"), name)


def __dir__():
    return __all__

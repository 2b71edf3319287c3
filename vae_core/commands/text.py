"""What commands read from their options and write on one line."""

import json
from typing import Any

from vae_core.run.recipe import RecipeError


def read(name: str, text: str) -> Any:
    """The text of an option as the recipe takes it."""
    if name == "knobs":
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            raise RecipeError(f'The knobs should be JSON, for example {{"beta": 4}}; they were {text!r}.') from None
    return text.split("-") if name == "hidden" else text


def bar(done: float) -> str:
    """Thirty blocks, of which a share is full."""
    return "█" * round(30 * done) + "░" * (30 - round(30 * done))

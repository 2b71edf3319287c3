"""One file, one rule. `vae_core.rules()` finds them; a file's name is its rule's name."""

import importlib
import inspect
import pkgutil
import sys
from functools import cache
from types import ModuleType

from vae_core.rule import Rule


@cache
def discover() -> dict[str, type[Rule]]:
    """The rules by name, in alphabetical order.

    Raises:
        TypeError: a file of this folder does not define exactly one rule.
    """
    found = {}
    for entry in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{entry.name}")
        classes = [
            value
            for value in vars(module).values()
            if inspect.isclass(value) and issubclass(value, Rule) and value.__module__ == module.__name__
        ]
        if len(classes) != 1:
            raise TypeError(
                f"vae_core/rules/{entry.name}.py should define one Rule, it defines {len(classes)}. "
                "Keep one rule in one file."
            )
        found[entry.name] = classes[0]
    return found


class _Rules(ModuleType):
    """Lets the folder answer the call `vae_core.rules()`."""

    def __call__(self) -> dict[str, type[Rule]]:
        return discover()


sys.modules[__name__].__class__ = _Rules

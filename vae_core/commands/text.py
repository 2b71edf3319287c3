"""What commands read from their options and write on one line."""

import argparse
import json
import math
import os
import sys
from pathlib import Path
from typing import Any

from vae_core.data import load_dataset
from vae_core.run.recipe import RecipeError


class CommandError(ValueError):
    """What a command was asked for and cannot do: one sentence that says why, and what to do."""


def read(name: str, text: str) -> Any:
    """The text of an option as the recipe takes it."""
    if name == "knobs":
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            raise RecipeError(f'The knobs should be JSON, for example {{"beta": 4}}; they were {text!r}.') from None
    return text.split("-") if name == "hidden" else text


def count(text: str) -> int:
    """A whole number from 1, as an argument's type."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"it should be a whole number, 1 or more; it was {text!r}.")
    return int(text)


def amount(text: str) -> float:
    """A number above 0, as an argument's type."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"it should be a number above 0; it was {text!r}.")
    return number


def port(text: str) -> int:
    """A port's number, as an argument's type."""
    if not text.isdecimal() or not 0 < int(text) < 2**16:
        raise argparse.ArgumentTypeError(f"it should be a whole number from 1 to 65535; it was {text!r}.")
    return int(text)


def folder(text: str) -> Path:
    """A folder that there is, as an argument's type."""
    path = Path(text)
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {text}.")
    return path


def table(text: str) -> Path:
    """A JSON file that is there whole, or can be written, as an argument's type: told before hours of work."""
    path = Path(text)
    if not writable(path):
        raise argparse.ArgumentTypeError(f"{text} cannot be written. Give a file in a folder that there is.")
    if path.exists():
        try:
            json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise argparse.ArgumentTypeError(f"{text} is damaged. Delete it, or give another file.") from None
    return path


def writable(path: Path) -> bool:
    """Whether a file can be written beside and then replaced, as far as can be known without doing it."""
    return path.parent.is_dir() and not path.is_dir() and os.access(path.parent, os.W_OK)


def present(dataset: str) -> None:
    """What is measured of a data set is not measured of another that stands in for it.

    Raises:
        CommandError: it was not found.
        DataError: its files are no good.
    """
    if load_dataset(dataset).banner:
        raise CommandError(f"The data set {dataset!r} was not found. Set NOISE_LAB_DATA to a folder with its files.")


def foreign(path: Path, what: str) -> CommandError:
    """The error for a file that holds something else."""
    return CommandError(f"{path} holds no {what}. Give another file by --out.")


def same_setting(path: Path, held: dict[str, Any], asked: dict[str, Any]) -> None:
    """Figures of one file are measured in one way.

    Raises:
        CommandError: those in the file were measured otherwise than is asked now.
    """
    for name, value in asked.items():
        if held.get(name) != value:
            raise CommandError(
                f"{path} was measured with --{name} {held.get(name)}, and now {value} is asked. "
                "Give the same again, or another file by --out."
            )


def bar(done: float) -> str:
    """Thirty blocks, of which a share is full."""
    return "█" * round(30 * done) + "░" * (30 - round(30 * done))


def tell(done: float, words: str) -> None:
    """How far a long command is, on one line of stderr that is written over."""
    print(f"\r{bar(done)} {words:<50}", end="", file=sys.stderr, flush=True)

"""Command line: ``python -m vae_core train --rule vae --seconds 10 --out run/``."""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from vae_core.data import DataError
from vae_core.link import write
from vae_core.recipe import Recipe, RecipeError
from vae_core.run import RecordingError, Run
from vae_core.tables import TableError, store


def main(arguments: list[str] | None = None) -> int:
    """Run a command; 0 if all went well, 2 and one sentence on stderr if the input was wrong."""
    parser = argparse.ArgumentParser("python -m vae_core", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train", help="train without a browser and record the run")
    for name, field in Recipe.model_fields.items():  # text is read by the recipe, which says what is wrong with it
        words = f"{field.title or name} ({write(field.default)})"
        train.add_argument(f"--{name.replace('_', '-')}", default=argparse.SUPPRESS, metavar=metavar(field), help=words)
    train.add_argument("--table", type=Path, help="for --rule offset: own f, .npy, .npz or .csv of shape (n, 2)")
    train.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    train.add_argument("--seconds", type=float, default=10.0, help="of training (10)")
    train.add_argument("--steps", type=int, help="instead of --seconds")
    train.add_argument("--every", type=int, default=32, help="steps between frames (32)")
    train.add_argument("--out", type=Path, help="folder for the recording; its state.npz goes on where it ended")
    options = parser.parse_args(arguments)
    try:
        return train_headless(options)
    except (RecipeError, DataError, RecordingError, TableError) as error:
        print(error, file=sys.stderr)
        return 2


def train_headless(options: argparse.Namespace) -> int:
    """Train, with a progress bar, and record."""
    from vae_core.trainer import Diverged, Trainer

    given = {name: read(name, text) for name, text in vars(options).items() if name in Recipe.model_fields}
    if options.table:
        given["knobs"] = {**Recipe(**given).knobs, "f": "own_table", "table": store(options.table)}
    trainer = Trainer(Recipe(**given), options.device)
    if trainer.dataset.banner:
        print(trainer.dataset.banner, file=sys.stderr)
    run = Run(trainer.recipe)
    run.add(trainer.frame().packed())
    if options.out:
        run.save(options.out)  # an unwritable folder is told now, not after the training
    seconds = 0.0
    status = 0
    try:
        while trainer.step_count < options.steps if options.steps else seconds < options.seconds:
            steps = options.every - trainer.step_count % options.every
            if options.steps:
                steps = min(steps, options.steps - trainer.step_count)
            clock = time.perf_counter()
            trainer.train(steps)
            seconds += time.perf_counter() - clock
            run.add(trainer.frame().packed())
            done = trainer.step_count / options.steps if options.steps else seconds / options.seconds
            show_progress(min(done, 1.0), trainer.step_count, run.history[trainer.step_count])
    except Diverged as error:
        print(f"\n{error} The recording up to there is kept.", file=sys.stderr)
        status = 1
    except KeyboardInterrupt:
        pass
    print()
    if options.out:
        run.save(options.out)
        if not status:
            (options.out / "state.npz").write_bytes(trainer.state())
        print(f"Recorded {len(run.steps)} frames of {trainer.step_count:,} steps in {options.out}")
    return status


def read(name: str, text: str) -> Any:
    """The text of an option as the recipe takes it."""
    if name == "knobs":
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            raise RecipeError(f'The knobs should be JSON, for example {{"beta": 4}}; they were {text!r}.') from None
    return text.split("-") if name == "hidden" else text


def metavar(field: FieldInfo) -> str:
    """What an option takes: its choices, or a word."""
    choices = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
    return "{" + ",".join(choices) + "}" if choices else "JSON" if field.default == {} else "VALUE"


def show_progress(done: float, step: int, metrics: dict[str, float | None]) -> None:
    """One line that is written over: bar, step, nats."""
    bar = "█" * round(30 * done) + "░" * round(30 * (1 - done))
    shown = [f"{name} {metrics[name]:.2f}" for name in ("reconstruction", "kl", "elbo") if metrics[name] is not None]
    print(f"\r{bar} {step:>7,} steps  {'  '.join(shown)} nats ", end="", flush=True)


if __name__ == "__main__":
    sys.exit(main())

"""``python -m vae_core train``: train without a browser and record the run."""

import argparse
import shutil
import sys
import time
from pathlib import Path
from typing import Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from vae_core.commands.text import amount, bar, count, read
from vae_core.data.tables import store
from vae_core.run.link import write
from vae_core.run.recipe import Recipe
from vae_core.run.recording import RecordingError, Run
from vae_core.storage.export import write as write_file

HELP = "train without a browser and record the run"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Every field of the recipe, and how long."""
    for name, field in Recipe.model_fields.items():  # text is read by the recipe, which says what is wrong with it
        words = f"{field.title or name} ({write(field.default)})"
        parser.add_argument(
            f"--{name.replace('_', '-')}", default=argparse.SUPPRESS, metavar=metavar(field), help=words
        )
    parser.add_argument("--table", type=Path, help="for --rule offset: own f, .npy, .npz or .csv of shape (n, 2)")
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument("--seconds", type=amount, default=10.0, help="of training (10)")
    parser.add_argument("--steps", type=count, help="instead of --seconds")
    parser.add_argument("--every", type=count, default=32, help="steps between frames (32)")
    parser.add_argument("--out", type=Path, help="folder for the recording; its state.npz goes on where it ended")
    parser.add_argument("--replace", action="store_true", help="a recording that is in that folder already")


def execute(options: argparse.Namespace) -> int:
    """Train, with a progress bar, and record."""
    from vae_core.trainer.picture import Diverged
    from vae_core.trainer.trainer import Trainer

    if options.out and (options.out / "run.json").exists() and not options.replace:
        raise RecordingError(
            f"There is a recording in {options.out} already. Choose another folder, or add --replace to lose that one."
        )
    given = {name: read(name, text) for name, text in vars(options).items() if name in Recipe.model_fields}
    if options.table:
        given["knobs"] = {**Recipe(**given).knobs, "f": "own_table", "table": store(options.table)}
    trainer = Trainer(Recipe(**given), options.device)
    if trainer.dataset.banner:
        print(trainer.dataset.banner, file=sys.stderr)
    run = Run(trainer.recipe)
    run.add(trainer.frame().packed())
    if options.out:
        shutil.rmtree(options.out / "frames", ignore_errors=True)  # two runs in one folder would be neither
        run.save(options.out)  # an unwritable folder is told now, not after the training
        (options.out / "state.npz").unlink(missing_ok=True)
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
        if not status and trainer.step_count == run.steps[-1]:  # else Ctrl+C came between two frames
            write_file(options.out / "state.npz", trainer.state())
        print(f"Recorded {len(run.steps)} frames of {trainer.step_count:,} steps in {options.out}")
    return status


def metavar(field: FieldInfo) -> str:
    """What an option takes: its choices, or a word."""
    choices = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
    return "{" + ",".join(choices) + "}" if choices else "JSON" if field.default == {} else "VALUE"


def show_progress(done: float, step: int, metrics: dict[str, float | None]) -> None:
    """One line that is written over: bar, step, nats."""
    shown = [f"{name} {metrics[name]:.2f}" for name in ("reconstruction", "kl", "elbo") if metrics[name] is not None]
    print(f"\r{bar(done)} {step:>7,} steps  {'  '.join(shown)} nats ", end="", flush=True)

"""Command line: ``python -m vae_core train --rule vae --seconds 10 --out run/``."""

import argparse
import json
import sys
import time
from pathlib import Path

from vae_core.data import DataError
from vae_core.recipe import Recipe, RecipeError
from vae_core.run import RecordingError, Run


def main(arguments: list[str] | None = None) -> int:
    """Run a command; 0 if all went well, 2 and one sentence on stderr if the input was wrong."""
    parser = argparse.ArgumentParser("python -m vae_core", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train", help="train without a browser and record the run")
    train.add_argument("--rule", default="vae")
    train.add_argument("--dataset", default="mnist")
    train.add_argument("--knobs", type=json.loads, default={}, metavar="JSON", help='for example {"beta": 4}')
    train.add_argument("--noise", type=float, default=1.0, help="noise switch, 0 to 1")
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--hidden", type=lambda text: tuple(text.split("-")), help="for example 256-128-64")
    train.add_argument("--batch-size", type=int)
    train.add_argument("--train-size", type=int)
    train.add_argument("--learning-rate", type=float)
    train.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    train.add_argument("--seconds", type=float, default=10.0, help="of training (10)")
    train.add_argument("--steps", type=int, help="instead of --seconds")
    train.add_argument("--every", type=int, default=32, help="steps between frames (32)")
    train.add_argument("--out", type=Path, help="folder for the recording; its state.npz goes on where it ended")
    options = parser.parse_args(arguments)
    try:
        return train_headless(options)
    except (RecipeError, DataError, RecordingError) as error:
        print(error, file=sys.stderr)
        return 2


def train_headless(options: argparse.Namespace) -> int:
    """Train, with a progress bar, and record."""
    from vae_core.trainer import Diverged, Trainer

    fields = ("rule", "dataset", "knobs", "noise", "seed", "hidden", "batch_size", "train_size", "learning_rate")
    given = {name: getattr(options, name) for name in fields if getattr(options, name) is not None}
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


def show_progress(done: float, step: int, metrics: dict[str, float | None]) -> None:
    """One line that is written over: bar, step, nats."""
    bar = "█" * round(30 * done) + "░" * round(30 * (1 - done))
    shown = [f"{name} {metrics[name]:.2f}" for name in ("reconstruction", "kl", "elbo") if metrics[name] is not None]
    print(f"\r{bar} {step:>7,} steps  {'  '.join(shown)} nats ", end="", flush=True)


if __name__ == "__main__":
    sys.exit(main())

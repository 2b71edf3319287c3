"""``python -m vae_core measures``: train rules equally and print all exact measures as a table."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from vae_core.commands.text import amount, count, foreign, present, read, same_setting, table, tell
from vae_core.run.recipe import Recipe
from vae_core.storage.export import write

HELP = "train rules equally and print all exact measures as a table"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which rules, and how much training."""
    parser.add_argument(
        "--rules", nargs="+", metavar="RULE[:KNOBS]", help='all ten; or, say, vae moment_matching:{"which":"mmd"}'
    )
    parser.add_argument("--epochs", type=amount, default=20.0, help="of training (20)")
    parser.add_argument("--seeds", type=count, default=3, help="runs of each rule (3)")
    parser.add_argument("--images", type=count, default=1000, help="test images of which nats are means (1,000)")
    parser.add_argument("--dataset", default="mnist", help="data set (mnist)")
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument("--out", type=table, help="JSON file for the figures; what it holds already is not run again")


def execute(options: argparse.Namespace) -> int:
    """Train each rule from each seed, and print the table of `vae_core.analysis.assessment`.

    Raises:
        CommandError: the file of --out holds something else.
        RecipeError: there is no such rule, data set or device.
    """
    from vae_core.analysis.assessment import as_markdown, assess
    from vae_core.rules import discover
    from vae_core.trainer.trainer import Trainer

    setting = {name: getattr(options, name) for name in ("epochs", "images", "dataset")}
    found = known(options.out, setting) if options.out else {}
    recipes = {}
    for text in options.rules or discover():
        rule, _, knobs = text.partition(":")
        recipes[text] = [
            Recipe(rule=rule, knobs=read("knobs", knobs or "{}"), seed=seed, dataset=options.dataset)
            for seed in range(options.seeds)
        ]
    present(options.dataset)
    done, total = 0, len(recipes) * options.seeds
    for text, several in recipes.items():
        runs = found.setdefault(text, [])
        for recipe in several[len(runs) :]:
            trainer = Trainer(recipe, options.device)
            trainer.train(round(options.epochs * trainer.training_set.steps_per_epoch))
            runs.append(assess(trainer, options.images))
            if options.out:
                write(options.out, json.dumps({"setting": setting, "rules": found}, indent=1).encode())
            done += 1
            tell(done / total, f"{text}, seed {recipe.seed}")
    print(file=sys.stderr)
    print(as_markdown({text: found[text][: options.seeds] for text in recipes}))
    return 0


def known(path: Path, setting: dict[str, Any]) -> dict[str, list[dict[str, float | None]]]:
    """What a file holds that was measured in the same way: text of a rule -> its runs. Nothing if there is none yet."""
    from vae_core.analysis.assessment import COLUMNS

    if not path.exists():
        return {}
    held = json.loads(path.read_text(encoding="utf-8"))
    try:
        found: dict[str, list[dict[str, float | None]]] = held["rules"]
        whole = all(run.keys() == COLUMNS.keys() for runs in found.values() for run in runs)
        same_setting(path, held["setting"], setting)
    except (KeyError, TypeError, AttributeError):
        raise foreign(path, "measures of rules") from None
    if not whole:
        raise foreign(path, "measures of today's kind")
    return found

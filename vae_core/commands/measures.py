"""``python -m vae_core measures``: train rules equally and print all exact measures as a table."""

import argparse
import json
import sys

from vae_core.commands.text import amount, count, read, table, tell
from vae_core.run.recipe import Recipe

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
    """Train each rule from each seed, and print the table of `vae_core.analysis.assessment`."""
    from vae_core.analysis.assessment import as_markdown, assess
    from vae_core.rules import discover
    from vae_core.trainer.trainer import Trainer

    found = json.loads(options.out.read_text(encoding="utf-8")) if options.out and options.out.exists() else {}
    recipes = {}
    for text in options.rules or discover():
        rule, _, knobs = text.partition(":")
        recipes[text] = [
            Recipe(rule=rule, knobs=read("knobs", knobs or "{}"), seed=seed, dataset=options.dataset)
            for seed in range(options.seeds)
        ]
    done, total = 0, len(recipes) * options.seeds
    for text, several in recipes.items():
        runs = found.setdefault(text, [])
        for recipe in several[len(runs) :]:
            trainer = Trainer(recipe, options.device)
            trainer.train(round(options.epochs * trainer.training_set.steps_per_epoch))
            runs.append(assess(trainer, options.images))
            if options.out:
                options.out.write_text(json.dumps(found, indent=1), encoding="utf-8")
            done += 1
            tell(done / total, f"{text}, seed {recipe.seed}")
    print(file=sys.stderr)
    print(as_markdown({text: found[text][: options.seeds] for text in recipes}))
    return 0

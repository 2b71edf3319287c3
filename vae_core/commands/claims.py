"""``python -m vae_core claims``: measure every claim of the lessons and write the ledger."""

import argparse
import sys
from pathlib import Path

from vae_core.commands.text import bar
from vae_core.run.recipe import RecipeError, unknown

HELP = "measure every claim of the lessons and write the ledger"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which claims, and how thoroughly."""
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these claims; the ledger is not written")
    parser.add_argument("--seeds", type=int, default=3, help="runs of each recipe (3)")
    parser.add_argument("--epochs", type=float, default=5.0, help="of training, where a claim does not say (5)")
    parser.add_argument("--images", type=int, default=300, help="test images of which exact nats are means (300)")
    parser.add_argument("--dataset", default="mnist", help="data set (mnist)")
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument("--out", type=Path, help="JSON file; the package's own ledger if left out")


def execute(options: argparse.Namespace) -> int:
    """Measure, with a progress bar; 1 if a claim does not hold."""
    from vae_core.teaching.claims import all_claims
    from vae_core.teaching.claims.bench import Bench
    from vae_core.teaching.claims.ledger import MEASURED, record

    claims = all_claims()
    for name in options.only or ():
        if name not in claims:
            raise unknown("claim", name, claims)
    if options.seeds < 1:
        raise RecipeError("There should be one seed at least.")
    bench = Bench(options.seeds, options.epochs, options.dataset, options.images, device=options.device)
    wanted = options.only or list(claims)
    findings = {}
    for done, name in enumerate(wanted):
        print(f"\r{bar(done / len(wanted))} {name:<50}", end="", file=sys.stderr, flush=True)
        findings[name] = claims[name].measure(bench)
    print(file=sys.stderr)
    for name, finding in findings.items():
        print(f"| {claims[name].question} | {name} | {claims[name].sentence} | {finding.words()} | {finding.verdict} |")
    if not options.only or options.out:
        setting = {key: getattr(options, key) for key in ("seeds", "epochs", "images", "dataset")}
        record(findings, setting, options.out or MEASURED)
    return int(any(finding.verdict != "holds" for finding in findings.values()))

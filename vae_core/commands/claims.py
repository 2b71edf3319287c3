"""``python -m vae_core claims``: measure every claim of the lessons and write the ledger."""

import argparse
import sys

from vae_core.commands.text import amount, count, table, tell
from vae_core.run.recipe import unknown

HELP = "measure every claim of the lessons and write the ledger"
FRESH = 2001  # the first of the seeds that no sentence was written by


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which claims, and how thoroughly."""
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these claims; the ledger is not written")
    parser.add_argument("--seeds", type=count, default=5, help="runs of each recipe (5)")
    parser.add_argument("--first", type=count, default=FRESH, help=f"the first seed; the others follow ({FRESH})")
    parser.add_argument("--epochs", type=amount, default=5.0, help="of training, where a claim does not say (5)")
    parser.add_argument("--images", type=count, default=300, help="test images of which exact nats are means (300)")
    parser.add_argument("--dataset", default="mnist", help="data set (mnist)")
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument(
        "--out", type=table, help="JSON file, written as it goes and gone on with; the package's own ledger if left out"
    )


def execute(options: argparse.Namespace) -> int:
    """Measure, with a progress bar; 1 if a verdict is not the one that its sentence expects."""
    from vae_core.teaching.claims import all_claims
    from vae_core.teaching.claims.bench import Bench
    from vae_core.teaching.claims.ledger import MEASURED, record, recorded

    claims = all_claims()
    for name in options.only or ():
        if name not in claims:
            raise unknown("claim", name, claims)
    seeds, device = options.seeds, options.device
    bench = Bench(seeds, options.epochs, options.dataset, options.images, device=device, first=options.first)
    setting = {key: getattr(options, key) for key in ("seeds", "first", "epochs", "images", "dataset")}
    wanted = options.only or list(claims)
    findings, surprises = {}, 0
    if options.out and options.out.exists():
        measured_in, known = recorded(options.out)
        findings = known if measured_in == setting else {}
    for done, name in enumerate(wanted):
        tell(done / len(wanted), name)
        own = claims[name]
        finding = findings[name] = findings.get(name) or own.measure(bench)
        verdict = own.verdict(finding)
        print(f"| {own.question} | {name} | {own.sentence} | {finding.words()} | {verdict} |", flush=True)
        surprises += verdict != own.expects
        if options.out:
            record(findings, setting, options.out)
    print(file=sys.stderr)
    if not options.only and not options.out:
        record(findings, setting, MEASURED)
    return int(surprises > 0)

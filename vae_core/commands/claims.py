"""``python -m vae_core claims``: measure every claim of the lessons and write the ledger."""

import argparse
import sys
from collections.abc import Container
from pathlib import Path
from typing import Any

from vae_core.commands.text import CommandError, amount, count, foreign, present, same_setting, table, tell, writable
from vae_core.run.recipe import Recipe, unknown

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
    """Measure, with a progress bar; 1 if a verdict is not the one that its sentence expects.

    Raises:
        CommandError: the file of --out holds something else, or the ledger cannot be written.
        RecipeError: there is no such claim, data set or device.
    """
    from vae_core.teaching.claims import all_claims
    from vae_core.teaching.claims.bench import Bench
    from vae_core.teaching.claims.ledger import MEASURED, record
    from vae_core.trainer.trainer import pick_device

    claims = all_claims()
    for name in options.only or ():
        if name not in claims:
            raise unknown("claim", name, claims)
    Recipe(dataset=options.dataset, seed=options.first + options.seeds - 1)
    present(options.dataset)
    if not options.only and not options.out and not writable(MEASURED):
        raise CommandError(f"{MEASURED} cannot be written. Give another file by --out.")
    seeds, device = options.seeds, pick_device(options.device)
    bench = Bench(seeds, options.epochs, options.dataset, options.images, device=device, first=options.first)
    setting = {key: getattr(options, key) for key in ("seeds", "first", "epochs", "images", "dataset")}
    wanted = options.only or list(claims)
    findings, surprises = known(options.out, setting, claims) if options.out else {}, 0
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


def known(path: Path, setting: dict[str, Any], claims: Container[str]) -> dict[str, Any]:
    """What a ledger holds that was measured in the same way; nothing if there is none yet."""
    from vae_core.teaching.claims.ledger import recorded

    if not path.exists():
        return {}
    try:
        held, findings = recorded(path)
        same_setting(path, held, setting)
    except (KeyError, TypeError, AttributeError):
        raise foreign(path, "ledger of claims") from None
    if strange := [name for name in findings if name not in claims]:
        raise foreign(path, f"ledger of today's claims: {strange[0]!r} is none")
    return findings

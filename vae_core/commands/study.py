"""``python -m vae_core study``: measure again a figure of the lessons that takes hours."""

import argparse
import sys

from vae_core.commands.text import count, foreign, present, table, tell

HELP = "measure again a figure of the lessons that takes hours"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which one, and how thoroughly."""
    from vae_core.teaching.studies import STUDIES

    parser.add_argument(
        "name", choices=STUDIES, help="; ".join(f"{name}: {study.title}" for name, study in STUDIES.items())
    )
    parser.add_argument("--seeds", type=count, default=3, help="runs of each setting (3)")
    parser.add_argument(
        "--out", type=table, required=True, help="JSON file; what it holds already is not measured again"
    )


def execute(options: argparse.Namespace) -> int:
    """Measure, with a progress bar, writing each row as it comes.

    Raises:
        CommandError: the file of --out holds something else.
    """
    from vae_core.teaching.studies import is_of, rows, run

    found = rows(options.name, options.out)
    if not isinstance(found, list) or not all(is_of(options.name, row) for row in found):
        raise foreign(options.out, f"rows of the study {options.name!r}")
    present("mnist")  # all of them are of MNIST
    run(options.name, options.out, options.seeds, tell)
    print(file=sys.stderr)
    return 0

"""Command line: ``python -m vae_core train --rule vae --seconds 10 --out run/``."""

import argparse
import io
import sys

from vae_core.commands import claims, export, measures, study, train
from vae_core.data import DataError
from vae_core.data.tables import TableError
from vae_core.run.recipe import RecipeError
from vae_core.run.recording import RecordingError
from vae_core.storage.export import ExportError

COMMANDS = {"train": train, "measures": measures, "claims": claims, "study": study, "export": export}


def main(arguments: list[str] | None = None) -> int:
    """Run a command; 0 if all went well, 2 and one sentence on stderr if the input was wrong."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a pipe on Windows knows neither σ nor █
    parser = argparse.ArgumentParser("python -m vae_core", description=__doc__)
    parsers = parser.add_subparsers(dest="command", required=True)
    for name, command in COMMANDS.items():
        command.add_options(parsers.add_parser(name, help=command.HELP))
    options = parser.parse_args(arguments)
    try:
        return COMMANDS[options.command].execute(options)
    except (RecipeError, DataError, RecordingError, TableError, ExportError) as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())

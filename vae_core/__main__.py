"""Command line: ``python -m vae_core train --rule vae --seconds 10 --out run/``."""

import argparse
import io
import os
import sys
from types import ModuleType

from vae_core.commands import app, claims, export, measures, study, train
from vae_core.commands.text import CommandError
from vae_core.data import DataError
from vae_core.data.tables import TableError
from vae_core.run.recipe import RecipeError
from vae_core.run.recording import RecordingError
from vae_core.storage.export import ExportError

COMMANDS = {"app": app, "train": train, "measures": measures, "claims": claims, "study": study, "export": export}


def main(arguments: list[str] | None = None) -> int:
    """``python -m vae_core``: 0 if all went well, 2 and one sentence on stderr if the input was wrong."""
    parser = argparse.ArgumentParser("python -m vae_core", description=__doc__)
    parsers = parser.add_subparsers(dest="command", required=True)
    for name, command in COMMANDS.items():
        command.add_options(parsers.add_parser(name, help=command.HELP))
    options = read(parser, arguments)
    return run(COMMANDS[options.command], options)


def start(arguments: list[str] | None = None) -> int:
    """``noise-lab``: the command `app` by itself."""
    parser = argparse.ArgumentParser("noise-lab", description=f"Noise Lab: {app.HELP}.")
    app.add_options(parser)
    return run(app, read(parser, arguments))


def read(parser: argparse.ArgumentParser, arguments: list[str] | None) -> argparse.Namespace:
    """The options, once no letter can be an error for the terminal: a pipe on Windows knows neither σ nor █."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    return parser.parse_args(arguments)


def run(command: ModuleType, options: argparse.Namespace) -> int:
    """A command's exit code; 2 if it raised a sentence, 130 if it was stopped by Ctrl+C."""
    try:
        code: int = command.execute(options)
        sys.stdout.flush()
        return code
    except (CommandError, RecipeError, DataError, RecordingError, TableError, ExportError) as error:
        print(error, file=sys.stderr)
        return 2
    except BrokenPipeError:  # a pager that was left
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
